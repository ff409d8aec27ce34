"""All or nothing: what no store can hold, and many callers at once."""

from __future__ import annotations

import asyncio

import pytest

from agent.model.decision import Decision, LedgerState, Record, Timer
from agent.model.series import DriftNoise, DriftState
from agent.ports.store import IncidentFilter, Quarantined, Store, Totals
from tests.support.decisions import (
    make_act,
    make_command,
    make_entry,
    make_incident,
    make_journal,
    make_move,
)

SURROGATE = "a\ud800b"
OVERFLOWN = DriftState(noise=DriftNoise(squares=float("inf")))


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (Decision(incident=make_incident(title=SURROGATE)), "Incident.title"),
        (Decision(incident=make_incident(findings={"f": {SURROGATE: 1}})), "Incident.findings"),
        (Decision(incident=make_incident(opened_at=float("nan"))), "Incident.opened_at"),
        (Decision(journal=(make_journal(data={"x": [SURROGATE]}),)), r"data\['x'\]\[0\]"),
        (Decision(journal=(make_journal(data={"x": object()}),)), r"data\['x'\]"),
        (Decision(commands=(make_command(params={"x": SURROGATE}),)), r"Command.params\['x'\]"),
        (Decision(commands=(make_command(timeout_seconds=float("inf")),)), "timeout_seconds"),
        (Decision(finished=(SURROGATE,)), "finished"),
        (Decision(entries=(make_entry(name=SURROGATE),)), "LedgerEntry.name"),
        (Decision(entries=(make_entry(ends_at=float("nan")),)), "LedgerEntry.ends_at"),
        (Decision(moves=(make_move(SURROGATE),)), "LedgerMove.incident_id"),
        (Decision(timers=(Timer(subject=SURROGATE, name="n", due=1.0),)), "Timer.subject"),
        (Decision(timers=(Timer(subject="s", name="n", due=float("inf")),)), "Timer.due"),
        (
            Decision(records=(Record(kind="drift", key="a/b", body=OVERFLOWN),)),
            "DriftNoise.squares",
        ),
        (Decision(records=(Record(kind="halt", key=SURROGATE, body=None),)), "key"),
        (Decision(records=(Record(kind="halt", key="h", body=make_act()),)), "Halt, not a Act"),
        (Decision(records=(Record(kind="nothing", key="h", body=None),)), "nothing"),
    ],
)
async def test_what_cannot_be_stored_is_refused_by_name_and_nothing_is_written(
    store: Store, bad: Decision, field: str
) -> None:
    good = Decision(incident=make_incident("good"), entries=(make_entry(),))
    with pytest.raises(ValueError, match=field):
        await store.commit([good, bad])
    assert await store.incident("good") is None
    assert await store.totals() == Totals()
    await store.commit([good])
    assert (await store.totals()).received == 1


async def test_what_nests_too_deeply_is_refused(store: Store) -> None:
    deep: list[object] = []
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(ValueError, match="Incident nests too deeply"):
        await store.commit([Decision(incident=make_incident(findings={"f": {"x": deep}}))])
    assert await store.incidents(IncidentFilter()) == ()


async def test_surrogates_in_a_question_find_nothing(store: Store) -> None:
    assert await store.incident(SURROGATE) is None
    assert await store.incidents(IncidentFilter(product=SURROGATE)) == ()
    assert await store.journal(subject=SURROGATE) == ()
    assert await store.recall(keys=[SURROGATE], identities=[SURROGATE]) == ({}, {})
    with pytest.raises(ValueError, match="source"):
        await store.quarantine(Quarantined(at=1.0, source=SURROGATE, why="", body=b"", size=0))
    assert (await store.totals()).received == 0


async def test_nul_is_kept_in_every_place(store: Store) -> None:
    entry = make_entry("k\x00ey", identity="i\x00d", incident_id="in\x00c", name="\x00")
    incident = make_incident("in\x00c", title="\x00", product="sh\x00op")
    await store.commit(
        [Decision(incident=incident, entries=(entry,), journal=(make_journal("in\x00c"),))]
    )
    assert await store.incident("in\x00c") == incident
    assert await store.incident("in") is None
    assert await store.incidents(IncidentFilter(product="sh\x00op")) == (incident,)
    assert await store.incidents(IncidentFilter(product="sh")) == ()
    assert len(await store.journal(subject="in\x00c")) == 1
    found, episodes = await store.recall(keys=["k\x00ey", "k"], identities=["i\x00d", "i"])
    assert found == {"k\x00ey": entry}
    assert list(episodes) == ["i\x00d"]
    await store.commit([Decision(moves=(make_move("in\x00c"),))])
    assert (await store.ledger())[0].state is LedgerState.ABSORBED


async def test_numbers_without_a_type_that_are_not_finite_come_back_as_nothing(
    store: Store,
) -> None:
    incident = make_incident(findings={"rate": {"value": float("nan"), "big": 2**70}})
    await store.commit([Decision(incident=incident)])
    found = await store.incident("inc-1")
    assert found is not None
    assert found.findings == {"rate": {"value": None, "big": 2**70}}


async def test_commits_at_the_same_time_all_land(store: Store) -> None:
    await asyncio.gather(
        *(store.commit([Decision(entries=(make_entry(f"k{n}"),))]) for n in range(200)),
        *(
            store.quarantine(Quarantined(at=1.0, source="s", why="w", body=b"", size=0))
            for _ in range(20)
        ),
    )
    assert await store.totals() == Totals(received=220, open=200, quarantined=20)


async def test_a_caller_that_stops_waiting_does_not_stop_the_others(store: Store) -> None:
    tasks = [
        asyncio.create_task(store.commit([Decision(entries=(make_entry(f"k{n}"),))]))
        for n in range(10)
    ]
    await asyncio.sleep(0)
    tasks[3].cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [n for n, result in enumerate(ended) if result is not None] in ([3], [])
    assert (await store.totals()).received == 10
