"""Which alerts are one incident."""

from __future__ import annotations

import pytest

from agent.core.grouping import key_of
from agent.model.alert import Alert
from agent.model.policy import Policy
from tests.support.cases import World, alert


def labelled(**labels: str) -> Alert:
    return alert("Hung", "shop-worker", labels=labels)


def incidents(group_by: tuple[str, ...], *alerts: Alert) -> int:
    world = World(policy=Policy(group_by=group_by))
    return len({world.fire(one).id for one in alerts})


@pytest.mark.parametrize(
    ("group_by", "count"),
    [((), 1), (("cluster",), 2), (("cluster", "pod"), 3), (("...",), 4), (("nobody",), 1)],
)
def test_labels_of_the_policy_tell_incidents_apart(group_by: tuple[str, ...], count: int) -> None:
    found = incidents(
        group_by,
        labelled(cluster="a", pod="1", id="1"),
        labelled(cluster="a", pod="1", id="2"),
        labelled(cluster="a", pod="2", id="1"),
        labelled(cluster="b", pod="1", id="1"),
    )
    assert found == count


def test_a_missing_label_is_an_empty_one() -> None:
    assert incidents(("cluster",), labelled(), labelled(cluster="")) == 1
    assert incidents(("cluster",), labelled(), labelled(cluster="a")) == 2


def test_values_cannot_be_mistaken_for_other_labels() -> None:
    pair = (labelled(a="1", b="2"), labelled(a="1\x1eb=2", b=""))
    assert incidents(("a", "b"), *pair) == 2


def test_the_name_and_the_entity_tell_apart_whatever_the_policy_says() -> None:
    slow, other = alert("Slow", "shop-worker"), alert("Hung", "shop-web")
    assert incidents(("cluster",), labelled(), slow, other) == 3


def test_without_labels_of_the_policy_keys_are_as_they_were() -> None:
    plain, grouped = World(), World(policy=Policy(group_by=("cluster",)))
    plain.fire(labelled(cluster="a"))
    grouped.fire(labelled(cluster="a"))
    assert grouped.case.key == f"{plain.case.key}\x1ecluster=a"


def test_what_the_agent_raises_by_itself_is_told_apart_by_all_its_labels() -> None:
    """Two channels that are broken are two incidents, though neither is about an entity."""
    world = World()
    keys = {
        key_of(
            alert("NotifierBroken", "", source="homeostat", labels={"channel": channel}),
            world.view,
        )[0]
        for channel in ("pay/0", "pay/1")
    }
    assert len(keys) == 2
