"""What people type about an action."""

from __future__ import annotations

import pytest

from agent.interface.told import moment, parameters, told_call
from tests.support.facade import NOW

DAY = 86_400


def test_parameters_are_text_unless_marked() -> None:
    assert parameters(["v=1.10", "n:=3", "url=http://a?b=c", "e="]) == {
        "v": "1.10",
        "n": 3,
        "url": "http://a?b=c",
        "e": "",
    }


@pytest.mark.parametrize(
    "word",
    [
        "v",
        "=1",
        "n:={",
        ":=1",
        "n:=" + "[" * 100_000,
        "n:=NaN",
        "n:=1e999",
        'n:="\\ud800"',
        'n:={"\\ud800": 1}',
    ],
)
def test_what_is_no_parameter_is_told(word: str) -> None:
    with pytest.raises(ValueError, match=r"is not name=value|is no JSON"):
        parameters([word])


def test_a_call_is_told_with_its_time() -> None:
    told = told_call("process.restart target=web note='a b' grace:=5 @2026-05-28T20:00:00Z", NOW)
    assert (told.use, told.params) == (
        "process.restart",
        {"target": "web", "note": "a b", "grace": 5},
    )
    assert told.at == 1_780_000_000 - 26 * 60 - 40


def test_a_time_of_day_is_the_latest_that_was() -> None:
    """Now is 20:26:40 UTC: 20:27 was yesterday."""
    assert NOW - moment("20:26", NOW) == 40
    assert NOW - moment("20:27", NOW) == DAY - 20
    assert NOW - moment("20:26:40", NOW) == 0


@pytest.mark.parametrize("text", ["", "target=web", "@09:00", "process.restart @25:00",
                                  "process.restart @2026-05-28T20:00:00", "process.restart 'x",
                                  "process.restart @nine"])  # fmt: skip
def test_what_is_no_call_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        told_call(text, NOW)


def test_a_call_without_a_time_has_none() -> None:
    assert told_call("process.flush", NOW).at is None
