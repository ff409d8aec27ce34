"""The real daemon as a process over a folder of its own: started, asked, killed, started again.

async with daemon(tmp_path / "d", products=CATALOG, runbooks={"a": TEXT}) as d:
    await d.start()
    assert await d.fire("Broken", service="web") == 200
    await d.kill()
    await d.start()
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from agent.runtime.process_table import ProcessTable
from tests.support.policies import eased
from tests.support.running import free_port
from tests.support.site import ROOT, Homeostat
from tests.support.waiting import eventually

ZERO_TIME = "0001-01-01T00:00:00Z"


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def group(*members: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A webhook of Alertmanager, version 4."""
    return {"version": "4", "groupKey": "g", "receiver": "r", "alerts": list(members), **fields}


def member(
    name: str, *, starts_at: float, ends_at: float | None = None, **labels: str
) -> dict[str, Any]:
    return {
        "status": "firing" if ends_at is None else "resolved",
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": f"{name} of the test"},
        "startsAt": moment(starts_at),
        "endsAt": ZERO_TIME if ends_at is None else moment(ends_at),
    }


class Daemon(Homeostat):
    began = time.time()

    @property
    def var(self) -> Path:
        return self.folder / "var"

    @property
    def pages(self) -> list[dict[str, Any]]:
        """What the built-in file channel holds."""
        path = self.var / "pages.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def post(
        self, path: str, body: bytes | str, *, headers: Mapping[str, str] | None = None
    ) -> int:
        """Status of the answer. Raises OSError where there is none."""
        content = body.encode() if isinstance(body, str) else body
        sent = {"content-type": "application/json", **(headers or {})}
        timeout = aiohttp.ClientTimeout(total=20)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self.url + path, data=io.BytesIO(content), headers=sent) as reply,
            ):
                await reply.read()
                return reply.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(f"POST {path}: {error!r}") from error

    async def fire(self, name: str, **labels: str) -> int:
        """One firing alert by webhook, with one start time for the whole test."""
        return await self.webhook(member(name, starts_at=self.began, **labels))

    async def clear(self, name: str, **labels: str) -> int:
        ended = member(name, starts_at=self.began, ends_at=time.time(), **labels)
        return await self.webhook(ended)

    async def webhook(self, *members: Mapping[str, Any]) -> int:
        return await self.post("/webhook/alertmanager", json.dumps(group(*members)))

    async def incident_of(self, **wanted: Any) -> dict[str, Any]:
        [found] = [i for i in await self.incidents() if all(i[k] == v for k, v in wanted.items())]
        return found

    async def until(self, within: float = 10, **wanted: Any) -> dict[str, Any]:
        """The one incident, once these fields of it are so."""

        async def look() -> dict[str, Any] | None:
            found = await self.incidents()
            good = [i for i in found if all(i[k] == v for k, v in wanted.items())]
            return good[0] if good else None

        return await eventually(look, within=within, what=f"{wanted}\n{self.output[-1500:]}") or {}

    async def terminate(self, *, within: float) -> int:
        """SIGTERM; its exit code. Raises TimeoutError where it does not end in time."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), within)

    async def run_to_its_end(self, *, within: float = 15) -> tuple[int, str]:
        """A start that is expected to end by itself: exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            *self.argv,
            cwd=self.folder,
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), within)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, said.decode()

    def configure(self, **settings: Any) -> None:
        written = {
            "listen": self.address,
            "products": ["catalog"],
            "runbooks": ["runbooks"],
            "shipped_runbooks": False,
            "log": {"level": "info", "format": "text"},
            **settings,
        }
        # JSON is YAML, and needs no care for quoting.
        (self.folder / "homeostat.yaml").write_text(json.dumps(eased(written)))

    def sweep(self) -> None:
        """Whatever still runs under this daemon's substrate."""
        table = ProcessTable()
        for ref, _ in table.find(f"{(self.var / 'processes').resolve()}#"):
            table.send(ref, signal.SIGKILL)


@asynccontextmanager
async def daemon(
    folder: Path,
    *,
    products: str = "",
    runbooks: Mapping[str, str] | None = None,
    plugins: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Daemon]:
    """Not started yet. At the end it is gone, with everything it supervised."""
    texts = {
        **{f"catalog/{name}": text for name, text in [("catalog-info.yaml", products)] if text},
        **{f"runbooks/{name}.yaml": text for name, text in (runbooks or {}).items()},
        **{f"plugins/{name}.py": text for name, text in (plugins or {}).items()},
    }
    for part in ("catalog", "runbooks", "plugins"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    made = Daemon(
        [sys.executable, "-m", "agent", "run", "--config", str(folder / "homeostat.yaml")],
        folder=folder,
        ready=lambda: made.is_ready(),
        env={"PYTHONPATH": str(ROOT)},
    )
    made.port = free_port()
    if plugins:
        settings.setdefault("plugins", ["plugins"])
    made.configure(**settings)
    try:
        yield made
    finally:
        try:
            await made.kill()
        finally:
            made.sweep()


def component(name: str, owner: str = "team-shop", **homeostat: Any) -> str:
    """A component that is a product of its own."""
    spec = {"type": "service", "owner": owner, "homeostat": {"tier": "low", **homeostat}}
    return json.dumps(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


def catalog(documents: Sequence[str]) -> str:
    return "\n---\n".join(documents) + "\n"
