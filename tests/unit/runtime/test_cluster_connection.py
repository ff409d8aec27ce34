"""The way to an API server, over a small one on loopback that says what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from agent.catalog.cluster_document import ClusterSettings
from agent.model.errors import Temporary, UnknownEffect
from agent.runtime import cluster_connection
from agent.runtime.cluster_connection import ClusterConnection
from agent.runtime.cluster_way import way_to
from tests.support.kits import RealClock
from tests.support.running import free_port


class Server:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.seen: list[tuple[str, str, str]] = []
        self.answers: list[web.Response | None] = []
        """One after the other, then 200; None: the connection is cut."""
        self.token_file = folder / "token"
        self.token_file.write_text("old\n")

    @property
    def settings(self) -> ClusterSettings:
        return ClusterSettings(server=f"http://127.0.0.1:{self.port}/", token_file=self.token_file)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(
            (request.method, request.raw_path, request.headers.get("Authorization", ""))
        )
        await request.read()
        reply = self.answers.pop(0) if self.answers else web.Response(text='{"ok":1}')
        if reply is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return reply


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    runner = web.ServerRunner(web.Server(made.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.port).start()
    yield made
    await runner.cleanup()


@pytest.fixture
async def connection(server: Server) -> AsyncIterator[ClusterConnection]:
    made = ClusterConnection(server.settings, RealClock())
    yield made
    await made.close()


async def test_names_are_sent_as_they_were_quoted(
    server: Server, connection: ClusterConnection
) -> None:
    reply = await connection.ask("GET", "/api/v1/a%2Fb/c%20d", query={"labelSelector": "a=b,c"})
    assert (reply.status, reply.json()) == (200, {"ok": 1})
    assert server.seen == [
        ("GET", "/api/v1/a%2Fb/c%20d?labelSelector=a%3Db%2Cc", "Bearer old"),
    ]
    assert connection.trouble == ""


async def test_a_token_that_is_refused_is_read_again_once(
    server: Server, connection: ClusterConnection
) -> None:
    """F-K8-13."""
    await connection.ask("GET", "/a")
    server.token_file.write_text("new")
    server.answers = [web.Response(status=401)]
    assert (await connection.ask("GET", "/b")).status == 200
    assert [token for _, _, token in server.seen] == ["Bearer old", "Bearer old", "Bearer new"]
    server.answers = [web.Response(status=401), web.Response(status=401)]
    async with connection.stream("/w", {}, timeout_seconds=5) as stream:
        assert stream.status == 401, "and no more often than that"
    assert len(server.seen) == 5


async def test_a_write_without_an_answer_is_unknown_and_a_read_is_not(
    server: Server, connection: ClusterConnection
) -> None:
    """F-K8-05."""
    server.answers = [None]
    with pytest.raises(UnknownEffect, match="PATCH was sent"):
        await connection.ask("PATCH", "/a", body={"spec": {}}, media_type="application/json")
    server.answers = [None, None]  # a connection that was kept may just have been closed
    with pytest.raises(Temporary, match="does not answer"):
        await connection.ask("GET", "/a")
    assert "does not answer" in connection.trouble


async def test_a_wish_when_to_ask_again_and_the_servers_own_words(
    server: Server, connection: ClusterConnection
) -> None:
    """F-K8-04."""
    said = json.dumps({"message": "too many\nrequests"})
    headers = {"Retry-After": "7"}
    server.answers = [
        web.Response(status=429, text=said, headers=headers),
        web.Response(status=500, text="<html>no"),
        web.Response(status=429, headers={"Retry-After": "1e9"}),
    ]
    busy = await connection.ask("GET", "/a")
    assert (busy.after_seconds, busy.said) == (7.0, "429: too many requests")
    assert (await connection.ask("GET", "/a")).said == "500: <html>no"
    assert (await connection.ask("GET", "/a")).after_seconds is None


async def test_what_cannot_be_read_is_said_and_tried_again(tmp_path: Path) -> None:
    settings = ClusterSettings(server="http://127.0.0.1:1", token_file=tmp_path / "none")
    connection = ClusterConnection(settings, RealClock())
    with pytest.raises(Temporary, match="how the cluster is reached cannot be read"):
        await connection.ask("GET", "/a")
    (tmp_path / "none").write_text("  ")
    with pytest.raises(Temporary, match="is empty"):
        await connection.ask("GET", "/a")


async def test_outside_of_a_pod_somebody_has_to_say_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("t")
    settings = ClusterSettings(token_file=tmp_path / "token")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ValueError, match=r"write kubernetes: \{kubeconfig: PATH\}"):
        await way_to(settings)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    way = await way_to(settings)
    assert (way.host, way.authorization, way.ca_file) == (
        "https://[fd00::1]:6443",
        "Bearer t",
        None,
    )


async def test_a_write_whose_answer_is_too_large_is_unknown(
    server: Server, connection: ClusterConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_connection, "READ_CAP_BYTES", 10)
    server.answers = [web.Response(text="x" * 100) for _ in range(2)]
    with pytest.raises(UnknownEffect, match="more than"):
        await connection.ask("PATCH", "/a", body={})
    with pytest.raises(Temporary, match="more than"):
        await connection.ask("GET", "/a")


async def test_a_program_that_never_logs_in_is_not_waited_for_without_end(
    connection: ClusterConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_settings: ClusterSettings) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(cluster_connection, "TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(cluster_connection, "way_to", never)
    async with asyncio.timeout(5):
        with pytest.raises(Temporary, match="to log in"):
            await connection.ask("GET", "/a", timeout_seconds=60)


async def test_words_that_are_no_text_are_still_an_answer(
    server: Server, connection: ClusterConnection
) -> None:
    server.answers = [web.Response(status=500, body=b'{"message":"\xff"}')]
    reply = await connection.ask("GET", "/a")
    assert reply.said.startswith("500: ")
    with pytest.raises(Temporary, match="not JSON"):
        reply.json()


async def test_a_kubeconfig_that_is_not_there_or_has_no_such_context_is_named(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kubeconfig"
    with pytest.raises(ValueError, match=f"{path}: No such file"):
        await way_to(ClusterSettings(kubeconfig=path))
    context = {"name": "prod", "context": {"cluster": "c", "user": "u"}}
    path.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [context],
                "current-context": "prod",
            }
        )
    )
    with pytest.raises(ValueError, match=r"name prd .*get-contexts --kubeconfig"):
        await way_to(ClusterSettings(kubeconfig=path, context="prd"))
    assert (await way_to(ClusterSettings(kubeconfig=path, context="prod"))).host.endswith(":1")
