"""In a storm nothing is looked at one by one: nothing would be done about it."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.storm import FLEET
from agent.model.command import CommandKind
from agent.model.policy import Policy
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.records import Storm
from tests.support.cases import STATUS, World, on, runbook


def stormy(scope: str) -> World:
    world = World(runbook(diagnose=(STATUS,)), policy=on(EntityKind.SERVICE))
    body = Storm(scope=scope, began_at=world.now, last_at=world.now, why="3 of 9 are sick")
    world.keep("storm", scope, body)
    return world


@pytest.mark.parametrize("scope", ["shop", FLEET])
@pytest.mark.parametrize("name", ["Hung", "NobodyKnows"])
def test_thousands_of_questions_keep_nobody_waiting(scope: str, name: str) -> None:
    """F-STORM-03: the questions of a quiet product would stand behind those of the storm."""
    world = stormy(scope)
    world.fire(name=name)
    assert world.asked(CommandKind.DIAGNOSE) == []
    assert len(world.pages) == 1, "its first page goes out at once, without findings"


def test_what_a_runbook_would_be_asked_about_says_that_the_storm_stopped_it() -> None:
    world = stormy("shop")
    world.fire()
    assert (world.case.reason, world.case.reason_text) == (Reason.STORM_PRODUCT, "3 of 9 are sick")
    assert world.asked(CommandKind.ACT) == []


def test_a_product_that_is_in_no_storm_is_looked_at_as_ever() -> None:
    world = stormy("pay")
    world.fire()
    assert [c.use for c in world.asked(CommandKind.DIAGNOSE)] == ["process.status"]


def test_after_the_storm_it_is_looked_at_too() -> None:
    world = stormy("shop")
    world.view.policy = msgspec.structs.replace(world.view.policy, page_hold_seconds=0.0)
    world.wait(Policy().rails.storm_quiet_seconds)
    world.fire()
    assert world.asked(CommandKind.DIAGNOSE)
