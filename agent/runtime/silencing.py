"""Silences that people set here: put, and ended before their time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from agent.core.quiet import look_again
from agent.core.view import View
from agent.model.decision import Decision, Record, Timer
from agent.model.records import Silence
from agent.ports.clock import Clock


class Silencing:
    def __init__(
        self,
        *,
        view: View,
        clock: Clock,
        submit: Callable[[Sequence[Decision]], Awaitable[object]],
    ) -> None:
        self._view, self._clock, self._submit = view, clock, submit

    async def put(self, silence: Silence) -> None:
        """What stands under one that was there before is looked at: it may be shorter now, or mean
        less."""
        changed = {silence.id} if silence.id in self._view.silences else set()
        await self._change(silence, look_again(changed, self._view, self._clock.now()))

    async def expire(self, silence_id: str) -> bool:
        """Ends it now, and looks at once at what still burns under it."""
        at, known = self._clock.now(), self._view.silences.get(silence_id)
        if known is None or known.ends_at <= at:
            return False
        ended = msgspec.structs.replace(known, ends_at=at, updated_at=at)
        await self._change(ended, look_again({silence_id}, self._view, at))
        return True

    async def _change(self, silence: Silence, timers: tuple[Timer, ...]) -> None:
        record = Record(kind="silence", key=silence.id, body=silence)
        await self._submit([Decision(records=(record,), timers=timers)])
