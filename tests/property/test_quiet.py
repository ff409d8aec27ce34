"""F-NT-09: what is routine and healed wakes nobody, whatever happened in which order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.incident import Ending
from tests.support.cases import CLEARED, WATCHED, plan, runbook, step
from tests.support.ladders import staffed, told

WORDS = st.lists(
    st.sampled_from(["act", "act_fails", "look_good", "look_bad", "clear", "fire", "wait", "ok"]),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(words=WORDS, watched=st.booleans())
def test_routine_and_healed_is_no_page(words: list[str], watched: bool) -> None:
    proof = WATCHED if watched else CLEARED
    back = (step("process.rollback", id="back"),)
    world = staffed(runbook("hung", plan("restart", verify=proof, rollback=back)))
    case = world.fire()
    for word in [*words, "wait", "act", "clear", "wait", "look_good", "wait", "look_good", "wait"]:
        match word:
            case "act" | "act_fails":
                status = OutcomeStatus.DONE if word == "act" else OutcomeStatus.FAILED
                for command in world.asked(CommandKind.ACT):
                    world.answer(command, status)
            case "look_good" | "look_bad":
                is_good = word == "look_good"
                world.find(alive=is_good, lost=not is_good)
            case "clear":
                if world.incident(case.id).is_open:
                    world.last = case.id
                    world.clear()
            case "fire":
                if world.incident(case.id).is_open:
                    world.fire(starts_at=case.opened_at)
            case "ok":
                for command in world.asked(CommandKind.NOTIFY):
                    world.answer(command, receipt="ok")
            case _:
                world.wait(65)
    done = world.incident(case.id)
    about_it = [c for c in world.commands if c.subject == case.id]
    pages = [c for c in about_it if c.params.get("telling") == "page"]
    if done.outcome is Ending.HEALED:
        assert pages == []
        assert done.pages == ()
        changes = [c for c in about_it if c.params.get("telling") == "change"]
        assert [c.params["channel"] for c in changes][-1:] == ["team-shop/0"]
    if done.outcome is Ending.ROUTED and done.steps:
        assert pages, "and what is not healed is told"


def test_an_act_that_held_is_told_to_whoever_keeps_a_record_and_wakes_nobody() -> None:
    """F-NT-09"""
    world = staffed(runbook())
    case = world.fire()
    world.wait(65)
    world.act()
    world.clear()
    assert world.incident(case.id).outcome is Ending.HEALED
    assert (told(world), told(world, "change")) == ([], ["team-shop"])
    for command in list(world.asked(CommandKind.NOTIFY)):
        world.answer(command, receipt="ok")
    assert told(world, "change") == ["team-shop"], "once"
