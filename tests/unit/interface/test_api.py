"""The routes of people's tools: shapes of CONTRACT.md, refusals, and who may do what."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.routing import Route

from agent.interface.console import pages
from agent.interface.http import api
from agent.interface.http.desk import Desk
from agent.interface.http.identity import Doorkeeper
from agent.interface.server import CannotListen, serve
from agent.model.decision import LedgerEntry, LedgerState
from agent.model.event import (
    Acknowledged,
    ActionRequested,
    Approved,
    BreakerReset,
    HaltAsked,
    Rejected,
    ResolvedByPerson,
)
from agent.model.fault import Fault
from agent.model.incident import Ending, Page, State
from agent.model.principal import LOCAL
from agent.model.product import Entity, EntityKind, Registry
from agent.model.reason import Reason
from tests.support.caller import Caller, calling
from tests.support.decisions import make_journal
from tests.support.facade import NOW, FakeAnswer, FakeFacade, burning, everyone, running

KEYS = {
    "id", "state", "layer", "product", "severity", "radius", "runbook", "plan", "verdict",
    "outcome", "routed_to", "opened_at", "resolved_at", "alerts", "pages", "timeline",
}  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@asynccontextmanager
async def client(facade: FakeFacade, token: str = "") -> AsyncIterator[Caller]:
    async with running(facade) as (_, url), calling(url, token=token) as caller:
        yield caller


async def get(session: Caller, path: str) -> Any:
    reply = await session.get(path)
    assert reply.status == 200, reply.text
    return reply.json()


async def test_the_incident_has_the_keys_of_the_contract() -> None:
    facade = FakeFacade()
    async with client(facade) as session:
        page = Page(id="p", to="team-shop", channel="file", at=NOW, text="hi", delivered=True)
        resolved = burning(state=State.RESOLVED, outcome=Ending.HEALED, resolved_at=NOW)
        await facade.add(burning("inc-2", product="pay", pages=(page,)))
        await facade.add(resolved, make_journal("inc-1", at=NOW, text="hello"))
        listed = await get(session, "/api/v1/incidents")
        one = await get(session, "/api/v1/incidents/inc-1")
        paged = await get(session, "/api/v1/incidents/inc-2")
    assert {i["id"] for i in listed} == {"inc-1", "inc-2"}
    for incident in (*listed, one):
        assert incident.keys() >= KEYS
    assert one["outcome"] == "healed"
    assert one["verdict"] is None
    assert TIME.fullmatch(one["resolved_at"])
    line = one["timeline"][0]
    assert line.keys() >= {"at", "kind", "reason", "text"}
    assert (line["reason"], line["text"]) == ("new_alert", "hello")
    assert TIME.fullmatch(line["at"])
    assert paged["pages"][0].items() >= {"to": "team-shop", "delivered": True}.items()
    assert paged["alerts"][0]["labels"]["alertname"] == "Slow"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"a", "b"}),
        ("state=resolved", {"b"}),
        ("product=pay", {"b"}),
        ("layer=outcome", set()),
        ("product=pay&state=open", set()),
    ],
)
async def test_filters(query: str, found: set[str]) -> None:
    facade = FakeFacade()
    async with client(facade) as session:
        await facade.add(burning("a"))
        await facade.add(burning("b", product="pay", state=State.RESOLVED, resolved_at=NOW))
        listed = await get(session, f"/api/v1/incidents?{query}")
    assert {i["id"] for i in listed} == found


@pytest.mark.parametrize("query", ["state=nonsense", "layer=x", "limit=0", "limit=x"])
async def test_a_misspelt_filter_is_an_error_and_not_an_empty_list(query: str) -> None:
    async with client(FakeFacade()) as session:
        reply = await session.get(f"/api/v1/incidents?{query}")
        assert reply.status == 400
        assert reply.json()["remedy"]


@pytest.mark.parametrize(
    ("wish", "body", "token", "event"),
    [
        ("ack", None, "responder-token", Acknowledged),
        ("resolve", {"cause": "c", "actions": ["a"]}, "responder-token", ResolvedByPerson),
        ("run", {"use": "process.restart", "with": {"t": 1}}, "responder-token", ActionRequested),
        ("approve", None, "approver-token", Approved),
        ("reject", {"why": "no"}, "approver-token", Rejected),
    ],
)
async def test_peoples_wishes_become_events(
    wish: str, body: object, token: str, event: type[Any]
) -> None:
    facade = FakeFacade(principals=everyone())
    async with client(facade, token) as session:
        await facade.add(burning())
        reply = await session.post(f"/api/v1/incidents/inc-1/{wish}", json=body)
        assert reply.status == 200, reply.text
        assert reply.json()["id"] == "inc-1"
        missing = await session.post(f"/api/v1/incidents/nope/{wish}", json=body)
        assert missing.status == 404
    asked = facade.asked[0]
    assert isinstance(asked, event)
    assert asked.who == f"the-{token.removesuffix('-token')}"
    if isinstance(asked, ResolvedByPerson):
        assert (asked.cause, asked.actions) == ("c", ("a",))
    if isinstance(asked, ActionRequested):
        assert (asked.use, asked.params) == ("process.restart", {"t": 1})


async def test_a_refusal_is_409_with_its_reason_and_sentence() -> None:
    facade = FakeFacade(answer=FakeAnswer(refused=Reason.MOVE_REFUSED, text="it is resolved"))
    async with client(facade) as session:
        await facade.add(burning())
        reply = await session.post("/api/v1/incidents/inc-1/ack")
        assert reply.status == 409
        body = reply.json()
    assert body["reason"] == "move_refused"
    assert body["error"] == Reason.MOVE_REFUSED.sentence
    assert body["remedy"] == "it is resolved"


async def test_a_rule_that_forbids_the_person_is_403() -> None:
    answer = FakeAnswer(refused=Reason.NOT_ALLOWED, text="who resolved it may not approve it")
    facade = FakeFacade(principals=everyone(), answer=answer)
    async with client(facade, "approver-token") as session:
        await facade.add(burning())
        assert (await session.post("/api/v1/incidents/inc-1/approve")).status == 403


DEEP = b'{"cause": ' + b"[" * 100_000


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"actions": 1}', b'{"cuase": "c"}', b"\xff", DEEP])
async def test_a_bad_body_is_400(body: bytes) -> None:
    facade = FakeFacade()
    async with client(facade) as session:
        await facade.add(burning())
        reply = await session.post("/api/v1/incidents/inc-1/resolve", data=body)
        assert reply.status == 400
    assert facade.asked == []


async def test_the_local_person_may_not_approve() -> None:
    facade = FakeFacade()
    async with client(facade) as session:
        await facade.add(burning())
        assert (await session.post("/api/v1/incidents/inc-1/approve")).status == 403
        assert (await session.post("/api/v1/promotions/p/approve")).status == 403
        assert (await session.post("/api/v1/incidents/inc-1/ack")).status == 200
    assert [e.who for e in facade.asked] == [LOCAL.name]  # type: ignore[union-attr]


async def test_a_responder_of_one_product_sees_and_touches_no_other() -> None:
    facade = FakeFacade(principals=everyone())
    async with client(facade, "pay-responder-token") as session:
        await facade.add(burning("shop-1", product="shop"))
        await facade.add(burning("pay-1", product="pay"))
        assert [i["id"] for i in await get(session, "/api/v1/incidents")] == ["pay-1"]
        assert [p["name"] for p in await get(session, "/api/v1/products")] == ["pay"]
        assert (await session.get("/api/v1/incidents/shop-1")).status == 404
        assert (await session.post("/api/v1/incidents/shop-1/ack")).status == 404
        assert (await session.post("/api/v1/incidents/pay-1/ack")).status == 200


async def test_what_belongs_to_no_product_is_not_for_those_limited_to_some() -> None:
    facade = FakeFacade(principals=everyone())
    async with client(facade, "pay-responder-token") as session:
        await facade.add(burning("root", product=None))
        assert (await session.get("/api/v1/incidents/root")).status == 200
        assert (await session.post("/api/v1/incidents/root/ack")).status == 403
        assert (await session.post("/incidents/root/ack")).status == 403
        assert "/root/ack" not in (await session.get("/incidents/root")).text
    assert facade.asked == []


@pytest.mark.parametrize(
    ("params", "status"),
    [({}, 200), ({"target": "till"}, 200), ({"target": "picker"}, 403), ({"target": "?"}, 403)],
)
async def test_a_responder_of_one_product_aims_at_no_other(
    params: dict[str, str], status: int
) -> None:
    facade = FakeFacade(principals=everyone())
    till = Entity(name="till", kind=EntityKind.SERVICE, product="pay", owner="team-pay")
    known = facade.view.registry
    facade.view.registry = Registry(
        products=known.products, entities={**known.entities, "till": till}
    )
    async with client(facade, "pay-responder-token") as session:
        await facade.add(burning("pay-1", product="pay"))
        body = {"use": "process.restart", "with": params}
        reply = await session.post("/api/v1/incidents/pay-1/run", json=body)
        assert reply.status == status, reply.text
    assert len(facade.asked) == (status == 200)


async def test_the_ledger_is_balanced() -> None:
    facade = FakeFacade()
    async with client(facade) as session:
        await facade.quarantine(b"x", source="s", why="w")
        ledger = await get(session, "/api/v1/ledger")
    assert ledger.keys() == {*LedgerState, "received", "balanced"}
    assert ledger["received"] == ledger["quarantined"] == 1
    assert ledger["balanced"] is True
    assert LedgerEntry.__struct_fields__


async def test_products_show_their_three_layers() -> None:
    facade = FakeFacade()
    async with client(facade) as session:
        await facade.add(burning())
        shop, pay = await get(session, "/api/v1/products")
    assert shop["layers"]["product"]["colour"] == "red"
    assert shop["layers"]["machinery"] == {
        "colour": "unknown", "why": ["picker was never heard"], "incidents": [],
    }  # fmt: skip
    assert shop["layers"]["outcome"]["colour"] == "unknown"
    assert {layer["colour"] for layer in pay["layers"].values()} == {"green"}


async def test_prometheus_conventions() -> None:
    facade = FakeFacade()
    async with client(facade) as session:
        assert (await session.get("/-/healthy")).status == 200
        assert (await session.get("/-/ready")).status == 200
        assert (await session.get("/metrics")).text == "homeostat_up 1\n"
        assert (await session.post("/-/reload")).status == 200
        facade.is_on = False
        assert (await session.get("/-/healthy")).status == 503
        assert (await session.get("/-/ready")).status == 503
        facade.faults = (Fault(file="f", line=1, column=2, code="HS1", message="m"),)
        reply = await session.post("/-/reload")
        assert reply.status == 500
        assert reply.json()["faults"] == ["f:1:2: HS1 m"]


async def test_unknown_paths_are_json() -> None:
    async with client(FakeFacade()) as session:
        reply = await session.get("/api/v1/nothing")
        assert reply.status == 404
        assert reply.json().keys() >= {"error", "remedy"}
        assert (await session.request("DELETE", "/api/v1/ledger")).status == 405


async def test_every_answer_carries_the_security_headers() -> None:
    async with client(FakeFacade()) as session:
        for path in ("/", "/api/v1/ledger", "/nothing", "/static/console.css", "/login"):
            headers = (await session.get(path)).headers
            assert "default-src 'self'" in headers["Content-Security-Policy"], path
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Server" not in headers


async def test_a_kubelet_without_a_token_learns_whether_a_restart_may_help() -> None:
    """A page that no channel takes is no reason to restart: that would only take the agent away."""
    facade = FakeFacade(principals=everyone(), unheard="i-1: no channel takes its page")
    async with client(facade) as session:
        assert (await session.get("/-/alive")).status == 200
        assert (await session.get("/-/ready")).status == 200
        assert (await session.get("/-/healthy")).status == 401
        facade.is_on = False
        assert (await session.get("/-/alive")).status == 503
        assert (await session.get("/-/ready")).status == 503
    async with client(facade, "viewer-token") as session:
        facade.is_on = True
        reply = await session.get("/-/healthy")
        assert (reply.status, reply.text) == (503, "i-1: no channel takes its page\n")


OPEN_TO_ALL = {"/login", "/static/{name}", "/-/alive", "/-/ready"}


def every_route() -> list[tuple[str, str]]:
    facade = FakeFacade()
    desk = Desk(facade, Doorkeeper(facade))
    found = []
    for route in [*api.routes(desk), *pages.routes(desk)]:
        assert isinstance(route, Route)
        found += [(m, route.path) for m in route.methods or () if m != "HEAD"]
    return found


async def test_no_route_is_open_where_tokens_are_configured() -> None:
    facade = FakeFacade(principals=everyone())
    async with client(facade) as session:
        for method, path in every_route():
            if path in {*OPEN_TO_ALL, "/webhook/slack"}:  # test_slack.py
                continue
            real = path.format(id="x", name="x", product="x", wish="ack")
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "a=b"}):
                facade.clock.at += 60  # or it would be told to wait, as one who guesses
                reply = await session.request(method, real, headers=headers)
                assert reply.status == 401, (method, path, headers)
                assert "Bearer" in reply.headers["WWW-Authenticate"]
    assert facade.asked == []


@pytest.mark.parametrize(
    ("token", "refused"),
    [
        ("sender-token", {"GET", "POST", "DELETE"}),
        ("viewer-token", {"POST", "DELETE"}),
        ("admin-token", set()),
    ],
)
async def test_roles_walk_every_route(token: str, refused: set[str]) -> None:
    """A sender may look at nothing, a viewer may change nothing, an admin meets no 403."""
    facade = FakeFacade(principals=everyone())
    async with client(facade, token) as session:
        for method, path in every_route():
            if path in {*OPEN_TO_ALL, "/-/healthy", "/logout"}:
                continue
            if path.endswith("/events"):
                continue
            wish = "approve" if "promotions" in path else "ack"
            real = path.format(id="x", name="x", product="x", wish=wish)
            reply = await session.request(method, real)
            is_refused = reply.status in (403, 404) if path[1:4] != "api" else None
            if method in refused and is_refused is None:
                assert reply.status == 403, (method, path)
            elif method in refused:
                assert is_refused or path == "/-/reload", (method, path, reply.status)
            else:
                assert reply.status != 403, (method, path)
    # The kill switch and the breakers need no object to exist.
    assert [e for e in facade.asked if not isinstance(e, HaltAsked | BreakerReset)] == []


async def test_without_tokens_only_loopback_is_bound() -> None:
    with pytest.raises(CannotListen, match="tokens_file"):
        await serve(FakeFacade(), host="0.0.0.0", port=0, push_sources=())


async def test_a_taken_port_is_an_error_with_a_name() -> None:
    async with running(FakeFacade()) as (server, _):
        with pytest.raises(CannotListen, match="in use"):
            await serve(FakeFacade(), host="127.0.0.1", port=server.port, push_sources=())
