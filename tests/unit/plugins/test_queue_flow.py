"""A queue is watched for a while: does it grow, does it drain, is anything taken from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from agent.model.errors import Permanent
from agent.model.product import Entity, EntityKind, Registry
from agent.ports.kit import FileSeen, FolderSeen, ReadKit
from agent.runtime.kit import Kits
from plugins.diagnostics.queue_flow import Flow
from tests.support import loopback
from tests.support.kits import RealClock, ToldProcesses
from tests.support.shipped import run

NUMBERS = {"waiting": "queue.waiting", "taken": "queue.taken"}


@asynccontextmanager
async def kit(
    *, health_url: str | None = None, processes: ToldProcesses | None = None
) -> AsyncIterator[ReadKit]:
    entity = Entity(
        name="web", kind=EntityKind.SERVICE, product="shop", owner="o", health_url=health_url
    )
    kits = Kits(
        clock=RealClock(),
        processes=processes or ToldProcesses(),
        products=lambda: Registry(entities={"web": entity}),
    )
    try:
        yield kits.read(deadline_seconds=2)
    finally:
        await kits.close()


async def watched(*answers: Any) -> Any:
    """What is found where the health address answers so, one after the other."""
    left = list(answers)

    def answer(_: loopback.Received) -> web.StreamResponse:
        return web.json_response(left.pop(0))

    async with loopback.serving(answer) as server, kit(health_url=server.url) as lent:
        return await run("queue.flow", lent, target="web", over=0.1, **NUMBERS)


def counts(waiting: Any, taken: Any) -> dict[str, Any]:
    return {"queue": {"waiting": waiting, "taken": taken}}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (counts(5, 10), counts(9, 10), {"growing": True, "draining": False, "stuck": True}),
        (counts(9, 10), counts(5, 20), {"growing": False, "draining": True, "stuck": False}),
        (counts(5, 10), counts(9, 12), {"growing": True, "draining": False, "stuck": False}),
        (counts(0, 10), counts(0, 10), {"growing": False, "draining": False, "stuck": False}),
        (counts(5, 10), counts(5, 3), {"growing": False, "draining": False, "stuck": None}),
        (counts(5, None), counts(9, None), {"growing": True, "draining": False, "stuck": None}),
    ],
    ids=["stuck", "draining", "too slow", "empty", "counted anew", "without a count"],
)
async def test_by_the_numbers_of_its_consumer(
    before: Any, now: Any, expected: dict[str, Any]
) -> None:
    seen = await watched(before, now)
    assert seen.model_dump(include=set(expected)) == expected


@pytest.mark.parametrize(
    "answer",
    [{}, {"queue": 5}, counts("many", 1), counts(True, 1), counts(1.5, 1), counts(2**70, 1), []],
)
async def test_a_number_that_is_none_is_unknown_and_never_an_empty_queue(answer: Any) -> None:
    seen = await watched(answer, answer)
    assert seen.model_dump(exclude_none=True) == {}


async def test_a_consumer_that_does_not_answer_tells_nothing() -> None:
    async with kit(health_url="http://127.0.0.1:1/") as lent:
        seen = await run("queue.flow", lent, target="web", over=0.1, **NUMBERS)
    assert seen.model_dump(exclude_none=True) == {}


async def test_without_a_health_address_there_is_nothing_to_ask() -> None:
    async with kit() as lent:
        with pytest.raises(Permanent, match="has no health_url"):
            await run("queue.flow", lent, target="web", over=0.1, **NUMBERS)


class Folders(ToldProcesses):
    """A folder whose entries are told, look by look."""

    def __init__(self, *looks: Sequence[str], is_cut: bool = False) -> None:
        super().__init__()
        self.looks = list(looks)
        self.is_cut = is_cut

    async def folder(self, name: str, folder: str, *, pattern: str) -> FolderSeen:
        assert (name, folder, pattern) == ("web", "queue", "*.json")
        files = tuple(
            FileSeen(name=entry, bytes=1, modified_seconds_ago=90.0 - number, in_use=False)
            for number, entry in enumerate(self.looks.pop(0))
        )
        nothing = {"disk_bytes": 1, "disk_free_bytes": 1, "inodes": 1, "inodes_free": 1}
        return FolderSeen(path="/q", files=files, bytes=1, is_cut=self.is_cut, **nothing)


@pytest.mark.parametrize(
    ("before", "now", "taken", "stuck", "draining"),
    [
        (["a", "b"], ["a", "b", "c"], 0, True, False),
        (["a", "b"], ["c", "d"], 2, False, False),
        (["a", "b"], ["b"], 1, False, True),
        ([], ["c"], 0, False, False),
    ],
    ids=["stuck", "as fast as it comes in", "draining", "was empty"],
)
async def test_by_a_folder_of_entries(
    before: list[str], now: list[str], taken: int, stuck: bool, draining: bool
) -> None:
    async with kit(processes=Folders(before, now)) as lent:
        seen = await run(
            "queue.flow", lent, target="web", folder="queue", pattern="*.json", over=0.1
        )
    assert (seen.taken, seen.stuck, seen.draining) == (taken, stuck, draining)
    assert seen.oldest_age == timedelta(seconds=90)


async def test_a_folder_too_full_to_be_watched_is_an_error() -> None:
    async with kit(processes=Folders(["a"], is_cut=True)) as lent:
        with pytest.raises(Permanent, match="more entries than can be watched"):
            await run("queue.flow", lent, target="web", folder="queue", pattern="*.json", over=0.1)


@pytest.mark.parametrize("given", [{}, {"folder": "queue", "waiting": "n"}])
def test_a_queue_is_a_folder_or_a_number(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="either `folder`, or `waiting`"):
        Flow.model_validate({"target": "web", **given})
