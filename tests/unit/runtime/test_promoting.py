"""Proposals are tried out one after the other, beside the decisions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from agent.catalog.learning_document import DeliverySettings
from agent.catalog.settings import load_settings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.decision import Decision, Record
from agent.model.errors import StoreUnavailable
from agent.model.event import Event, PromotionDelivered, PromotionTried
from agent.model.learning import Promotion, PromotionState
from agent.model.policy import Policy
from agent.runtime import promoting as promoting_file
from agent.runtime.history import DATABASE
from agent.runtime.promoting import Promoting
from agent.runtime.registry import PluginRegistry
from agent.runtime.trying_out import try_out
from agent.runtime.view_state import ViewState
from agent.store.sqlite import SqliteStore
from tests.support.cases import REGISTRY, START
from tests.support.clock import TestClock
from tests.support.kits import RealClock
from tests.support.learned_text import NAME, document, learned
from tests.support.past import HOUR, past, routed
from tests.support.runbook_plugins import PLUGINS
from tests.support.waiting import eventually


class Site:
    """What the daemon is to it: a view, files, a lane that takes its events."""

    def __init__(self, folder: Path, clock: TestClock | RealClock | None = None) -> None:
        self.view = View(policy=Policy(), registry=REGISTRY, runbooks=MatchIndex(()), plugins={})
        self.state = ViewState(self.view)
        settings = load_settings(None, {})
        self.settings = msgspec.structs.replace(settings, data_dir=folder)
        self.submitted: list[Event] = []
        self.reloads = 0
        self.is_down = False
        self.promoting = Promoting(
            cast(PluginRegistry, SimpleNamespace(plugins=PLUGINS)),
            view=self.view,
            files=self,
            submit=self.submit,
            clock=clock or RealClock(),
        )

    def request(self) -> None:
        self.reloads += 1

    async def submit(self, events: Sequence[Event]) -> None:
        if self.is_down:
            raise StoreUnavailable
        self.submitted += events
        for event in events:
            known = self.view.promotions[event.subject]  # type: ignore[union-attr]
            if isinstance(event, PromotionTried):
                state = PromotionState.REFUSED if event.faults else PromotionState.PROPOSED
                self.put(msgspec.structs.replace(known, state=state, faults=event.faults))
            elif isinstance(event, PromotionDelivered):
                self.put(msgspec.structs.replace(known, delivered=event.delivered))

    def put(self, *promotions: Promotion) -> None:
        """It is committed."""
        decisions = [
            Decision(records=(Record(kind="promotion", key=p.name, body=p),)) for p in promotions
        ]
        for decision in decisions:
            self.state.apply(decision)
        self.state.keep()
        self.promoting.committed(decisions)

    def tried(self) -> list[str]:
        return [e.subject for e in self.submitted if isinstance(e, PromotionTried)]

    async def until(self, so: Callable[[], Any]) -> None:
        async def look() -> Any:
            return so()

        await eventually(look, within=20, what="it")


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[Site]:
    task = asyncio.create_task(site.promoting.run())
    try:
        yield site
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled(), "it ended by itself"


async def test_a_proposal_is_tried_when_it_appears(tmp_path: Path) -> None:
    async with running(Site(tmp_path)) as site:
        site.put(learned())
        await site.until(site.tried)
        [event] = site.submitted
        assert isinstance(event, PromotionTried)
        assert (event.subject, event.faults) == (NAME, ())


async def test_what_a_stop_left_behind_is_tried_at_the_next_start(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.put(learned(), learned("learned-done", PromotionState.REFUSED))
    site.promoting = Promoting(
        cast(PluginRegistry, SimpleNamespace(plugins=PLUGINS)),
        view=site.view,
        files=site,
        submit=site.submit,
        clock=RealClock(),
    )
    async with running(site):
        await site.until(site.tried)
    assert site.tried() == [NAME]


async def test_it_is_held_against_the_site_s_own_past(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / DATABASE)
    await store.open(now=START)
    try:
        for n in (1, 2, 3):
            incident = routed(past(n, at=n * HOUR), "team-shop", "process.restart")
            await store.commit([Decision(incident=incident)])
        async with running(Site(tmp_path)) as site:
            site.put(learned())
            await site.until(site.tried)
    finally:
        await store.close()
    [event] = site.submitted
    assert isinstance(event, PromotionTried)
    assert event.backtest is not None
    assert (event.backtest.incidents, event.backtest.agreed) == (3, 3)


async def test_of_many_versions_the_newest_is_tried_and_that_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand resolutions in a day are no ten thousand trials."""
    goes_on, began = threading.Event(), []
    real = try_out

    def slow(promotion: Promotion, **given: Any) -> PromotionTried:
        began.append(promotion.document["about"]["impact"])
        goes_on.wait(20)
        return real(promotion, **given)

    monkeypatch.setattr(promoting_file, "try_out", slow)
    async with running(Site(tmp_path)) as site:
        for n in range(50):
            site.put(learned(document=document(about={"meaning": "m", "impact": str(n)})))
        await site.until(lambda: began)
        site.put(learned(document=document(about={"meaning": "m", "impact": "newest"})))
        goes_on.set()
        await site.until(site.tried)
    assert began == ["49", "newest"]
    assert site.tried() == [NAME]


async def test_what_cannot_be_tried_for_a_defect_is_refused_and_the_daemon_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> PromotionTried:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(promoting_file, "try_out", broken)
    async with running(Site(tmp_path)) as site:
        site.put(learned())
        await site.until(site.tried)
    [event] = site.submitted
    assert isinstance(event, PromotionTried)
    assert event.faults == ("it could not be tried out: ZeroDivisionError: a defect",)


async def test_a_trial_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = TestClock()

    def endless(promotion: Promotion, *, told: Callable[[int], None], **_: Any) -> PromotionTried:
        clock.at += promoting_file.TRIAL_SECONDS
        told(1_000)
        raise AssertionError("there was time")

    monkeypatch.setattr(promoting_file, "try_out", endless)
    async with running(Site(tmp_path, clock)) as site:
        site.put(learned())
        await site.until(site.tried)
    [event] = site.submitted
    assert isinstance(event, PromotionTried)
    assert "could not be tried out within 300 s: 1000 incidents" in event.faults[0]


async def test_a_thread_ends_with_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, ended = threading.Event(), threading.Event()

    def endless(_promotion: Promotion, *, told: Callable[[int], None], **_: Any) -> PromotionTried:
        began.set()
        try:
            while True:
                told(1)
        finally:
            ended.set()

    monkeypatch.setattr(promoting_file, "try_out", endless)
    async with running(Site(tmp_path)) as site:
        site.put(learned())
        await site.until(began.is_set)
    assert await asyncio.to_thread(ended.wait, 10)
    assert site.submitted == []


async def test_while_the_store_is_away_nothing_is_lost(tmp_path: Path) -> None:
    clock = TestClock()
    site = Site(tmp_path, clock)
    site.is_down = True
    site.put(learned())
    async with running(site):
        await site.until(lambda: any(site.promoting.waiting.values()))
        site.is_down = False
        clock.at += promoting_file.PAUSE_SECONDS
        site.put(learned("learned-second"))
        await site.until(lambda: len(site.tried()) == 2)
    assert set(site.tried()) == {NAME, "learned-second"}


async def test_what_is_approved_is_delivered_and_read(tmp_path: Path) -> None:
    folder = tmp_path / "runbooks"
    folder.mkdir()
    site = Site(tmp_path / "var")
    site.settings = msgspec.structs.replace(site.settings, learning=DeliverySettings(folder=folder))
    async with running(site):
        site.put(learned(state=PromotionState.APPROVED, decided_at=1.0, decided_by="carla"))
        await site.until(lambda: site.submitted)
    assert (folder / f"{NAME}.yaml").is_file()
    assert site.reloads >= 1


async def test_what_nobody_sees_yet_is_no_reason_to_read_anew(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.put(learned(), learned("learned-x", PromotionState.REFUSED))
    assert site.reloads == 0
    site.put(learned(state=PromotionState.REJECTED))
    assert site.reloads == 1
