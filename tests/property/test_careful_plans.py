"""Whatever comes back from the outside: nothing is done without knowing how it was, no plan is put
on top of one whose way back was not proven, and somebody is told of everything else."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.facts import FAILED
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Ending, Incident, State
from agent.model.runbook import OnInconclusive
from tests.support.careful import CAREFUL, RISKY
from tests.support.cases import World, plan, runbook

FIRST = msgspec.structs.replace(
    RISKY, verify=CAREFUL, on_inconclusive=OnInconclusive.ROLL_BACK_AND_ESCALATE
)
STORY = runbook("hung", FIRST, plan("second", verify=CAREFUL))

answers = st.tuples(
    st.sampled_from((OutcomeStatus.DONE,) * 6 + tuple(OutcomeStatus)),
    st.booleans(),
    st.booleans(),
    st.integers(1, 2),
)
stories = st.lists(st.one_of(answers, answers, st.sampled_from((3.0, 15.0))), max_size=40)


def check(case: Incident) -> None:
    acting = case.state is State.ACTING and case.rollback_step is None
    if acting:
        assert case.before, case
        assert not any(FAILED in finding for finding in case.before.values())
    by_plan = {run.plan: run for run in case.plans}
    if any(step.plan == "second" for step in case.steps):
        first = by_plan["risky"]
        assert first.verdict is Verdict.FAILED
        assert first.rollback_verdict in (Verdict.HELD, None)
        assert first.rollback_verdict is Verdict.HELD or not first.rolled_back
    for run in case.plans:
        assert not run.rolled_back or run.verdict is not Verdict.HELD
    if case.outcome is Ending.HEALED:
        assert case.plans[-1].verdict is Verdict.HELD
        assert not case.pages
    if case.state is State.ESCALATED:
        assert case.pages


@settings(max_examples=500, deadline=None)
@given(stories)
def test_nothing_is_done_blindly_and_nothing_is_hidden(story: list[object]) -> None:
    world = World(STORY)
    world.fire()
    check(world.case)
    for what in story:
        asked = [c for c in world.under_way.values() if c.kind is not CommandKind.NOTIFY]
        if isinstance(what, float):
            world.wait(what)
        elif isinstance(what, tuple) and asked:
            status, is_well, is_lost, restarts = what
            value = {"alive": is_well, "fine": is_well, "lost": is_lost, "restarts": restarts}
            probed = "happened" if is_well else "not_happened"
            told = {"probed": probed} if asked[0].kind is CommandKind.PROBE else value
            world.answer(asked[0], status, **told)
        check(world.case)
    for _ in range(60):
        for command in [c for c in world.under_way.values() if c.kind is not CommandKind.NOTIFY]:
            world.answer(command, OutcomeStatus.FAILED)
        world.wait(60.0)
        check(world.case)
    assert world.case.state in (State.RESOLVED, State.ESCALATED), "it came to an end"
