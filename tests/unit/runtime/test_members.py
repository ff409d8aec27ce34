"""What members are told, over HTTP on loopback. Over MQTT: tests/integration/test_members.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agent.catalog.settings import Use
from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity, EntityKind
from agent.model.signals import Mode
from agent.ports.kit import MemberTold
from agent.runtime.broker import Connection, connection_of
from agent.runtime.http_client import AiohttpHttp
from agent.runtime.members import Members, NoMembers
from plugins.sources.mqtt import Mqtt
from tests.support import loopback
from tests.support.kits import RealClock
from tests.support.told_members import member, registry


class Control:
    """The member's side of its control_url."""

    def __init__(self, *, code: int = 200, word: bytes = b"") -> None:
        self.code, self.word = code, word

    def __call__(self, received: loopback.Received) -> web.StreamResponse:
        if self.code != 200:
            return web.Response(status=self.code)
        if received.method == "POST":
            self.word = received.body
        return web.Response(body=self.word)


@asynccontextmanager
async def controlled(control: Control, *others: Entity) -> AsyncIterator[Members]:
    async with loopback.serving(control) as server:
        known = registry(member(control_url=f"{server.url}/control"), *others)
        http = AiohttpHttp(RealClock())
        try:
            yield Members(products=lambda: known, http=http)
        finally:
            await http.close()


async def test_a_word_changes_what_is_given_and_leaves_the_rest() -> None:
    control = Control()
    async with controlled(control) as members:
        assert await members.told("indexer") == MemberTold()
        assert await members.tell("indexer", key="a", version="1.4") == MemberTold()
        before = await members.tell("indexer", key="b", mode=Mode.OBSERVE)
        assert before == MemberTold(version="1.4", key="a")
        assert await members.told("indexer") == MemberTold(
            mode=Mode.OBSERVE, version="1.4", key="b"
        )
    told = json.loads(control.word)
    assert (told["mode"], told["version"], told["key"]) == ("observe", "1.4", "b")


async def test_the_same_act_done_twice_tells_the_same_twice_and_undoes_nothing_since() -> None:
    control = Control()
    async with controlled(control) as members:
        await members.tell("indexer", key="first", version="1.3")
        first = await members.tell("indexer", key="second", version="1.4")
        again = await members.tell("indexer", key="second", version="1.4")
        assert first == again == MemberTold(version="1.3", key="first")
        for n in range(5):
            await members.tell("indexer", key=f"k{n}", mode=Mode.OBSERVE)
    assert len(control.word) < 500, "only what stood there just before is kept"


async def test_a_way_back_takes_back_its_own_word_and_what_stands_beside_it_stays() -> None:
    async with controlled(Control()) as members:
        await members.tell("indexer", key="a", mode=Mode.OBSERVE)
        await members.tell("indexer", key="b", version="1.4")
        await members.tell("indexer", key="back/b", version="", instead_of="b")
        await members.tell("indexer", key="back/a", mode=Mode.ACT, instead_of="a")
        assert await members.told("indexer") == MemberTold(key="back/a")


async def test_a_way_back_leaves_the_quarantine_that_somebody_else_said_since() -> None:
    async with controlled(Control()) as members:
        await members.tell("indexer", key="a", mode=Mode.OBSERVE)
        await members.tell("indexer", key="ann", mode=Mode.OBSERVE)
        with pytest.raises(Permanent, match="by ann: that stands"):
            await members.tell("indexer", key="back", mode=Mode.ACT, instead_of="a")
        assert (await members.told("indexer")).mode is Mode.OBSERVE


async def test_a_way_back_leaves_what_was_said_by_hand() -> None:
    control = Control()
    async with controlled(control) as members:
        await members.tell("indexer", key="a", version="1.4")
        control.word = b'{"mode": "observe", "version": "1.5"}'
        with pytest.raises(Permanent, match="by hand: that stands"):
            await members.tell("indexer", key="back", version="1.3", instead_of="a")
        with pytest.raises(Permanent, match="by hand: that stands"):
            await members.tell("indexer", key="back", mode=Mode.ACT, instead_of="a")
        assert json.loads(control.word) == {"mode": "observe", "version": "1.5"}


async def test_two_words_at_once_are_both_said() -> None:
    control = Control()
    async with controlled(control) as members:
        await asyncio.gather(
            members.tell("indexer", key="a", mode=Mode.OBSERVE),
            members.tell("indexer", key="b", version="1.4"),
        )
    told = json.loads(control.word)
    assert (told["mode"], told["version"]) == ("observe", "1.4")


async def test_an_unreadable_word_keeps_nobody_from_a_quarantine() -> None:
    control = Control(word=b'{"mode": "dance"}')
    async with controlled(control) as members:
        with pytest.raises(Permanent, match="cannot be read"):
            await members.told("indexer")
        await members.tell("indexer", key="k", mode=Mode.OBSERVE)
        assert (await members.told("indexer")).mode is Mode.OBSERVE


@pytest.mark.parametrize(
    ("code", "error"),
    [(500, Temporary), (503, Temporary), (429, Temporary), (401, Permanent), (405, Permanent)],
)
async def test_refusals_say_whether_trying_again_makes_sense(
    code: int, error: type[Exception]
) -> None:
    async with controlled(Control(code=code)) as members:
        with pytest.raises(error, match=f"indexer answers {code}"):
            await members.tell("indexer", key="k", mode=Mode.OBSERVE)


@pytest.mark.parametrize("code", [204, 404])
async def test_one_that_was_told_nothing_may_act(code: int) -> None:
    async with controlled(Control(code=code)) as members:
        assert (await members.told("indexer")).mode is Mode.ACT


@pytest.mark.parametrize("name", ["idnexer", "web", "", "../indexer", "+"])
async def test_who_is_no_registered_member_is_told_nothing(name: str) -> None:
    web_service = Entity(name="web", kind=EntityKind.SERVICE, product="shop", owner="team-shop")
    control = Control()
    async with controlled(control, web_service) as members:
        with pytest.raises(Permanent, match="of the machinery"):
            await members.tell(name, key="k", mode=Mode.OBSERVE)
    assert control.word == b""


async def test_a_misspelt_member_is_asked_about() -> None:
    async with controlled(Control()) as members:
        with pytest.raises(Permanent, match="did you mean 'indexer'"):
            await members.told("idnexer")


async def test_a_name_that_is_a_topic_of_its_own_is_refused() -> None:
    odd = member("a/#")
    members = Members(products=lambda: registry(odd), http=AiohttpHttp(RealClock()))
    with pytest.raises(Permanent, match="topic"):
        await members.tell("a/#", key="k", mode=Mode.OBSERVE)


async def test_without_a_broker_and_an_address_there_is_no_way() -> None:
    members = Members(products=registry, http=AiohttpHttp(RealClock()))
    with pytest.raises(Permanent, match="configure a source `mqtt`"):
        await members.told("indexer")
    with pytest.raises(Permanent, match="no way"):
        await NoMembers().tell("indexer", key="k", mode=Mode.OBSERVE)


def test_the_broker_is_that_of_the_source_with_its_defaults() -> None:
    source = Mqtt(host="broker")
    found = connection_of([Use(use="prober"), Use(use="mqtt", params={"host": "broker"})])
    assert found is not None
    for name in Connection.__struct_fields__:
        assert getattr(found, name) == getattr(source, name), name


@pytest.mark.parametrize(
    "uses", [(), (Use(use="prober"),), (Use(use="mqtt", params={"port": 1883}),)]
)
def test_no_source_is_no_broker(uses: Any) -> None:
    assert connection_of(uses) is None
