"""Silences of an Alertmanager: taken as they are listed, ended when they are not, hands off."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.foreign_silences import is_foreign, own_id
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.event import SilencesRead
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import START, World, runbook

HERE = "alertmanager:127.0.0.1:9093"


def silence(name: str = "a1", value: str = "Hung", **fields: Any) -> Silence:
    matcher = SilenceMatcher(name="alertname", value=value, is_regex=fields.pop("regex", False))
    told: dict[str, Any] = {
        "id": name,
        "matchers": (matcher,),
        "starts_at": START - 10,
        "ends_at": START + 3600,
        "created_by": "ann",
        "comment": "I am on it",
        "updated_at": START,
        **fields,
    }
    return Silence(**told)


def read(world: World, *silences: Silence, source: str = HERE) -> None:
    world.tell(SilencesRead(at=world.now, source=source, silences=silences))


def about_to_act() -> World:
    """An incident whose step was intended and is not done yet."""
    world = World(runbook())
    world.fire(starts_at=START - 600)
    for _ in range(30):
        if world.asked(CommandKind.ACT):
            break
        world.wait(10)
    return world


def refuse(world: World) -> None:
    command = world.only(CommandKind.ACT)
    world.answer(command, OutcomeStatus.REFUSED, reason=Reason.SILENCED, detail="ann")


def test_they_are_kept_under_the_name_of_where_they_were_set() -> None:
    world = World()
    read(world, silence())
    [kept] = world.view.silences.values()
    assert kept.id == f"{HERE}/a1"
    assert (is_foreign(kept), own_id(kept), kept.source) == (True, "a1", HERE)


def test_the_same_list_again_changes_nothing() -> None:
    world = World()
    read(world, silence())
    before = len(world.batch.decisions)
    world.wait(30)
    read(world, msgspec.structs.replace(silence(), updated_at=world.now))
    assert len(world.batch.decisions) == before


def test_an_alert_that_comes_under_one_needs_nobody_and_is_taken_up_when_it_is_not_listed() -> None:
    world = World(runbook())
    read(world, silence())
    world.fire()
    assert world.case.silenced_by == f"{HERE}/a1"
    assert world.commands == []
    world.wait(5)
    read(world)
    world.wait(0)
    assert world.case.silenced_by is None
    assert world.view.silences[f"{HERE}/a1"].ends_at == world.now


def test_the_list_of_one_says_nothing_of_another_nor_of_our_own() -> None:
    world = World()
    own = silence("own", source="homeostat")
    world.keep("silence", "own", own)
    read(world, silence(), source="alertmanager:other")
    read(world)
    assert all(s.ends_at > world.now for s in world.view.silences.values())
    assert set(world.view.silences) == {"own", "alertmanager:other/a1"}


def test_a_step_that_was_about_to_run_is_not_run_and_nobody_is_paged() -> None:
    world = about_to_act()
    read(world, silence())
    refuse(world)
    world.wait(120)
    assert world.paged == []
    assert (world.case.silenced_by, world.case.is_open) == (f"{HERE}/a1", True)
    assert world.commands.count(world.commands[0]) == 1
    read(world)
    world.wait(120)
    assert world.case.silenced_by is None
    assert len([c for c in world.commands if c.kind is CommandKind.ACT]) == 2, "taken up again"


def test_a_silence_over_while_the_refusal_came_back_leaves_it_to_people() -> None:
    world = about_to_act()
    refuse(world)
    world.find()
    world.wait(60)
    assert (world.case.state, world.paged) == (State.ESCALATED, ["team-shop"])


@pytest.mark.parametrize("value", ["(a+)+$", "(a|a)*b", "x" * 300, "("])
def test_a_pattern_that_could_run_without_end_silences_nothing_and_is_told_once(
    value: str,
) -> None:
    world = World(runbook())
    read(world, silence(value=value, regex=True))
    read(world, silence(value=value, regex=True))
    assert world.reasons == [Reason.SILENCE_UNUSABLE]
    world.fire(name="a" * 40)
    assert world.case.silenced_by is None


def test_words_of_strangers_are_cleaned() -> None:
    world = World()
    read(world, silence("x\x1b", comment="\u202e" + "y" * 5000, created_by="ann\x00"))
    [kept] = world.view.silences.values()
    assert "\x1b" not in kept.id
    assert kept.comment.isprintable()
    assert len(kept.comment) <= 1024
    assert kept.created_by.isprintable()
