"""What is printed, in each of the three ways."""

from __future__ import annotations

import io
import json

import pytest

from agent.interface.demo.telling import Alive, Ending, Json, Plain, Result, Teller, Title
from agent.runtime.clock import SystemClock

TITLE = Title("hang", "1 A service hangs")


def ending(*, came_true: bool = True, balanced: bool = True) -> Ending:
    result = Result(
        name="hang",
        title=TITLE.title,
        expected="healed",
        seen="healed [bold]by[/bold] a runbook",
        came_true=came_true,
        seconds=1.5,
    )
    return Ending(
        results=[result],
        seconds=9.0,
        first_heal_seconds=5.0,
        ledger={"received": 2, "balanced": balanced},
    )


def tell(teller: Teller, told: Ending) -> None:
    teller.begins([TITLE], head=["the rails"])
    teller.chapter(TITLE, broken="it hangs", expected="healed")
    teller.waits("the end", 3.0)
    teller.says("a [red]line[/red]")
    teller.chapter_ends(told.results[0])
    teller.ends(told)
    teller.close()


def test_json_is_one_object_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Json(), ending())
    out, errors = capsys.readouterr()
    told = json.loads(out)
    assert told["came_true"] is True
    assert set(told["chapters"][0]) >= {"name", "expected", "seen", "came_true", "seconds"}
    assert "it hangs" in errors


def test_json_says_why_there_is_no_story(capsys: pytest.CaptureFixture[str]) -> None:
    Json().fails("the daemon ended")
    told = json.loads(capsys.readouterr().out)
    assert told == {"came_true": False, "error": "the daemon ended", "chapters": []}


def test_plain_lines_say_what_was_expected_and_seen() -> None:
    out = io.StringIO()
    tell(Plain(out), ending(came_true=False))
    text = out.getvalue()
    assert "expected: healed" in text
    assert "seen:     healed [bold]by[/bold] a runbook" in text
    assert "DID NOT COME TRUE" in text
    assert "0 of 1 chapters came true in 9 s; first heal after 5 s" in text


def test_the_live_view_takes_no_text_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Alive(SystemClock()), ending())
    out = "".join(capsys.readouterr().out.split())
    assert "[bold]by[/bold]" in out
    assert "1of1chapterscametrue" in out


@pytest.mark.parametrize(("came_true", "balanced"), [(False, True), (True, False)])
def test_a_ledger_that_does_not_balance_spoils_the_story(came_true: bool, balanced: bool) -> None:
    assert not ending(came_true=came_true, balanced=balanced).came_true
    assert ending().came_true
