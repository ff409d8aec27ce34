"""A recording target: what the agent does to it is written down here, by whom it is done to.

    async with poked() as target:
        ... an action that posts to target.url + "/NAME" ...
        target.pokes   # who, from when to when

`PLUGIN` is that action as a plugin file, `RUNBOOK` a runbook that uses it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

POKE_SECONDS = 0.5

PLUGIN = '''\
"""Pokes what it is told to, and waits until it has been poked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Poke(Params):
    target: str = Field(description="Name of what to poke")
    url: str = Field(description="Address of the recording target")


@action(
    name="test.poke",
    params=Poke,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NOTHING,
    summary="Pokes a recording target",
)
async def poke(kit: ActKit, params: Poke) -> Mapping[str, Any]:
    url = f"{params.url}/{params.target}"
    reply = await kit.http.post(url, body=b"", timeout_seconds=10)
    if reply.status != 200:
        raise Permanent(f"answered {reply.status}")
    return {}
'''

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: poke, owner: platform, layer: product, tier: low}
about: {meaning: it wants to be poked, impact: none, not_for: anything real}
match: {alert: [WantsPoke]}
plans:
  poke:
    steps: [{id: poke, use: test.poke, with: {target: =entity.name, url: "URL"}}]
    verify: {success: alert_cleared, within: 5m, decay: 10s}
lifecycle: {state: active}
"""


@dataclass(frozen=True)
class Poke:
    name: str
    began: float
    ended: float


@dataclass
class Target:
    url: str = ""
    pokes: list[Poke] = field(default_factory=list)

    async def _take(self, request: web.Request) -> web.Response:
        began = time.monotonic()
        await asyncio.sleep(POKE_SECONDS)
        self.pokes.append(Poke(request.match_info["name"], began, time.monotonic()))
        return web.Response()


def most_at_once(pokes: Iterable[Poke]) -> int:
    turns = sorted([(p.began, 1) for p in pokes] + [(p.ended, -1) for p in pokes])
    most = now = 0
    for _, step in turns:
        now += step
        most = max(most, now)
    return most


def most_by(pokes: Sequence[Poke], key: Callable[[Poke], str]) -> int:
    groups: dict[str, list[Poke]] = {}
    for poke in pokes:
        groups.setdefault(key(poke), []).append(poke)
    return max(map(most_at_once, groups.values()), default=0)


@asynccontextmanager
async def poked() -> AsyncIterator[Target]:
    target = Target()
    app = web.Application()
    app.router.add_post("/{name}", target._take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        target.url = f"http://{host}:{port}"
        yield target
    finally:
        await runner.cleanup()
