"""The daemon in this process, over a store in memory: what falls between its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.catalog.settings import load_settings
from agent.model.decision import Decision, Record, Timer
from agent.model.errors import AlreadyRunning, StoreUnavailable
from agent.model.event import Acknowledged, TimerFired
from agent.runtime import lane as lane_file
from agent.runtime.daemon import Daemon
from agent.runtime.token_file import UnusableTokens
from agent.store.memory import MemoryStore
from tests.support.cases import alert
from tests.support.deciding import Gate
from tests.support.kits import RealClock
from tests.support.learned import promotion
from tests.support.waiting import eventually


def make(folder: Path, store: MemoryStore, settings: str = "") -> Daemon:
    (folder / "runbooks").mkdir(exist_ok=True)
    (folder / "var").mkdir(exist_ok=True)  # a store on disk makes it; without it all is halted
    file = folder / "homeostat.yaml"
    file.write_text("runbooks: [runbooks]\nshipped_runbooks: false\n" + settings)
    return Daemon(load_settings(file, {}), store=store, clock=RealClock())


@asynccontextmanager
async def started(
    folder: Path, store: MemoryStore | None = None, settings: str = ""
) -> AsyncIterator[Daemon]:
    made = make(folder, store or MemoryStore(), settings)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def poison(monkeypatch: pytest.MonkeyPatch, *kinds: type) -> None:
    decide = lane_file.advance

    def with_a_defect(incident: Any, event: Any, view: Any) -> Decision:
        title = event.alert.name if hasattr(event, "alert") else ""
        if isinstance(event, kinds) or title == "Poison":
            raise ZeroDivisionError("a defect")
        return decide(incident, event, view)

    monkeypatch.setattr(lane_file, "advance", with_a_defect)


async def test_an_alert_that_cannot_be_decided_about_is_kept_and_the_others_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch)
    async with started(tmp_path) as made:
        await made.receive([alert("Fine"), alert("Poison"), alert("Good")])
        assert sorted(i.title for i in made.view.incidents.values()) == ["Fine", "Good"]
        [kept] = await made.store.quarantined()
        assert (kept.source, b"Poison" in kept.body) == ("decision", True)
        assert "a defect" in kept.why
        totals = await made.store.totals()
        assert (totals.received, totals.quarantined, totals.balanced) == (3, 1, True)
        assert made.is_healthy()


async def test_where_the_quarantine_cannot_be_written_nothing_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoQuarantine(MemoryStore):
        async def quarantine(self, row: Any) -> None:
            raise StoreUnavailable("full")

    poison(monkeypatch)
    async with started(tmp_path, NoQuarantine()) as made:
        with pytest.raises(StoreUnavailable):
            await made.receive([alert("Poison")])


async def test_a_timer_that_cannot_be_decided_about_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, TimerFired)
    async with started(tmp_path) as made:
        due = Timer(subject="i-x", name="look", due=made.now())
        await made.lane.submit([Decision(timers=(due,))])
        await asyncio.sleep(0.1)
        assert made.is_healthy()
        await made.receive([alert("Fine")])


async def test_a_persons_word_that_cannot_be_decided_about_is_an_error_of_that_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, Acknowledged)
    async with started(tmp_path) as made:
        with pytest.raises(lane_file.Undecidable):
            await made.ask(Acknowledged(at=made.now(), subject="i-x", who="ann"))
        assert made.is_healthy()


async def test_a_store_that_is_full_for_a_while_costs_no_part_of_the_daemon(
    tmp_path: Path,
) -> None:
    store = Gate()
    async with started(tmp_path, store) as made:
        due = Timer(subject="i-x", name="look", due=made.now() + 0.05)
        await made.lane.submit([Decision(timers=(due,))])
        store.failures = 1
        with pytest.raises(StoreUnavailable):
            await made.receive([alert("Fine")])
        store.failures = 1
        await asyncio.sleep(0.1)
        await eventually(
            lambda: not made._state.timers, within=3, what="the timer fires all the same"
        )
        await made.receive([alert("Fine")])
        assert made.is_healthy()


async def test_what_was_learned_is_read_as_soon_as_it_is_decided(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        decided = promotion("learned")
        record = Record(kind="promotion", key=decided.name, body=decided)
        await made.lane.submit([Decision(records=(record,))])
        file = made.settings.data_dir / "promoted" / "learned.yaml"
        await eventually(file.is_file, within=3, what="it is written")
        await eventually(
            lambda: [r.name for r in made.reading.runbooks.runbooks] == ["learned"],
            within=3,
            what="it is read",
        )


async def test_reloads_at_once_do_not_meet(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        for n in range(3):
            decided = promotion(f"learned-{n}")
            record = Record(kind="promotion", key=decided.name, body=decided)
            asked = [asyncio.create_task(made.reload()) for _ in range(3)]
            made.request_reload()
            await made.lane.submit([Decision(records=(record,))])
            await asyncio.gather(*asked)
        await eventually(
            lambda: len(list((made.settings.data_dir / "promoted").glob("*.yaml"))) == 3,
            within=3,
            what="all of them are written",
        )
        assert made.is_healthy()


async def test_a_token_file_nobody_can_read_ends_the_start(tmp_path: Path) -> None:
    store = MemoryStore()
    made = make(tmp_path, store, "tokens_file: tokens.yaml\n")
    with pytest.raises(UnusableTokens, match=r"tokens\.yaml"):
        await made.start()
    await made.stop()


async def test_stopping_what_never_started_is_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    async with started(tmp_path, store):
        second = make(tmp_path, store)
        with pytest.raises(AlreadyRunning):
            await second.start()
        second.store = MemoryStore()
        await second.stop()


async def test_an_alert_that_went_unrepeated_while_nobody_listened_is_not_over(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    async with started(tmp_path, store) as made:
        promised = alert("Fine", starts_at=made.now(), expires_at=made.now() + 0.2)
        await made.receive([promised])
    await asyncio.sleep(0.3)
    async with started(tmp_path, store) as again:
        await asyncio.sleep(0.1)
        assert [i.is_firing for i in again.view.incidents.values()] == [True]
        renewed = msgspec.structs.replace(promised, expires_at=again.now() + 240)
        await again.receive([renewed])
        assert len(again.view.incidents) == 1
