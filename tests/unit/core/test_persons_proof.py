"""Whether a person's act helped is noted like the verdict of a plan; nobody is called for it."""

from __future__ import annotations

from agent.core.receiving import TIMERS
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import Acknowledged, ActionRequested
from agent.model.incident import State, StepRun
from agent.model.policy import Policy
from agent.model.reason import Reason
from tests.support.cases import START, World
from tests.support.resolved import act, fired, resolve, rule, told_over


def step(world: World) -> StepRun:
    (only,) = world.case.steps
    return only


def had(world: World | None = None, **told: str) -> World:
    world = world or World()
    fired(world, **told)
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    return world


def test_it_held_where_the_alert_is_over_in_time() -> None:
    world = World()
    what = fired(world)
    act(world)
    assert (step(world).verdict, step(world).verify_until) == (None, START + 600)
    assert world.timer("person_proof") == 600
    world.wait(60)
    told_over(world, what)
    assert world.case.state is State.RESOLVED
    assert step(world).verdict is Verdict.HELD
    (entry,) = [e for d in world.batch.decisions for e in d.journal if e.kind == "person_proof"]
    assert entry.reason is Reason.VERIFIED
    assert "60 s after the act began" in entry.text
    assert not [t for t in TIMERS if world.timer(t) is not None]


def test_it_failed_where_it_still_fires_and_nobody_is_called_again() -> None:
    world = had()
    act(world)
    called = len(world.pages)
    world.wait(599)
    assert step(world).verdict is None
    world.wait(1)
    assert step(world).verdict is Verdict.FAILED
    assert Reason.VERIFICATION_FAILED in world.reasons
    assert len(world.pages) == called
    assert world.case.state is State.ACKNOWLEDGED
    world.wait(3600)
    assert world.reasons.count(Reason.VERIFICATION_FAILED) == 1


def test_an_alert_that_looks_back_gets_its_time() -> None:
    world = had(generator_url=rule("rate(x[30m]) > 5"))
    act(world)
    world.wait(2_700)
    assert step(world).verdict is None
    world.wait(60)
    assert step(world).verdict is Verdict.FAILED


def test_one_that_looks_back_longer_than_the_policy_waits_proves_nothing() -> None:
    world = had(World(policy=Policy(longest_decay_seconds=60.0)), generator_url=rule("rate(x[1w])"))
    act(world)
    world.wait(4_000)
    assert step(world).verdict is Verdict.INCONCLUSIVE


def test_a_silent_source_proves_nothing() -> None:
    world = World()
    fired(world, expires_at=START + 240)
    act(world)
    world.wait(240)
    assert world.case.state is State.RESOLVED
    assert step(world).verdict is Verdict.INCONCLUSIVE


def test_what_was_over_before_the_act_was_not_its_doing() -> None:
    world = World()
    what = fired(world)
    world.wait(60)
    world.tell(ActionRequested(at=world.now, subject=world.last, who="bob", use="process.restart"))
    told_over(world, what, ended_at=START + 30)
    world.act()
    assert step(world).verdict is Verdict.INCONCLUSIVE
    assert world.case.state is State.RESOLVED


def test_closed_while_it_fires_is_inconclusive() -> None:
    world = had()
    act(world)
    resolve(world)
    assert step(world).verdict is Verdict.INCONCLUSIVE
    assert world.timer("person_proof") is None


def test_an_act_that_did_not_happen_proves_nothing() -> None:
    world = had()
    world.tell(ActionRequested(at=world.now, subject=world.last, who="bob", use="process.restart"))
    world.answer(world.only(CommandKind.ACT), OutcomeStatus.FAILED)
    assert (step(world).verify_until, step(world).verdict) == (None, None)
    assert world.timer("person_proof") is None


def test_each_act_has_its_own_time() -> None:
    world = had()
    act(world)
    world.wait(300)
    act(world, "process.flush")
    world.wait(300)
    assert [s.verdict for s in world.case.steps] == [Verdict.FAILED, None]
    world.wait(300)
    assert [s.verdict for s in world.case.steps] == [Verdict.FAILED, Verdict.FAILED]
