"""Cutting and cleaning: within the limit, visibly, and never in the middle of a sign."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.on_call import Telling
from agent.ports.safe_text import (
    TEXT_CHARACTERS,
    TITLE_CHARACTERS,
    cut,
    headline,
    safe,
    utf8,
    utf16,
    with_link,
)
from tests.support.notifying import PAGE

LINK = "http://h/incidents/inc-1"
WRITTEN = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("@<!here everyone>\u200b\u0301🎉👍🏽")),
    max_size=400,
)


def test_what_is_cut_says_how_much_is_missing_and_where_it_stands() -> None:
    """F-NT-07"""
    short = cut("word " * 100, 100, link=LINK)
    found = re.fullmatch(r"(.*) \[…(\d+) characters more: (.*)\]", short)
    assert found is not None
    assert len(short) <= 100
    assert len(found[1]) + int(found[2]) == 500
    assert found[3] == LINK


def test_what_fits_stays() -> None:
    assert cut("x" * 100, 100, link=LINK) == "x" * 100
    assert cut("é" * 50, 100, size=utf8) == "é" * 50


def test_a_link_that_would_take_the_room_of_the_text_is_left_out() -> None:
    short = cut("x" * 200, 60, link="http://h/" + "y" * 40)
    assert short.endswith(" characters more]")
    assert len(short) <= 60


@given(WRITTEN, st.integers(0, 120), st.sampled_from([len, utf8, utf16]))
def test_a_cut_holds_its_limit_in_every_unit_and_halves_no_sign(text, most, size) -> None:  # type: ignore[no-untyped-def]
    """F-NT-07: an emoji at the cut, an accent, bytes where the provider counts bytes."""
    text = "".join(c for c in text if not "\ud800" <= c <= "\udfff")
    short = cut(text, most, size=size, link=LINK)
    assert size(short) <= most
    short.encode()
    if short != text and " […" in short:
        kept = short[: short.rindex(" […")]
        assert text.startswith(kept)


def test_an_accent_and_a_skin_tone_are_not_cut_from_what_they_belong_to() -> None:
    assert cut("e\u0301" * 20, 31).startswith("e\u0301")
    for most in range(25, 60):
        kept = cut("👍🏽e\u0301" * 20, most).split(" […")[0]
        assert not kept.endswith(("👍", "e")), most


@given(WRITTEN, WRITTEN)
def test_a_safe_message_is_bounded_and_safe_again_is_the_same(title: str, text: str) -> None:
    message = replace(PAGE, title=title * 3, text=text * 20)
    page = safe(message)
    assert len(page.title) <= TITLE_CHARACTERS
    assert len(page.text) <= TEXT_CHARACTERS
    assert not re.search(r"@(everyone|here)\b|<[!@#]", page.title + page.text, re.I)
    assert safe(page) == page


def test_a_megabyte_is_looked_at_only_as_far_as_it_is_shown() -> None:
    page = safe(replace(PAGE, text="\x07a" * 500_000))
    found = re.search(r"(\d+) characters more", page.text)
    assert found is not None
    assert int(found[1]) > 980_000


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "http://h/a b", "http://h/<x>", "http://h/" + "x" * 3000, "h/x", ""],
)
def test_a_link_that_is_none_is_left_out_and_not_cut(link: str) -> None:
    page = safe(replace(PAGE, link=link))
    assert page.link == ""
    assert with_link(page) == page.text


def test_a_headline_says_what_is_told_and_by_whom() -> None:
    assert headline(PAGE) == "pay-api hangs"
    assert headline(replace(PAGE, telling=Telling.RESOLVED)) == "Resolved: pay-api hangs"
    told = replace(PAGE, telling=Telling.ACKNOWLEDGED, who="ada")
    assert headline(told) == "Acknowledged by ada: pay-api hangs"
