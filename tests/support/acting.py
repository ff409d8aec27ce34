"""An outbox over an open incident that is being acted on, and a plugin told what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from agent.core.halting import Place
from agent.core.view import View
from agent.model.alert import AlertStatus
from agent.model.command import Command, CommandKind
from agent.model.effect import Effect, Outcome
from agent.model.event import CommandFinished
from agent.model.incident import AlertState, State
from agent.runtime.outbox import Outbox
from tests.support.deciding import make_view
from tests.support.decisions import make_command, make_incident
from tests.support.kits import RealClock
from tests.support.waiting import eventually

Does = Callable[[Command], Awaitable[Mapping[str, Any]]]
ACT = make_command("i-1/1/p/s", use="process.restart", target="shop-web", effect=Effect.IDEMPOTENT)
ACT = msgspec.structs.replace(ACT, key=ACT.id, subject="i-1")


FIRING = AlertState(
    identity="am/1",
    name="Hung",
    status=AlertStatus.FIRING,
    labels={"alertname": "Hung", "entity": "shop-web"},
    starts_at=1.0,
)


class Hasty(RealClock):
    """Pauses are noted and hardly kept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.001)


class Bench:
    """An outbox over an open incident that is being acted on, and a plugin told what to do."""

    def __init__(self, does: Does, clock: RealClock | None = None) -> None:
        self.does, self.called = does, 0
        self.clock = clock or Hasty()
        self.back: list[CommandFinished] = []
        self.answers: list[Exception] = []
        self.view: View = make_view()
        acting = make_incident(
            "i-1",
            state=State.ACTING,
            entity="shop-web",
            waiting=(ACT.key,),
            alerts={"am/1": FIRING},
        )
        self.view.incidents = {"i-1": acting}
        self.place: Place | None = None
        self.outbox = Outbox(
            clock=self.clock, view=self.view, runner=self, finish=self.finish, halt=self
        )

    def look(self) -> Place | None:
        return self.place

    async def call(self, command: Command) -> Mapping[str, Any]:
        self.called += 1
        return await self.does(command)

    async def finish(self, event: CommandFinished) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.back.append(event)

    async def outcome_of(self, command: Command = ACT) -> Outcome:
        now = self.clock.now()
        self.outbox.dispatch(msgspec.structs.replace(command, created_at=now))
        await eventually(lambda: self.back, within=3, what="it comes back", every=0.002)
        await eventually(lambda: not self.outbox.under_way, within=1, what="and is done")
        [event] = self.back
        return event.outcome


def raising(error: BaseException) -> Does:
    async def does(_: Command) -> Mapping[str, Any]:
        raise error

    return does


def returning(value: Any) -> Does:
    async def does(_: Command) -> Mapping[str, Any]:
        return value  # type: ignore[no-any-return]

    return does


async def hanging(_: Command) -> Mapping[str, Any]:
    await asyncio.sleep(60)
    return {}


READ = msgspec.structs.replace(ACT, kind=CommandKind.DIAGNOSE, effect=Effect.READ)
