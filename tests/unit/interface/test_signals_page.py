"""The pages of the three layers: gravest first, what is not known is never well, nobody sees what
belongs to others, and an empty layer says what to declare."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from agent.core import members
from agent.core.own_alert import identity_of
from agent.core.view import View
from agent.interface.console.signals_page import colour, state_of
from agent.model.own import OwnState, OwnTerms
from agent.model.product import Registry
from agent.model.signals import Aspect, BlindSpot, BlindSpotKind, Trouble
from tests.support.caller import calling
from tests.support.facade import NOW, FakeFacade, burning, everyone, running
from tests.support.signals_shown import show

EVIL = "<img src=x onerror=alert(1)>"


def shown(**names: str) -> FakeFacade:
    facade = FakeFacade(principals=everyone())
    show(facade.view, **names)
    return facade


async def page(facade: FakeFacade, path: str = "/signals", *, token: str = "viewer") -> str:
    async with running(facade) as (_, url), calling(url, token=f"{token}-token") as caller:
        reply = await caller.get(path)
        assert reply.status == 200, reply.text
        return " ".join(reply.text.split())


def order(text: str, *words: str) -> list[str]:
    """The words in the order in which they are found first."""
    assert all(word in text for word in words), [w for w in words if w not in text]
    return sorted(words, key=text.index)


async def test_the_gravest_comes_first_in_each_layer() -> None:
    text = await page(shown())
    wanted = ["overspent by 31 %", "nothing reports it", "18.0 %", "83.0 %"]
    assert order(text, *wanted) == wanted
    wanted = ["<b>payer</b>", "<b>picker</b>", "<b>never</b>", "<b>packer</b>"]
    assert order(text, *wanted) == wanted
    cards = text[text.index('class="outcomes"') :]
    assert order(cards, 'href="/signals/shop"', 'href="/signals/pay"')[0] == 'href="/signals/shop"'


async def test_what_is_not_known_is_counted_as_unknown() -> None:
    text = await page(shown())
    tiles = re.findall(r'<a class="sum" href="#(\w+)">(.*?)</a>', text)
    said = {name: re.findall(r">(\d+ \w+)<", tile) for name, tile in tiles}
    assert said == {
        "product": ["1 wrong", "1 unknown", "2 well"],
        "machinery": ["2 wrong", "1 unknown", "1 well"],
        "outcome": ["1 wrong", "1 well"],
    }
    assert "never heard" in text
    assert 'latency <b class="light-text unknown">2.' in text, "a baseline that is being learned"
    assert 'tokens <b class="light-text unknown">unknown</b>: not reported' in text


def test_a_word_that_nobody_knows_is_never_shown_as_well() -> None:
    assert {colour(w) for w in ("stated", "unknown", "", "whatever")} == {"unknown"}


@pytest.mark.parametrize(
    ("gap", "alert_since", "state"),
    [(None, None, "moving"), ("not read", None, "unknown"), ("not read", "2026", "moving")],
)
def test_what_is_not_read_any_more_does_not_move(
    gap: str | None, alert_since: str | None, state: str
) -> None:
    told: dict[str, Any] = {"metric": "m", "gap": gap, "alert_since": alert_since}
    assert state_of({**told, "verdict": "moving"}) == state


async def test_a_metric_that_vanished_reads_unknown_on_the_page() -> None:
    facade = shown()
    subject = "pay/orders_total"
    gone = BlindSpot(
        kind=BlindSpotKind.METRIC_VANISHED, subject=subject, owner="team-pay", product="pay",
        text="nothing was read for an hour", remedy="bring it back", since=NOW, last_at=NOW,
    )  # fmt: skip
    facade.view.blind_spots = {f"metric_vanished/{subject}": gone}
    text = await page(facade)
    assert "nothing was read for an hour" in text
    assert 'class="light good">moving' not in text


async def test_a_member_shows_its_pin_its_mode_and_its_drift() -> None:
    text = await page(shown())
    assert "1.4.1 (declared 1.4.2)" in text
    assert "observes only" in text
    assert re.search(r'errors <b class="light-text bad">[\d.]+ %</b>, usual 1 %: drifts', text)
    assert 'circle class="off"' in text
    assert 'circle class="learning"' in text


async def test_what_is_wrong_links_its_incident() -> None:
    facade = shown()
    drifting = members.labels_of(Trouble.DRIFT, "picker", facade.view, about=Aspect.ERRORS.value)
    facade.view.live = {identity_of(drifting): "i-drift"}
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        await facade.add(
            burning("i-slo", title="SloBurnFast", labels={"alertname": "SloBurnFast", "slo": "buy"})
        )
        text = (await caller.get("/signals")).text
    assert 'href="/incidents/i-drift"' in text
    assert 'href="/incidents/i-slo"' in text


async def test_a_stall_names_its_first_suspect_and_the_change_is_marked_on_its_chart() -> None:
    text = await page(shown(), "/signals/shop")
    assert "First suspect: <b>release 1.4.2 of picker" in text
    marks = re.findall(r'<g class="change( grave)?"><title>(.*?)</title>.*?>(\d+)</text>', text)
    assert marks == [("", "configuration c-7 picker", "1"), (" grave", "release 1.4.2 picker", "2")]
    rows = re.findall(r'<tr><th scope="row">(\d)</th>.*?<b>(\w+)</b>', text)
    assert rows == [("2", "release"), ("1", "configuration")]
    assert 'class="stall"' in text


async def test_an_agent_that_only_advises_says_so_above_all() -> None:
    facade = shown()
    facade.view.own = {"own": OwnState(at=NOW, terms=OwnTerms(review_by=NOW - 86_400))}
    for path in ("/signals", "/signals/pay"):
        text = await page(facade, path)
        assert "homeostat only advises: its review was due by" in text
        assert "What lets it act again" in text


@pytest.mark.parametrize("is_empty", [True, False])
async def test_an_empty_layer_says_what_to_declare(is_empty: bool) -> None:
    facade = shown()
    registry = facade.view.registry
    bare = {name: p for name, p in registry.products.items() if name == "bare"}
    facade.view.registry = Registry(products={} if is_empty else bare)
    text = await page(facade)
    for words in ("slos:", "heartbeat: 10s", "leadership_metric:"):
        assert words in text
    for where in ("docs/slos.md", "docs/machinery.md", "docs/outcomes.md"):
        assert where in text
    assert ("no product is declared" in text) is is_empty
    assert 'class="light good"' not in text


async def test_people_limited_to_products_see_theirs_only() -> None:
    """F-SEC-11: neither rows nor counts nor marks of others."""
    facade = shown(name="elsewhere")
    text = await page(facade, token="pay-viewer")
    assert "payer" in text
    for word in ("elsewhere", "picker", "packer", "bare", "1.4.1"):
        assert word not in text, word
    async with running(facade) as (_, url), calling(url, token="pay-viewer-token") as caller:
        assert (await caller.get("/signals/elsewhere")).status == 404
        assert (await caller.get("/signals/pay")).status == 200
        assert (await caller.get("/signals/nothing")).status == 404


def hostile(view: View) -> None:
    """Everything that comes from outside says this."""
    show(view, name=EVIL)
    view.agents = {
        name: msgspec.structs.replace(signs, version=EVIL, config_hash=EVIL)
        for name, signs in view.agents.items()
    }
    view.changes = {
        EVIL: tuple(
            msgspec.structs.replace(c, entity=EVIL, version=EVIL, what=EVIL, by=EVIL, before=EVIL)
            for c in view.changes["picker"]
        )
    }


async def test_names_versions_and_changes_stay_text() -> None:
    """F-SEC-09: also in drawings."""
    facade = FakeFacade(principals=everyone())
    hostile(facade.view)
    for path in ("/signals", f"/signals/{EVIL}", "/blindspots"):
        text = await page(facade, path)
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text


async def test_a_thousand_members_are_cut_and_the_rest_is_told() -> None:
    facade = shown()
    registry = facade.view.registry
    picker = registry.entities["packer"]
    many = {f"m-{n}": msgspec.structs.replace(picker, name=f"m-{n}") for n in range(300)}
    facade.view.registry = msgspec.structs.replace(registry, entities={**registry.entities, **many})
    text = await page(facade)
    assert text.count('data-label="Mode"') == 100
    assert "And 204 more: <code>homeostat members</code>" in text
    assert "<b>payer</b>" in text, "the gravest are among those that are shown"
