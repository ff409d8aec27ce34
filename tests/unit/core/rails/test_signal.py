"""Whether what is seen is worth acting on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.guard import Question, Stop, ask, recheck
from agent.core.signs import FLEET
from agent.core.view import LevelReading
from agent.model.alert import AlertStatus
from agent.model.effect import Effect, OutcomeStatus
from agent.model.incident import AlertState
from agent.model.policy import Rails
from agent.model.reason import Reason
from agent.model.records import ChangeRecord, Storm
from agent.model.runbook import Guard
from tests.support.cases import START, runbook
from tests.support.decisions import make_command
from tests.support.guarding import act, incident, question
from tests.support.policies import OUT_OF_THE_WAY


def only(**limits: Any) -> Rails:
    return msgspec.structs.replace(OUT_OF_THE_WAY, wait_seconds=300.0, **limits)


def stopped(asked: Question) -> Stop:
    stop = ask(asked)
    assert stop is not None
    return stop


def fires(seconds: float, *, name: str = "a", seen: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Alerts of an incident: one that has fired for so long, last heard `seen` seconds ago."""
    state = AlertState(
        identity=f"am/{name}",
        name="Hung",
        status=fields.pop("status", AlertStatus.FIRING),
        labels={"alertname": "Hung"},
        starts_at=START - seconds,
        seen_at=START - seen,
    )
    return {state.identity: state}


def about(alerts: dict[str, Any], **fields: Any) -> Question:
    return question(incident=incident(alerts=alerts, matched="am/a"), **fields)


class TestDwell:
    @pytest.mark.rail("dwell")
    def test_what_has_just_begun_to_fire_may_be_over_in_a_moment(self) -> None:
        stop = stopped(about(fires(20), rails=only(dwell_seconds=60.0)))
        assert (stop.reason, stop.text) == (Reason.DWELL, "40 s of 60 s left")
        assert stop.after_seconds == 40.0
        assert ask(about(fires(60), rails=only(dwell_seconds=60.0))) is None

    @pytest.mark.rail("dwell")
    def test_it_has_fired_over_one_more_evaluation(self) -> None:
        """The policy's evaluation interval is a minute."""
        assert stopped(about(fires(20), rails=only(dwell_seconds=1.0))).after_seconds == 40.0

    @pytest.mark.rail("dwell")
    def test_a_runbook_may_wait_longer_and_not_less_long(self) -> None:
        longer = runbook(guard=Guard(dwell_seconds=600.0))
        asked = about(fires(100), rails=only(dwell_seconds=60.0), runbook=longer)
        assert stopped(asked).after_seconds == 500.0
        shorter = runbook(guard=Guard(dwell_seconds=1.0))
        asked = about(fires(20), rails=only(dwell_seconds=60.0), runbook=shorter)
        assert stopped(asked).after_seconds == 40.0

    @pytest.mark.rail("dwell")
    def test_it_is_waited_for_however_long(self) -> None:
        own = runbook(guard=Guard(dwell_seconds=3600.0))
        asked = about(fires(0), rails=only(dwell_seconds=0.0), runbook=own)
        assert stopped(asked).after_seconds == 3600.0

    def test_a_plan_that_was_begun_goes_on(self) -> None:
        begun = incident(alerts=fires(1), matched="am/a", step=1)
        assert ask(question(incident=begun, rails=only(dwell_seconds=60.0))) is None


class TestFreshness:
    def asked(self, reading: LevelReading | None, *, seen: float, **fields: Any) -> Question:
        asked = about(fires(600, seen=seen), rails=only(signal_age_seconds=30.0), **fields)
        asked.view.levels = {"am": reading} if reading is not None else {}
        return asked

    @pytest.mark.rail("fresh_signal")
    def test_who_can_be_asked_has_just_said_that_it_fires(self) -> None:
        old = LevelReading(at=START - 31, identities=frozenset({"am/a"}))
        stop = stopped(self.asked(old, seen=40))
        assert (stop.reason, stop.text) == (
            Reason.SIGNAL_STALE,
            "last heard 31 s ago, at most 30 s",
        )
        assert stop.after_seconds is not None
        fresh = msgspec.structs.replace(old, at=START - 30)
        assert ask(self.asked(fresh, seen=40)) is None

    @pytest.mark.rail("fresh_signal")
    def test_what_is_not_in_the_answer_was_not_confirmed(self) -> None:
        other = LevelReading(at=START, identities=frozenset({"am/b"}))
        assert stopped(self.asked(other, seen=40)).reason is Reason.SIGNAL_STALE
        assert ask(self.asked(other, seen=30)) is None, "a message said so"

    def test_who_cannot_be_asked_is_believed(self) -> None:
        assert ask(self.asked(None, seen=4000)) is None


class TestHumanChange:
    @pytest.mark.rail("human_change")
    def test_what_a_person_did_through_the_agent_is_left_alone_for_a_while(self) -> None:
        by_bob = act(by="bob", at=START - 590, incident_id="i-1")
        stop = stopped(question(by_bob, rails=only(human_change_seconds=600.0)))
        assert (stop.reason, stop.text) == (
            Reason.HUMAN_CHANGE,
            "bob: process.restart, 590 s ago",
        )
        assert stop.after_seconds == 10.0
        assert (
            stopped(question(by_bob, rails=only(human_change_seconds=900.0))).after_seconds is None
        )

    @pytest.mark.rail("human_change")
    def test_what_somebody_changed_by_hand_too(self) -> None:
        asked = question(rails=only(human_change_seconds=600.0))
        by_hand = ChangeRecord(
            product="shop",
            entity="shop-worker",
            what="edited",
            by="ann",
            at=START - 5,
            is_manual=True,
        )
        asked.view.changes = {"shop-worker": (by_hand,)}
        assert stopped(asked).reason is Reason.HUMAN_CHANGE
        delivered = msgspec.structs.replace(by_hand, is_manual=False)
        asked.view.changes = {"shop-worker": (delivered,)}
        assert ask(asked) is None

    @pytest.mark.parametrize(
        "fields", [{"at": START - 600}, {"status": OutcomeStatus.REFUSED}, {"target": "shop-web"}]
    )
    def test_what_does_not_count(self, fields: dict[str, Any]) -> None:
        by_bob = act(**{"by": "bob", "at": START - 5, "incident_id": "i-1", **fields})
        assert ask(question(by_bob, rails=only(human_change_seconds=600.0))) is None

    def test_a_person_and_the_way_back_are_not_held(self) -> None:
        by_bob, limits = act(by="bob", at=START - 5), only(human_change_seconds=600.0)
        assert ask(question(by_bob, rails=limits, by="ann", runbook=None)) is None
        assert ask(question(by_bob, rails=limits, is_rollback=True, runbook=None)) is None


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        pytest.param("shop", Reason.STORM_PRODUCT, marks=pytest.mark.rail("storm_product")),
        pytest.param(FLEET, Reason.STORM_FLEET, marks=pytest.mark.rail("storm_fleet")),
    ],
)
def test_in_a_storm_nothing_is_done_by_itself(scope: str, reason: Reason) -> None:
    asked = question(rails=only())
    asked.view.storms = {scope: Storm(scope=scope, began_at=START - 60, last_at=START, why="w")}
    stop = stopped(asked)
    assert (stop.reason, stop.text, stop.after_seconds) == (reason, "w", None)
    assert ask(msgspec.structs.replace(asked, by="bob", runbook=None)) is None
    assert ask(msgspec.structs.replace(asked, is_rollback=True, runbook=None)) is None
    later = msgspec.structs.replace(asked, at=START + 300)
    assert ask(later) is None


@pytest.mark.rail("plan_age")
def test_a_step_that_was_decided_long_ago_is_not_started() -> None:
    asked = question(incident=incident(digest="digest-hung", alerts=fires(600)))
    told = {"subject": "i-1", "plan": "restart", "effect": Effect.IDEMPOTENT, "created_at": START}
    command = make_command("k", target="shop-worker", use="process.restart", **told)
    assert recheck(command, asked.incident, asked.view, at=START + 300) is None
    stop = recheck(command, asked.incident, asked.view, at=START + 301)
    assert stop is not None
    assert stop.reason is Reason.TIMED_OUT
    by_bob = msgspec.structs.replace(command, by="bob")
    assert recheck(by_bob, asked.incident, asked.view, at=START + 301) is None
