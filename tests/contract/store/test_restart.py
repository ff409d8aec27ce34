"""Open, close, and all that is open comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.model.alert import AlertStatus
from agent.model.decision import Decision, Record, Timer
from agent.model.errors import AlreadyRunning, StoreUnavailable
from agent.model.incident import AlertState, Ending, Page, State, StepRun
from agent.model.reason import Reason
from agent.model.records import (
    Halt,
)
from agent.ports.store import IncidentFilter, Quarantined, Store, Totals
from tests.support.decisions import (
    make_command,
    make_entry,
    make_incident,
)

NOW = 1_000_000.0
Reopen = Callable[[], Store]


async def test_a_new_store_is_empty_and_balanced(reopen: Reopen) -> None:
    store = reopen()
    snapshot = await store.open(now=NOW)
    assert (snapshot.incidents, snapshot.commands, snapshot.timers) == ((), (), ())
    assert set(snapshot.records) >= {"act", "halt", "runbook_text"}
    assert not any(snapshot.records.values())
    assert await store.totals() == Totals()
    assert await store.incidents(IncidentFilter()) == ()
    assert await store.journal() == ()
    assert await store.ledger() == ()
    assert await store.quarantined() == ()
    assert await store.recall(keys=[], identities=[]) == ({}, {})
    await store.close()


async def test_closed_it_says_unavailable_and_closing_twice_is_nothing(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.commit([Decision(entries=(make_entry(),))])
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.quarantine(Quarantined(at=1.0, source="s", why="w", body=b"", size=0))
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.recall(keys=["k"], identities=[])
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.totals()


async def test_opening_it_twice_is_refused(store: Store) -> None:
    with pytest.raises(AlreadyRunning):
        await store.open(now=NOW)
    assert (await store.totals()).balanced


async def test_a_restart_gives_back_all_that_is_open(reopen: Reopen) -> None:
    store = reopen()
    await store.open(now=NOW)
    rich = make_incident(
        "inc-1",
        state=State.ACTING,
        alerts={
            "prom/f1": AlertState(
                identity="prom/f1",
                name="Slow",
                status=AlertStatus.FIRING,
                labels={"alertname": "Slow", "weird": "Ünïcode \x00 \U0001f525"},
                starts_at=99.25,
            )
        },
        findings={"free": {"bytes": 12, "ratio": 0.5, "who": None, "list": [1, "x"]}},
        steps=(StepRun(id="s1", use="process.restart", params={"a": 1}, target="t", by="agent"),),
        pages=(Page(id="p1", to="team-pay", channel="terminal", at=1.5, text="Hello"),),
        waiting=("c1",),
        reason=Reason.ACTED,
    )
    ended = make_incident("inc-2", state=State.RESOLVED, outcome=Ending.HEALED)
    await store.commit(
        [
            Decision(
                incident=rich,
                commands=(make_command("c1"), make_command("c2")),
                finished=("c2",),
                timers=(
                    Timer(subject="inc-1", name="late", due=30.5),
                    Timer(subject="inc-1", name="soon", due=20.0),
                    Timer(subject="inc-1", name="never", due=None),
                ),
                records=(Record(kind="halt", key="halt", body=Halt(at=1.0, who="ann", why="x")),),
            ),
            Decision(incident=ended),
        ]
    )
    await store.close()
    again = reopen()
    snapshot = await again.open(now=NOW)
    assert snapshot.incidents == (rich,)
    assert snapshot.commands == (make_command("c1"),)
    assert [(timer.name, timer.due) for timer in snapshot.timers] == [
        ("soon", 20.0),
        ("late", 30.5),
    ]
    assert snapshot.records["halt"] == {"halt": Halt(at=1.0, who="ann", why="x")}
    assert await again.incident("inc-2") == ended
    await again.close()
