"""Half a year and 100,000 messages, counted out of a real file while the loop goes on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import msgspec

from agent.interface.http.absorbed_api import counted
from agent.measure.absorbed import Grade, Tally
from agent.model.decision import Decision, LedgerEntry, LedgerState
from agent.model.incident import Ending, Incident, Page, State
from agent.model.past import week_of
from agent.model.reason import Reason
from agent.store.sqlite import SqliteStore
from tests.support.decisions import make_entry, make_incident
from tests.support.facade import NOW, FakeFacade

DAYS, INCIDENTS, A_TIME = 180, 20_000, 2_000
MESSAGES = 5
"""Of each incident."""
WEEKS = 26
ENDS = {
    Grade.HEALED: (Ending.HEALED, LedgerState.ABSORBED, Reason.HEALED),
    Grade.SETTLED: (Ending.SETTLED, LedgerState.ABSORBED, Reason.SETTLED),
    Grade.DIAGNOSED: (Ending.ROUTED, LedgerState.ROUTED, Reason.ENDED_AFTER_TOLD),
    Grade.ROUTED: (Ending.ROUTED, LedgerState.ROUTED, Reason.ENDED_AFTER_TOLD),
    Grade.CLEARED: (None, LedgerState.CLEARED, Reason.CLEARED_BY_ITSELF),
}
Place = tuple[int, str, Grade]


def one(number: int, grade: Grade, product: str, at: float) -> tuple[Incident, list[LedgerEntry]]:
    outcome, state, reason = ENDS[grade]
    page = Page(id=f"{number}/page/1/c", to="t", channel="c", at=at + 5, text="x")
    is_told = outcome is Ending.ROUTED
    incident = make_incident(
        f"i-{number}",
        product=product,
        state=State.RESOLVED,
        outcome=outcome,
        opened_at=at,
        resolved_at=at + 300,
        findings={"status": {"alive": False}} if grade is Grade.DIAGNOSED else {},
        pages=(page,) if is_told else (),
    )
    entries = [
        make_entry(
            f"{number}/{n}", incident_id=incident.id, at=at + n, state=state, reason=reason,
            product=None,
        )
        for n in range(MESSAGES)
    ]  # fmt: skip
    return incident, entries


async def fill(store: SqliteStore) -> tuple[Counter[Place], Counter[Place]]:
    """Returns what was put in: incidents, and messages, by week, product and grade."""
    chance = random.Random(6)
    incidents: Counter[Place] = Counter()
    messages: Counter[Place] = Counter()
    times = sorted(NOW - chance.random() * DAYS * 86_400.0 for _ in range(INCIDENTS))
    decisions = []
    for number, at in enumerate(times):
        grade = chance.choice(list(ENDS))
        product = f"p{chance.randrange(20)}"
        incident, entries = one(number, grade, product, at)
        decisions.append(Decision(incident=incident, entries=tuple(entries)))
        incidents[week_of(at), product, grade] += 1
        for entry in entries:
            messages[week_of(entry.at), product, grade] += 1
    for begin in range(0, INCIDENTS, A_TIME):
        await store.commit(decisions[begin : begin + A_TIME])
    return incidents, messages


def counts_of(tally: Tally) -> tuple[Counter[Place], Counter[Place]]:
    incidents: Counter[Place] = Counter()
    messages: Counter[Place] = Counter()
    for product in tally.told(lambda _: True).products:
        assert product.product is not None
        for week in product.weeks:
            for found, counts in ((incidents, week.incidents), (messages, week.alerts)):
                for name, number in msgspec.structs.asdict(counts).items():
                    if number:
                        found[week_of(week.start), product.product, Grade(name)] += number
    return incidents, messages


async def test_every_incident_and_message_of_half_a_year_is_in_its_place(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "homeostat.db")
    await store.open(now=NOW)
    turns = 0

    async def going_on() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    try:
        put, sent = await fill(store)
        assert sum(sent.values()) == INCIDENTS * MESSAGES
        facade = FakeFacade()
        facade.store = store  # type: ignore[assignment]
        others = asyncio.create_task(going_on())
        tally = await counted(facade, weeks=WEEKS, at=NOW)
        others.cancel()
    finally:
        await store.close()
    begins = week_of(NOW) - WEEKS + 1
    wanted = [Counter({k: v for k, v in c.items() if k[0] >= begins}) for c in (put, sent)]
    assert list(counts_of(tally)) == wanted
    # Between any two pages others have their turn: none holds more than a few hundred rows.
    assert turns > INCIDENTS / 500
    weeks = tally.told(lambda _: True).weeks
    assert [w.is_partial for w in weeks].count(True) == 1 + (min(k[0] for k in put) >= begins)
