from __future__ import annotations

import pytest

from agent.core.promql import read
from agent.core.sli import (
    Unit,
    as_written_here,
    filled,
    over_time,
    presence_of,
    problem_of,
    share_beyond,
    unit_of,
)
from agent.model.product import Sli

RATE = "rate(x[$window])"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sum(rate(x[$window])", "1:21: expected `)` or `,` after the argument"),
        ("rate(x[$window]) or", "1:20: expected an expression"),
        ("x) or vector(1) or sum(x", "1:2: expected"),
        ("rate(x[5m])", "it does not look at $window"),
        ("x[$window]", "it gives a range vector"),
        ("1", "it is a number"),
        ("rate(x[5m$window])", "1:8: `5m30d` is neither a number nor a duration"),
        ("vector(1)", "it looks at no series"),
        ("ratee(x[$window])", "there is no function ratee, did you mean rate?"),
        ("", "1:1: expected an expression"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(text: str, why: str) -> None:
    assert why in problem_of(text)


def test_what_can_be_used_is_let_through() -> None:
    assert problem_of('sum by (a) (rate(x{b=~"c"}[$window])) or vector(0)') == ""
    assert problem_of("latency_seconds", is_windowed=False) == ""
    assert problem_of("avg_over_time((x > bool 1)[$window:$step])") == ""


def test_the_word_of_another_tool_for_the_window_is_ours() -> None:
    assert as_written_here(" rate(x[{{.window}}]) ") == RATE
    assert as_written_here("rate(x[{{ .window }}])") == RATE


def test_a_window_is_filled_in_and_a_comment_does_not_swallow_what_follows() -> None:
    assert filled(RATE, 300) == "rate(x[5m])"
    assert filled("f(x[$window:$step])", 21_600) == "f(x[6h:1m])"
    assert read(f"sum({filled(RATE + ' # why', 300)})")


@pytest.mark.parametrize(
    ("bad", "total", "unit"),
    [
        (RATE, RATE, Unit.PER_SECOND),
        ("increase(x[$window])", "count_over_time(x[$window])", Unit.COUNT),
        (RATE, "increase(x[$window])", Unit.UNKNOWN),
        ("avg_over_time(x[$window])", RATE, Unit.UNKNOWN),
        ("sum(rate(x[$window])) or vector(0)", RATE, Unit.PER_SECOND),
    ],
)
def test_what_a_number_means_is_read_off_its_functions(bad: str, total: str, unit: Unit) -> None:
    assert unit_of(Sli(bad=bad, total=total)) is unit
    assert unit_of(Sli(good=bad, total=total)) is unit


def test_of_a_share_nobody_knows_how_many_there_were() -> None:
    assert unit_of(Sli(share=RATE)) is Unit.UNKNOWN


def test_nothing_bad_means_none_only_where_its_metric_and_labels_exist() -> None:
    total = 'rate(x{job="web",zone!="a"}[$window])'
    assert presence_of('rate(x{job="web",code=~"5..",zone!="a"}[$window])', total) == (
        'count(x{job="web",code!=""})',
    )
    assert presence_of('rate(y{code="5"}[$window]) + rate(z[$window])', total) == (
        'count(y{code!=""})',
        "count(z{})",
    )
    assert presence_of('rate({__name__=~"y.*",a!~".+"}[$window])', total) == (
        'count({__name__=~"y.*"})',
    )


def test_a_plain_counter_is_made_into_what_happened() -> None:
    assert over_time('x{a="b"}', counter=True) == 'increase(x{a="b"}[$window])'
    assert over_time(" sum ( x ) ", counter=True) == "sum(increase(x[$window]))"
    assert over_time("x", counter=False) == "sum_over_time(x[$window])"
    for other in ("sum by (a) (x)", "x offset 5m", "x + y", "sum(x + y)", "sum(x", "x[5m]"):
        assert over_time(other, counter=True) == ""


def test_a_share_of_the_time_leaves_out_what_is_no_number() -> None:
    text = share_beyond("a / b", ">", 0.5)
    assert text == "avg_over_time(max(((a / b) >= -Inf) > bool 0.5)[$window:$step])"
    assert problem_of(text) == ""
