"""The decision lane for tests: the real lane and view, over a store that can be told to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.errors import StoreUnavailable
from agent.model.policy import Policy
from agent.model.runbook import Runbook
from agent.ports.store import Repeat, Store
from agent.runtime.lane import Lane
from agent.runtime.view_state import ViewState
from agent.store.memory import MemoryStore
from tests.support.cases import CHANNELS, PLUGINS, REGISTRY, START
from tests.support.clock import TestClock
from tests.support.policies import at_ease


def make_view(*runbooks: Runbook, policy: Policy | None = None) -> View:
    return View(
        policy=at_ease(policy or Policy(page_hold_seconds=0.0)),
        registry=REGISTRY,
        runbooks=MatchIndex(runbooks),
        plugins=dict(PLUGINS),
        channels=dict(CHANNELS),
    )


class Gate(MemoryStore):
    """Commits wait while `shut`, fail while `failures` are left, and are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.open_gate = asyncio.Event()
        self.open_gate.set()
        self.failures = 0
        self.sizes: list[int] = []

    def shut(self) -> None:
        self.open_gate.clear()

    def let_go(self) -> None:
        self.open_gate.set()

    async def commit(self, decisions: Sequence[Decision], repeats: Sequence[Repeat] = ()) -> None:
        await self.open_gate.wait()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the disk is full")
        self.sizes.append(len(decisions) + len(repeats))
        await super().commit(decisions, repeats)


class Deciding:
    def __init__(self, view: View, store: Store) -> None:
        self.view, self.store = view, store
        self.clock = TestClock(START)
        self.state = ViewState(view)
        self.committed: list[Decision] = []
        self.lane = Lane(
            store=store, state=self.state, clock=self.clock, committed=self.committed.extend
        )

    async def totals(self) -> tuple[int, int]:
        """Messages received, and those that are duplicates; asserts that the ledger balances."""
        totals = await self.store.totals()
        assert totals.balanced, totals
        return totals.received, totals.duplicate

    def seen(self) -> dict[str, Any]:
        """Everything the view holds, to compare."""
        names = ("incidents", "by_key", "live", "acts", "changes", "silences", "agents", "halt")
        held = {name: getattr(self.view, name) for name in names}
        return {k: dict(v) if isinstance(v, dict) else v for k, v in held.items()} | {
            "timers": dict(self.state.timers)
        }


@asynccontextmanager
async def deciding(
    *runbooks: Runbook, store: Store | None = None, policy: Policy | None = None
) -> AsyncIterator[Deciding]:
    made = Deciding(make_view(*runbooks, policy=policy), store or Gate())
    snapshot = await made.store.open(now=START)
    made.state.load(snapshot)
    running = asyncio.create_task(made.lane.run())
    try:
        yield made
    finally:
        made.lane.close()
        if isinstance(made.store, Gate):
            made.store.let_go()
        await asyncio.wait_for(asyncio.gather(running, return_exceptions=True), 5)
        await made.store.close()
