"""Which way a message goes, by what memory and the store know of it."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from agent.model.alert import Alert, AlertStatus
from agent.model.decision import Decision
from agent.model.event import AlertReceived, ResolvedByPerson
from agent.model.incident import Ending, State
from agent.ports.store import IncidentFilter
from agent.runtime.folding import Fold, fold
from tests.support.cases import START, alert, received, resolved, runbook
from tests.support.deciding import Deciding, deciding


async def way(made: Deciding, event: AlertReceived) -> Fold:
    """As the lane would ask: with what the store knows."""
    recalled = await made.lane._recall([event])
    return fold(event, made.view, recalled)[0]


async def test_a_new_one_is_decided_about_and_a_repeat_only_counts() -> None:
    async with deciding() as made:
        event = received(alert(), START)
        assert await way(made, event) is Fold.DECIDE
        await made.lane.submit([event])
        assert await way(made, received(alert(), START + 60)) is Fold.REPEAT
        commits = made.lane.commits
        await made.lane.submit([received(alert(), START + 60)] * 1000)
        assert made.lane.commits == commits + 1
        assert await made.totals() == (1001, 1000)


async def test_the_end_of_a_live_one_and_a_new_episode_are_decided_about() -> None:
    async with deciding() as made:
        await made.lane.submit([received(alert(), START)])
        assert await way(made, received(resolved(alert(), START + 5), START + 5)) is Fold.DECIDE
        again = alert(starts_at=START + 100)
        assert await way(made, received(again, START + 100)) is Fold.DECIDE


async def test_a_promise_to_repeat_is_renewed_once_half_of_it_is_used_up() -> None:
    async with deciding() as made:
        await made.lane.submit([received(alert(expires_at=START + 240), START)])

        async def repeated(at: float) -> Fold:
            return await way(made, received(alert(expires_at=at + 240), at))

        assert await repeated(START + 60) is Fold.REPEAT
        assert await repeated(START + 125) is Fold.DECIDE
        assert await way(made, received(alert(), START + 125)) is Fold.REPEAT, "promises nothing"


async def test_resolved_before_it_was_seen_only_counts_and_the_late_firing_opens_nothing() -> None:
    async with deciding() as made:
        over = received(resolved(alert(), START + 5), START + 6)
        assert await way(made, over) is Fold.COUNT
        await made.lane.submit([over])
        late = received(alert(), START + 7)
        assert await way(made, late) is Fold.COUNT
        await made.lane.submit([late, over, late])
        assert made.view.incidents == {}
        totals = await made.store.totals()
        assert (totals.received, totals.cleared, totals.duplicate) == (4, 2, 2)
        assert totals.balanced


async def test_what_a_person_closed_is_not_opened_by_the_next_repeat() -> None:
    """The source gets time to notice; after it, what still fires is a new incident."""
    async with deciding() as made:
        await made.lane.submit([received(alert(), START)])
        [incident] = made.view.incidents.values()
        closed = msgspec.structs.replace(
            incident, state=State.RESOLVED, outcome=Ending.ROUTED, resolved_at=START + 10
        )
        await made.lane.submit([Decision(incident=closed)])
        assert await way(made, received(alert(), START + 60)) is Fold.REPEAT
        assert await way(made, received(alert(), START + 700)) is Fold.DECIDE


async def test_each_time_a_person_closes_it_the_source_gets_time_again() -> None:
    async with deciding() as made:
        for at in (START, START + 700):
            assert await way(made, received(alert(), at)) is Fold.DECIDE
            await made.lane.submit([received(alert(), at)])
            [incident] = made.view.incidents.values()
            word = ResolvedByPerson(at=at + 10, subject=incident.id, who="ann", cause="known")
            await made.lane.submit([word])
            assert await way(made, received(alert(), at + 60)) is Fold.REPEAT
        totals = await made.store.totals()
        assert (totals.open, totals.routed, totals.duplicate, totals.balanced) == (0, 1, 1, True)


async def test_what_was_only_inferred_to_be_over_opens_at_once() -> None:
    async with deciding() as made:
        await made.lane.submit([received(alert(), START)])
        gone = received(resolved(alert(), START + 5, inferred=True), START + 5)
        await made.lane.submit([gone])
        assert made.view.incidents == {}
        assert await way(made, received(alert(), START + 6)) is Fold.DECIDE
        assert (await made.totals())[0] == 1, "what nobody said is no message"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_the_order_of_arrival_does_not_matter(order: tuple[int, ...]) -> None:
    """Two episodes, each with its end: whatever comes first, nothing is left open."""
    second = alert(starts_at=START + 100)
    told: list[Alert] = [
        alert(),
        resolved(alert(), START + 50),
        second,
        resolved(second, START + 150),
    ]
    async with deciding() as made:
        for n, which in enumerate(order):
            await made.lane.submit([received(told[which], START + 200 + n)])
        assert made.view.live == {}
        assert made.view.incidents == {}
        assert (await made.totals())[0] == 4


@pytest.mark.parametrize("split", range(1, 6))
async def test_it_does_not_matter_either_which_messages_share_a_commit(split: int) -> None:
    second = alert(starts_at=START + 100)
    told = [alert(), resolved(alert(), START + 50), alert(), second, alert(), second]
    events = [received(a, START + 200 + n) for n, a in enumerate(told)]
    async with deciding(runbook("other", alert="Other")) as made:
        for at in range(0, len(events), split):
            await made.lane.submit(events[at : at + split])
        [live] = made.view.live.values()
        assert made.view.incidents[live].alerts[second.identity].starts_at == START + 100
        assert await made.totals() == (6, 3 + 1)
        found = await made.store.incidents(IncidentFilter())
        statuses = [a.status for i in found for a in i.alerts.values() if i.is_open]
        assert statuses == [AlertStatus.FIRING]
