"""Every message ends in one state, the sum is checked, and what was seen is recalled."""

from __future__ import annotations

import asyncio

from agent.model.decision import Decision, LedgerState
from agent.model.reason import Reason
from agent.ports.store import Episode, Quarantined, Repeat, Store, Totals
from tests.support.decisions import (
    make_entry,
    make_move,
)


async def test_an_entry_is_kept_with_every_field(store: Store) -> None:
    entry = make_entry(
        ends_at=20.5,
        status="resolved",
        incident_id=None,
        state=LedgerState.CLEARED,
        reason=Reason.RESOLVED_BEFORE_SEEN,
        name="",
        product=None,
    )
    await store.commit([Decision(entries=(entry,))])
    assert await store.ledger() == (entry,)
    assert (await store.recall(keys=["k1", "k2"], identities=[]))[0] == {"k1": entry}


async def test_a_known_key_counts_as_seen_once_more(store: Store) -> None:
    await store.commit([Decision(entries=(make_entry(),))])
    for other in (make_entry(state=LedgerState.ROUTED), make_entry(incident_id=None)):
        await store.commit([Decision(entries=(other,))])
    assert await store.ledger() == (make_entry(seen=3),)
    totals = await store.totals()
    assert totals == Totals(received=3, open=1, duplicate=2)
    assert totals.balanced


async def test_a_known_message_that_opened_another_incident_is_that_ones(store: Store) -> None:
    await store.commit([Decision(entries=(make_entry(),)), Decision(moves=(make_move(),))])
    again = make_entry(incident_id="inc-9", reason=Reason.NEW_ALERT)
    await store.commit([Decision(entries=(again,))])
    assert await store.ledger() == (make_entry(incident_id="inc-9", seen=2),)
    await store.commit([Decision(moves=(make_move(), make_move("inc-9")))])
    totals = await store.totals()
    assert totals == Totals(received=2, absorbed=1, duplicate=1)
    assert (await store.recall(keys=["k1"], identities=[]))[0]["k1"].incident_id == "inc-9"


async def test_repeats_count_on_the_row(store: Store) -> None:
    await store.commit([Decision(entries=(make_entry(),))], [Repeat(key="k1", at=12.0)])
    await store.commit([], [Repeat(key="k1", at=13.0, times=3)])
    assert (await store.ledger())[0].seen == 5
    assert await store.totals() == Totals(received=5, open=1, duplicate=4)


async def test_a_repeat_of_what_was_lost_shows_as_imbalance(store: Store) -> None:
    await store.commit([], [Repeat(key="never stored", at=12.0)])
    totals = await store.totals()
    assert totals.received == 1
    assert not totals.balanced


async def test_a_move_takes_what_came_before_it_and_not_what_comes_after(store: Store) -> None:
    await store.commit(
        [
            Decision(entries=(make_entry("k1"), make_entry("other", incident_id="inc-2"))),
            Decision(moves=(make_move(),)),
            Decision(entries=(make_entry("k2"),)),
            Decision(entries=(make_entry("k3"),), moves=(make_move("inc-2"),)),
        ]
    )
    states = {entry.key: entry.state.value for entry in await store.ledger()}
    assert states == {"k1": "absorbed", "other": "absorbed", "k2": "open", "k3": "open"}
    assert await store.totals() == Totals(received=4, open=2, absorbed=2)


async def test_a_move_touches_only_the_states_it_names(store: Store) -> None:
    await store.commit(
        [
            Decision(
                entries=(
                    make_entry("k1"),
                    make_entry("k2", state=LedgerState.SUPPRESSED, reason=Reason.HELD_UNDER_ROOT),
                    make_entry("k3", state=LedgerState.CLEARED),
                    make_entry("k4", incident_id=None),
                )
            )
        ]
    )
    released = make_move(
        state=LedgerState.OPEN,
        reason=Reason.RELEASED_FROM_ROOT,
        from_states=(LedgerState.SUPPRESSED, LedgerState.OPEN),
    )
    await store.commit([Decision(moves=(released,))])
    found = {entry.key: (entry.state.value, entry.reason) for entry in await store.ledger()}
    assert found == {
        "k1": ("open", Reason.RELEASED_FROM_ROOT),
        "k2": ("open", Reason.RELEASED_FROM_ROOT),
        "k3": ("cleared", Reason.NEW_ALERT),
        "k4": ("open", Reason.NEW_ALERT),
    }
    await store.commit([Decision(moves=(make_move("inc-7"),))])
    assert (await store.totals()).balanced


async def test_the_ledger_is_newest_first(store: Store) -> None:
    for number in range(5):
        await store.commit([Decision(entries=(make_entry(f"k{number}", at=100.0 - number),))])
    assert [entry.key for entry in await store.ledger(limit=3)] == ["k4", "k3", "k2"]


async def test_every_state_is_in_the_totals(store: Store) -> None:
    entries = tuple(make_entry(state.value, state=state) for state in LedgerState)
    await store.commit([Decision(entries=entries)])
    await store.quarantine(Quarantined(at=1.0, source="s", why="w", body=b"x", size=1))
    totals = await store.totals()
    assert totals == Totals(
        received=8,
        open=1,
        duplicate=1,
        suppressed=1,
        absorbed=1,
        routed=1,
        cleared=1,
        quarantined=2,
    )
    assert totals.balanced


# recall


async def test_the_newest_episode_is_the_latest_start_and_resolved_after_firing(
    store: Store,
) -> None:
    await store.commit(
        [
            Decision(
                entries=(
                    make_entry("a3", identity="a", starts_at=30.0, status="resolved"),
                    make_entry("a2", identity="a", starts_at=30.0, incident_id="x"),
                    make_entry("a1", identity="a", starts_at=10.0, status="resolved"),
                    make_entry("b1", identity="b", starts_at=5.0, incident_id=None),
                )
            )
        ]
    )
    await store.commit([Decision(entries=(make_entry("b2", identity="b", starts_at=5.0),))])
    _, episodes = await store.recall(keys=[], identities=["a", "b", "c", "a"])
    assert episodes == {
        "a": Episode(identity="a", starts_at=30.0, status="resolved", incident_id="inc-1"),
        "b": Episode(identity="b", starts_at=5.0, status="firing", incident_id="inc-1"),
    }


async def test_many_are_recalled_at_once(store: Store) -> None:
    entries = tuple(make_entry(f"k{n}", identity=f"i{n}") for n in range(1500))
    await store.commit([Decision(entries=entries)])
    keys = [f"k{n}" for n in range(0, 3000, 2)]
    found, episodes = await store.recall(keys=keys, identities=[f"i{n}" for n in range(1, 1500)])
    assert set(found) == {f"k{n}" for n in range(0, 1500, 2)}
    assert set(episodes) == {f"i{n}" for n in range(1, 1500)}


async def test_recall_sees_a_commit_that_was_begun_before_it(store: Store) -> None:
    commit = asyncio.create_task(store.commit([Decision(entries=(make_entry(),))]))
    await asyncio.sleep(0)
    found, _ = await store.recall(keys=["k1"], identities=[])
    assert "k1" in found
    await commit
