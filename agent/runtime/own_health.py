"""Measures the agent itself: how late it decides, whether anything was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from agent.catalog.settings import Settings
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.event import Event
from agent.ports.clock import Clock
from agent.ports.store import Store

Submit = Callable[[Sequence[Event]], Awaitable[object]]


class OwnHealth:
    def __init__(
        self, *, view: View, store: Store, clock: Clock, settings: Settings, submit: Submit
    ) -> None:
        self._view, self._store, self._clock = view, store, clock
        self._settings, self._submit = settings, submit

    async def run(self) -> None:
        await asyncio.Event().wait()

    def committed(self, decisions: Sequence[Decision], *, seconds: float) -> None:
        """After each commit; `seconds` is how long it took."""
