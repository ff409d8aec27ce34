"""Known secrets go, whatever shape they come in; everything else stays as it was."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.identify import identify
from agent.model.alert import AlertStatus
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import AlertReceived
from agent.model.product import Entity, EntityKind, Registry
from agent.model.reason import Reason
from agent.runtime.redaction import MASK, SHORTEST_CUT, Redaction
from tests.support.cases import alert

SECRET = 'p4ss"wörd/+canary'


def knowing(*secrets: str) -> Redaction:
    made = Redaction()
    made.know(secrets)
    return made


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"login failed for {SECRET}!",
        '{"password": "p4ss\\"w\\u00f6rd/+canary"}',
        '{"password": "p4ss\\"wörd/+canary"}',
        "http://shop:p4ss%22w%C3%B6rd%2F%2Bcanary@db/",
        "Authorization: Basic cDRzcyJ3w7ZyZC8rY2FuYXJ5",
    ],
)
def test_a_secret_is_found_in_each_of_its_shapes(text: str) -> None:
    """F-SEC-08."""
    shown = knowing("other-secret", SECRET).text(text)
    assert MASK in shown
    assert "canary" not in shown
    assert "Y2FuYXJ5" not in shown


def outcome(**given: object) -> Outcome:
    fields = {"status": OutcomeStatus.FAILED, "reason": Reason.STEP_FAILED, **given}
    return Outcome(**fields)  # type: ignore[arg-type]


def received(**labels: str) -> AlertReceived:
    return AlertReceived(at=1.0, alert=alert("A", labels=labels), key="k")


def test_results_of_plugins_lose_what_is_secret_and_nothing_else() -> None:
    """F-SEC-08: also in names, and in lists."""
    value = {"lines": ["fine", f"key={SECRET}"], SECRET: {"deep": [1.5, None, True, SECRET]}}
    told = knowing(SECRET).of(outcome(value=value))
    assert told.value == {
        "lines": ["fine", f"key={MASK}"],
        MASK: {"deep": [1.5, None, True, MASK]},
    }
    assert told.status is OutcomeStatus.FAILED


def test_half_a_secret_goes_where_a_text_was_cut_and_only_there() -> None:
    """F-SEC-08: what is short was not cut, and may be a fact that is decided on."""
    redaction = knowing(SECRET)
    long = "x" * SHORTEST_CUT
    told = redaction.of(outcome(detail=long + SECRET[:11], value={"is": SECRET[:11]}))
    assert told.detail == long + MASK
    assert told.value == {"is": SECRET[:11]}
    cut = redaction.of(received(why=f"{long}{SECRET[:11]}...[2000 characters 0123456789abcdef]"))
    assert cut.alert.labels["why"] == f"{long}{MASK}...[2000 characters 0123456789abcdef]"


def test_words_of_our_own_are_no_texts_of_others() -> None:
    """A secret that happens to be the word for a state must not end an alert."""
    event = received(why="resolved")
    ended = msgspec.structs.replace(event.alert, status=AlertStatus.RESOLVED)
    shown = knowing("resolved", "temporary").of(msgspec.structs.replace(event, alert=ended))
    assert shown.alert.status is AlertStatus.RESOLVED
    assert shown.alert.labels["why"] == MASK
    waits = outcome(status=OutcomeStatus.TEMPORARY, detail="temporary")
    assert knowing("temporary").of(waits).status is OutcomeStatus.TEMPORARY


def test_an_alert_that_repeats_a_secret_loses_it_and_the_label_is_not_trusted() -> None:
    event = received(why=SECRET)
    shown = knowing(SECRET).of(event)
    assert shown.alert.labels == {**event.alert.labels, "why": MASK}
    assert shown.alert.flags == ("masked:why",)
    assert shown.key == "k"


def test_a_masked_label_leads_nowhere() -> None:
    """Also where some entity is called like the mask."""
    odd = Entity(name=MASK, kind=EntityKind.SERVICE, product="shop", owner="team")
    shown = knowing(SECRET).of(received(service=SECRET))
    assert identify(shown.alert, Registry(entities={MASK: odd})).entity is None


def test_what_holds_no_secret_is_the_very_same() -> None:
    event, fine = received(), outcome(detail="fine")
    assert knowing(SECRET).of(event) is event
    assert knowing(SECRET).of(fine) is fine
    assert Redaction().of(event) is event
    assert knowing(SECRET).raw(b"fine") == b"fine"


@pytest.mark.parametrize("before", range(20))
def test_a_secret_is_found_wherever_it_begins(before: int) -> None:
    text = "x" * before + SECRET + "y" * 7
    assert knowing(SECRET).text(text) == "x" * before + MASK + "y" * 7
    assert knowing(SECRET).raw(text.encode()) == b"x" * before + b"***" + b"y" * 7
    assert knowing("12345678").text("x" * before + "12345678") == "x" * before + MASK


def test_short_words_are_no_secrets_and_the_longest_goes_first() -> None:
    redaction = knowing("1234567", "abcdefgh", "abcdefghijkl")
    assert redaction.text("1234567 abcdefghijkl abcdefgh") == f"1234567 {MASK} {MASK}"


def test_what_was_secret_stays_secret_after_a_rotation() -> None:
    redaction = knowing("old-secret")
    redaction.know(["new-secret"])
    assert redaction.text("old-secret new-secret") == f"{MASK} {MASK}"
    assert redaction.raw(b"old-secret") == MASK.encode()
