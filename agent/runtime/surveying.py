"""Looks for blind spots once a day, and when somebody asks: rules, targets, series, runbooks, past
alerts. What it finds is decided about in core/survey.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from agent.catalog.settings import Settings
from agent.core.view import View
from agent.model.event import Event
from agent.ports.clock import Clock
from agent.ports.store import Store

Submit = Callable[[Sequence[Event]], Awaitable[object]]


class Surveying:
    def __init__(
        self, *, view: View, store: Store, clock: Clock, settings: Settings, submit: Submit
    ) -> None:
        self._view, self._store, self._clock = view, store, clock
        self._settings, self._submit = settings, submit

    async def run(self) -> None:
        await asyncio.Event().wait()
