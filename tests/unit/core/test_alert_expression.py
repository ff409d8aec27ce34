from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest

from agent.core.alert_expression import expression_of, is_cut, metrics_of
from agent.core.cleaning import LONGEST_URL, clean_alert
from agent.model.alert import Alert, AlertStatus

EXPRESSION = 'sum by (job) (rate(errors_total{code=~"5..", a!="ü&b"}[5m])) > 100 + 1 # 5%'


@pytest.mark.parametrize("escape", [quote, quote_plus])
def test_the_expression_of_prometheus(escape: object) -> None:
    assert callable(escape)
    address = f"http://prometheus:9090/graph?g0.expr={escape(EXPRESSION)}&g0.tab=1"
    assert expression_of(address) == EXPRESSION


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "http://prometheus:9090/graph",
        "http://prometheus:9090/graph?g0.expr=",
        "http://prometheus:9090/graph?g0.expr=+%20&g0.tab=1",
        "http://prometheus:9090/graph?g0.tab=1",
        "http://grafana/alerting/xyz/view?orgId=1",
        "http://elsewhere/#?x=1",
        "no address at all",
    ],
)
def test_other_addresses_have_none(address: str | None) -> None:
    assert expression_of(address) is None


def test_broken_escapes_are_only_text() -> None:
    assert expression_of("x?g0.expr=a%zz%") == "a%zz%"
    assert expression_of("x?g0.expr=%ff%00") == "\ufffd\x00"
    assert expression_of("x?g0%2Eexpr=up&g0.expr=down") == "up"
    assert expression_of("x?g0.expr=\ud800") == "?"


def test_an_expression_that_was_cut_on_its_way_in_is_known_to_be_half() -> None:
    terms = " or ".join(f"rate(metric_{n}[5m]) > 1" for n in range(200))
    sent = Alert(
        source="s",
        fingerprint="f",
        status=AlertStatus.FIRING,
        labels={"alertname": "A"},
        annotations={},
        starts_at=0.0,
        generator_url=f"http://p/graph?g0.expr={quote_plus(terms)}",
    )
    kept = expression_of(clean_alert(sent).generator_url)
    assert len(sent.generator_url) > LONGEST_URL
    assert kept is not None
    assert is_cut(kept)
    assert metrics_of(kept) == ()
    assert not is_cut(EXPRESSION)


def test_metrics_in_the_order_of_writing_and_once() -> None:
    text = (
        "sum(rate(errors_total[5m])) / ignoring(x) job:requests:rate5m > 1 "
        'and on() absent({__name__="up"}) or errors_total or {"my.metric"} or {job="api"}'
    )
    assert metrics_of(text) == ("errors_total", "job:requests:rate5m", "up", "my.metric")


@pytest.mark.parametrize("text", [None, "", "rate(", "vector(1)", "\x00"])
def test_no_metrics(text: str | None) -> None:
    assert metrics_of(text) == ()
