"""Signed messages are taken once: after a restart too, and not at the price of losing one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from agent.model.decision import Decision
from agent.model.errors import StoreUnavailable
from agent.runtime import once as once_file
from agent.runtime.once import KEPT_SECONDS, Once
from agent.store.memory import MemoryStore
from tests.support.clock import TestClock


class Scene:
    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), TestClock()
        self.done: list[str] = []
        self.fails = False
        self.gate: asyncio.Event | None = None

    async def act(self, what: Any) -> str:
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise StoreUnavailable("disk full")
        self.done.append(str(what))
        return "done"

    async def receive(self, signals: Sequence[Any]) -> None:
        await self.act(signals[0])

    async def submit(self, decisions: Sequence[Any]) -> None:
        await self.store.commit([d for d in decisions if isinstance(d, Decision)])

    def once(self) -> Once[str]:
        """As after a restart: over the same store."""
        return Once(
            store=self.store,
            clock=self.clock,
            submit=self.submit,
            receive=self.receive,
            ask=self.act,
        )


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.store.open(now=made.clock.now())
    return made


async def test_a_key_is_taken_once_and_a_restart_does_not_forget_it(scene: Scene) -> None:
    """F-SEC-02."""
    once = scene.once()
    assert await once.receive("a 1", ["x"]) is True  # type: ignore[list-item]
    assert await once.receive("a 1", ["x"]) is None  # type: ignore[list-item]
    assert await scene.once().ask("a 1", "y") is None  # type: ignore[arg-type]
    assert await scene.once().ask("a 2", "y") == "done"  # type: ignore[arg-type]
    assert scene.done == ["x", "y"]


async def test_what_failed_may_come_again(scene: Scene) -> None:
    once = scene.once()
    scene.fails = True
    with pytest.raises(StoreUnavailable):
        await once.receive("a 1", ["x"])  # type: ignore[list-item]
    scene.fails = False
    assert await once.receive("a 1", ["x"]) is True  # type: ignore[list-item]


async def test_the_second_of_two_at_once_is_told_to_come_again(scene: Scene) -> None:
    """It must not be answered as taken before it is known whether the first one is."""
    scene.gate = asyncio.Event()
    once = scene.once()
    first = asyncio.create_task(once.receive("a 1", ["x"]))  # type: ignore[list-item]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="same message"):
        await once.receive("a 1", ["x"])  # type: ignore[list-item]
    scene.gate.set()
    assert await first is True
    assert scene.done == ["x"]


async def test_old_keys_leave_the_store(scene: Scene) -> None:
    once = scene.once()
    for number in range(100):
        await once.ask(f"a {number}", "x")  # type: ignore[arg-type]
    scene.clock.at += KEPT_SECONDS + 1
    for number in range(100, 103):
        await once.ask(f"a {number}", "x")  # type: ignore[arg-type]
    assert set(await scene.store.records("signed")) == {"a 100", "a 101", "a 102"}


async def test_the_memory_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once_file, "MOST_KEPT", 3)
    monkeypatch.setattr(once_file, "FORGOTTEN_AT_ONCE", 1)
    once = scene.once()
    for number in range(4):
        await once.ask(f"a {number}", "x")  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match="too many"):
        await once.ask("a 5", "x")  # type: ignore[arg-type]
