"""Of two doubtful ends of an act, the one that does nothing is the better one."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.guard import ask, recheck
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.policy import Policy, Rails
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import START, World, runbook
from tests.support.guarding import act, question
from tests.support.policies import OUT_OF_THE_WAY
from tests.unit.core.rails.test_floor import LIMITS, asked, replicas


def limits(**fields: float) -> Rails:
    return msgspec.structs.replace(OUT_OF_THE_WAY, **fields)


def test_what_somebody_silenced_because_it_is_sick_is_not_up() -> None:
    """F-GRD-02: nobody is told of it, and it does no work."""
    q = asked("web-0", replicas(3))
    world = World(runbook(), policy=Policy(rails=LIMITS), registry=replicas(3))
    world.view.plugins = q.view.plugins
    silence = Silence(
        id="s",
        matchers=(SilenceMatcher(name="entity", value="web-1"),),
        starts_at=START - 1,
        ends_at=START + 3_600,
        created_by="anna",
        comment="I am at it",
        updated_at=START,
    )
    world.keep("silence", "s", silence)
    assert world.fire(name="Strange", entity="web-1").silenced_by == "s"
    stop = ask(msgspec.structs.replace(q, view=world.view))
    assert stop is not None
    assert stop.reason is Reason.BELOW_FLOOR


@pytest.mark.parametrize(
    ("by", "rails", "reason"),
    [
        ("bob", limits(human_change_seconds=600.0), Reason.HUMAN_CHANGE),
        ("agent", limits(cooldown_longest_seconds=14_400.0), Reason.COOLDOWN),
    ],
)
def test_what_took_long_counts_from_its_end(by: str, rails: Rails, reason: Reason) -> None:
    """A step may take 15 minutes: from its beginning, the time after it would be over with it."""
    done = act(
        by=by,
        incident_id="i-77",
        at=START - 960,
        ended_at=START - 60,
        status=OutcomeStatus.DONE,
        entity="shop-worker",
    )
    stop = ask(question(done, rails=rails))
    assert stop is not None
    assert stop.reason is reason


def test_what_went_quiet_before_its_first_step_began_is_not_acted_on() -> None:
    """The intent stands for as long as its target asks to be left alone; the alert may go away
    meanwhile."""
    world = World(runbook())
    world.fire()
    command = world.only(CommandKind.ACT)
    world.clear()
    assert recheck(command, world.case, world.view, at=world.now + 30) is not None
