"""The answers to senders of CONTRACT.md, from a real server."""

from __future__ import annotations

import asyncio
import io

import pytest

from agent.interface.http.hot import MOST_BODY_BYTES
from tests.support.caller import Reply, calling
from tests.support.facade import FakeFacade, everyone, plain_source, running

GOOD = b'{"name": "A", "product": "pay"}'
PATH = "/webhook/plain"
UNFINISHED = b"POST /webhook/plain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{"


async def post(url: str, body: bytes = GOOD, **headers: str) -> Reply:
    async with calling(url) as caller:
        return await caller.post(PATH, data=io.BytesIO(body), headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_200_after_the_signals_are_durable() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url):
        reply = await post(url)
        assert (reply.status, reply.body) == (200, b"")
    assert [s.labels["alertname"] for s in facade.received] == ["A"]  # type: ignore[union-attr]


async def test_400_is_kept_in_quarantine() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url):
        reply = await post(url, b"\x00 not json")
        kept = await facade.store.quarantined()
    body = reply.json()
    assert reply.status == 400
    assert body["error"]
    assert body["remedy"]
    assert body["where"] == "$"
    assert [(k.body, k.source) for k in kept] == [(b"\x00 not json", "plain")]


@pytest.mark.parametrize("body", [GOOD, b"not json"])
async def test_503_where_it_cannot_be_stored(body: bytes) -> None:
    """Also for what cannot be read: a 400 without a quarantine would lose it."""
    facade = FakeFacade(is_store_down=True)
    async with running(facade) as (_, url):
        reply = await post(url, body)
    assert reply.status == 503
    assert reply.headers["Retry-After"] == "1"


async def test_413_by_length_and_a_level_check() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url):
        reply = await post(url, b"x" * (MOST_BODY_BYTES + 1))
    assert reply.status == 413
    assert "16 MiB" in reply.json()["error"]
    assert reply.headers["Connection"] == "close"
    assert facade.level_checks == 1
    assert facade.refusals == [("plain", 413)]
    assert facade.received == []


async def test_413_as_soon_as_a_chunked_body_passes_the_limit() -> None:
    facade = FakeFacade()
    sent = 0

    async def endless() -> object:
        nonlocal sent
        while sent < 3 * MOST_BODY_BYTES:
            sent += 1 << 20
            yield b"x" * (1 << 20)

    async with (
        running(facade) as (_, url),
        calling(url) as caller,
    ):
        assert (await caller.post(PATH, data=endless())).status == 413
    assert facade.level_checks == 1


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    facade = FakeFacade()
    body = b'{"name": "A"}'.ljust(MOST_BODY_BYTES, b" ")
    async with running(facade) as (_, url):
        assert (await post(url, body)).status == 200


async def test_415_for_compressed_bodies() -> None:
    async with running(FakeFacade()) as (_, url), calling(url) as session:
        reply = await session.post(PATH, data=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
        assert reply.status == 415


async def test_408_for_a_body_that_never_ends() -> None:
    facade = FakeFacade()
    async with running(facade, body_seconds=0.1) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(UNFINISHED)
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
    assert facade.refusals == [("plain", 408)]


async def test_a_sender_that_leaves_is_noted_and_nothing_is_stored() -> None:
    facade = FakeFacade()
    async with running(facade) as (server, _):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(UNFINISHED)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)
    assert facade.refusals == [("plain", 499)]
    assert facade.received == []


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_401_before_the_body_is_read(token: str) -> None:
    """The sender promises a body and waits for `100 Continue`: it is turned away without."""
    facade = FakeFacade(principals=everyone())
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    async with running(facade) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /webhook/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n"
            + b"Expect: 100-continue\r\n"
            + authorization.encode()
            + b"\r\n"
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
        writer.close()
    assert head.startswith(b"HTTP/1.1 401")
    assert b"www-authenticate: Bearer" in head
    assert b"connection: close" in head


async def test_403_by_role_and_by_product() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url):
        assert (await post(url, **bearer("viewer-token"))).status == 403
        assert (await post(url, **bearer("sender-token"))).status == 200
        assert (await post(url, **bearer("pay-sender-token"))).status == 200
        assert (await post(url, b'{"product": "shop"}', **bearer("pay-sender-token"))).status == 403
        assert (await post(url, b"{}", **bearer("pay-sender-token"))).status == 403
        foreign = b'{"product": "pay", "entity": "picker"}'
        assert (await post(url, foreign, **bearer("pay-sender-token"))).status == 403
    assert len(facade.received) == 2


async def test_pages_of_other_sites_cannot_send() -> None:
    facade = FakeFacade()
    async with running(facade) as (server, url):
        assert (await post(url, Origin="http://evil.example")).status == 403
        assert (await post(url, Host="evil.example")).status == 403
        assert (await post(url, Host=f"localhost:{server.port}")).status == 200
    assert len(facade.received) == 1


async def test_other_methods_and_paths() -> None:
    async with (
        running(FakeFacade(), plain_source("/api/v2/alerts"), plain_source()) as (_, url),
        calling(url) as session,
    ):
        assert (await session.get("/api/v2/alerts")).status == 200
        assert (await session.post("/api/v2/alerts", data=GOOD)).status == 200
        assert (await session.request("PUT", "/api/v2/alerts", data=GOOD)).status == 405
        assert (await session.get(PATH)).status == 405
        missing = await session.post("/webhook/nobody", data=GOOD)
        assert missing.status == 404
        assert "remedy" in missing.json()
