"""Programs of the machine, run by what is configured and never by what somebody typed: arguments
are a vector, no shell sees them, the environment is chosen, there is a deadline, and what they say
is bounded. Blocks: to be called in a thread, with something that tells it to give up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from agent.model.errors import HomeostatError

MOST_SAID = 64 * 1024
MOST_WRITTEN = 64 * 1024 * 1024
"""More than that is said by nothing that works: it is ended before the disk is full."""
LOOK_SECONDS = 0.2


class CommandFailed(HomeostatError):
    """It could not be started, took too long, or ended with another code than 0."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Said(msgspec.Struct, frozen=True, kw_only=True):
    code: int
    out: bytes
    error: str


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    seconds: float,
    given: bytes = b"",
    stop: threading.Event | None = None,
) -> Said:
    """What it said, with whatever code it ended. After `seconds`, or once it is to stop, it and all
    it started are killed. Raises CommandFailed where it cannot be started or is killed."""
    # Files instead of pipes: a child of its own that lives on would keep a pipe open.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        with tempfile.TemporaryFile() as into:
            into.write(given)
            into.seek(0)
            try:
                process = subprocess.Popen(
                    list(argv),
                    cwd=cwd,
                    env=dict(env),
                    stdin=into,
                    stdout=out,
                    stderr=said,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                text = getattr(error, "strerror", None) or str(error)
                raise CommandFailed(f"{argv[0]} cannot be started: {text}") from None
        try:
            code = _ended(process, argv[0], seconds, stop, (out, said))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        out.seek(0)
        said.seek(0)
        error_text = said.read(MOST_SAID).decode("utf-8", "replace")
        return Said(code=code, out=out.read(MOST_SAID), error=error_text)


def _ended(
    process: subprocess.Popen[bytes],
    name: str,
    seconds: float,
    stop: threading.Event | None,
    said: Sequence[IO[bytes]],
) -> int:
    for _ in range(max(1, round(seconds / LOOK_SECONDS))):
        try:
            return process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if stop is not None and stop.is_set():
                raise CommandFailed(f"{name} was stopped: the agent stops") from None
            if any(os.fstat(file.fileno()).st_size > MOST_WRITTEN for file in said):
                raise CommandFailed(f"{name} said more than {MOST_WRITTEN} bytes") from None
    raise CommandFailed(f"{name} took longer than {seconds:g} s")


def checked(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    seconds: float,
    given: bytes = b"",
    stop: threading.Event | None = None,
) -> bytes:
    """What it printed. Raises CommandFailed also where it ended with another code than 0."""
    said = run(argv, cwd=cwd, env=env, seconds=seconds, given=given, stop=stop)
    if said.code != 0:
        last = " ".join(said.error.split())[-300:] or "it said nothing"
        raise CommandFailed(f"{argv[0]} ended with {said.code}: {last}", code=said.code)
    return said.out
