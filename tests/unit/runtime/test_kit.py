"""The clients plugins are lent, against real servers on loopback."""

from __future__ import annotations

import asyncio
import math
import sys
import time

import pytest
from aiohttp import web

from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity, EntityKind, Registry
from agent.ports.kit import HttpReply, Unreached
from agent.runtime.http_client import AiohttpHttp
from agent.runtime.promql_client import samples
from tests.support.kits import RealClock, lent
from tests.support.loopback import Received, json, never, serving, status
from tests.support.running import free_port

WRITES = ("start", "stop", "restart", "set_version", "restore_config")


async def test_get_gives_status_headers_body_and_time() -> None:
    async with (
        lent() as kits,
        serving(status(418, headers={"X-Pot": "tea"}, body=b'{"a": 1}')) as server,
    ):
        reply = await kits.read(deadline_seconds=5).http.get(server.url, timeout_seconds=2)
        assert (reply.status, reply.json(), reply.headers["x-pot"]) == (418, {"a": 1}, "tea")
        assert 0 < reply.seconds < 2


async def test_redirects_are_not_followed() -> None:
    async with (
        lent() as kits,
        serving(status(302, headers={"Location": "http://127.0.0.1:1/"})) as server,
    ):
        reply = await kits.read(deadline_seconds=5).http.get(server.url, timeout_seconds=2)
        assert reply.status == 302
        assert len(server.received) == 1


async def test_a_body_is_cut_at_the_cap_without_waiting_for_the_rest() -> None:
    async def endless(_: Received) -> web.StreamResponse:
        async def flow():  # type: ignore[no-untyped-def]
            for _ in range(64):
                yield b"x" * 1024
            await asyncio.sleep(30)

        return web.Response(body=flow())

    http = AiohttpHttp(RealClock(), read_cap_bytes=10_000)
    try:
        async with serving(endless) as server:
            reply = await http.get(server.url, timeout_seconds=5)
            assert len(reply.body) == 10_000
    finally:
        await http.close()


async def test_a_silent_server_is_temporary_at_the_timeout() -> None:
    async with lent() as kits, serving(never) as server:
        started = time.monotonic()
        with pytest.raises(Temporary, match=r"did not answer within 0.2 s") as caught:
            await kits.http.get(server.url + "/secret?token=1", timeout_seconds=0.2)
        assert time.monotonic() - started < 2
        assert "secret" not in str(caught.value)


async def test_a_refused_connection_is_temporary_and_readable() -> None:
    port = free_port()
    async with lent() as kits:
        with pytest.raises(Temporary) as caught:
            await kits.http.get(f"http://127.0.0.1:{port}/", timeout_seconds=2)
        assert str(caught.value) == f"http://127.0.0.1:{port} refuses the connection"
        assert not isinstance(caught.value, Unreached)


async def test_a_broken_connection_is_temporary() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, lent() as kits:
        with pytest.raises(Temporary, match=r"broke the connection|reset the connection"):
            await kits.http.get(f"http://127.0.0.1:{port}/", timeout_seconds=2)


async def test_a_name_that_does_not_resolve_never_reached_the_other_side() -> None:
    async with lent() as kits:
        with pytest.raises(Unreached, match="the name cannot be resolved"):
            await kits.http.get("http://nobody.invalid/", timeout_seconds=5)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "127.0.0.1:80",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "",
        "http://a b/",
    ],
)
async def test_only_http_addresses_are_asked(url: str) -> None:
    async with lent() as kits:
        with pytest.raises(Permanent):
            await kits.http.get(url, timeout_seconds=1)


async def test_line_ends_in_headers_are_refused() -> None:
    async with lent() as kits, serving(status(200)) as server:
        with pytest.raises(Permanent):
            await kits.http.get(server.url, timeout_seconds=1, headers={"X-A": "1\r\nX-Evil: yes"})
        assert server.received == []


def test_json_that_is_none_is_permanent() -> None:
    for body in (b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(Permanent, match="not JSON"):
            HttpReply(status=200, body=body, seconds=0.1).json()


async def test_the_http_client_is_imported_and_opened_at_the_first_call() -> None:
    async with lent() as kits, serving(status(200)) as server:
        assert kits.http._sessions == {}
        await kits.http.get(server.url, timeout_seconds=2)
        first = dict(kits.http._sessions)
        await kits.http.get(server.url, timeout_seconds=2)
        assert kits.http._sessions == first
        assert len(first) == 1


async def test_what_reads_cannot_write() -> None:
    async with lent() as kits, serving(status(200)) as server:
        kit = kits.read(deadline_seconds=5)
        for method in WRITES:
            assert not hasattr(kit.processes, method)
        assert not (await kit.processes.status("a")).known
        with pytest.raises(Permanent, match="only reads"):
            await kit.http.post(server.url, body=b"", timeout_seconds=1)
        assert server.received == []
        assert not hasattr(kit, "key")


async def test_what_acts_has_its_key_and_finds_only_registered_entities() -> None:
    shop = Entity(name="shop", kind=EntityKind.SERVICE, product="p", owner="team")
    async with lent(products=lambda: Registry(entities={"shop": shop})) as kits:
        kit = kits.act(key="k-1", deadline_seconds=7.0)
        assert (kit.key, kit.deadline_seconds) == ("k-1", 7.0)
        assert kit.entity("shop") is shop
        with pytest.raises(Permanent, match="'shop-2'"):
            kit.entity("shop-2")
        assert all(hasattr(kit.processes, method) for method in WRITES)


async def test_kits_see_the_registry_after_a_reload() -> None:
    registries = [Registry(), Registry(entities={})]
    async with lent(products=lambda: registries[-1]) as kits:
        before = kits.read(deadline_seconds=1).registry
        registries.append(Registry())
        assert before is not kits.read(deadline_seconds=1).registry


async def test_secrets_do_not_show_in_a_notify_kit() -> None:
    async with lent() as kits:
        kit = kits.notify(secrets={"password": "hunter2"}, deadline_seconds=1)
        assert "hunter2" not in repr(kit)
        assert kit.secrets["password"] == "hunter2"


async def test_a_source_kit_emits_and_keeps() -> None:
    heard: list[object] = []

    async def emit(signals: object) -> None:
        heard.append(signals)

    async def keep(body: bytes, *, source: str, why: str) -> None:
        heard.append((body, source, why))

    async with lent() as kits:
        kit = kits.source(emit=emit, quarantine=keep, log_fields={"source": "x"})
        await kit.emit(())
        await kit.quarantine(b"?", source="x", why="y")
        assert heard == [(), (b"?", "x", "y")]
        assert abs(kit.now() - time.time()) < 1
        assert not hasattr(kit.processes, "restart")


# PromQL


def vector(*rows: tuple[dict[str, str], str]) -> dict[str, object]:
    result = [{"metric": labels, "value": [1.5, value]} for labels, value in rows]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_instant_query_gives_samples_ordered_by_labels(method: str) -> None:
    answer = vector(({"job": "b"}, "2"), ({"job": "a"}, "1e3"))
    async with (
        serving(json(answer)) as server,
        lent(prometheus_url=server.url + "/", prometheus_method=method) as kits,
    ):
        kit = kits.read(deadline_seconds=5)
        found = await kit.promql.query('up{job=~"a|b"}', url=None, timeout_seconds=5)
        assert [(dict(s.labels), s.value, s.at) for s in found] == [
            ({"job": "a"}, 1000.0, 1.5),
            ({"job": "b"}, 2.0, 1.5),
        ]
        (asked,) = server.received
        assert (asked.method, asked.path) == (method, "/api/v1/query")
        assert asked.query["query"] == 'up{job=~"a|b"}'
        assert asked.query["timeout"].endswith("ms")


async def test_no_data_is_empty() -> None:
    async with serving(json(vector())) as server, lent() as kits:
        kit = kits.read(deadline_seconds=5)
        assert await kit.promql.query("up", url=server.url, timeout_seconds=5) == ()


def test_shapes_of_answers() -> None:
    (scalar,) = samples([7.0, "42"])
    assert (scalar.value, scalar.at, scalar.labels) == (42.0, 7.0, {})
    row = {"metric": {"a": "b"}}
    assert samples([{**row, "value": [1, "NaN"]}, {**row, "histogram": [1, {}]}]) == ()
    assert samples([{**row, "value": [1, "+Inf"]}])[0].value == math.inf
    for bad in ([{**row, "values": [[1, "2"]]}], [1.0, "text"], {"a": 1}, ["x"], [{"value": [1]}]):
        with pytest.raises(Permanent):
            samples(bad)


async def ask(url: str, timeout_seconds: float = 5.0) -> object:
    async with lent() as kits:
        promql = kits.read(deadline_seconds=5).promql
        return await promql.query("up", url=url, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize("code", [500, 503, 429])
async def test_what_may_pass_is_tried_twice_and_then_temporary(code: int) -> None:
    async with serving(status(code)) as server:
        with pytest.raises(Temporary, match=f"answered {code}"):
            await ask(server.url)
        assert len(server.received) == 2


async def test_the_second_try_may_succeed() -> None:
    answers = [web.Response(status=503), web.json_response(vector(({}, "1")))]
    async with serving(lambda _: answers.pop(0)) as server:
        assert len(await ask(server.url)) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [400, 401, 404, 422, 302])
async def test_what_stays_is_permanent_and_asked_once(code: int) -> None:
    answer = status(code, headers={"Location": "/elsewhere"}, body=b"parse error at char 3")
    async with serving(answer) as server:
        with pytest.raises(Permanent) as caught:
            await ask(server.url)
        assert len(server.received) == 1
        assert ("parse error" in str(caught.value)) is (code in (400, 422))


async def test_a_silent_prometheus_is_temporary_at_the_timeout_not_ten_times_later() -> None:
    async with serving(never) as server:
        started = time.monotonic()
        with pytest.raises(Temporary, match="did not answer"):
            await ask(server.url, timeout_seconds=0.4)
        assert time.monotonic() - started < 1.5


async def test_no_prometheus_there_is_temporary_and_no_address_permanent() -> None:
    with pytest.raises(Temporary, match="cannot be reached"):
        await ask(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Permanent, match="prometheus_url"):
        await ask("")
    with pytest.raises(Permanent, match="http://"):
        await ask("file:///etc/passwd")


async def test_something_else_that_answers_is_no_prometheus() -> None:
    for answer in (status(200, body=b"<html>"), json({}), json([]), json({"data": {"result": 3}})):
        async with serving(answer) as server:
            with pytest.raises(Permanent):
                await ask(server.url)


async def test_an_answer_over_the_cap_is_refused() -> None:
    async with serving(status(200, body=b"[" + b" " * (9 * 1024 * 1024))) as server:
        with pytest.raises(Permanent, match="over 8 MiB"):
            await ask(server.url)


async def test_a_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_api_client", None)
    with pytest.raises(Permanent, match=r"pip install 'homeostat\[prometheus\]'"):
        await ask("http://127.0.0.1:9")
