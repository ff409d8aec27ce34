"""The pages of the rails and of who is on call: what stands there, and who may press what."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from agent.core.guard import RAILS
from agent.core.halting import Place, Says
from agent.core.matching import MatchIndex
from agent.core.signs import FLEET
from agent.core.view import Channel
from agent.interface.console.storms import half_until
from agent.interface.freezes import freeze_json
from agent.model.event import BreakerReset, HaltAsked, HaltLifted
from agent.model.incident import Radius, State
from agent.model.on_call import OnCall, Rung, RungKind
from agent.model.policy import Freeze, Policy, Rails
from agent.model.reason import Reason
from agent.model.records import Breaker, Halt, Storm
from agent.model.runbook import Match
from tests.support.caller import calling
from tests.support.cases import runbook
from tests.support.decisions import make_journal
from tests.support.facade import NOW, FakeAnswer, FakeFacade, burning, everyone, running
from tests.support.ladders import Fixed
from tests.support.periods import Raising, period

HTML = {"Accept": "text/html"}
OPEN = Breaker(runbook="hung", use="process.restart", results=(True, False, False, False),
               opened_at=NOW - 60, opens=(NOW - 60,))  # fmt: skip
LOCKED = Breaker(runbook="full", use="file.trash", results=(False,), opened_at=NOW - 60,
                 opens=(NOW - 90, NOW - 60), locked=True)  # fmt: skip


def facade_with(**fields: Any) -> FakeFacade:
    facade = FakeFacade(principals=everyone(), **fields)
    facade.view.breakers = {"hung process.restart": OPEN, "full file.trash": LOCKED}
    return facade


async def shown(facade: FakeFacade, path: str, token: str = "admin-token") -> str:
    async with running(facade) as (_, url), calling(url, token=token) as caller:
        reply = await caller.get(path, headers=HTML)
        assert reply.status == 200, reply.text
        return reply.text


def row(text: str, rail: str) -> str:
    found = re.search(rf'<tr id="rail-{rail}".*?</tr>', text, re.DOTALL)
    assert found is not None
    return found[0]


async def test_every_rail_stands_there_with_its_number_and_its_stops() -> None:
    facade = facade_with()
    facade.view.policy = Policy(rails=Rails(dwell_seconds=30.0))
    async with running(facade) as (_, url), calling(url, token="admin-token") as caller:
        stop = make_journal("i-1", at=NOW - 10, kind="stopped", reason=Reason.COOLDOWN)
        old = make_journal("i-1", at=NOW - 4000, kind="stopped", reason=Reason.COOLDOWN)
        await facade.add(burning("i-1"), old, stop)
        text = (await caller.get("/rails", headers=HTML)).text
    order = re.findall(r'<tr id="rail-(\w+)"', text)
    assert order == [one.id for one in RAILS]
    assert "rails.dwell 30s" in row(text, "dwell")
    assert "60 s, and one more evaluation" in row(text, "dwell")
    assert "as by default" in row(text, "reversal")
    assert ">1</td>" in row(text, "cooled_down")
    assert ">0</td>" in row(text, "rate")
    assert '<a href="#rail-cooled_down">cooled_down</a> 1' in text


async def test_what_holds_back_now_stands_first() -> None:
    facade = facade_with()
    facade.view.policy = Policy(
        freezes=(
            Freeze(name="later", period=period(NOW + 60, NOW + 120), why="a fair"),
            Freeze(name="year-end", period=period(NOW - 60, NOW + 60), allows=("stop-it",)),
            Freeze(name="odd", period=Raising()),
        )
    )
    facade.view.storms = {
        FLEET: Storm(scope=FLEET, began_at=NOW - 90, last_at=NOW - 5, why="3 of 3 burn", root="r")
    }
    async with running(facade) as (_, url), calling(url, token="admin-token") as caller:
        held = {"state": State.ESCALATED, "held_by": "r", "storm": FLEET, "radius": Radius.SYSTEMIC}
        await facade.add(burning("r"))
        await facade.add(burning("h", **held))
        rails = (await caller.get("/rails", headers=HTML)).text
        listed = (await caller.get("/", headers=HTML)).text
        root = (await caller.get("/incidents/r", headers=HTML)).text
        under = (await caller.get("/incidents/h", headers=HTML)).text
    for text in (rails, listed):
        assert "Storm of the fleet" in text
        assert '1 incident held under <a href="/incidents/r">r</a>' in " ".join(text.split())
    assert listed.index('id="i-r"') < listed.index('id="i-h"')
    assert "1 incident held under this one" in root
    assert "Part of the storm of" in under
    names = re.findall(
        r"<b>(year-end|later|odd)</b> <span class=\"[\w-]*\">([a-z ]+)</span>", rails
    )
    assert sorted(names[:2]) == [("odd", "in force"), ("year-end", "in force")]
    assert names[2] == ("later", "to come")
    assert "stop-it" in rails


async def test_after_a_storm_the_list_says_that_half_is_done() -> None:
    facade = facade_with()
    rails = facade.view.policy.rails
    over = Storm(scope=FLEET, began_at=NOW - 900, last_at=NOW - rails.storm_quiet_seconds - 1)
    facade.view.storms = {FLEET: over}
    text = await shown(facade, "/")
    assert "Half as much is done" in text
    assert "Storm of" not in text
    facade.view.storms = {}
    assert "Half as much is done" not in await shown(FakeFacade(), "/", token="")


def test_until_when_half_is_done_is_said_of_storms_that_are_over() -> None:
    """F-STORM-06: a storm that goes on would promise an end that nobody knows."""
    view = facade_with().view
    rails = view.policy.rails
    last = NOW - rails.storm_quiet_seconds - 1
    over = Storm(scope="shop", began_at=NOW - 900, last_at=last)
    on = Storm(scope="pay", began_at=NOW - 900, last_at=NOW)
    view.storms = {"shop": over, "pay": on}
    assert half_until(view, NOW) == last + rails.storm_quiet_seconds + rails.storm_half_seconds
    view.storms = {"pay": on}
    assert half_until(view, NOW) is None


async def test_a_form_with_too_many_fields_is_refused() -> None:
    async with running(FakeFacade()) as (_, url), calling(url) as caller:
        fields = {f"f{number}": "x" for number in range(30)}
        reply = await caller.post("/rails/halt", data=fields)
    assert reply.status == 400
    assert "more than 20 fields" in reply.text


async def test_a_remedy_left_alone_is_let_go_with_a_reason() -> None:
    facade = facade_with()
    async with running(facade) as (_, url), calling(url, token="platform-token") as caller:
        text = (await caller.get("/rails", headers=HTML)).text
        assert "Opened 2 times within a day" in text
        assert 'value="hung process.restart"' in text
        form = {"key": "hung process.restart", "why": "mended"}
        reply = await caller.post("/rails/breakers/reset", data=form)
        assert (reply.status, reply.headers["Location"]) == (303, "/rails")
    (asked,) = facade.asked
    assert isinstance(asked, BreakerReset)
    assert (asked.subject, asked.why, asked.who) == (
        "hung process.restart", "mended", "the-platform",
    )  # fmt: skip


async def test_the_kill_switch_is_set_by_responders_and_lifted_by_the_platform() -> None:
    facade = facade_with()
    async with running(facade) as (_, url):
        async with calling(url, token="responder-token") as caller:
            assert 'action="/rails/halt"' in (await caller.get("/rails", headers=HTML)).text
            assert (await caller.post("/rails/halt", data={"why": "odd"})).status == 303
            assert (await caller.post("/rails/unhalt", data={"why": "fine"})).status == 403
        facade.view.halt = Halt(at=NOW, who="the-responder", why="odd")
        async with calling(url, token="responder-token") as caller:
            text = (await caller.get("/rails", headers=HTML)).text
            assert "Kill switch: on" in text
            assert "action=" not in re.sub(r'action="/logout"', "", text)
        async with calling(url, token="platform-token") as caller:
            assert 'action="/rails/unhalt"' in (await caller.get("/rails", headers=HTML)).text
            nothing = await caller.post("/rails/unhalt", data={"why": " "})
            assert nothing.status == 400
            assert "no reason is given" in nothing.text
            assert (await caller.post("/rails/unhalt", data={"why": "mended"})).status == 303
    first, second = facade.asked
    assert isinstance(first, HaltAsked)
    assert isinstance(second, HaltLifted)
    assert (first.why, second.why, second.who) == ("odd", "mended", "the-platform")


async def test_it_is_not_lifted_while_a_file_says_on() -> None:
    place = Place(path="/data/HALT", says=Says.ON, why="set by hand")
    facade = facade_with(places=(place,))
    async with running(facade) as (_, url), calling(url, token="platform-token") as caller:
        reply = await caller.post("/rails/unhalt", data={"why": "mended"})
        assert reply.status == 409
        assert "a file still says on" in reply.text
        assert 'hx-get="/rails?fragment=1"' in reply.text
    assert facade.asked == []


@pytest.mark.parametrize("path", ["/rails/unhalt", "/rails/breakers/reset", "/rails/halt"])
async def test_whoever_only_looks_steers_nothing(path: str) -> None:
    facade = facade_with()
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        assert "<form" not in re.sub(
            r'<form[^>]*action="/logout".*?</form>', "", (await caller.get("/rails")).text
        )
        assert (await caller.post(path, data={"why": "w", "key": "k"})).status == 403
    assert facade.asked == []


@pytest.mark.parametrize("path", ["/rails/unhalt", "/rails/breakers/reset", "/rails/halt"])
async def test_another_site_steers_nothing(path: str) -> None:
    """F-SEC-10: the forms of these pages are behind the same door as the others."""
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        evil = {"Origin": "http://evil.example"}
        assert (await caller.post(path, data={"why": "w"}, headers=evil)).status == 403
    assert facade.asked == []


async def test_a_refusal_is_shown_on_the_page() -> None:
    facade = facade_with(answer=FakeAnswer(refused=Reason.MOVE_REFUSED, text="it is closed"))
    async with running(facade) as (_, url), calling(url, token="platform-token") as caller:
        reply = await caller.post("/rails/breakers/reset", data={"key": "x", "why": "y"})
    assert reply.status == 409
    assert "it is closed" in reply.text


async def test_whoever_is_limited_to_products_sees_only_theirs() -> None:
    """F-SEC-11."""
    facade = facade_with()
    owners = {"hung": "pay", "full": "shop"}
    facade.view.runbooks = MatchIndex(
        [runbook(n, match=Match(alert=("A",), product=p)) for n, p in owners.items()]
    )
    both = Freeze(name="two", period=period(NOW - 9, NOW + 9), products=("pay", "shop"))
    other = Freeze(name="other", period=period(NOW - 9, NOW + 9), products=("shop",))
    facade.view.policy = Policy(freezes=(both, other))
    facade.view.storms = {"shop": Storm(scope="shop", began_at=NOW, last_at=NOW, why="2 of 3")}
    text = await shown(facade, "/rails", token="pay-viewer-token")
    assert "hung process.restart" in text
    assert "full file.trash" not in text
    assert "<b>two</b>" in text
    assert "<b>other</b>" not in text
    assert "shop" not in text


async def test_who_is_on_call_now_and_whom_each_ladder_leads_to() -> None:
    facade = facade_with()
    facade.view.channels = {**facade.view.channels, "person:alice": (Channel(id="a", use="ntfy"),)}
    facade.view.on_call = OnCall(
        rotations={"shop-primary": Fixed("alice"), "nights": Fixed(None)},
        people={"alice": "person:alice"},
        ladders={
            "team-shop": (
                Rung(kind=RungKind.ON_CALL, to="nights"),
                Rung(kind=RungKind.ON_CALL, to="shop-primary"),
                Rung(kind=RungKind.TEAM, to="team-shop"),
            )
        },
    )
    text = await shown(facade, "/on-call", token="viewer-token")
    assert "Nobody" in text
    assert re.findall(r'class="rung-(\w+)"><b>([\w-]+)</b>', text) == [
        ("skipped", "nobody"),
        ("later", "alice"),
        ("later", "team-shop"),
        ("later", "platform"),
    ]
    assert "nobody is on call by nights" in text


async def test_without_rotations_the_page_says_so() -> None:
    text = await shown(FakeFacade(), "/on-call", token="")
    assert "No rotation is declared" in text
    assert "No ladder is declared" in text


async def test_an_error_is_a_page_in_a_browser() -> None:
    async with running(FakeFacade()) as (_, url), calling(url) as caller:
        reply = await caller.get("/incidents/nowhere", headers=HTML)
    assert reply.status == 404
    assert "<h1>404</h1>" in reply.text
    assert "no incident nowhere" in reply.text


def test_a_freeze_that_cannot_say_counts_as_in_force() -> None:
    told = freeze_json(Freeze(name="odd", period=Raising()), NOW)
    assert (told["in_force"], told["until"]) == (True, None)
    assert msgspec.json.encode(told)
