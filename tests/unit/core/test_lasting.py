"""For how long an expression is surely true after the last bad sample."""

from __future__ import annotations

import pytest

from agent.core.lasting import lasts_for

TEN = 600.0


@pytest.mark.parametrize(
    "expression",
    [
        "max_over_time(x[10m]) > 3",
        "max_over_time(x[10m]) >= 3",
        "3 < max_over_time(x[10m])",
        "min_over_time(x[10m]) < 3",
        "(max(max_over_time(x[10m])) by (pod)) > 3",
        "increase(errors_total[10m]) > 0",
        "sum by (service) (increase(errors_total[10m])) > 0",
        "rate(errors_total[10m]) != 0",
        "changes(version[10m]) > 0",
        "resets(x[10m]) > 0",
        "count_over_time(x[10m]) > 0",
        "present_over_time(x[10m])",
        "present_over_time(x[10m]) == 1",
        "max_over_time(rate(x[5m])[10m:1m]) > 3",
        "max_over_time(x[5m] offset 5m) > 3",
        "max_over_time(x[10m]) > 3 or increase(y[20m]) > 0",
        "max_over_time(x[20m]) > 3 and increase(y[10m]) > 0",
    ],
)
def test_one_bad_sample_in_the_window_keeps_it_true(expression: str) -> None:
    assert lasts_for(expression) == TEN


@pytest.mark.parametrize(
    "expression",
    [
        "x > 3",
        "rate(errors_total[10m]) > 5",
        "increase(errors_total[10m]) > 5",
        "avg_over_time(x[10m]) > 3",
        "max_over_time(x[10m]) < 3",
        "min_over_time(x[10m]) > 3",
        "sum(max_over_time(x[10m])) > 3",
        "count(increase(x[10m])) > 0",
        "absent_over_time(x[10m])",
        "max_over_time(x[10m] offset -5m) > 3",
        "max_over_time(x[10m] @ end()) > 3",
        "increase(a[10m]) / increase(b[10m]) > 0",
        "max_over_time(x[10m]) > y",
        "max_over_time(x[10m]) > 3 or y > 1",
        "max_over_time(x[10m]) > 3 unless y > 1",
        "delta(x[10m]) > 0",
        "",
        "   ",
        "this is ((( no query",
        "max_over_time(x[10m]) > 3...[5000 characters 0123456789abcdef]",
    ],
)
def test_of_everything_else_nothing_is_certain(expression: str) -> None:
    assert lasts_for(expression) == 0.0


def test_a_text_that_is_nested_without_end_gets_an_answer() -> None:
    assert lasts_for("(" * 5_000 + "max_over_time(x[10m]) > 3" + ")" * 5_000) in (0.0, TEN)
    many = " or ".join(["max_over_time(x[10m]) > 3"] * 400)
    assert lasts_for(many) in (0.0, TEN)
