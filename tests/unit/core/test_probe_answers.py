from __future__ import annotations

import pytest

from agent.core.probe_answers import holds


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("42", '{"answer": 42}', True),
        ("^42$", "42", True),
        ("^42$", "421", False),
        ("Paris|paris", "It is Paris.", True),
        ("", "anything", True),
        ("", "", True),
        ("42", "", False),
    ],
)
def test_an_answer_is_right_where_the_expression_is_found_in_it(
    pattern: str, text: str, expected: bool
) -> None:
    assert holds(pattern, text) is expected


@pytest.mark.parametrize("pattern", ["(a+)+b", "(", r"(a)\1", "x" * 1000])
def test_an_expression_nobody_can_use_says_nothing(pattern: str) -> None:
    assert holds(pattern, "aaaa") is None


def test_what_was_not_looked_through_to_its_end_is_no_wrong_answer() -> None:
    assert holds("42", "x" * 100_000 + "42") is None
    assert holds("42", "42" + "x" * 100_000) is True


def test_a_costly_expression_looks_only_as_far_as_it_may() -> None:
    assert holds("a*b*c*d", "a" * 500 + "d") in (True, None)
