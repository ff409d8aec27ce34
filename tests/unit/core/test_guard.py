"""What the rails say together, at the decision and again at the act."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core import guard as guards
from agent.core.guard import Question, Stop, ask
from agent.core.rails.pace import DAY_SECONDS
from agent.core.rails.rail import Rail, rail
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import PlanRun
from agent.model.policy import Rails
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Budget, Cooldown, Guard
from tests.support.cases import START, runbook
from tests.support.guarding import WEB, about, act, failed, held_to, incident, question

HALT = Halt(at=START, who="bob", why="fire drill")


def test_all_agree_on_an_ordinary_step() -> None:
    assert ask(question()) is None
    assert ask(question(target=WEB.name)) is None
    found = incident(target=WEB.name)
    assert ask(question(incident=found, runbook=about("deployment"), target=WEB.name)) is None
    assert ask(question(runbook=held_to(window="office"))) is None


def test_people_and_the_way_back_are_not_held_by_budget_or_window() -> None:
    strict = held_to(window="night", budget=Budget(min_healthy=1.0, concurrent=1))
    told: dict[str, Any] = {"burning": ("shop-web",), "runbook": None}
    busy = act(target="shop-web", status=None)
    assert ask(question(busy, by="bob", **told)) is None
    assert ask(question(busy, is_rollback=True, **told)) is None
    assert ask(question(busy, **{**told, "runbook": strict})) is not None


def test_what_is_not_connected_stops_people_too() -> None:
    stop = ask(question(use="kube.undo", by="bob", runbook=None))
    assert stop is not None
    assert (stop.reason, stop.text) == (Reason.NOT_CONNECTED, "kube.undo needs kubernetes")


@pytest.mark.parametrize("name", [one.id for one in guards.RAILS])
def test_a_rail_that_raises_has_said_no(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """F-GRD-06"""

    def broken(q: Question) -> None:
        raise RuntimeError("its store is down")

    assert ask(question()) is None
    changed = tuple(
        msgspec.structs.replace(one, check=broken) if one.id == name else one
        for one in guards.RAILS
    )
    monkeypatch.setattr(guards, "RAILS", changed)
    stop = ask(question())
    assert stop is not None
    assert (stop.reason, stop.text) == (Reason.GUARD_FAILED, f"{name}: its store is down")


def test_a_rail_that_misses_what_it_reads_has_said_no() -> None:
    """F-GRD-06"""
    asked = question()
    asked.view.lately = None  # type: ignore[assignment]
    stop = ask(asked)
    assert stop is not None
    assert stop.reason is Reason.GUARD_FAILED
    assert stop.text.startswith("share_per_hour: ")


class TestWhatTheySayTogether:
    """Some nos pass by themselves, some a person can lift, and some are nos."""

    def ask(self, monkeypatch: pytest.MonkeyPatch, *stops: Stop, **fields: Any) -> Stop | None:
        def rail_of(number: int, stop: Stop) -> Rail:
            return rail(id=f"r{number}", reads=(), reasons=(stop.reason,))(lambda q: stop)

        monkeypatch.setattr(guards, "RAILS", tuple(rail_of(n, s) for n, s in enumerate(stops)))
        return ask(question(rails=Rails(), **fields))

    busy = Stop(reason=Reason.TARGET_BUSY, after_seconds=5.0)
    asks = Stop(reason=Reason.RUNBOOK_NEEDS_APPROVAL)
    no = Stop(reason=Reason.BELOW_FLOOR)

    def test_what_waiting_does_not_help_is_the_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.ask(monkeypatch, self.busy, self.no) == self.no

    def test_a_person_is_not_asked_about_what_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.ask(monkeypatch, self.busy, self.asks) == self.busy
        assert self.ask(monkeypatch, self.asks) == self.asks

    def test_of_two_that_wait_the_first_is_the_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Stop(reason=Reason.DOMAIN_BUSY, after_seconds=9.0)
        assert self.ask(monkeypatch, other, self.busy) == other

    def test_what_takes_longer_than_is_waited_is_a_no(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        long = Stop(reason=Reason.SHARE_EXHAUSTED, after_seconds=301.0)
        stop = self.ask(monkeypatch, long)
        assert stop is not None
        assert stop.after_seconds is None

    def test_a_dwell_is_waited_for_however_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        dwell = Stop(reason=Reason.DWELL, after_seconds=3600.0)
        assert self.ask(monkeypatch, dwell) == dwell

    def test_a_reason_that_was_not_declared_is_no_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sly = rail(id="sly", reads=(), reasons=(Reason.DWELL,))(lambda q: self.no)
        monkeypatch.setattr(guards, "RAILS", (sly,))
        stop = ask(question())
        assert stop is not None
        assert (stop.reason, stop.text) == (Reason.GUARD_FAILED, "sly: sly gave below_floor")


def test_a_requirement_that_raises_is_a_no() -> None:
    class Broken:
        text = "broken"

        def __call__(self, facts: Any) -> Any:
            raise ZeroDivisionError

    stop = ask(question(runbook=runbook(guard=Guard(require=(Broken(),)))))
    assert stop is not None
    assert stop.reason is Reason.GUARD_FAILED


@pytest.mark.parametrize(
    ("status", "verdict", "counts"),
    [
        (OutcomeStatus.DONE, Verdict.FAILED, True),
        (OutcomeStatus.DONE, Verdict.INCONCLUSIVE, True),
        (OutcomeStatus.DONE, None, True),
        (OutcomeStatus.FAILED, None, True),
        (OutcomeStatus.UNKNOWN, None, True),
        (OutcomeStatus.DONE, Verdict.HELD, False),
        (OutcomeStatus.REFUSED, None, False),
    ],
)
def test_every_outcome_that_is_not_success_counts(
    status: OutcomeStatus, verdict: Verdict | None, counts: bool
) -> None:
    acts = [msgspec.structs.replace(failed(n), status=status, verdict=verdict) for n in range(5)]
    assert (ask(question(*acts)) is not None) is counts


def test_a_success_that_came_back_counts_too() -> None:
    held = [
        msgspec.structs.replace(failed(n), verdict=Verdict.HELD, runbook="hung") for n in range(5)
    ]
    stop = ask(question(*held))
    assert stop is not None
    assert stop.reason is Reason.DAILY_ATTEMPTS_EXHAUSTED
    assert ask(question(*held[:4])) is None


def test_yesterday_is_over() -> None:
    old = [msgspec.structs.replace(failed(n), at=START - DAY_SECONDS - 1) for n in range(5)]
    assert ask(question(*old)) is None


def test_a_runbook_may_not_loosen_the_policy() -> None:
    loose = runbook(guard=Guard(cooldown=Cooldown(every_seconds=1.0)))
    stop = ask(question(act(at=START - 100), runbook=loose))
    assert stop is not None
    assert stop.reason is Reason.COOLDOWN


def test_a_refused_act_starts_no_cooldown() -> None:
    assert ask(question(act(at=START - 1, status=OutcomeStatus.REFUSED, verdict=None))) is None


def test_a_person_is_held_back_by_less() -> None:
    by_person: dict[str, Any] = {"by": "bob", "runbook": None}
    assert ask(question(use="process.pull", **by_person)) is None
    assert ask(question(act(at=START - 1), **by_person)) is None
    assert ask(question(target="cache", **by_person)) is None
    assert ask(question(act(status=None), **by_person)) is not None
    assert ask(question(halt=HALT, **by_person)) is not None
    assert ask(question(target="ghost", **by_person)) is not None


def test_the_way_back_is_not_held_up_by_cooldown_or_attempts() -> None:
    tired = incident(plans=tuple(PlanRun(plan=p) for p in ("a", "b", "c")))
    asked = question(act(at=START - 1), incident=tired, runbook=None, is_rollback=True)
    assert ask(asked) is None
