"""What the outside sees: no paths out of the folder, no debug pages, nothing before the proof."""

from __future__ import annotations

import asyncio
import re

import pytest

from agent.interface.http.desk import Desk
from agent.interface.http.identity import Doorkeeper
from agent.interface.server import every_route
from tests.support.caller import calling
from tests.support.facade import FakeFacade, burning, everyone, running

OUTSIDE = [
    "..%2f..%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd",
    "..%5c..%5cetc%5cpasswd",
    "%00",
    "x%00.css",
    "%c0%ae%c0%ae%2fetc%2fpasswd",
    "/etc/passwd",
]
FOLDERS = (
    "/static/",
    "/incidents/",
    "/api/v1/incidents/",
    "/api/v1/promotions/",
    "/api/v1/runbooks/",
    "/api/v2/silence/",
)


@pytest.mark.parametrize("folder", FOLDERS)
async def test_no_path_leads_out_of_where_things_are(folder: str) -> None:
    """F-SEC-20: names are looked up among what is known, never joined to a path."""
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (server, _):
        for name in OUTSIDE:
            head = await raw(server.port, f"GET {folder}{name}", "admin-token")
            assert head.startswith(b"HTTP/1.1 404"), (folder + name, head)
            assert b"root:" not in head


async def raw(port: int, line: str, token: str, more: str = "") -> bytes:
    """The whole answer to a request line as it is written: clients would tidy up the path."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{more}"
        writer.write(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
        async with asyncio.timeout(3):
            return await reader.read(65536)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("token", "status"),
    [("wrong", b"401"), ("viewer-token", b"403"), ("pay-viewer-token", b"403")],
)
async def test_a_forged_sender_is_refused_before_its_body_and_counted(
    token: str, status: bytes
) -> None:
    """F-SEC-01: the answer comes while the body is still promised."""
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (server, _):
        said = await raw(
            server.port,
            "POST /webhook/plain",
            token,
            "Content-Length: 1000000\r\nExpect: 100-continue\r\n",
        )
    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"100 Continue" not in said
    assert facade.refusals == [("plain", int(status))]
    assert facade.received == []


async def test_a_sender_of_one_product_cannot_speak_for_another() -> None:
    """F-SEC-01: whose it is stands in the body, so it is read, and then refused as a whole."""
    facade = FakeFacade(principals=everyone())
    headers = {"Authorization": "Bearer pay-sender-token"}
    async with running(facade) as (_, url), calling(url, token="pay-sender-token") as caller:
        reply = await caller.post("/webhook/plain", data=b'{"product": "shop"}', headers=headers)
        assert reply.status == 403
    assert facade.received == []
    assert facade.refusals == [("plain", 403)]


async def test_health_says_nothing_of_what_is_watched() -> None:
    """F-SEC-18: whoever may ask for health learns that it is healthy, and no name."""
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="sender-token") as caller:
        await facade.add(burning("i-1", title="ShopDatabase"))
        for path in ("/-/healthy", "/-/alive", "/-/ready"):
            reply = await caller.get(path)
            assert reply.status == 200
            assert not re.search("shop|pay|picker|ShopDatabase", reply.text, re.IGNORECASE)
        assert (await caller.get("/metrics")).status == 403


async def test_no_route_is_for_debugging() -> None:
    """F-SEC-18: no profiler, no schema, no console of the interpreter, and no trace of an error."""
    facade = FakeFacade()
    paths = {route.path for route in every_route(Desk(facade, Doorkeeper(facade)), ["/webhook/x"])}
    assert not [p for p in paths if re.search("debug|pprof|profil|trace|schema|docs|openapi", p)]
    facade.metrics = lambda: 1 / 0  # type: ignore[assignment, return-value]
    async with running(facade) as (_, url), calling(url) as caller:
        for path in ("/debug/pprof/", "/debug", "/docs", "/openapi.json", "/__debugger__"):
            assert (await caller.get(path)).status == 404
        reply = await caller.get("/metrics")
        assert reply.status == 500
        assert "ZeroDivision" not in reply.text
        assert "Traceback" not in reply.text


async def test_the_console_is_never_in_a_frame_and_its_cookie_never_on_another_site() -> None:
    """F-SEC-10."""
    async with running(FakeFacade(principals=everyone())) as (_, url), calling(url) as caller:
        reply = await caller.post("/login", data={"token": "viewer-token"})
        cookie = reply.headers["Set-Cookie"].lower()
        assert "samesite=strict" in cookie
        assert "httponly" in cookie
        page = await caller.get("/login")
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Frame-Options"] == "DENY"


async def test_another_site_changes_nothing_in_the_name_of_who_is_signed_in() -> None:
    """F-SEC-10: every route that changes something, asked with the cookie from elsewhere."""
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url) as caller:
        reply = await caller.post("/login", data={"token": "admin-token"})
        session = {"Cookie": reply.headers["Set-Cookie"].split(";")[0]}
        await facade.add(burning("x"))
        for route in every_route(Desk(facade, Doorkeeper(facade)), ["/webhook/plain"]):
            method = next(iter((route.methods or set()) - {"HEAD"}))
            if not route.need.changes or route.path == "/webhook/slack":
                continue
            path = route.path.replace("{id}", "x").replace("{name}", "x")
            for origin in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                reply = await caller.request(method, path, headers=session | origin)
                assert reply.status in (401, 403), (method, path, origin, reply.status)
    assert facade.asked == []
    assert facade.received == []
