"""The proxy passes on what it is not told to break, and breaks what it is told, and counts."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.cluster.asking import Answer, tls_trusting
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.objects import of_kind, path_of, rule
from tests.cluster.plane import Plane

pytestmark = pytest.mark.cluster


async def by(proxy: FaultProxy, method: str, path: str, body: object = None) -> Answer:
    return await proxy.plane.request(method, path, body, url=proxy.url, seconds=5)


def note(namespace: str, name: str = "note") -> dict[str, object]:
    return of_kind("ConfigMap", name, namespace=namespace, data={"a": "b"})


async def test_what_is_not_broken_passes(
    plane: Plane, fault_proxy: FaultProxy, namespace: str
) -> None:
    made = await by(fault_proxy, "POST", path_of("ConfigMap", namespace), note(namespace))
    assert made.status == 201
    assert await plane.exists("ConfigMap", namespace, "note")
    assert [one.method for one in fault_proxy.seen(path="configmaps")] == ["POST"]
    assert fault_proxy.seen()[0].headers["Authorization"].startswith("Bearer ")


async def test_an_account_comes_by_way_of_the_proxy_with_its_own_rights(
    plane: Plane, fault_proxy: FaultProxy, namespace: str
) -> None:
    account = await plane.account(namespace, rules=[rule("", "configmaps", "list")])
    config = fault_proxy.account(account).kubeconfig
    assert await plane.kubectl(
        "get", "configmaps", "-n", namespace, "-o", "name", kubeconfig=config
    )
    assert fault_proxy.seen(path=f"{namespace}/configmaps")
    with pytest.raises(AssertionError, match="Forbidden"):
        await plane.kubectl("get", "pods", "-n", namespace, kubeconfig=config)


async def test_a_status_is_answered_so_many_times(fault_proxy: FaultProxy, namespace: str) -> None:
    busy = fault_proxy.answer(
        429, path="configmaps", headers={"Retry-After": "1"}, times=2, message="wait"
    )
    path = path_of("ConfigMap", namespace)
    answers = [await by(fault_proxy, "GET", path) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert (answers[0].reason, answers[0].headers["Retry-After"]) == ("TooManyRequests", "1")
    assert busy.used == 2


async def test_a_lost_answer_is_one_of_a_write_that_was_done(
    plane: Plane, fault_proxy: FaultProxy, namespace: str
) -> None:
    fault_proxy.lose_answer(method="POST", path="configmaps")
    with pytest.raises(aiohttp.ClientError):
        await by(fault_proxy, "POST", path_of("ConfigMap", namespace), note(namespace))
    assert await plane.exists("ConfigMap", namespace, "note")


async def test_a_cut_request_was_never_done(
    plane: Plane, fault_proxy: FaultProxy, namespace: str
) -> None:
    fault_proxy.cut(method="POST", path="configmaps")
    with pytest.raises(aiohttp.ClientError):
        await by(fault_proxy, "POST", path_of("ConfigMap", namespace), note(namespace))
    assert not await plane.exists("ConfigMap", namespace, "note")
    assert len(fault_proxy.writes()) == 1


async def test_a_watch_is_told_that_its_past_is_gone(
    fault_proxy: FaultProxy, namespace: str
) -> None:
    fault_proxy.expire_watch(path="configmaps")
    path = path_of("ConfigMap", namespace)
    answer = await by(fault_proxy, "GET", f"{path}?watch=true&timeoutSeconds=1")
    event = json.loads(answer.body)
    assert answer.status == 200
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert event["object"]["reason"] == "Expired"
    assert fault_proxy.seen()[0].is_watch
    again = await by(fault_proxy, "GET", f"{path}?watch=true&timeoutSeconds=1")
    assert b"ERROR" not in again.body


class Watch:
    """A watch on ConfigMaps by way of the proxy, read line by line."""

    def __init__(self, proxy: FaultProxy, namespace: str) -> None:
        self.names: list[str] = []
        self.broken = asyncio.Event()
        self._proxy = proxy
        self._path = path_of("ConfigMap", namespace) + "?watch=1"
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watch:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def _read(self) -> None:
        credentials = self._proxy.plane.credentials
        headers = {"Authorization": f"Bearer {credentials.token}"}
        tls = credentials.tls or True
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(self._proxy.url + self._path, headers=headers, ssl=tls) as reply,
            ):
                async for line in reply.content:
                    self.names.append(json.loads(line)["object"]["metadata"]["name"])
        except aiohttp.ClientError:
            self.broken.set()


async def test_open_watches_are_cut(plane: Plane, fault_proxy: FaultProxy, namespace: str) -> None:
    async with Watch(fault_proxy, namespace) as watch:
        await plane.create(note(namespace))
        await plane.wait_for(lambda: "note" in watch.names, what="the event is seen")
        assert fault_proxy.cut_open("watch") == 1
        async with asyncio.timeout(5):
            await watch.broken.wait()


async def test_an_open_watch_falls_silent(
    plane: Plane, fault_proxy: FaultProxy, namespace: str
) -> None:
    async with Watch(fault_proxy, namespace) as watch:
        await plane.create(note(namespace))
        await plane.wait_for(lambda: "note" in watch.names, what="the event is seen")
        fault_proxy.fall_silent("watch")
        await plane.create(note(namespace, "unheard"))
        await asyncio.sleep(0.3)
        fault_proxy.heal()
        await plane.create(note(namespace, "heard"))
        await plane.wait_for(lambda: "heard" in watch.names, what="the next event is seen")
        assert "unheard" not in watch.names
        assert not watch.broken.is_set()


async def test_what_hangs_is_not_answered(fault_proxy: FaultProxy, namespace: str) -> None:
    stuck = fault_proxy.hang(method="GET")
    with pytest.raises(TimeoutError):
        await fault_proxy.plane.request("GET", "/version", url=fault_proxy.url, seconds=0.3)
    stuck.lift()
    assert (await by(fault_proxy, "GET", "/version")).status == 200


async def test_a_refusing_proxy_is_as_an_api_server_that_is_gone(fault_proxy: FaultProxy) -> None:
    assert (await by(fault_proxy, "GET", "/version")).status == 200
    await fault_proxy.refuse()
    with pytest.raises(OSError):
        await by(fault_proxy, "GET", "/version")
    await fault_proxy.accept()
    assert (await by(fault_proxy, "GET", "/version")).status == 200


async def test_it_shows_the_certificate_of_the_server_it_stands_before(
    own_plane: ControlPlane, fault_proxy: FaultProxy
) -> None:
    assert fault_proxy.url.startswith("https:")
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"{fault_proxy.url}/version", ssl=tls_trusting(own_plane.ca_file) or True
        ) as reply,
    ):
        assert reply.status == 401
