"""A real program for one test: started in a folder of its own, ready before it is handed out,
and stopped whatever happens.

The programs are Debian's. Where one is missing, `ProgramMissing` names the package; `make test`
leaves such tests out beforehand and says so (tests/conftest.py), so that reaching it is a failure.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp

from tests.support.waiting import eventually

# Debian puts daemons where only root's PATH looks.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
STOP_SECONDS = 5.0
READY_SECONDS = 20.0


class ProgramMissing(Exception):
    """A program the test needs is not installed."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is missing: apt-get install --no-install-recommends {program}")


def program(name: str) -> str:
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        raise ProgramMissing(name)
    return found


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def http_get(url: str, *, timeout_seconds: float = 2.0) -> tuple[int, bytes]:
    """Raises OSError where nobody answers in time."""
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as reply:
            return reply.status, await reply.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise OSError(f"GET {url}: {error!r}") from error


async def accepts(port: int) -> bool:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()
    return True


async def answers_ok(url: str) -> bool:
    status, _ = await http_get(url)
    return status == 200


class Running:
    """One program. `start` again after `stop` or `kill` uses the same folder and port."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        ready: Callable[[], Awaitable[bool]],
        env: dict[str, str] | None = None,
    ) -> None:
        self.argv = list(argv)
        self.folder = folder
        self.log = folder / "output.log"
        self._ready = ready
        self._env = {**os.environ, **(env or {})}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def start(self) -> None:
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self.argv,
                cwd=self.folder,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            await eventually(self._is_ready, within=READY_SECONDS, what=f"{self.argv[0]} is ready")
        except BaseException:
            await self.kill()
            raise

    async def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise AssertionError(
                f"{self.argv[0]} ended with {self._process.returncode}:\n{self.output[-2000:]}"
            )
        return await self._ready()

    async def stop(self) -> int | None:
        """Asks it to end, and makes it end after 5 s. Returns its exit code."""
        process = self._process
        if process is None:
            return None
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                await self.kill()
        return process.returncode

    async def kill(self) -> None:
        """kill -9 of it and of everything it started."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
