"""Where a value comes from."""

from __future__ import annotations

from typing import Any

import pytest

from agent.catalog.expressions import Scope, compile_expression
from agent.core.origins import expressions_of, facts_of, is_too_large, leaves_of, origins_of
from tests.support.resolutions import resolution

FACTS = {
    "alert": {
        "name": "Hung",
        "labels": {"alertname": "Hung", "to": "v1", "zone": "v1", "in": "v1"},
    },
    "entity": {"name": "web", "kind": "service"},
    "incident": {"id": "v1"},
    "status": {"alive": False, "restarts": 3, "previous": {"version": "v1", "to": "v1"}},
    "log": {"_failed": "v1"},
}


def test_every_expression_that_has_the_value_is_found_the_preferred_one_first() -> None:
    assert origins_of({"to": "v1", "target": "web", "n": 3, "x": "other"}, FACTS) == {
        "to": (
            "status.previous.to",
            "alert.labels.to",
            "status.previous.version",
            "alert.labels.zone",
        ),
        "target": ("entity.name",),
        "n": ("status.restarts",),
    }


def test_a_number_is_no_truth_and_no_text() -> None:
    facts = {"status": {"a": True, "b": 1, "c": "1", "d": 1.0}}
    assert origins_of({"x": 1}, facts) == {"x": ("status.b",)}
    assert origins_of({"x": True}, facts) == {"x": ("status.a",)}


def test_values_inside_of_lists_and_mappings_have_a_place() -> None:
    params = {"names": ["web", "db"], "labels": {"app": "web", "a.b": "web", 7: "web"}, "none": []}
    assert leaves_of(params) == {
        "names[0]": "web",
        "names[1]": "db",
        "labels.app": "web",
        'labels["a.b"]': "web",
        'labels["7"]': "web",
        "none": [],
    }
    found = origins_of(params, FACTS)
    assert found["names[0]"] == found['labels["a.b"]'] == ("entity.name",)
    assert "names[1]" not in found


def test_no_two_places_are_written_alike() -> None:
    params = {"a": {"b": "1"}, "a.b": "2", 'a"]["b': "3", "c": ["4"], "c[0]": "5"}
    assert sorted(map(str, leaves_of(params).values())) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "name",
    ["a b", "a.b", 'x"]', "ä", "", "1a", "x\n", "a" * 100, "true", "in", "${x}", "=x"],
)
def test_a_label_that_is_no_word_is_no_expression(name: str) -> None:
    """F-SEC-28: names of labels are chosen by whoever sends the alert."""
    facts = {"alert": {"name": "Hung", "labels": {name: "v1"}}, name: {"to": "v1"}}
    assert origins_of({"to": "v1"}, facts) == {}


@pytest.mark.parametrize("name", ["size", "duration", "before", "Status", "a-b", "incident"])
def test_a_finding_that_cannot_be_read_is_none(name: str) -> None:
    assert origins_of({"to": "v1"}, {name: {"to": "v1"}}) == {}


def test_every_expression_can_be_compiled() -> None:
    labels = dict.fromkeys(("namespace", "for", "_x", "job", "package", "type"), "v")
    facts: dict[str, Any] = {**FACTS, "alert": {"name": "Hung", "labels": labels}}
    scope = Scope().with_unchecked("status")
    found = [expression for expression, _ in expressions_of(facts)]
    assert len(found) == 12
    assert [compile_expression(e, scope).text for e in found] == found


def test_what_is_kept_of_an_incident_is_what_can_be_read_of_it() -> None:
    facts = facts_of(resolution(status={"alive": True}))
    assert facts["entity"] == {"name": "shop-worker"}
    assert facts["process_status"] == {"alive": True}
    assert "entity" not in facts_of(resolution(kind=""))


@pytest.mark.parametrize(
    "params",
    [
        {"a": ["x"] * 101},
        {"a": {"a": {"a": {"a": {"a": {"a": {}}}}}}},
        {"a": "x" * 501},
        {"k" * 600: "x"},
    ],
)
def test_what_nobody_could_review_is_too_large(params: dict[str, Any]) -> None:
    assert is_too_large(params)
    assert not is_too_large({"a": ["x"] * 10, "b": {"c": {"d": 1}}})


def test_many_fields_are_looked_at_no_longer_than_needed() -> None:
    facts = {"log": {f"f{n}": "v1" for n in range(10_000)}}
    assert len(origins_of({"to": "v1"}, facts)["to"]) == 500
