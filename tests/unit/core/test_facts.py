"""What expressions may read, and what a parameter must be to be used."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.facts import Unresolved, facts_about, resolve_params
from agent.model.runbook import Runbook
from tests.support.cases import Value, World, alert, received, runbook

FACTS = {"a": {"text": "x", "none": None, "empty": "", "list": [], "zero": 0, "no": False}}
RULE = "http://p:9090/graph?g0.expr=rate(http_errors_total%7Bjob%3D%22a%22%7D%5B5m%5D)+%3E+1"


def alert_facts(url: str) -> dict[str, Any]:
    world = World()
    told: dict[str, Any] = facts_about(world.fire(generator_url=url), world.view)["alert"]
    return told


def test_the_rule_behind_the_alert_is_a_fact() -> None:
    told = alert_facts(RULE)
    assert told["expression"] == 'rate(http_errors_total{job="a"}[5m]) > 1'
    assert told["metrics"] == ["http_errors_total"]


@pytest.mark.parametrize("url", ["", "http://p:9090/graph", "http://p:9090/alerts?g1.expr=up"])
def test_where_it_is_not_known_it_is_missing(url: str) -> None:
    assert {"expression", "metrics"}.isdisjoint(alert_facts(url))


@pytest.mark.parametrize("runbooks", [(), (runbook(),)])
def test_messages_that_come_later_do_not_move_the_alert_that_is_read(
    runbooks: tuple[Runbook, ...],
) -> None:
    world = World(*runbooks)
    first = alert(labels={"pod": "a-1"}, starts_at=world.now - 60)
    second = alert(labels={"pod": "b-1"}, starts_at=world.now - 30)
    world.fire(first)
    for told in (second, first):
        world.now += 10
        world.tell(received(msgspec.structs.replace(told, expires_at=world.now + 60), world.now))
        assert pod_of(world) == "a-1"
    world.clear(first)
    assert pod_of(world) == "a-1"


def test_before_a_runbook_is_chosen_it_is_the_one_that_started_first() -> None:
    world = World()
    world.fire(alert(labels={"pod": "late"}, starts_at=world.now - 10))
    world.fire(alert(labels={"pod": "early"}, starts_at=world.now - 60))
    assert pod_of(world) == "early"


def pod_of(world: World) -> str:
    return str(facts_about(world.case, world.view)["alert"]["labels"]["pod"])


def test_expressions_are_worked_out_at_any_depth() -> None:
    params = {"a": Value("a.text"), "b": [{"c": Value("a.zero")}, "=a.text"], "d": Value("a.no")}
    assert resolve_params(params, FACTS) == {"a": "x", "b": [{"c": 0}, "=a.text"], "d": False}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a.gone", "is unknown"),
        ("a.none", "is empty"),
        ("a.empty", "is empty"),
        ("a.list", "is empty"),
    ],
)
def test_what_is_missing_or_empty_is_named(path: str, why: str) -> None:
    with pytest.raises(Unresolved, match=rf"^to\.x\[1\]: ={path} {why}"):
        resolve_params({"to": {"x": ["literal", Value(path)]}}, FACTS)


def test_what_the_author_left_empty_stays_empty() -> None:
    assert resolve_params({"a": "", "b": [], "c": None}, FACTS) == {"a": "", "b": [], "c": None}
