"""The past as it is counted: incidents and ledger by pages, each row once."""

from __future__ import annotations

from agent.model.decision import Decision, LedgerState
from agent.model.incident import Incident
from agent.model.past import WEEK_SECONDS, LedgerCount, week_of, week_start
from agent.model.reason import Reason
from agent.ports.store import Store
from tests.support.decisions import make_entry, make_incident, make_move

MONDAY = week_start(2900)


async def all_past(store: Store, *, since: float, limit: int) -> list[Incident]:
    found: list[Incident] = []
    place: tuple[float, int] | None = (since, -1)
    while place is not None:
        page = await store.past(after=place, limit=limit)
        assert len(page.incidents) <= limit
        found.extend(page.incidents)
        place = page.next
    return found


async def all_counts(store: Store, *, span: int) -> list[LedgerCount]:
    page = await store.ledger_counts(span=span)
    found = list(page.counts)
    while page.next is not None:
        page = await store.ledger_counts(before=page.next, span=span)
        found.extend(page.counts)
    return found


async def test_incidents_come_by_pages_oldest_first_each_once(store: Store) -> None:
    at = [3.0, 1.0, 2.0, 2.0, 2.0, 0.5]
    made = [make_incident(f"i{n}", opened_at=opened) for n, opened in enumerate(at)]
    await store.commit([Decision(incident=incident) for incident in made])
    for limit in (1, 2, 5, 100):
        found = await all_past(store, since=1.0, limit=limit)
        assert found == [made[n] for n in (1, 2, 3, 4, 0)], limit
    assert await all_past(store, since=4.0, limit=2) == []


def healed(*, week: int, messages: int, first_at: float) -> LedgerCount:
    return LedgerCount(
        week=week,
        incident_id="inc-1",
        product="shop",
        state=LedgerState.ABSORBED,
        reason=Reason.HEALED,
        messages=messages,
        first_at=first_at,
    )


async def test_messages_are_counted_by_week_incident_state_and_reason(store: Store) -> None:
    entries = [
        make_entry("a", at=MONDAY),
        make_entry("b", at=MONDAY + 5, seen=4),
        make_entry("c", at=MONDAY - 0.5),
        make_entry("d", at=MONDAY + WEEK_SECONDS, incident_id=None, product=None,
                   state=LedgerState.CLEARED, reason=Reason.RESOLVED_BEFORE_SEEN),
        make_entry("e", at=MONDAY + 6, incident_id="other"),
    ]  # fmt: skip
    for entry in entries:
        await store.commit([Decision(entries=(entry,))])
    await store.commit([Decision(moves=(make_move(),))])
    wanted = {
        healed(week=2900, messages=2, first_at=MONDAY),
        healed(week=2899, messages=1, first_at=MONDAY - 0.5),
        LedgerCount(
            week=2901,
            incident_id=None,
            product=None,
            state=LedgerState.CLEARED,
            reason=Reason.RESOLVED_BEFORE_SEEN,
            messages=1,
            first_at=MONDAY + WEEK_SECONDS,
        ),
        LedgerCount(
            week=2900,
            incident_id="other",
            product="shop",
            state=LedgerState.OPEN,
            reason=Reason.NEW_ALERT,
            messages=1,
            first_at=MONDAY + 6,
        ),
    }
    page = await store.ledger_counts()
    assert (set(page.counts), page.next) == (wanted, None)
    assert {count.week for count in page.counts} == {2899, week_of(MONDAY), 2901}
    for span in (1, 2, 3, 5):
        assert sum(c.messages for c in await all_counts(store, span=span)) == 5, span


async def test_the_newest_rows_of_the_ledger_come_first(store: Store) -> None:
    for n in range(5):
        await store.commit([Decision(entries=(make_entry(f"k{n}", at=MONDAY + n),))])
    page = await store.ledger_counts(span=2)
    assert {c.first_at for c in page.counts} == {MONDAY + 3}
    assert page.next is not None
    rest = await store.ledger_counts(before=page.next, span=2)
    assert {c.first_at for c in rest.counts} == {MONDAY + 1}


async def test_an_empty_store_has_no_past(store: Store) -> None:
    assert await all_past(store, since=0.0, limit=3) == []
    assert await all_counts(store, span=3) == []
