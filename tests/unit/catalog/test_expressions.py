from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from agent.catalog.expressions import (
    ExpressionError,
    Problem,
    Scope,
    compile_expression,
    compile_predicate,
)
from agent.catalog.fact_types import result_types
from agent.model.runbook import Truth
from tests.support.runbook_plugins import StatusResult

SCOPE = Scope().with_result("web", StatusResult).with_later(["after"], "plan undo observes it")
FACTS: dict[str, Any] = {
    "alert": {
        "name": "Down",
        "labels": {"severity": "critical", "namespace": "prod-a"},
        "annotations": {},
        "starts_at": 1_750_000_000.0,
    },
    "entity": {"name": "web", "kind": "service", "product": "shop", "owner": "team-shop"},
    "incident": {"id": "i-1", "severity": "critical", "product": "shop"},
    "web": {
        "alive": True,
        "restarts": 3,
        "changed_seconds_ago": None,
        "tags": ["a", "b"],
        "counts": {"x": 1},
        "previous": {"version": "v1", "healthy": True},
    },
}


def truth(text: str, facts: dict[str, Any] | None = None) -> Truth:
    return compile_predicate(text, SCOPE)(FACTS if facts is None else facts)


def problems(text: str, scope: Scope = SCOPE) -> tuple[Problem, ...]:
    with pytest.raises(ExpressionError) as caught:
        compile_predicate(text, scope)
    return caught.value.problems


@pytest.mark.parametrize(
    "text",
    [
        "web.alive",
        "web . alive && web.restarts > 2",
        'alert.labels.severity == "critical" && alert.name == "Down"',
        'alert.labels["namespace"].startsWith("prod-")',
        'alert.starts_at > timestamp("2020-01-01T00:00:00Z")',
        'entity.owner == "team-shop" && incident.severity in ["critical", "error"]',
        "web.previous.healthy",
        'web.tags.exists(t, t == "b")',
        "web.counts.x == 1",
        "has(alert.labels.severity) && !has(alert.labels.other)",
        'alert.labels.namespace.matches("^prod-[a-z]$")',
        "// a note\nweb.alive // and another, web.alive\n&& true",
        "web.restarts > 2.5 && 2.5 < web.restarts && web.restarts >= 3.0",
    ],
)
def test_true(text: str) -> None:
    assert truth(text) is Truth.TRUE


@pytest.mark.parametrize(
    "text",
    [
        'alert.labels.region == "eu"',
        "web.changed_seconds_ago < 30",
        "!(web.changed_seconds_ago < 30)",
        'alert.labels.region == "eu" || false',
        'alert.labels.region == "eu" && true',
        "web.restarts / 0 == 1",
        'web.tags[7] == "b"',
        "web.counts.y == 1",
        "timestamp(alert.name) > alert.starts_at",
    ],
)
def test_what_is_missing_is_unknown(text: str) -> None:
    assert truth(text) is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('web.alive || alert.labels.region == "eu"', Truth.TRUE),
        ('alert.labels.region == "eu" || web.alive', Truth.TRUE),
        ('alert.labels.region == "eu" && !web.alive', Truth.FALSE),
        ('!web.alive && alert.labels.region == "eu"', Truth.FALSE),
    ],
)
def test_a_known_side_decides_over_an_unknown_one(text: str, expected: Truth) -> None:
    assert truth(text) is expected


def test_a_diagnostic_that_failed_leaves_its_fields_unknown() -> None:
    facts = {k: v for k, v in FACTS.items() if k != "web"}
    assert truth("web.alive", facts) is Truth.UNKNOWN
    assert truth("!web.alive", facts) is Truth.UNKNOWN
    assert truth("web.alive", {}) is Truth.UNKNOWN


@pytest.mark.parametrize("value", [None, float("nan"), "soon", [1]])
def test_a_number_that_is_none_is_unknown(value: object) -> None:
    facts = {"web": {"changed_seconds_ago": value}}
    assert truth("web.changed_seconds_ago < 30", facts) is Truth.UNKNOWN
    assert truth("web.changed_seconds_ago >= 30", facts) is Truth.UNKNOWN


@pytest.mark.parametrize("value", [2**70, 1.5, "3", True, None, {}])
def test_a_value_of_another_type_is_unknown(value: object) -> None:
    assert truth("web.restarts > 2", {"web": {"restarts": value}}) is Truth.UNKNOWN


def test_hostile_label_values_are_only_data() -> None:
    facts = {"alert": {"labels": {"a": "\ud800", "b": '" || true || "'}}}
    assert truth('alert.labels.a == "x"', facts) is Truth.UNKNOWN
    assert truth('alert.labels.b == "x"', {"alert": {"labels": {"b": '" || true || "'}}}) is (
        Truth.FALSE
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "remedy"),
    [
        ("web.aliv", 1, 5, "unknown name web.aliv", "did you mean web.alive?"),
        ("web.alive &&\n  web.restart > 1", 2, 7, "unknown name web.restart", "web.restarts?"),
        ("web.previous.helthy", 1, 14, "unknown name web.previous.helthy", "web.previous.healthy"),
        ("alert.namespac == '1'", 1, 7, "unknown name alert.namespac", "alert.labels.namespac"),
        ("web.restarts", 1, 1, "a condition must be true or false, this is int", ""),
        ("web.restarts == 2.0", 1, 14, "`==` does not work on (int, double)", "write 1.0 for 1"),
        ('web.alive == "yes"', 1, 11, "`==` does not work on (bool, string)", ""),
        ("web.alive &&", 1, 13, "it ends too early", ""),
        ("nothing(1)", 1, 1, "unknown function nothing", "known are bool, double"),
        ("  ", 1, 1, "the expression is empty", ""),
        ("web.alive\x00", 1, 10, "the expression holds a control character", ""),
        ("has(web.alive)", 1, 4, "has(web.alive) cannot be asked of a declared name", "leave it"),
        ("(" * 40 + "true" + ")" * 40, 1, 1, "it is nested too deeply", ""),
        ("entity.knd == 'a'", 1, 8, "unknown name entity.knd", "did you mean entity.kind?"),
        ("web.alive.now", 1, 10, "web.alive is a bool and has no fields", ""),
        ("alert.name[0] == 'a'", 1, 11, "`[]` does not work on (string, int)", ""),
        ("web.tags.exists(web, true)", 1, 17, "web is a fact and cannot be a variable", "call"),
    ],
)
def test_faults_have_a_place_and_a_way_out(
    text: str, line: int, column: int, message: str, remedy: str
) -> None:
    problem = problems(text)[0]
    assert (problem.line, problem.column, problem.message) == (line, column, message)
    assert remedy in problem.remedy


def test_a_fact_of_a_later_phase() -> None:
    problem = problems("after.alive")[0]
    assert problem.is_later
    assert problem.message == "after.alive is known only later: plan undo observes it"
    assert truth_in(SCOPE.with_result("after", StatusResult), "after.alive") is Truth.UNKNOWN


def truth_in(scope: Scope, text: str) -> Truth:
    return compile_predicate(text, scope)(FACTS)


def test_a_result_that_is_not_known_lets_its_fields_pass() -> None:
    assert truth_in(Scope().with_unchecked("odd"), "odd.any.thing") is Truth.UNKNOWN


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
@settings(max_examples=150, deadline=None)
def test_no_facts_make_a_predicate_raise(value: object) -> None:
    for facts in (
        {"web": value, "alert": value},
        {"web": {"alive": value, "restarts": value, "tags": value, "counts": value}},
        {"alert": {"labels": value, "starts_at": value}},
    ):
        for predicate in _WHATEVER:
            assert predicate(facts) in Truth


_WHATEVER: list[Callable[[Any], Truth]] = [
    compile_predicate(text, SCOPE)
    for text in (
        "web.alive || web.restarts > 1",
        'web.tags.exists(t, t == "a") && web.counts.x > 0',
        'alert.labels.a == "b" || alert.starts_at > timestamp("2020-01-01T00:00:00Z")',
    )
]


@pytest.mark.parametrize("text", ["entity", " entity ", "entity // the name", "entity.name"])
def test_entity_alone_is_its_name(text: str) -> None:
    assert compile_expression(text, SCOPE).evaluate(FACTS) == "web"


def test_entity_alone_stands_in_longer_ones_as_well() -> None:
    assert truth('entity == "web" && entity.kind == "service" && size(entity) == 3') is Truth.TRUE
    assert truth('"pod of " + entity == "pod of web" || entity in ["x"]') is Truth.TRUE
    assert truth('entity == "web"', {}) is Truth.UNKNOWN
    assert truth('entity == "entity"') is Truth.FALSE
    scope = SCOPE.with_names({"entity.replicas": "int"})
    facts = {"entity": {"name": "web", "replicas": 3}}
    assert compile_predicate('entity == "web" && entity.replicas > 2', scope)(facts) is Truth.TRUE


def test_facts_of_the_alerts_rule() -> None:
    facts = {"alert": {"expression": "up == 0", "metrics": ["up"]}}
    text = '"up" in alert.metrics && alert.expression.contains("up ==")'
    assert truth(text, facts) is Truth.TRUE
    assert truth(text) is Truth.UNKNOWN


def test_more_names_by_their_types() -> None:
    scope = SCOPE.with_names({"before.web.restarts": "int", "web.alive": "string"})
    facts = {"web": {"restarts": 3, "alive": "yes"}, "before": {"web": {"restarts": 2}}}
    text = 'web.restarts <= before.web.restarts + 1 && web.alive == "yes"'
    assert compile_predicate(text, scope)(facts) is Truth.TRUE
    assert SCOPE.types["web.alive"] == "bool"


def test_a_value() -> None:
    value = compile_expression("web.restarts + 1", SCOPE)
    assert (value.text, value.kind, value.evaluate(FACTS)) == ("web.restarts + 1", "INT", 4)
    assert compile_expression("alert.labels.namespace", SCOPE).evaluate(FACTS) == "prod-a"
    assert compile_expression("web.tags", SCOPE).evaluate(FACTS) == ["a", "b"]
    with pytest.raises(LookupError):
        compile_expression("alert.labels.region", SCOPE).evaluate(FACTS)
    with pytest.raises(LookupError):
        value.evaluate({})


class Colour(StrEnum):
    RED = "red"


class Odd(BaseModel):
    when: datetime
    span: timedelta
    colour: Colour
    word: Literal["a", "b"]
    either: int | str
    maybe: float | None
    nested: list[list[str]]
    anything: Any


def test_types_of_fields() -> None:
    assert result_types(StatusResult) == {
        "alive": "bool",
        "restarts": "int",
        "changed_seconds_ago": "double",
        "tags": "list<string>",
        "counts": "map<string, int>",
        "previous.version": "string",
        "previous.healthy": "bool",
    }
    assert result_types(Odd) == {
        "when": "timestamp",
        "span": "duration",
        "colour": "string",
        "word": "string",
        "either": "dyn",
        "maybe": "double",
        "nested": "list<list<string>>",
        "anything": "dyn",
    }


def test_times_and_spans_in_any_of_their_forms() -> None:
    scope = Scope().with_result("odd", Odd)
    for when in ("2026-01-01T00:00:00Z", 1_767_225_600, datetime(2026, 1, 1)):  # noqa: DTZ001
        for span in (90, 90.0, timedelta(seconds=90)):
            facts = {"odd": {"when": when, "span": span, "colour": Colour.RED, "anything": True}}
            text = (
                'odd.when == timestamp("2026-01-01T00:00:00Z") && odd.span == duration("90s") '
                '&& odd.colour == "red" && odd.anything'
            )
            assert compile_predicate(text, scope)(facts) is Truth.TRUE
    for wrong in ("never", 1e300, float("nan")):
        facts = {"odd": {"when": wrong, "span": wrong}}
        assert compile_predicate('odd.span > duration("1s")', scope)(facts) is Truth.UNKNOWN
        assert (
            compile_predicate('odd.when > timestamp("2026-01-01T00:00:00Z")', scope)(facts)
            is Truth.UNKNOWN
        )


def test_the_library_is_loaded_at_the_first_expression_only() -> None:
    code = (
        "import sys; import agent.catalog.runbooks, agent.catalog.expressions as e;"
        "assert 'cel_expr_python' not in sys.modules; e.compile_predicate('true', e.Scope());"
        "assert 'cel_expr_python' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
