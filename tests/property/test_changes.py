"""Whatever is told of changes, in whatever order: what is kept is bounded, and the store holds the
very same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.core.changed import about
from agent.core.changes import MOST_CHANGES, key_of_change
from agent.model.alert import Change
from agent.model.event import ChangeReceived
from agent.model.signals import ChangeKind, ChangePhase
from agent.runtime.view_state import ViewState
from tests.support.cases import START, World

CHANGES = st.builds(
    Change,
    product=st.sampled_from(["", "shop", "pay"]),
    entity=st.sampled_from(["", "shop-web", "acme/shop-web", "scout", "cache", "a/b/c", "x"]),
    what=st.sampled_from(["deployed", "edited"]),
    is_manual=st.booleans(),
    kind=st.sampled_from(ChangeKind),
    version=st.sampled_from(["", "1", "2"]),
    phase=st.sampled_from(ChangePhase),
    sent_at=st.sampled_from([None, START, START + 86_400.0]),
    id=st.sampled_from(["", "i1", "i2"]),
    is_elsewhere=st.booleans(),
)
STEPS = st.lists(st.tuples(CHANGES, st.sampled_from([0.0, 1.0, 599.0, 86_400.0])), max_size=60)


@given(STEPS)
def test_view_and_store_hold_the_same_and_no_more_than_is_kept(
    steps: list[tuple[Change, float]],
) -> None:
    world = World()
    held: dict[str, object] = {}
    for change, pause in steps:
        world.now += pause
        for each in about(change, world.view):
            decision = world.tell(ChangeReceived(at=world.now, change=each))
            for record in decision.records:
                if record.kind == "change" and record.body is None:
                    del held[record.key]
                elif record.kind == "change":
                    held[record.key] = record.body
    known = {key_of_change(c): c for changes in world.view.changes.values() for c in changes}
    assert known == held
    for changes in world.view.changes.values():
        assert 1 <= len(changes) <= MOST_CHANGES
        assert len({c.at for c in changes}) == len(changes)
        assert all(START <= c.at <= world.now + 1e-3 for c in changes)
        assert [c.at for c in changes] == sorted(c.at for c in changes)
    assert world.incidents == []


@given(STEPS)
def test_a_failed_commit_leaves_no_trace(steps: list[tuple[Change, float]]) -> None:
    world = World()
    state: ViewState = world.state
    for change, pause in steps[: len(steps) // 2]:
        world.now += pause
        world.tell(ChangeReceived(at=world.now, change=about(change, world.view)[0]))
    state.keep()
    before = dict(world.view.changes)
    for change, pause in steps[len(steps) // 2 :]:
        world.now += pause
        world.tell(ChangeReceived(at=world.now, change=about(change, world.view)[0]))
    state.take_back()
    assert dict(world.view.changes) == before
