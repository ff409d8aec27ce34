"""Whatever happens and whenever: a recovery that began before the act is never credited.

Random incidents with random expressions, evaluations, acts and words. What really happened is known
here: when the last bad sample was. The alert tells of it late, as alerts do.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.learning import Credit, ToldCall
from agent.model.policy import Policy
from tests.support.cases import START, World
from tests.support.resolved import act, fired, kept, resolve, rule, told_over

EVALUATION = 60.0
WINDOWS = {
    "": 0.0,
    "x > 3": 0.0,
    "max_over_time(x[10m]) > 3": 600.0,
    "increase(errors_total[5m]) > 0": 300.0,
    "sum(increase(errors_total[15m])) > 0": 900.0,
    "max_over_time(x[5m] offset 5m) > 3": 600.0,
}
moments = st.integers(0, 3_600).map(float)


@settings(max_examples=300, deadline=None)
@given(
    expression=st.sampled_from(tuple(WINDOWS)),
    recovered=moments,
    evaluation=st.floats(0.0, EVALUATION),
    acts=st.lists(moments, min_size=1, max_size=3, unique=True),
    told=st.none() | moments,
    closed=st.none() | moments,
)
def test_a_recovery_that_began_before_the_act_is_never_credited(
    expression: str,
    recovered: float,
    evaluation: float,
    acts: list[float],
    told: float | None,
    closed: float | None,
) -> None:
    """The last bad sample was at `recovered`; the rule is looked at up to one evaluation later.
    Where its expression looks back one more evaluation is in doubt: samples are as far apart."""
    world = World(policy=Policy(evaluation_interval_seconds=EVALUATION))
    window = WINDOWS[expression]
    ends = recovered + window + evaluation
    what = fired(world, generator_url=rule(expression) if expression else "")
    incident = world.last
    steps: list[tuple[float, str]] = [(at, "act") for at in acts]
    steps += [(ends, "over")] + ([(closed, "close")] if closed is not None else [])
    began: list[float] = []
    for at, step in sorted(steps):
        world.wait(max(0.0, START + at - world.now))
        world.last = incident
        if step == "over":
            told_over(world, what)
        elif step == "close":
            resolve(world)
        elif act(world).refused is None:
            began.append(at)
    words: dict[str, Any] = {}
    if told is not None and world.now >= START + told:
        call = ToldCall(use="process.flush", params={"target": "shop-worker"}, at=START + told)
        words = {"told": (call,)}
    world.wait(1)
    world.last = incident
    if resolve(world, **words).refused is None and words:
        began.append(told or 0.0)
    world.wait(20_000)
    found = kept(world, incident)
    assert found.credit is not Credit.PENDING
    in_doubt = 2 * EVALUATION if window else EVALUATION
    if began and recovered < max(began) - in_doubt:
        assert found.credit is not Credit.CREDITED
    if found.credit is Credit.CREDITED:
        assert found.cleared_at is not None
        assert all(d.began_at is not None and d.began_at <= found.cleared_at for d in found.deeds)
