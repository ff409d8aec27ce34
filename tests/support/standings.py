"""Worlds in which runbooks are held to their runs, as people get it by default."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import AlertReceived, Announced, RunbooksRead, StandingAsked
from agent.model.incident import Incident
from agent.model.learning import Agreement, Standing, Trial
from agent.model.policy import Learning
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Runbook
from tests.support.cases import START, World
from tests.support.remembering import easy_world, heal

DIGEST = "digest-hung"
NO_MEMORY: dict[str, Any] = {
    "flapping_turns": 1_000,
    "chain_depth": 1_000,
    "relapse_seconds": -1.0,
    "breaker_in_a_row": 1_000,
    "breaker_share": 1.0,
}
"""Nothing but the standing is under test."""


def held_to_its_runs(*runbooks: Runbook, **rails: Any) -> World:
    world = easy_world(*runbooks, **{**NO_MEMORY, **rails})
    world.view.policy = msgspec.structs.replace(world.view.policy, learning=Learning())
    return world


def standing(world: World, name: str = "hung") -> Standing:
    return world.view.standings.get(name) or Standing(runbook=name)


def runs(world: World, *ends: str) -> None:
    """One incident after the other: `+` healed, `-` the step failed."""
    for end in "".join(ends):
        world.fire()
        if end == "+":
            heal(world)
        else:
            world.act(OutcomeStatus.FAILED)
            world.clear()
        world.wait(100)


def acts(world: World) -> bool:
    """Whether an incident is acted on now; it is cleared again."""
    world.fire()
    under_way = bool(world.asked(CommandKind.ACT))
    if under_way:
        world.act()
        world.wait(5)
    world.clear()
    world.wait(100)
    return under_way


def read(world: World) -> None:
    world.tell(RunbooksRead(at=world.now))


def asked(world: World, *, suspend: bool, why: str = "seen", who: str = "anna") -> Reason | None:
    event = StandingAsked(at=world.now, subject="runbook:hung", who=who, suspend=suspend, why=why)
    return world.tell(event).refused


def told(world: World) -> list[Announced]:
    """What teams were announced."""
    return [e for d in world.batch.decisions for e in d.emits if isinstance(e, Announced)]


def suspensions(world: World) -> list[AlertReceived]:
    return [
        e
        for d in world.batch.decisions
        for e in d.emits
        if isinstance(e, AlertReceived) and e.alert.name == "RunbookSuspended"
    ]


def suspended_cases(world: World) -> list[Incident]:
    return [i for i in world.incidents if i.title.startswith("RunbookSuspended")]


def trial(number: int = 1, **fields: Any) -> Trial:
    return Trial(
        **{
            "incident": f"i-{number}",
            "at": START + number,
            "state": Lifecycle.ASSISTED,
            "digest": DIGEST,
            "plan": "restart",
            "verdict": Verdict.HELD,
            **fields,
        }
    )


def looked_on(number: int, agreement: Agreement, verdict: Verdict | None = None) -> Trial:
    return trial(number, state=Lifecycle.SHADOW, agreement=agreement, verdict=verdict)
