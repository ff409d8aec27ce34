"""Generated rules before the real promtool: it reads them, and plays what happens against them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.core.sli import share_beyond
from agent.core.slo_rules import groups
from agent.model.product import Product, Sli, Slo
from tests.support.promtool import Gives, Rules, Told

pytestmark = pytest.mark.integration

REQUESTS = Sli(
    bad='rate(http_requests_total{code=~"5.."}[$window])',
    total="rate(http_requests_total[$window])",
)
GOOD = 'http_requests_total{code="200"}'
BAD = 'http_requests_total{code="500"}'
RATIO = "sum(slo:bad:ratio_rate5m)"
DAY = 86_400.0


def rules(folder: Path, sli: Sli = REQUESTS, **fields: Any) -> Rules:
    told: dict[str, Any] = {"name": "pay", "objective": 0.999, "journey": "a customer pays"}
    slo = Slo(**{**told, "sli": sli, **fields})
    product = Product(name="shop", builder="team-shop", tier="high", slos=(slo,))
    return Rules(folder, groups([product], link="http://127.0.0.1:8420"))


def steps(*at: int, length: int) -> str:
    """A counter that grows by one at each of these samples."""
    return " ".join(str(sum(number >= one for one in at)) for number in range(length))


def nan(times: int) -> str:
    return " ".join(["NaN"] * times)


def test_promtool_reads_them_whatever_the_objective_counts(tmp_path: Path) -> None:
    forms = [
        REQUESTS,
        Sli(good='increase(a{x="y"}[$window])', total="sum by (pod) (increase(a[$window]))"),
        Sli(bad='rate({__name__=~"a.*",b="\\"\\\\"}[$window]) # why', total="rate(a[$window])"),
        Sli(share="1 - avg_over_time(up[$window])"),
        Sli(share=share_beyond("histogram_quantile(0.99, sum by (le) (rate(a[5m])))", ">", 0.3)),
    ]
    for number, sli in enumerate(forms):
        for seconds in (3_600.0, 7 * DAY, 28 * DAY, 366 * DAY):
            folder = tmp_path / f"{number}-{seconds:.0f}"
            folder.mkdir()
            rules(folder, sli, window_seconds=seconds, journey="{{ .Labels }} \n {{").check()


@pytest.mark.parametrize(
    ("bad", "alerts"),
    [
        (150, {"SloBurnFast", "SloBurnSlow"}),
        (70, {"SloBurnFast", "SloBurnSlow"}),
        (50, {"SloBurnSlow"}),
        (9, set()),
        (0, set()),
    ],
)
def test_who_is_told_depends_on_how_fast_the_budget_burns(
    tmp_path: Path, bad: int, alerts: set[str]
) -> None:
    """15 and 7 times as fast as allowed pages, 5 times does not, and within the budget nobody is
    told."""
    series = {GOOD: f"0+{10_000 - bad}x150", BAD: f"0+{bad}x150"}
    rules(tmp_path).hold(
        series,
        Told("1h", alerts),
        Gives("1h", RATIO, {"{}": bad / 10_000}),
        Gives("1h", "sum(slo:events:rate1h * 30)", {"{}": 10_000.0}),
    )


def test_an_alert_ends_soon_after_the_failures_do(tmp_path: Path) -> None:
    """The short window: five minutes later nobody is paged any more, though an hour is bad."""
    paging = {GOOD: "0+500x240", BAD: "0+500x60 30000+0x180"}
    rules(tmp_path).hold(
        paging,
        Told("30m", {"SloBurnFast", "SloBurnSlow"}),
        Gives("36m", 'count(ALERTS{alertname="SloBurnFast"}) or vector(0)', {"{}": 1.0}),
        Gives("70m", 'count(ALERTS{alertname="SloBurnFast"}) or vector(0)', {"{}": 0.0}),
    )


def test_one_error_among_few_requests_wakes_nobody_and_two_do(tmp_path: Path) -> None:
    """Ten requests in an hour, of which one fails: a tenth of them, a hundred times as
    much as allowed, and still nothing to wake anybody for."""
    few = steps(*range(6, 240, 12), length=240)
    one = {GOOD: few, BAD: steps(100, length=240)}
    rules(tmp_path).hold(one, *(Told(at, set()) for at in ("51m", "53m", "60m", "90m", "2h")))
    two = {GOOD: few, BAD: steps(100, 104, length=240)}
    rules(tmp_path).hold(
        two,
        Told("51m", set()),
        Told("53m", {"SloBurnFast"}),
        Told("58m", {"SloBurnFast", "SloBurnSlow"}),
    )
    rules(tmp_path, least_events=3.0).hold(two, Told("53m", set()), Told("60m", set()))


def test_an_outage_of_a_service_that_few_use_is_told(tmp_path: Path) -> None:
    """The guard must not hide it. Ten requests in an hour, and all of them fail."""
    series = {GOOD: "0x240", BAD: steps(*range(6, 240, 12), length=240)}
    rules(tmp_path).hold(series, Told("20m", {"SloBurnFast", "SloBurnSlow"}))


def test_an_alert_does_not_end_because_nobody_comes_any_more(tmp_path: Path) -> None:
    series = {GOOD: "0+1x60 60+0x60", BAD: "0+9x60 540+0x60"}
    rules(tmp_path).hold(series, Told("45m", {"SloBurnFast", "SloBurnSlow"}))


def test_an_objective_over_nothing_is_no_good_one(tmp_path: Path) -> None:
    """An empty selector is an error and not 100 %."""
    rules(tmp_path).hold(
        {"up": "1x60"}, Told("9m", set()), Told("11m", {"SloNoData"}), Gives("15m", RATIO, {})
    )


def test_a_metric_that_vanishes_is_told(tmp_path: Path) -> None:
    """It was there, and is not any more."""
    series = {GOOD: "0+10x60 _x100"}
    rules(tmp_path).hold(series, Told("29m", set()), Told("55m", {"SloNoData"}))


@pytest.mark.parametrize(
    "bad",
    ['http_requests_total{status=~"5.."}', "http_errors_total", 'http_requests_total{job="wbe"}'],
)
def test_errors_that_are_asked_for_by_a_wrong_name_are_no_good_news(
    tmp_path: Path, bad: str
) -> None:
    """No such label, no such metric, no such service: nothing bad is found by any."""
    sli = Sli(bad=f"rate({bad}[$window])", total='rate(http_requests_total{job="web"}[$window])')
    series = {'http_requests_total{code="200",job="web"}': "0+10x60"}
    rules(tmp_path, sli).hold(series, Told("15m", {"SloNoData"}), Gives("15m", RATIO, {}))


def test_no_error_so_far_is_good_news(tmp_path: Path) -> None:
    """The series of a code that never came does not exist; its metric and label do."""
    rules(tmp_path).hold({GOOD: "0+10x60"}, Told("15m", set()), Gives("15m", RATIO, {"{}": 0.0}))


def test_where_nobody_comes_nothing_burns_and_nothing_is_missing(tmp_path: Path) -> None:
    rules(tmp_path).hold(
        {GOOD: "500x240", BAD: "3x240"},
        *(Told(at, set()) for at in ("15m", "1h", "2h")),
        Gives("1h", RATIO, {}),
        Gives("1h", "sum(slo:events:rate5m)", {"{}": 0.0}),
        Gives("1h", "sum(slo:events:count_window)", {"{}": 0.0}),
    )


def test_what_is_no_number_is_told_as_not_known(tmp_path: Path) -> None:
    share = Sli(share="avg_over_time(error_share[$window])")
    rules(tmp_path, share).hold({"error_share": nan(60)}, Told("15m", {"SloNoData"}))
    rules(tmp_path, share).hold({"error_share": "12x60"}, Told("15m", {"SloNoData"}))
    rules(tmp_path).hold({GOOD: nan(60), BAD: nan(60)}, Told("15m", {"SloNoData"}))


def test_what_was_no_number_for_a_while_does_not_spoil_the_month(tmp_path: Path) -> None:
    series = {GOOD: f"0+10x20 {nan(20)} 600+10x160"}
    rules(tmp_path).hold(
        series, Told("95m", set()), Gives("95m", "sum(slo:bad:ratio_window)", {"{}": 0.0})
    )


def test_a_counter_that_begins_anew_is_no_failure(tmp_path: Path) -> None:
    series = {GOOD: "0+100x60 0+100x60", BAD: "5x60 0x60"}
    rules(tmp_path).hold(series, Told("35m", set()), Told("55m", set()))


def test_what_is_counted_as_good_leaves_the_rest_bad(tmp_path: Path) -> None:
    sli = Sli(
        good='increase(http_requests_total{code="200"}[$window])',
        total="increase(http_requests_total[$window])",
    )
    rules(tmp_path, sli).hold(
        {GOOD: "0+9x120", BAD: "0+1x120"},
        Told("50m", {"SloBurnFast", "SloBurnSlow"}),
        Gives("50m", RATIO, {"{}": 0.1}),
        Gives("50m", "sum(slo:bad:rate1h * 3600) > bool 90", {"{}": 1.0}),
    )
    outage = {BAD: "0+1x120"}
    rules(tmp_path, sli).hold(outage, Gives("50m", RATIO, {"{}": 1.0}))


def test_a_query_beyond_its_value_is_bad_for_as_long(tmp_path: Path) -> None:
    sli = Sli(share=share_beyond("latency_seconds", ">", 0.5))
    told = rules(tmp_path, sli, objective=0.99)
    told.hold({"latency_seconds": "0.1x240"}, Told("1h", set()))
    told.hold(
        {"latency_seconds": "0.1x80 0.9x60"},
        Told("35m", set()),
        Told("1h", {"SloBurnFast", "SloBurnSlow"}),
    )
