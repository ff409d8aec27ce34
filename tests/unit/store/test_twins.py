"""The same history in both stores reads the same, however it was cut into commits."""

from __future__ import annotations

import tempfile
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.model.alert import Layer
from agent.model.decision import Decision, LedgerState, Record, Timer
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.ports.store import IncidentFilter, Quarantined, Repeat, Store
from agent.store.memory import MemoryStore
from agent.store.sqlite import SqliteStore
from tests.support.decisions import (
    make_act,
    make_command,
    make_entry,
    make_incident,
    make_journal,
    make_move,
)

NOW = 100_000.0
TEXT = st.text(max_size=6)  # NUL included, surrogates not: utf-8 is hypothesis' own default
KEYS = [f"k{number}" for number in range(8)]
INCIDENTS = ["i1", "i2", "i\x003"]
IDENTITIES = ["a", "b"]
TIMES = st.sampled_from([0.0, 1.0, 2.5, 20_000.0, 99_999.0])
STATES = st.sampled_from(list(LedgerState))

incidents = st.builds(
    make_incident,
    st.sampled_from(INCIDENTS),
    state=st.sampled_from(list(State)),
    layer=st.sampled_from(list(Layer)),
    product=st.sampled_from([None, "shop", "pay"]),
    opened_at=TIMES,
    title=TEXT,
)
entries = st.builds(
    make_entry,
    st.sampled_from(KEYS),
    identity=st.sampled_from(IDENTITIES),
    status=st.sampled_from(["firing", "resolved"]),
    starts_at=TIMES,
    ends_at=st.none() | TIMES,
    incident_id=st.none() | st.sampled_from(INCIDENTS),
    state=STATES,
    name=TEXT,
)
moves = st.builds(
    make_move,
    st.sampled_from(INCIDENTS),
    state=STATES,
    reason=st.sampled_from(list(Reason)),
    from_states=st.lists(STATES, max_size=3).map(tuple),
)
records = st.one_of(
    st.builds(
        lambda key, at: Record(kind="act", key=key, body=None if at is None else make_act(at=at)),
        TEXT,
        st.none() | TIMES,
    ),
    st.builds(
        lambda why: Record(
            kind="halt", key="halt", body=None if why is None else Halt(at=1.0, who="a", why=why)
        ),
        st.none() | TEXT,
    ),
)


def some(strategy: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


decisions = st.builds(
    Decision,
    incident=st.none() | incidents,
    journal=some(st.builds(make_journal, st.sampled_from(INCIDENTS), text=TEXT)),
    commands=some(st.builds(make_command, st.sampled_from("xyz"), attempt=st.integers(1, 5))),
    finished=some(st.sampled_from("xyz"), 1),
    entries=some(entries),
    moves=some(moves),
    timers=some(
        st.builds(
            Timer,
            subject=st.sampled_from(INCIDENTS),
            name=st.sampled_from("mn"),
            due=st.none() | TIMES,
        )
    ),
    records=some(records),
)
rows = st.builds(
    Quarantined, at=TIMES, source=TEXT, why=TEXT, body=st.binary(max_size=9), size=st.integers(0, 9)
)
batches = st.lists(
    st.one_of(
        st.tuples(st.lists(decisions, max_size=5), st.lists(st.sampled_from(KEYS), max_size=3)),
        rows,
    ),
    max_size=5,
)


async def apply(store: Store, history: list[Any], *, one_by_one: bool) -> None:
    known: set[str] = set()
    for step in history:
        if isinstance(step, Quarantined):
            await store.quarantine(step)
            continue
        decided, repeated = step
        known.update(entry.key for decision in decided for entry in decision.entries)
        again = [Repeat(key=key, at=9.0, times=2) for key in repeated if key in known]
        if one_by_one:
            for decision in decided:
                await store.commit([decision])
            for repeat in again:
                await store.commit([], [repeat])
        else:
            await store.commit(decided, again)


async def everything(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = {
        "totals": await store.totals(),
        "ledger": await store.ledger(limit=1000),
        "journal": await store.journal(),
        "subject": await store.journal(subject="i\x003", after=1, limit=3),
        "recall": await store.recall(keys=KEYS, identities=IDENTITIES),
        "quarantined": await store.quarantined(),
        "acts": list((await store.records("act")).items()),
        "incidents": await store.incidents(IncidentFilter()),
        "some": await store.incidents(IncidentFilter(state="open", product="shop", limit=2)),
        "layer": await store.incidents(IncidentFilter(layer="product")),
    }
    await store.close()
    found["snapshot"] = await store.open(now=NOW)
    await store.close()
    return found


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(history=batches)
async def test_both_stores_tell_the_same_history(history: list[Any]) -> None:
    told = []
    with tempfile.TemporaryDirectory() as folder:
        for store, one_by_one in (
            (MemoryStore(), True),
            (SqliteStore(f"{folder}/batched.db"), False),
            (SqliteStore(f"{folder}/single.db"), True),
        ):
            await store.open(now=NOW)
            await apply(store, history, one_by_one=one_by_one)
            told.append(await everything(store))
    memory, batched, single = told
    assert memory["totals"].balanced
    assert batched == memory
    assert single == memory
