"""Lengths of time as people write them, and as they are written down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.catalog.fact_types import fit, result_types
from agent.ports.plugin import Result
from agent.ports.span import Span


class Waited(Result):
    waited: Span
    left: Span | None = None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("0s", 0),
        (90, 90),
        (-3.5, -3.5),
    ],
)
def test_a_length_of_time_is_read_and_written_down_as_seconds(
    written: object, seconds: float
) -> None:
    found = Waited.model_validate({"waited": written})
    assert found.waited == timedelta(seconds=seconds)
    assert found.model_dump(mode="json") == {"waited": seconds, "left": None}


@pytest.mark.parametrize("written", ["", "5", "5 m", "m5", "1m1h", "-5m", "soon", "5M", None, []])
def test_what_is_no_length_of_time_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        Waited.model_validate({"waited": written})


@given(st.integers(min_value=-(10**9), max_value=10**9))
def test_what_was_written_down_is_read_as_the_same(seconds: int) -> None:
    found = Waited.model_validate({"waited": seconds})
    assert Waited.model_validate(found.model_dump(mode="json")) == found


def test_expressions_see_a_duration() -> None:
    assert result_types(Waited) == {"waited": "duration", "left": "duration"}
    written = Waited.model_validate({"waited": "30m"}).model_dump(mode="json")["waited"]
    assert fit(written, "duration") == timedelta(minutes=30)
