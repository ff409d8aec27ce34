"""What the agent measures of itself, with a real lane and store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from agent.catalog.own_document import OwnSettings
from agent.catalog.settings import Settings, load_settings
from agent.core import own_health as core
from agent.core.advance import advance
from agent.core.view import View
from agent.model.alert import Heartbeat
from agent.model.decision import Decision, JournalEntry
from agent.model.event import AlertReceived, HeartbeatReceived
from agent.model.own import OwnState, Slip
from agent.model.reason import Reason
from agent.ports.store import Repeat, Totals
from agent.runtime import lane as lane_file
from agent.runtime.lane import Lane, Undecidable
from agent.runtime.own_health import OwnHealth, digest_of
from agent.runtime.view_state import ViewState
from tests.support.cases import START, alert, received
from tests.support.clock import TestClock, settle
from tests.support.deciding import Gate, make_view


class Off(Gate):
    """A store whose ledger may be out of balance, and that may refuse what it is given."""

    missing = 0
    is_picky = False

    async def commit(self, decisions: Sequence[Decision], repeats: Sequence[Repeat] = ()) -> None:
        if self.is_picky:
            raise ValueError("cannot be stored")
        await super().commit(decisions, repeats)

    async def totals(self) -> Totals:
        found = await super().totals()
        return msgspec.structs.replace(found, received=found.received + self.missing)


class Files:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings


class Measured:
    def __init__(self, settings: Settings) -> None:
        self.store, self.clock, self.view = Off(), TestClock(START), make_view()
        self.files = Files(settings)
        self.lane = Lane(
            store=self.store,
            state=ViewState(self.view),
            clock=self.clock,
            committed=lambda decisions: self.health.committed(decisions),
        )
        self.health = OwnHealth(
            self.files, view=self.view, store=self.store, clock=self.clock, lane=self.lane
        )

    @property
    def own(self) -> OwnState:
        return self.view.own["own"]

    @property
    def spent(self) -> core.Spent:
        return core.spent(self.own, self.clock.now())

    async def slowly(self, seconds: float, *names: str) -> None:
        """Alerts whose commit takes so long."""
        self.store.shut()
        told = [received(alert(n, labels={"n": n}), self.clock.now()) for n in names]
        post = asyncio.create_task(self.lane.submit(told))
        await self.clock.pass_time(seconds)
        self.store.let_go()
        await post


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "homeostat.yaml"
    file.write_text("")
    return load_settings(file, {})


@asynccontextmanager
async def measuring(settings: Settings) -> AsyncIterator[Measured]:
    made = Measured(settings)
    await made.store.open(now=START)
    parts = [asyncio.create_task(made.lane.run()), asyncio.create_task(made.health.run())]
    await settle()
    try:
        yield made
    finally:
        for part in parts:
            part.cancel()
        await asyncio.wait(parts)
        await made.store.close()


async def test_it_knows_itself_from_the_start(settings: Settings) -> None:
    async with measuring(settings) as made:
        terms = made.own.terms
        assert (terms.name, terms.owner, terms.started_at) == ("homeostat", "platform", START)
        assert terms.version
        assert terms.digest == digest_of(settings)
        assert (made.health.spent, made.health.advises_only) == (0.0, False)


async def test_decisions_are_counted_and_told_once_a_minute(settings: Settings) -> None:
    async with measuring(settings) as made:
        for number in range(5):
            name = f"A{number}"
            await made.lane.submit([received(alert(name, labels={"n": name}), START)])
        commits = len(made.store.sizes)
        assert made.own.days == ()
        await made.clock.pass_time(60)
        assert made.spent.decisions == 5
        assert len(made.store.sizes) == commits + 1
        await made.clock.pass_time(600)
        assert len(made.store.sizes) == commits + 1, "nothing happened: nothing is written"


async def test_a_heartbeat_is_no_decision_that_somebody_waits_for(settings: Settings) -> None:
    async with measuring(settings) as made:
        beat = HeartbeatReceived(at=START, heartbeat=Heartbeat(agent="scout"))
        await made.lane.submit([beat])
        await made.clock.pass_time(60)
        assert made.spent.decisions == 0


async def test_many_late_decisions_of_a_minute_are_one_late_minute(settings: Settings) -> None:
    async with measuring(settings) as made:
        await made.slowly(0.9, "on-time")
        await made.slowly(1.1, "A", "B", "C")
        await made.slowly(1.1, "D")
        await made.clock.pass_time(60)
        assert (made.spent.late, made.spent.late_minutes) == (4, 1)
        (example,) = made.own.examples
        assert (example.slip, example.subject) == (Slip.LATE, "alert A")
        assert "1.1 s, and 2 others" in example.text
        assert made.health.late == 4


async def test_a_decision_that_waits_for_minutes_spends_each_of_them(settings: Settings) -> None:
    async with measuring(settings) as made:
        await made.slowly(300, "A")
        await made.clock.pass_time(60)
        assert made.spent.late_minutes == 6, "five minutes touch six of the clock"


async def test_the_latency_is_the_one_of_the_settings(settings: Settings) -> None:
    async with measuring(settings) as made:
        calm = OwnSettings(latency_seconds=10.0)
        made.files.settings = msgspec.structs.replace(settings, agent=calm)
        await made.slowly(9, "A")
        await made.clock.pass_time(60)
        assert (made.spent.late, made.spent.decisions) == (0, 1)


@pytest.mark.parametrize("kind", ["decision", "store"])
async def test_an_alert_that_cannot_be_decided_about_is_lost_and_told_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def broken(incident: object, event: object, view: View) -> Decision:
        if isinstance(event, AlertReceived):
            raise RuntimeError("a defect")
        return advance(None, event, view)  # type: ignore[arg-type]

    if kind == "decision":
        monkeypatch.setattr(lane_file, "advance", broken)
    async with measuring(settings) as made:
        made.store.is_picky = kind == "store"
        with pytest.raises(Undecidable):
            await made.lane.submit([received(alert("Odd"), START)])
        made.store.is_picky = False
        await made.clock.pass_time(2)
        assert made.spent.lost == 1
        (example,) = made.own.examples
        assert (example.slip, example.subject) == (Slip.LOST, "alert Odd")


async def test_what_came_back_after_a_verdict_was_judged_wrongly(settings: Settings) -> None:
    async with measuring(settings) as made:
        lines = (
            JournalEntry(at=START, subject="i-1", kind="verdict", reason=Reason.VERIFIED),
            JournalEntry(
                at=START, subject="i-2", kind="relapsed", reason=Reason.RELAPSED, text="x"
            ),
        )
        await made.lane.submit([Decision(journal=lines)])
        await made.clock.pass_time(2)
        assert (made.spent.verdicts, made.spent.wrong) == (1, 1)
        assert [e.subject for e in made.own.examples] == ["i-2"]


async def test_a_ledger_out_of_balance_is_found_within_ten_minutes(settings: Settings) -> None:
    async with measuring(settings) as made:
        made.store.missing = 5
        await made.clock.pass_time(661)
        assert made.spent.lost == 5
        assert made.health.advises_only
        assert made.health.spent > 1
        await made.clock.pass_time(1200)
        assert made.spent.lost == 5, "the same five"


async def test_what_could_not_be_stored_is_told_later(settings: Settings) -> None:
    async with measuring(settings) as made:
        await made.lane.submit([received(alert("A"), START)])
        made.store.failures = 1
        await made.clock.pass_time(60)
        assert made.own.days == ()
        await made.clock.pass_time(60)
        assert made.spent.decisions == 1


async def test_what_it_did_wrong_survives_a_restart(settings: Settings) -> None:
    async with measuring(settings) as made:
        made.store.missing = 5
        await made.clock.pass_time(661)
        await made.store.close()
        again = ViewState(make_view())
        again.load(await made.store.open(now=made.clock.now()))
        kept = again.view.own["own"]
        assert core.stops(kept, made.clock.now()) is not None


def test_the_digest_is_of_what_is_in_force(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        file = tmp_path / "homeostat.yaml"
        file.write_text(text)
        return digest_of(load_settings(file, {}))

    assert digest("") == digest("# a comment\n")
    assert digest("") != digest("policy: {cooldown: 1h}\n")
    windows = "policy: {windows: {night: {from: '22:00', to: '04:00', zone: UTC}}}\n"
    assert digest(windows) == digest(windows)
