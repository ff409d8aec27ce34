"""Real kits for tests: the shipped clients over a real clock, with processes told by the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from agent.model.product import Registry
from agent.ports.kit import ProcessStatus
from agent.runtime.kit import Kits


class RealClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ToldProcesses:
    """A supervisor without processes: says what it was told, records what it was asked."""

    def __init__(self, statuses: Mapping[str, ProcessStatus] | None = None) -> None:
        self.statuses = dict(statuses or {})
        self.done: list[tuple[str, str, str]] = []

    async def status(self, name: str) -> ProcessStatus:
        return self.statuses.get(name, ProcessStatus(name=name, known=False, alive=False))

    async def recent_log(self, name: str, *, lines: int) -> tuple[str, ...]:
        return ()

    async def done_with_key(self, name: str, key: str) -> bool | None:
        return any(done[1:] == (name, key) for done in self.done)

    async def config_state(self, name: str) -> Mapping[str, Any]:
        return {}

    async def start(self, name: str, *, key: str) -> Mapping[str, Any]:
        self.done.append(("start", name, key))
        return {}

    async def stop(self, name: str, *, key: str, grace_seconds: float) -> Mapping[str, Any]:
        self.done.append(("stop", name, key))
        return {}

    async def restart(self, name: str, *, key: str, grace_seconds: float) -> Mapping[str, Any]:
        self.done.append(("restart", name, key))
        return {}

    async def set_version(self, name: str, *, version: str | None, key: str) -> Mapping[str, Any]:
        self.done.append(("set_version", name, key))
        return {}

    async def restore_config(self, name: str, *, key: str) -> Mapping[str, Any]:
        self.done.append(("restore_config", name, key))
        return {}


@asynccontextmanager
async def lent(
    *,
    products: Callable[[], Registry] = Registry,
    processes: ToldProcesses | None = None,
    prometheus_url: str | None = None,
    prometheus_method: str = "POST",
) -> AsyncIterator[Kits]:
    """Kits that are closed again."""
    kits = Kits(
        clock=RealClock(),
        processes=processes or ToldProcesses(),
        products=products,
        prometheus_url=prometheus_url,
        prometheus_method=prometheus_method,
    )
    try:
        yield kits
    finally:
        await kits.close()
