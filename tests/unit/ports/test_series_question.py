"""Labels of an alert as values in a question to Prometheus, and never as a part of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.ports.series_question import SeriesQuestion, quoted


def selector(metric: str = "up", **labels: str) -> str:
    return SeriesQuestion(metric=metric, labels=labels).selector


def test_labels_are_compared_for_equality() -> None:
    assert selector() == "up{}"
    assert selector("a:b_total", zone="x", instance="n-1:9100") == (
        'a:b_total{instance="n-1:9100",zone="x"}'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('x"} or vector(1) #', r'"x\"} or vector(1) #"'),
        ("a\\", r'"a\\"'),
        ("a\nb\r", r'"a\nb\r"'),
        (".*", '".*"'),
        ("", '""'),
    ],
)
def test_a_value_cannot_leave_its_quotes(value: str, text: str) -> None:
    assert quoted(value) == text


@given(st.text(max_size=60))
def test_what_is_quoted_is_one_string_and_means_the_same(value: str) -> None:
    text = quoted(value)
    inner = re.fullmatch(r'"((?:[^"\\\n\r]|\\[\\"nr])*)"', text)
    assert inner is not None
    back = {"\\\\": "\\", '\\"': '"', "\\n": "\n", "\\r": "\r"}
    assert re.sub(r'\\[\\"nr]', lambda found: back[found[0]], inner[1]) == value


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("up{}", {}),
        ("up or x", {}),
        ("", {}),
        ("1up", {}),
        ("up\n", {}),
        ("up", {"a=b": "c"}),
        ("up", {"le-ss": "c"}),
        ("up", {"a": "c" * 1_001}),
        ("up", {f"l{n}": "x" for n in range(21)}),
    ],
)
def test_what_is_no_name_is_refused(metric: str, labels: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SeriesQuestion(metric=metric, labels=labels)
