from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalog.quantities import (
    Duration,
    Percentage,
    PositiveDuration,
    format_duration,
    parse_duration,
)
from agent.catalog.strict_yaml import FaultsError, parse, validate
from agent.catalog.validation import Written


class Amounts(Written):
    wait: Duration = 0.0
    every: PositiveDuration = 1.0
    share: Percentage = 0.5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30.0),
        ("15m", 900.0),
        ("6h", 21600.0),
        ("7d", 604800.0),
        ("1h30m", 5400.0),
        ("1d2h3m4s5ms", 93784.005),
        ("0s", 0.0),
    ],
)
def test_reads_durations(text: str, seconds: float) -> None:
    amounts = validate(parse(f"wait: {text}", file="f"), Amounts, code="HS400")
    assert amounts.wait == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "wait: 30",
            "f:1:7: HS400 wait: a duration needs a unit (write 30s for seconds, 30m for minutes)",
        ),
        (
            'wait: "30"',
            "f:1:7: HS400 wait: a duration needs a unit (write 30s for seconds, 30m for minutes)",
        ),
        (
            "wait: soon",
            'f:1:7: HS400 wait: "soon" is not a duration'
            " (write it like 500ms, 30s, 15m, 6h, 7d or 1h30m)",
        ),
        (
            "wait: -5s",
            'f:1:7: HS400 wait: "-5s" is not a duration'
            " (write it like 500ms, 30s, 15m, 6h, 7d or 1h30m)",
        ),
        (
            "wait: 30m1h",
            'f:1:7: HS400 wait: "30m1h" is not a duration'
            " (write it like 500ms, 30s, 15m, 6h, 7d or 1h30m)",
        ),
        (
            "wait: [30s]",
            "f:1:7: HS400 wait: a duration is expected here"
            " (write it like 500ms, 30s, 15m, 6h, 7d or 1h30m)",
        ),
        (
            "every: 0s",
            "f:1:8: HS400 every: the duration must be longer than nothing"
            " (write it like 500ms, 30s, 15m, 6h, 7d or 1h30m)",
        ),
        (
            "wait: 999999d",
            'f:1:7: HS400 wait: "999999d" is longer than ten years (write a shorter duration)',
        ),
        (
            "share: 120%",
            "f:1:8: HS400 share: a percentage from 0% to 100% is expected here (write it like 80%)",
        ),
    ],
)
def test_refuses_what_can_be_misread(text: str, said: str) -> None:
    with pytest.raises(FaultsError) as caught:
        validate(parse(text, file="f"), Amounts, code="HS400")
    assert [str(fault) for fault in caught.value.faults] == [said]


def test_reads_percentages() -> None:
    assert validate(parse("share: 80%", file="f"), Amounts, code="HS400").share == 0.8


@given(st.integers(min_value=0, max_value=300_000_000_000))
def test_formats_what_it_reads_back(milliseconds: int) -> None:
    text = format_duration(milliseconds / 1000)
    assert round(parse_duration(text) * 1000) == milliseconds


def test_formats_shortly() -> None:
    assert [format_duration(s) for s in (0, 0.25, 90, 900, 86400)] == [
        "0s",
        "250ms",
        "1m30s",
        "15m",
        "1d",
    ]
