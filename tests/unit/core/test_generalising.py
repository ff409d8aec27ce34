"""From what was done in like incidents to what a runbook does."""

from __future__ import annotations

from typing import Any

import pytest

from agent.core.generalising import (
    Generalised,
    diagnostics_of,
    generalise,
    is_code,
    is_plain,
    with_answer,
)
from tests.support.resolutions import resolution


def general(*each: tuple[Any, dict[str, Any]], reads: str = "") -> Generalised:
    """Of the parameter `x`: its value in each incident, and what could be read there."""
    params = [{"x": value} for value, _ in each]
    return generalise(
        params, [facts for _, facts in each], lambda e: not e.startswith(reads or "-")
    )


def labelled(**labels: str) -> dict[str, Any]:
    return {"alert": {"name": "Hung", "labels": labels}}


def test_what_is_the_entity_each_time_becomes_the_entity() -> None:
    found = general(*(("web", {"entity": {"name": "web"}}), ("db", {"entity": {"name": "db"}})))
    assert (found.params, found.asks, found.reads) == ({"x": "=entity.name"}, (), ("entity.name",))
    same = general(*(("web", {"entity": {"name": "web"}}),) * 3)
    assert same.params == {"x": "=entity.name"}


def test_what_was_found_each_time_becomes_the_finding() -> None:
    found = general(*(("v1", {"s": {"v": "v1"}}), ("v2", {"s": {"v": "v2", "w": "v2"}})))
    assert found.params == {"x": "=s.v"}


def test_one_expression_has_to_explain_all() -> None:
    found = general(("v1", {"s": {"a": "v1"}}), ("v2", {"s": {"b": "v2"}}))
    assert found.params == {"x": "v2"}
    assert found.asks == (("x", ("v1", "v2")),)


def test_what_cannot_be_read_there_explains_nothing() -> None:
    found = general(("v1", {"s": {"v": "v1"}}), ("v2", {"s": {"v": "v2"}}), reads="s.")
    assert found.asks == (("x", ("v1", "v2")),)


@pytest.mark.parametrize("value", ["force", 5, 2.5, True, None, [], {}])
def test_the_same_each_time_stays(value: Any) -> None:
    found = general(*((value, {}),) * 3)
    assert (found.params, found.asks, found.reads) == ({"x": value}, (), ())


def test_numbers_and_truths_are_not_taken_for_what_they_equal_by_accident() -> None:
    facts = {"s": {"n": 5, "b": True}}
    assert general((5, facts), (5, facts)).params == {"x": 5}
    assert general((True, facts), (True, facts)).params == {"x": True}


def test_where_they_differ_one_expression_may_explain_them() -> None:
    assert general((5, {"s": {"n": 5}}), (6, {"s": {"n": 6}})).params == {"x": "=s.n"}
    assert general((5, {"s": {"n": 5}}), (6, {"s": {"n": 5}})).asks == (("x", (5, 6)),)


def test_a_label_that_only_looks_like_a_constant_is_no_origin() -> None:
    """F-SEC-28: whoever sends the alert could choose another value the next time."""
    crafted = labelled(trap="force")
    assert general(*(("force", crafted),) * 3).params == {"x": "force"}


def test_a_label_counts_by_its_name_or_where_it_changed_alike() -> None:
    assert general(*(("a", labelled(x="a")),) * 2).params == {"x": "=alert.labels.x"}
    both = general(("a", labelled(zone="a")), ("b", labelled(zone="b")))
    assert both.params == {"x": "=alert.labels.zone"}


@pytest.mark.parametrize(
    "text",
    ["=entity.owner", " =a", "\t= a", "${entity.name}", "a ${x} b", "\x00", "a\u202eb", "x" * 501],
)
def test_text_that_reads_like_code_is_asked_for_and_never_taken_over(text: str) -> None:
    """F-SEC-28: also where it was the same each time."""
    found = general(*((text, {}),) * 3)
    assert found.params == {"x": ""}
    ((place, seen),) = found.asks
    assert (place, len(seen)) == ("x", 3)


def test_an_entity_that_is_called_like_code_is_still_the_entity() -> None:
    found = general(*(("=web", {"entity": {"name": "=web"}}),) * 2)
    assert found.params == {"x": "=entity.name"}


def test_each_place_of_a_nested_value_is_looked_at() -> None:
    each = [
        {"x": {"names": ["web", "=a", "k"], "n": [1, 2]}},
        {"x": {"names": ["db", "=a", "k"], "n": [1, 3]}},
    ]
    facts = [{"entity": {"name": name}} for name in ("web", "db")]
    found = generalise(each, facts, lambda _: True)
    assert found.params == {"x": {"names": ["=entity.name", "", "k"], "n": [1, 3]}}
    assert dict(found.asks) == {"x.names[1]": ("=a", "=a"), "x.n[1]": (2, 3)}


def test_names_that_are_no_text_become_text() -> None:
    found = generalise([{"x": {7: "a", None: "b"}}], [{}], lambda _: True)
    assert found.params == {"x": {"7": "a", "None": "b"}}


def test_an_answer_goes_into_its_place() -> None:
    params = {"x": {"names": ["web", ""]}, "y": 1}
    assert with_answer(params, "x.names[1]", "db") == {"x": {"names": ["web", "db"]}, "y": 1}
    assert with_answer(params, "y", 2)["y"] == 2
    with pytest.raises(LookupError):
        with_answer(params, "x.names[2]", "db")


def test_what_is_plain() -> None:
    plain: list[Any] = ["a=b", "$x", "a {b}", "", 0, -1.5, False, None]
    assert all(map(is_plain, plain))
    other: list[Any] = [float("nan"), float("inf"), 2**63, object(), ["a"], {"a": 1}, b"x"]
    assert not any(map(is_plain, other))
    assert is_code("=x")
    assert not is_code("x=1")


def test_diagnostics_can_be_asked_again_where_their_parameters_are_explained() -> None:
    one = resolution(1, entity="shop-web", status={"alive": True})
    other = resolution(2, entity="shop-worker", status={"alive": True})
    assert diagnostics_of([one, other]) == {
        "process_status": ("process.status", {"target": "=entity.name"})
    }
    typed = [
        resolution(n, status={}, diagnostics={"s": ("look", {"target": "shop-worker", "q": q})})
        for n, q in enumerate("ab")
    ]
    assert diagnostics_of(typed) == {}
    assert diagnostics_of([one, resolution(3)]) == {}
    other_use = resolution(4, status={}, diagnostics={"process_status": ("x.y", {})})
    assert diagnostics_of([one, other_use]) == {}
