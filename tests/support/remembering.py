"""Worlds in which only the rails under test stand in the way: those with a memory."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.rails.alone import UNLIMITED
from agent.model.event import Approved
from agent.model.policy import Policy
from agent.model.runbook import Runbook
from tests.support.cases import World
from tests.support.policies import OUT_OF_THE_WAY

WIDE: dict[str, Any] = {
    "product_sick_least": UNLIMITED,
    "fleet_sick_least": UNLIMITED,
    "fleet_new_per_minute": UNLIMITED,
}


def easy(**rails: Any) -> Policy:
    """A policy whose other rails say nothing, cooldowns and attempts among them."""
    told = msgspec.structs.replace(OUT_OF_THE_WAY, **{**WIDE, **rails})
    return Policy(
        cooldown_seconds=0.0, attempts_per_day=UNLIMITED, attempts_per_incident=100, rails=told
    )


def easy_world(*runbooks: Runbook, **rails: Any) -> World:
    return World(*runbooks, policy=easy(**rails))


def approve(world: World, who: str = "olga") -> Any:
    """What is said to a person who approves."""
    return world.tell(Approved(at=world.now, subject=world.last, who=who))


def heal(world: World, after: float = 5.0) -> None:
    """The action is done and the alert clears."""
    world.act()
    world.wait(after)
    world.clear()
