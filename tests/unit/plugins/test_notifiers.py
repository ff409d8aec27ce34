"""Pages arrive, and what is in them can do no harm where they arrive."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from agent.ports.safe_text import TEXT_CHARACTERS, safe
from tests.support.loopback import serving, status
from tests.support.notifying import HOSTILE, PAGE, notify


def test_safe_text_is_bounded_cleaned_and_idempotent() -> None:
    page = safe(HOSTILE)
    assert len(page.text) == TEXT_CHARACTERS
    assert page.text.endswith(f" characters more: {PAGE.link}]")
    assert page.title == "[31mred Bcc: all@evil.test @\u200beveryone"
    assert page.severity == "crit ical"
    first, rest = page.text.split("\n", 1)
    assert first == "]0;title ab c  @\u200bhere <\u200b!channel> <\u200b@U1>"
    assert rest.startswith("next31mxxx")
    assert safe(page) == page
    assert safe(PAGE) == PAGE


def test_ordinary_addresses_and_words_stay() -> None:
    text = "mail ops@example.org, a < b, @alice, #12 → ok"
    assert safe(replace(PAGE, text=text)).text == text


async def test_terminal_prints_one_block(capsys: pytest.CaptureFixture[str]) -> None:
    assert await notify("terminal") == "printed"
    assert capsys.readouterr().out.splitlines() == [
        "── critical → team-pay ── pay-api hangs",
        "   What: pay-api does not answer.",
        "   Tried: restart, failed.",
        "   Next: look at its log.",
        "   http://127.0.0.1:8420/incidents/inc-1",
    ]


async def test_terminal_says_who_resolved_it(capsys: pytest.CaptureFixture[str]) -> None:
    await notify("terminal", replace(PAGE, telling=Telling.RESOLVED, who="ada", text=""))
    assert capsys.readouterr().out.splitlines() == [
        "── critical → team-pay ── Resolved by ada: pay-api hangs",
        "   http://127.0.0.1:8420/incidents/inc-1",
    ]


async def test_terminal_lets_no_control_character_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await notify("terminal", HOSTILE)
    printed = capsys.readouterr().out
    assert not [c for c in printed if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]


async def test_file_appends_a_line_of_json_a_page(tmp_path: Path) -> None:
    path = tmp_path / "new" / "pages.jsonl"
    await asyncio.gather(
        *(notify("file", replace(PAGE, key=f"k{n}"), path=str(path)) for n in range(5))
    )
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(line["key"] for line in lines) == ["k0", "k1", "k2", "k3", "k4"]
    assert lines[0]["text"] == PAGE.text
    assert lines[0]["incident"] == "inc-1"
    assert lines[0]["at"] > 1_700_000_000
    assert path.stat().st_mode & 0o077 == 0


async def test_file_closes_a_line_that_a_crash_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text('{"key":"cut sho')
    await notify("file", path=str(path))
    broken, whole = path.read_text().splitlines()
    assert broken == '{"key":"cut sho'
    assert json.loads(whole)["key"] == PAGE.key


async def test_file_that_is_a_folder_is_permanent(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="cannot be written"):
        await notify("file", path=str(tmp_path))


async def test_file_on_a_full_disk_is_temporary() -> None:
    with pytest.raises(Temporary, match="No space left"):
        await notify("file", path="/dev/full")


# its e-mail service imports a module that Python 3.13 has no more, where it brings its own
of_apprise = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@of_apprise
async def test_apprise_delivers_through_a_real_service() -> None:
    async with serving(status(200)) as receiver:
        url = receiver.url.replace("http", "json")
        assert await notify("apprise", secrets={"urls": url}) == "delivered to 1 services"
    body = json.loads(receiver.received[0].body)
    assert body["title"] == PAGE.title
    assert "Next: look at its log." in body["message"]
    assert body["type"] == "failure"


@of_apprise
async def test_apprise_that_is_refused_is_temporary() -> None:
    async with serving(status(500)) as receiver:
        url = receiver.url.replace("http", "json")
        with pytest.raises(Temporary):
            await notify("apprise", secrets={"urls": url})


@of_apprise
async def test_apprise_addresses_are_secrets_and_checked() -> None:
    with pytest.raises(Permanent, match="secret `urls`"):
        await notify("apprise")
    with pytest.raises(Permanent) as caught:
        await notify("apprise", secrets={"urls": "nosuch://T0KEN@host"})
    assert "T0KEN" not in str(caught.value)


async def test_apprise_that_is_missing_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Permanent, match=r"homeostat\[apprise\]"):
        await notify("apprise", secrets={"urls": "json://127.0.0.1"})
