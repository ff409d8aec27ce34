"""Reading fields of objects in which anything may be missing, null, or something else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agent.ports import cluster_walking as walking
from agent.ports.cluster_selectors import asked_as, matches, pairs_match

STRANGE: tuple[Any, ...] = (None, 5, "text", [], {}, [1, None], {"status": None}, {"status": []})


@pytest.mark.parametrize("thing", STRANGE)
def test_what_is_not_there_is_unknown_and_no_error(thing: Any) -> None:
    assert walking.walk(thing, "status", "conditions") is None
    assert walking.items(thing, "status", "conditions") == ()
    assert walking.mapping(thing, "status", "labels") == {}
    assert walking.text(thing, "status", "phase") == ""
    assert walking.whole(thing, "status", "replicas") is None
    assert walking.amount(thing, "status", "storage") is None
    assert walking.moment(thing, "status", "at") is None
    assert walking.holds(thing, "Ready") is None
    assert walking.written_at(thing) is None


def test_texts_are_one_clean_line_and_bounded() -> None:
    assert walking.text({"a": "\x1b[31mred\nline\u202e"}, "a") == "[31mred line"
    assert len(walking.text({"a": "x" * 10_000}, "a")) == 300


def test_true_is_no_number() -> None:
    assert walking.whole({"a": True}, "a") is None
    assert walking.amount({"a": True}, "a") is None
    assert walking.amount({"a": "1Gi"}, "a") == 2**30
    assert walking.amount({"a": 5}, "a") == 5.0


def test_times_are_read_with_and_without_fractions() -> None:
    assert walking.moment({"t": "1970-01-01T00:01:00Z"}, "t") == 60.0
    assert walking.moment({"t": "1970-01-01T00:01:00.500000Z"}, "t") == 60.5
    assert walking.moment({"t": "yesterday"}, "t") is None


def test_a_clock_that_is_ahead_makes_it_just_now() -> None:
    assert walking.ago(100.0, 130.0) == timedelta(0)
    assert walking.ago(100.0, 40.0) == timedelta(minutes=1)
    assert walking.ahead(100.0, 40.0) == timedelta(minutes=-1)
    assert walking.span(float("inf")) is None
    assert walking.span(float("nan")) is None


def test_who_wrote_it_last_is_not_who_wrote_its_status() -> None:
    entries = [
        {"manager": "kubectl-edit", "time": "1970-01-01T00:01:00Z"},
        {"manager": "helm", "time": "1970-01-01T00:00:30Z"},
        {"manager": "controller", "time": "1970-01-01T00:02:00Z", "subresource": "status"},
    ]
    assert walking.written_at({"metadata": {"managedFields": entries}}) == (60.0, "kubectl-edit")


def test_a_service_without_a_selector_selects_nothing() -> None:
    assert not pairs_match({}, {"app": "web"})
    assert pairs_match({"app": "web"}, {"app": "web", "tier": "a"})
    assert not pairs_match({"app": "web"}, {"app": "api"})


@pytest.mark.parametrize(
    ("selector", "answer"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Near"}]}, None),
    ],
)
def test_selectors_match_as_the_api_server_has_it(selector: Any, answer: bool | None) -> None:
    assert matches(selector, {"app": "web"}) is answer


def test_a_selector_is_asked_in_words_and_never_for_everything() -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "DoesNotExist"},
    ]
    selector = {"matchLabels": {"app": "web"}, "matchExpressions": expressions}
    assert asked_as(selector) == "app=web,tier in (a,b),!old"
    assert asked_as({}) is None
    assert asked_as(None) is None
    assert asked_as({"matchExpressions": [{"key": "a", "operator": "Near"}]}) is None
