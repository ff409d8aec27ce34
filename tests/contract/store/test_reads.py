"""Incidents, journal and quarantine as people read them."""

from __future__ import annotations

import msgspec

from agent.model.alert import Layer
from agent.model.decision import Decision
from agent.model.incident import State
from agent.ports.store import IncidentFilter, Quarantined, Store, Totals
from tests.support.decisions import (
    make_incident,
    make_journal,
)

# incidents


async def test_an_incident_is_replaced_whole(store: Store) -> None:
    await store.commit([Decision(incident=make_incident(version=1))])
    newer = make_incident(version=2, state=State.RESOLVED, product=None)
    await store.commit([Decision(incident=make_incident(version=1)), Decision(incident=newer)])
    assert await store.incident("inc-1") == newer
    assert await store.incident("unknown") is None
    assert await store.incidents(IncidentFilter(state="open")) == ()
    assert await store.incidents(IncidentFilter(state="resolved")) == (newer,)


async def test_incidents_are_listed_newest_first_and_filtered(store: Store) -> None:
    made = [
        make_incident("a", opened_at=1.0),
        make_incident("b", opened_at=3.0, product="pay", layer=Layer.MACHINERY),
        make_incident("c", opened_at=2.0, state=State.ESCALATED),
        make_incident("d", opened_at=2.0, product=None),
    ]
    await store.commit([Decision(incident=incident) for incident in made])

    async def ids(**where: object) -> list[str]:
        return [found.id for found in await store.incidents(IncidentFilter(**where))]

    assert await ids() == ["b", "d", "c", "a"]
    assert await ids(limit=2) == ["b", "d"]
    assert await ids(limit=0) == []
    assert await ids(limit=-1) == []
    assert await ids(limit=10**30) == ["b", "d", "c", "a"]
    assert await ids(product="shop") == ["c", "a"]
    assert await ids(product="shop", state="open") == ["a"]
    assert await ids(layer="machinery") == ["b"]
    assert await ids(state="no such state") == []


# journal


async def test_the_journal_is_read_oldest_first_from_any_place(store: Store) -> None:
    lines = [
        make_journal("inc-1", kind="a", data={"x": [1, {"y": None}]}, text="é\x00", who="ann"),
        make_journal("agent:proxy", kind="b"),
        make_journal("inc-1", kind="c"),
    ]
    await store.commit([Decision(journal=(lines[0],)), Decision(journal=(lines[1], lines[2]))])
    rows = await store.journal()
    assert [entry for _, entry in rows] == lines
    numbers = [number for number, _ in rows]
    assert numbers == sorted(set(numbers))
    assert [entry for _, entry in await store.journal(after=numbers[0])] == lines[1:]
    assert [entry for _, entry in await store.journal(limit=1)] == lines[:1]
    assert [entry.kind for _, entry in await store.journal(subject="inc-1")] == ["a", "c"]
    assert [e.kind for _, e in await store.journal(subject="inc-1", after=numbers[0])] == ["c"]
    assert await store.journal(after=10**30) == ()
    assert len(await store.journal(after=-5, limit=10**30)) == 3


# quarantine


async def test_quarantined_bodies_are_cut_and_listed_newest_first(store: Store) -> None:
    huge = Quarantined(at=1.0, source="webhook", why="no JSON", body=b"\xff" * 70_000, size=70_000)
    small = Quarantined(at=2.0, source="mqtt", why="line 1: \x00", body=b"\x00{", size=2)
    await store.quarantine(huge)
    await store.quarantine(small)
    cut = msgspec.structs.replace(huge, body=huge.body[: 64 * 1024])
    assert await store.quarantined() == (small, cut)
    assert await store.quarantined(limit=1) == (small,)
    assert await store.totals() == Totals(received=2, quarantined=2)
