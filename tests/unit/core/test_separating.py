"""What tells incidents apart that look alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agent.core.separating import Separated, separate
from agent.model.learning import Resolution
from tests.support.resolutions import resolution


def found(
    likes: Sequence[Any], contrast: Sequence[Any], *, field: str = "x", mixed: bool = True
) -> str:
    """The condition over `x` where it had these values; None: it was not found."""

    def kind(values: Sequence[Any], start: int) -> list[Resolution]:
        step = 2 if mixed else 1
        return [
            resolution(start + n * step, status={} if v is None else {field: v})
            for n, v in enumerate(values)
        ]

    made: Separated | None = separate(kind(likes, 1), kind(contrast, 2 if mixed else 50))
    return made.condition if made is not None else ""


def test_a_truth_separates() -> None:
    assert found([True] * 3, [False] * 2) == "process_status.x"
    assert found([False] * 3, [True, True]) == "!process_status.x"


def test_one_other_separates_nothing_it_differs_in_something_by_chance() -> None:
    assert found([True] * 3, [False]) == ""
    assert found(["full"] * 3, ["slow"]) == ""


def test_it_has_to_be_true_in_all_and_false_in_all() -> None:
    assert found([True, True, False], [False] * 2) == ""
    assert found([True] * 3, [False, True]) == ""
    assert found([True] * 3, [True] * 2) == ""


def test_what_is_unknown_in_one_of_them_separates_nothing() -> None:
    assert found([True, None, True], [False] * 2) == ""
    assert found([True] * 3, [False, None]) == ""


def test_a_diagnostic_that_failed_in_one_of_them_separates_nothing() -> None:
    likes = [resolution(n, status={"x": True}) for n in range(3)]
    others = [resolution(8, status={"x": False}), resolution(9, status={"_failed": "timeout"})]
    assert separate(likes, others) is None


def test_a_word_separates() -> None:
    assert found(["full"] * 3, ["slow"] * 2) == 'process_status.x == "full"'
    assert found(["a", "b", "a", "b"], ["c", "d"]) == 'process_status.x in ["a", "b"]'


def test_a_word_that_is_another_each_time_does_not() -> None:
    assert found(["a", "b", "c"], ["d", "e"]) == ""
    assert found(["a", "b", "c", "d"] * 2, ["e", "e"]) == ""
    assert found(["1 well"] * 3, ["2 well", "3 well"]) == "", "a count is no kind"


@pytest.mark.parametrize(
    "text",
    [
        'a" || true || "',
        "a\\",
        "a'b",
        "a\nb",
        "=a",
        "${a}",
        "",
        "ä",
        "x" * 65,
        "PT5M",
        "2026-01-31T08:00:00Z",
    ],
)
def test_text_that_is_no_plain_word_never_gets_into_an_expression(text: str) -> None:
    """F-SEC-28."""
    assert found([text] * 3, ["other"]) == ""


def test_a_number_separates_where_a_clear_gap_is() -> None:
    assert found([90, 95, 99], [1, 2, 5]) == "process_status.x > 50"
    assert found([0.1, 0.2, 0.3], [0.8, 0.9, 0.95]) == "process_status.x < 0.6"


@pytest.mark.parametrize(
    ("likes", "contrast"),
    [
        ([90, 95, 99], [1, 2]),
        ([90, 95, 99], [1, 2, 91]),
        ([60, 95, 99], [1, 20, 30]),
        ([1.75e9] * 3, [1.65e9] * 3),
        ([5, 5, 5], [5, 5, 5]),
        ([90, True, 99], [1, 2, 5]),
    ],
)
def test_a_number_does_not_separate_without(likes: list[Any], contrast: list[Any]) -> None:
    assert found(likes, contrast) == ""


def test_a_number_that_only_grew_with_time_separates_nothing() -> None:
    assert found([90, 95, 99], [1, 2, 5], mixed=False) == ""
    assert found([1, 2, 3], [90, 95, 99], mixed=False) == ""


def test_truths_come_before_words_and_words_before_numbers() -> None:
    likes = [resolution(2 * n, status={"a": 9, "b": "on", "c": True}) for n in range(3)]
    others = [resolution(2 * n + 1, status={"a": 1, "b": "off", "c": False}) for n in range(3)]
    assert separate(likes, others) == Separated(
        condition="process_status.c", field="process_status.c"
    )


def test_a_nested_field_separates() -> None:
    likes = [resolution(n, status={"a": {"b": True}}) for n in range(3)]
    made = separate(likes, [resolution(n, status={"a": {"b": False}}) for n in (8, 9)])
    assert made is not None
    assert made.condition == "process_status.a.b"


def test_labels_never_separate() -> None:
    """F-SEC-28: whoever sends the alert writes them."""
    likes = [resolution(n, labels={"kind": "a"}) for n in range(3)]
    assert separate(likes, [resolution(9, labels={"kind": "b"})]) is None


def test_nothing_to_compare_is_no_condition() -> None:
    likes = [resolution(n, status={"x": True}) for n in range(3)]
    assert separate(likes, []) is None
    assert separate([], likes) is None
