"""One of two has approved: those who were called learn that a second person is needed."""

from __future__ import annotations

import msgspec

from agent.core.approval import fingerprint_of_asked
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.incident import State
from agent.model.on_call import Telling
from agent.model.reason import Reason
from tests.support.cases import REGISTRY, World, runbook
from tests.support.ladders import staffed, told
from tests.support.remembering import approve, easy


def critical() -> World:
    world = staffed(runbook("hung", tier="high"), policy=easy())
    shop = msgspec.structs.replace(REGISTRY.products["shop"], regulated=True)
    world.view.registry = msgspec.structs.replace(
        REGISTRY, products={**REGISTRY.products, "shop": shop}
    )
    world.fire()
    assert world.case.asked is not None
    assert world.case.asked.approvals == 2
    return world


def test_who_was_called_first_is_told_of_the_first_approval_and_asked_for_the_second() -> None:
    world = critical()
    assert (told(world), told(world, "update")) == (["person:alice"], [])
    approve(world, "olga")
    assert (told(world), told(world, "update")) == (["person:alice"], ["person:alice"])
    (update,) = [c for c in world.commands if c.params.get("telling") == "update"]
    assert "APPROVED by olga, one of 2. A second person" in update.params["text"]
    assert "process.restart on shop-worker" in update.params["text"]
    assert world.case.asked is not None
    assert update.params["asks"] == fingerprint_of_asked(world.case.asked)
    approve(world, "carl")
    assert world.case.state is State.ACTING
    assert told(world, "update") == ["person:alice"], "after the second there is nothing to say"


def test_a_yes_that_is_refused_tells_nobody() -> None:
    world = critical()
    approve(world, "olga")
    assert approve(world, "olga").refused is Reason.NOT_ALLOWED
    assert told(world, "update") == ["person:alice"]


def test_a_channel_that_cannot_say_it_is_left_alone_and_the_journal_says_it() -> None:
    world = critical()
    facts = msgspec.structs.replace(world.view.plugins["hook"], tells=("page",))
    world.view.plugins = {**world.view.plugins, "hook": facts}
    approve(world, "olga")
    assert told(world, "update") == []
    notes = [(e.reason, e.who) for d in world.batch.decisions for e in d.journal]
    assert (Reason.APPROVED, "olga") in notes
    assert (Reason.SECOND_APPROVAL_NEEDED, "agent") in notes


def test_the_next_rung_is_told_while_the_second_person_does_not_come() -> None:
    """What was said of the first approval neither stops the escalation nor begins another."""
    world = critical()
    name = world.last
    for command in world.asked(CommandKind.NOTIFY):
        world.answer(command, receipt="ok")
    approve(world, "olga")
    for command in world.asked(CommandKind.NOTIFY):
        world.answer(command, OutcomeStatus.FAILED)
    world.wait(301)
    calls = [p.to for p in world.incident(name).pages if p.telling is Telling.PAGE]
    assert calls == ["alice", "bob"]
