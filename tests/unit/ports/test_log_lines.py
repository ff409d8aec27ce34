"""Lines of a log for people: nothing in them reaches a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ports.log_lines import cleaned, errors_among


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[1;31merror\x1b[0m: x", "error: x"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x1b(Btext\x1b7", "text"),
        ("\x9b31mtext", "text"),
        ("10%\r50%\r100%", "100%"),
        ("text\r\n", "text"),
        ("\u202etxet", "txet"),
        ("a\x00b\x07c", "abc"),
        ("  indented", "  indented"),
        ("\tat main()", " at main()"),
    ],
)
def test_escapes_and_marks_are_taken_out(line: str, shown: str) -> None:
    assert cleaned([line]) == (shown,)


def test_empty_lines_are_left_out_and_long_ones_cut() -> None:
    assert cleaned(["", " ", "\x1b[0m"]) == ()
    (found,) = cleaned(["x" * 100_000])
    assert len(found) == 500
    assert found.endswith("...")


def test_of_too_much_the_oldest_goes_first() -> None:
    found = cleaned([f"{n:03}" + "x" * 497 for n in range(200)])
    assert found[-1].startswith("199")
    assert len(found) == 80


@given(st.lists(st.text(max_size=200), max_size=30))
def test_no_control_character_is_left_whatever_is_written(lines: list[str]) -> None:
    for line in cleaned(lines):
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line)


def test_errors_are_found_by_words() -> None:
    lines = ("0 errors", "panic: no", "ValueError: x", "all well", "it was killed")
    assert errors_among(lines) == ("panic: no", "ValueError: x", "it was killed")
