"""Reference probes against real servers on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from agent.model.alert import Alive, ReferenceAnswer
from agent.model.product import Entity, EntityKind, Registry
from agent.model.signals import Member, ReferenceProbe
from agent.runtime.kit import Kits
from plugins.sources.reference_probes import (
    ReferenceProbes,
    Rounds,
    answer_of,
    ask_all,
    at_path,
)
from tests.support import loopback
from tests.support.kits import RealClock, ToldProcesses
from tests.support.source_kit import Emitted
from tests.support.waiting import eventually


def probe(url: str, **fields: Any) -> ReferenceProbe:
    return ReferenceProbe(name="sum", url=url, **{"expect": "^42$", **fields})


def member(*probes: ReferenceProbe, name: str = "indexer") -> Entity:
    return Entity(
        name=name,
        kind=EntityKind.AGENT,
        product=None,
        owner="team-a",
        member=Member(probes=probes),
    )


@asynccontextmanager
async def lent(*members: Entity) -> AsyncIterator[tuple[Any, Emitted]]:
    emitted = Emitted()
    registry = Registry(entities={m.name: m for m in members})
    kits = Kits(clock=RealClock(), processes=ToldProcesses(), products=lambda: registry)  # type: ignore[arg-type]
    try:
        yield kits.source(emit=emitted.emit, quarantine=emitted.quarantine), emitted
    finally:
        await kits.close()


async def asked(answer: loopback.Answer, **fields: Any) -> ReferenceAnswer:
    async with loopback.serving(answer) as server, lent() as (kit, _):
        return await answer_of(kit, "indexer", probe(f"{server.url}/ask", **fields))


async def test_the_right_answer_at_a_path() -> None:
    got = await asked(loopback.json({"out": [{"answer": 42}]}), path="out.0.answer")
    assert (got.agent, got.probe, got.is_right, got.said) == ("indexer", "sum", True, "42")


@pytest.mark.parametrize(
    ("body", "path"),
    [({"answer": 41}, "answer"), ({"other": 42}, "answer"), ([42], "answer"), ("x", "a.b")],
)
async def test_a_wrong_answer_is_told_with_what_was_said(body: object, path: str) -> None:
    got = await asked(loopback.json(body), path=path)
    assert got.is_right is False
    assert got.said


async def test_a_whole_body_may_hold_it_anywhere() -> None:
    got = await asked(loopback.status(200, body=b"the answer is 42, as ever"), expect="42")
    assert got.is_right is True


@pytest.mark.parametrize("code", [300, 404, 500, 503])
async def test_no_success_is_no_answer(code: int) -> None:
    got = await asked(loopback.status(code, body=b"42"))
    assert got.is_right is None
    assert str(code) in got.said


async def test_what_does_not_come_in_time_is_no_wrong_answer() -> None:
    got = await asked(loopback.never, timeout_seconds=0.05)
    assert got.is_right is None
    assert "did not answer" in got.said


async def test_a_question_with_a_body_is_posted() -> None:
    seen: list[tuple[str, bytes]] = []

    def answer(received: loopback.Received) -> web.StreamResponse:
        seen.append((received.method, received.body))
        return web.json_response({"answer": 42})

    got = await asked(answer, body='{"q": "6*7"}', path="answer")
    assert got.is_right is True
    assert seen == [("POST", b'{"q": "6*7"}')]


async def test_one_that_hangs_delays_no_other_and_each_is_asked_once_at_a_time() -> None:
    count = 0

    async def slow(received: loopback.Received) -> web.StreamResponse:
        nonlocal count
        if received.path == "/slow":
            count += 1
            await asyncio.sleep(30)
        return web.json_response({"answer": 42})

    async with loopback.serving(slow) as server:
        often = {"every_seconds": 0.02, "path": "answer"}
        hanging = probe(f"{server.url}/slow", timeout_seconds=5.0, **often)
        quick = probe(f"{server.url}/quick", **often)
        async with lent(member(hanging, name="a"), member(quick, name="b")) as (kit, emitted):
            running = asyncio.create_task(ask_all.run(kit, ReferenceProbes(every_seconds=0.01)))
            try:
                await eventually(
                    lambda: len([s for s in emitted.signals if isinstance(s, ReferenceAnswer)]) > 3,
                    within=5,
                    what="answers",
                )
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    answers = [s for s in emitted.signals if isinstance(s, ReferenceAnswer)]
    assert {(a.agent, a.is_right) for a in answers} == {("b", True)}
    assert count == 1
    assert Alive(source="") in emitted.signals


def test_rounds_keep_the_rhythm_of_each_probe_and_start_apart() -> None:
    declared = [(f"a{n}", probe("http://127.0.0.1:1/", every_seconds=60.0)) for n in range(50)]
    rounds = Rounds()
    asked_at: dict[str, list[float]] = {}
    for second in range(200):
        for agent, _ in rounds.due(declared, 1000.0 + second):
            asked_at.setdefault(agent, []).append(second)
    assert len(asked_at) == 50
    assert all(first <= 31 for first, *_ in asked_at.values())
    assert len({first for first, *_ in asked_at.values()}) > 10
    assert all(b - a == 60 for times in asked_at.values() for a, b in pairwise(times))


def test_a_clock_set_back_puts_no_probe_off_for_long() -> None:
    declared = [("a", probe("http://127.0.0.1:1/", every_seconds=60.0))]
    rounds = Rounds(first_within=0.0)
    assert rounds.due(declared, 10_000.0) == declared
    assert rounds.due(declared, 100.0) == []
    assert rounds.due(declared, 161.0) == declared


def test_a_probe_that_is_taken_out_is_not_asked_any_more() -> None:
    declared = [("a", probe("http://127.0.0.1:1/"))]
    rounds = Rounds(first_within=0.0)
    assert rounds.due(declared, 0.0) == declared
    assert rounds.due([], 1_000.0) == []


def test_no_path_leads_into_what_is_no_json() -> None:
    assert at_path(b"no json", "a") is None
    assert at_path(b"[" * 5000, "a") is None
    assert at_path(b'{"a": {"b": [1, 2]}}', "a.b.1") == 2
