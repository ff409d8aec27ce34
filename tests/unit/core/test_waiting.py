"""A step waits for a rail that lets go by itself, and a person is told only if it does not."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.view import LevelReading
from agent.model.command import CommandKind
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import Acknowledged, CommandFinished
from agent.model.incident import Incident, State
from agent.model.policy import Policy
from agent.model.reason import Reason
from agent.model.runbook import Guard, Lifecycle
from tests.support.cases import STATUS, World, alert, fact, plan, requiring, runbook, step
from tests.support.guarding import act
from tests.support.policies import OUT_OF_THE_WAY

WAITS = 300.0


def only(**limits: Any) -> Policy:
    told = {"wait_seconds": WAITS, **limits}
    return Policy(rails=msgspec.structs.replace(OUT_OF_THE_WAY, **told))


def both(policy: Policy | None = None) -> tuple[World, Incident, Incident]:
    """Two services of the shop hang; one act per failure domain and action, none of which is
    known."""
    world = World(runbook(), policy=policy or only(per_domain=1))
    first = world.fire(entity="shop-worker")
    return world, first, world.fire(entity="shop-web")


class TestTheSecondWaits:
    def test_and_runs_once_the_first_is_done(self) -> None:
        """F-GRD-05"""
        world, first, second = both()
        second = world.incident(second.id)
        assert second.waits_for == (Reason.DOMAIN_BUSY,)
        assert second.state is State.OPEN
        assert not world.paged
        (act,) = world.asked(CommandKind.ACT)
        assert act.subject == first.id
        world.answer(act)
        world.wait(5.0)
        (act,) = world.asked(CommandKind.ACT)
        assert act.subject == second.id
        assert world.incident(second.id).waits_for == ()
        assert world.timer("wait", second.id) is None

    def test_it_is_told_once_what_it_waits_for(self) -> None:
        world, _, second = both()
        world.wait(60.0)
        told = [e for d in world.batch.decisions for e in d.journal if e.subject == second.id]
        waits = [e for e in told if e.kind == "waiting_for_rail"]
        assert [e.reason for e in waits] == [Reason.DOMAIN_BUSY]
        case = world.incident(second.id)
        assert case.reason is Reason.WAITING_FOR_RAIL
        assert case.reason_text.startswith(Reason.DOMAIN_BUSY.sentence)

    def test_after_five_minutes_a_person_is_told_why(self) -> None:
        world, _, second = both()
        world.wait(WAITS - 1.0)
        assert not world.paged
        world.wait(20.0)
        case = world.incident(second.id)
        assert (case.state, case.reason) == (State.ESCALATED, Reason.DOMAIN_BUSY)
        assert case.waits_for == ()
        assert "team-shop" in world.paged

    def test_what_clears_meanwhile_is_over(self) -> None:
        world, _, second = both()
        world.clear(alert(entity="shop-web", starts_at=world.now))
        case = world.incident(second.id)
        assert (case.state, case.reason) == (State.RESOLVED, Reason.CLEARED_BY_ITSELF)
        assert world.timer("wait", second.id) is None
        assert not world.paged

    def test_what_a_person_took_is_theirs(self) -> None:
        world, first, second = both()
        world.tell(Acknowledged(at=world.now, subject=second.id, who="bob"))
        world.answer(world.only(CommandKind.ACT))
        world.wait(60.0)
        assert world.incident(second.id).state is State.ACKNOWLEDGED
        assert {c.subject for c in world.commands if c.kind is CommandKind.ACT} == {first.id}


class TestDwell:
    def test_the_agent_acts_once_it_has_fired_for_long_enough(self) -> None:
        world = World(runbook(), policy=only(dwell_seconds=60.0))
        world.fire()
        assert not world.asked(CommandKind.ACT)
        world.wait(59.0)
        assert not world.asked(CommandKind.ACT)
        world.wait(1.0)
        assert world.only(CommandKind.ACT).target == "shop-worker"

    def test_its_time_is_not_counted(self) -> None:
        """A dwell of ten minutes, and then one more for the failure domain."""
        slow = runbook(guard=Guard(dwell_seconds=600.0))
        world = World(slow, policy=only(per_domain=1))
        world.fire(entity="shop-worker")
        world.wait(10.0)
        second = world.fire(entity="shop-web")
        world.wait(700.0)
        assert world.incident(second.id).state is State.OPEN
        assert not world.paged
        world.wait(WAITS)
        assert world.incident(second.id).reason is Reason.DOMAIN_BUSY

    def test_facts_that_are_old_by_then_are_gathered_anew(self) -> None:
        gone = requiring(fact("status.alive", False))
        slow = runbook(diagnose=(STATUS,), guard=msgspec.structs.replace(gone, dwell_seconds=900.0))
        world = World(slow, policy=only())
        world.fire()
        world.find(alive=False)
        assert world.case.waits_for == (Reason.DWELL,)
        world.wait(900.0)
        assert not world.asked(CommandKind.ACT)
        world.find(alive=True)
        assert (world.case.state, world.case.reason) == (
            State.ESCALATED,
            Reason.REQUIREMENT_FALSE,
        )


class TestAtTheAct:
    """The rails are asked again by the outbox, and its answer comes back as an outcome."""

    def refused(self, *, after: float | None) -> World:
        world = World(runbook(), policy=only())
        world.fire()
        command = world.only(CommandKind.ACT)
        outcome = Outcome(
            status=OutcomeStatus.REFUSED,
            reason=Reason.DOMAIN_BUSY,
            detail="zone-a",
            after_seconds=after,
        )
        world.tell(CommandFinished(at=world.now, command=command, outcome=outcome))
        return world

    def test_a_no_that_lets_go_is_waited_for(self) -> None:
        world = self.refused(after=5.0)
        assert world.case.waits_for == (Reason.DOMAIN_BUSY,)
        assert not world.paged
        world.wait(5.0)
        again = world.only(CommandKind.ACT)
        first = next(c for c in world.commands if c.kind is CommandKind.ACT)
        assert again.key != first.key
        world.act()
        world.clear()
        assert world.case.state is State.RESOLVED
        assert world.case.reason is Reason.HEALED

    def test_what_clears_meanwhile_is_over_and_nothing_was_done(self) -> None:
        world = self.refused(after=5.0)
        world.clear()
        assert (world.case.state, world.case.reason) == (
            State.RESOLVED,
            Reason.CLEARED_BY_ITSELF,
        )

    def test_any_other_no_is_told(self) -> None:
        world = self.refused(after=None)
        assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.DOMAIN_BUSY)

    def test_a_plan_that_was_begun_is_broken_off(self) -> None:
        two = plan("restart", step(), step("process.flush", id="flush"))
        world = World(runbook("hung", two), policy=only())
        world.fire()
        world.act()
        command = world.only(CommandKind.ACT)
        outcome = Outcome(
            status=OutcomeStatus.REFUSED, reason=Reason.DOMAIN_BUSY, after_seconds=5.0
        )
        world.tell(CommandFinished(at=world.now, command=command, outcome=outcome))
        assert world.case.state is State.ESCALATED


def test_a_step_waits_until_its_source_confirms_it() -> None:
    slow = runbook(guard=Guard(dwell_seconds=660.0))
    world = World(slow, policy=only(signal_age_seconds=30.0))
    world.view.levels = {"am": LevelReading(at=0.0, identities=frozenset())}
    hung = alert(starts_at=world.now - 600)
    world.fire(hung)
    world.wait(60.0)
    assert world.case.waits_for == (Reason.DWELL, Reason.SIGNAL_STALE)
    world.view.levels = {"am": LevelReading(at=world.now, identities=frozenset({hung.identity}))}
    world.wait(5.0)
    assert world.only(CommandKind.ACT).target == "shop-worker"


def test_nobody_is_asked_to_approve_what_still_waits() -> None:
    asks = runbook(lifecycle=Lifecycle.ASSISTED)
    world = World(asks, policy=only(dwell_seconds=60.0))
    world.fire()
    world.find()
    assert world.case.waits_for == (Reason.DWELL,)
    assert not world.paged
    world.wait(60.0)
    assert world.case.state is State.AWAITING_APPROVAL


def test_what_no_waiting_helps_is_told_at_once() -> None:
    shadow = runbook(lifecycle=Lifecycle.SHADOW)
    world = World(shadow, policy=only(dwell_seconds=60.0))
    world.fire()
    assert world.case.reason is Reason.RUNBOOK_IN_SHADOW


def test_the_next_plan_of_a_ladder_waits_too_and_what_clears_meanwhile_is_over() -> None:
    """Between two plans no proof is under way, so nothing was proven by the alert's end."""
    ladder = runbook("hung", plan("restart"), plan("flush", step("process.flush", id="flush")))
    world = World(ladder, policy=only(per_domain=1))
    other = act(key="b", target="shop-web", entity="shop-web", use="process.flush", status=None)
    world.keep("act", other.key, other)
    world.fire()
    world.act(OutcomeStatus.FAILED)
    assert (world.case.plan, world.case.state) == ("flush", State.VERIFYING)
    assert world.case.waits_for == (Reason.DOMAIN_BUSY,)
    world.clear()
    assert (world.case.state, world.case.reason) == (State.RESOLVED, Reason.CLEARED_BY_ITSELF)
