"""Whoever comes first, source or target: the end is the same (as long as nobody was told)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.alert import Alert
from agent.model.policy import Policy
from tests.support.cases import World, alert, received, resolved
from tests.support.inhibiting import rule

RULES = (
    rule("severity=critical", "severity=~warning|info", "cluster"),
    rule("severity=warning", "severity=info", "cluster"),
)


def one(name: str, severity: str, cluster: str) -> Alert:
    # Pages about this entity wait a moment for a common cause: nobody is told meanwhile.
    return alert(name, "shop-web", labels={"severity": severity, "cluster": cluster})


ALERTS = [
    one(f"{severity}-{cluster}", severity, cluster)
    for severity in ("critical", "warning", "info")
    for cluster in ("a", "b")
]

Steps = list[tuple[int, bool]]


@st.composite
def orders(draw: st.DrawFn) -> tuple[Steps, Steps]:
    """The same alerts firing, some of them ending later, in two orders."""
    firing = draw(st.lists(st.sampled_from(range(len(ALERTS))), unique=True, min_size=1))
    ending = draw(st.lists(st.sampled_from(firing), unique=True))

    def shuffled() -> Steps:
        begun = [(number, True) for number in draw(st.permutations(firing))]
        return begun + [(number, False) for number in draw(st.permutations(ending))]

    return shuffled(), shuffled()


def end_state(steps: Steps) -> dict[str, tuple[bool, bool, bool]]:
    """By alert: whether its incident is open, quiet, and told, long after all of it."""
    world = World(policy=Policy(inhibit_rules=RULES))
    for number, is_firing in steps:
        what = ALERTS[number] if is_firing else resolved(ALERTS[number], world.now + 1)
        world.tell(received(what, world.now))
        world.wait(0)
    world.wait(3600)
    return {i.title: (i.is_open, i.inhibited_by is not None, bool(i.pages))
            for i in world.incidents}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(orders())
def test_the_order_of_source_and_target_does_not_matter(both: tuple[Steps, Steps]) -> None:
    first, second = both
    found = end_state(first)
    assert found == end_state(second)
    assert any(told or not is_open for is_open, _, told in found.values())
