"""The watch of one kind, against an API server that says what nobody expects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import pytest

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.cluster import ClusterPlace
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Registry
from agent.runtime.cluster import Cluster, WatchedCluster
from agent.runtime.cluster_connection import Reply
from tests.support.cases import START
from tests.support.clock import TestClock


class Content:
    """Of a stream: bytes, and then silence; or a connection that breaks."""

    def __init__(self, lines: Sequence[bytes], *, breaks: bool) -> None:
        self._lines, self._breaks = lines, breaks

    async def iter_any(self) -> AsyncIterator[bytes]:
        for line in self._lines:
            yield line
        await asyncio.get_running_loop().create_future()

    async def read(self, most: int) -> bytes:
        if self._breaks:
            raise aiohttp.ClientPayloadError("not all of it came")
        return b"no"[:most]


class Server:
    """Lists `listed` by plural, and says `lines` to a watch; each list after a watch that failed
    takes what there is then."""

    def __init__(self) -> None:
        self.listing = asyncio.Semaphore(2)
        self.listed: dict[str, list[bytes]] = {}
        self.lines: dict[str, list[bytes]] = {}
        self.watch_status = 200
        self.statuses: dict[str, int] = {}
        self.asked: list[str] = []

    async def ask(self, method: str, path: str, **_more: Any) -> Reply:
        plural = path.rpartition("/")[2]
        self.asked.append(plural)
        items = b",".join(self.listed.get(plural, []))
        body = b'{"metadata":{"resourceVersion":"7"},"items":[' + items + b"]}"
        return Reply(status=self.statuses.get(plural, 200), body=body)

    @asynccontextmanager
    async def stream(self, path: str, query: Any, **_more: Any) -> AsyncIterator[Any]:
        plural = path.rpartition("/")[2]
        content = Content(self.lines.pop(plural, []), breaks=self.watch_status != 200)
        yield SimpleNamespace(status=self.watch_status, content=content, headers={})


class Site:
    def __init__(self) -> None:
        place = ClusterPlace(namespace="shop")
        web = Entity(
            name="web", kind=EntityKind.SERVICE, product="shop", owner="ana", places=(place,)
        )
        self.view = View(
            policy=Policy(),
            registry=Registry(entities={"web": web}),
            runbooks=MatchIndex(()),
            plugins={},
        )
        self.clock, self.server = TestClock(START), Server()
        self.cluster = Cluster(ClusterSettings(), clock=self.clock, view=self.view)
        self.cluster.connection = self.server  # type: ignore[assignment]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        running = asyncio.create_task(self.cluster.run())
        await self.clock.pass_time(1)
        try:
            yield running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def thing(name: str) -> bytes:
    return msgspec.json.encode({"metadata": {"name": name, "namespace": "shop"}})


def event(kind: str, thing: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + thing + b"}\n"


ODD = {
    "no metadata": b"{}",
    "no text": b'{"metadata":{"name":"odd","namespace":"shop","labels":{"a":"\xff"}}}',
    "a time without a zone": (
        b'{"metadata":{"name":"odd","namespace":"shop","creationTimestamp":"0001-01-01T00:00:00"}}'
    ),
    "null": b"null",
}


@pytest.mark.parametrize("how", ["listed", "told"])
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_an_object_that_cannot_be_read_hides_no_other(odd: bytes, how: str) -> None:
    site = Site()
    well, later = thing("well"), thing("later")
    site.server.listed["pods"] = [odd, well] if how == "listed" else [well]
    site.server.lines["pods"] = [event("ADDED", odd if how == "told" else later)]
    site.server.lines["pods"].append(event("ADDED", later))
    async with site.running() as running:
        assert not running.done()
        assert {"shop/pod/well", "shop/pod/later"} <= set(site.view.inventory)
        assert site.view.cluster is not None
        assert site.view.cluster.trouble == ""


async def test_a_size_beyond_all_numbers_is_unknown() -> None:
    site = Site()
    meta = {"name": "data", "namespace": "shop"}
    claim = {"metadata": meta, "status": {"capacity": {"storage": "9" * 400}}}
    site.server.listed["persistentvolumeclaims"] = [msgspec.json.encode(claim)]
    async with site.running() as running:
        assert not running.done()
        found = site.view.inventory["shop/persistentvolumeclaim/data"]
        assert "capacity_bytes" not in found.facts


async def test_what_nobody_foresaw_ends_one_watch_for_a_while_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cluster is not the only one who tells of troubles: the daemon must go on."""
    site = Site()
    site.server.listed["pods"] = [thing("well")]
    taken = site.cluster.keeping.listed

    def listed(kind: str, namespace: str, found: Any) -> None:
        if kind == "pod" and site.clock.now() < START + 5:
            raise ZeroDivisionError("nobody thought of it")
        taken(kind, namespace, found)

    monkeypatch.setattr(site.cluster.keeping, "listed", listed)
    async with site.running() as running:
        assert not running.done()
        assert "nobody thought of it" in str(site.cluster.unsynced())
        await site.clock.pass_time(60)
        assert "shop/pod/well" in site.view.inventory
        assert site.cluster.unsynced() == ()


async def test_an_error_whose_words_do_not_arrive_is_one_all_the_same() -> None:
    site = Site()
    site.server.watch_status = 500
    async with site.running() as running:
        assert not running.done()
        assert "500" in str(site.cluster.unsynced())


async def test_what_may_not_be_seen_any_more_is_not_known_any_more() -> None:
    """Who lost the right to read CronJobs must not act by what they once were."""
    site = Site()
    site.server.listed["cronjobs"] = [thing("nightly")]
    async with site.running():
        assert "shop/cronjob/nightly" in site.view.inventory
        watch = site.cluster.watches["cronjob", "shop"]
        watch.is_forbidden, watch.trouble = True, "may not list and watch"
        await site.clock.pass_time(1)
        assert "shop/cronjob/nightly" not in site.view.inventory
        assert site.cluster.unsynced() == ()


async def test_the_first_refusal_is_asked_about_soon_and_one_that_lasts_each_minute() -> None:
    """An API server that has just started refuses what it has not read the Roles of yet."""
    site = Site()
    site.server.statuses["pods"] = 403
    async with site.running():
        assert "may not list" in str(site.cluster.unsynced())
        assert site.view.cluster is not None
        assert "may not list" in site.view.cluster.spaces["shop"].trouble
        # Everything else is told all the same: else one namespace would silence the source.
        assert WatchedCluster(site.cluster).unsynced() == ()
        await site.clock.pass_time(30)
        assert site.server.asked.count("pods") == 2
        site.server.statuses.clear()
        await site.clock.pass_time(60)
        assert site.cluster.unsynced() == ()
