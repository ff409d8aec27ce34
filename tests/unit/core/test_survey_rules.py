"""Which rules can never fire, by what a Prometheus was asked for."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from agent.core.survey_rules import RuleSeen, blind_rules, questions


def rule(query: str, name: str = "R", **fields: object) -> RuleSeen:
    return RuleSeen(name=name, group="g", query=query, **fields)  # type: ignore[arg-type]


def blind(query: str, *missing: str) -> bool:
    one = rule(query)
    assert set(missing) <= set(questions([one])), questions([one])
    return bool(blind_rules([one], missing))


A, B = '{__name__="a"}', '{__name__="b"}'


def test_only_name_and_place_are_asked_for_since_other_labels_may_rightly_be_missing() -> None:
    asked = questions([rule('rate(errors_total{code=~"5..", job="shop", reason="x"}[5m]) > 1')])
    assert asked == ('{__name__="errors_total",job="shop"}',)


def test_each_metric_is_asked_for_once_however_many_rules_read_it() -> None:
    assert questions([rule("a > 1"), rule("sum(rate(a[5m])) / b")]) == (A, B)


@pytest.mark.parametrize(
    ("query", "missing", "is_blind"),
    [
        ("a > 1", [A], True),
        ("a > 1", [], False),
        ("rate(a[5m]) / rate(b[5m]) > 0.1", [B], True),
        ("a or b", [A], False),
        ("a or b", [A, B], True),
        ("a or vector(0)", [A], False),
        ("a unless b", [A], True),
        ("absent_over_time(up[5m]) and a", [A], True),
        ("max_over_time((a > 1)[1h:5m])", [A], True),
    ],
)
def test_a_rule_is_blind_where_it_can_have_no_result(
    query: str, missing: Collection[str], is_blind: bool
) -> None:
    assert blind(query, *missing) is is_blind


@pytest.mark.parametrize("query", ["absent(a)", "absent(sum(rate(a[5m])))", "vector(1)"])
def test_a_rule_about_a_missing_metric_asks_for_nothing(query: str) -> None:
    assert questions([rule(query)]) == ()
    assert blind_rules([rule(query)], [A]) == ()


def test_what_only_the_right_side_of_unless_reads_is_not_asked_for() -> None:
    assert questions([rule("a unless b")]) == (A,)


def test_what_a_rule_records_is_there_where_that_rule_can_be_computed() -> None:
    """A rule over a rule over a metric that is gone: both are blind, and the record of it is not
    asked for, since a comparison that holds nowhere records nothing."""
    rules = [
        rule("sum(a) > 5", "job:a:sum", is_alerting=False),
        rule("job:a:sum / 2", "job:a:half", is_alerting=False),
        rule("job:a:half > 9", "High"),
    ]
    assert questions(rules) == (A,)
    assert blind_rules(rules, []) == ()
    found = blind_rules(rules, [A])
    assert [(b.rule.name, b.missing) for b in found] == [
        ("job:a:sum", ("a",)),
        ("job:a:half", ("job:a:sum",)),
        ("High", ("job:a:half",)),
    ]


def test_what_prometheus_makes_itself_of_firing_alerts_is_not_missed() -> None:
    assert questions([rule('ALERTS{alertname="X"} > 0')]) == ()


def test_what_cannot_be_read_here_is_no_finding() -> None:
    assert questions([rule("a >"), rule("b > 1")]) == (B,)
    assert blind_rules([rule("a >")], [A]) == ()


def test_values_of_labels_are_quoted_as_text_whatever_they_hold() -> None:
    hostile = 'a{job="x\\"} or vector(1) #é\\n"} > 1'
    assert questions([rule(hostile)]) == ('{__name__="a",job="x\\"} or vector(1) #é\\n"}',)


def test_an_expression_a_thousand_terms_long_is_read() -> None:
    long = " + ".join(f"m{n}" for n in range(1000))
    assert blind(long, '{__name__="m999"}')
    assert not blind(long)
