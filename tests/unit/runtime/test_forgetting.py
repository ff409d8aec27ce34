"""What is kept only as long as it counts is deleted."""

from __future__ import annotations

from agent.model.decision import Decision, Record
from agent.model.records import Flap, Silence, SilenceMatcher
from agent.runtime.forgetting import MOST_AT_ONCE, forget
from tests.support.cases import START
from tests.support.deciding import Gate, deciding

DAY = 86_400.0


async def test_turns_of_long_ago_leave_the_store() -> None:
    store = Gate()
    async with deciding(store=store) as made:
        old, new = Flap(key="old", turns=(START - 1801,)), Flap(key="new", turns=(START - 60,))
        records = tuple(Record(kind="flap", key=f.key, body=f) for f in (old, new))
        await made.lane.submit([Decision(records=records)])
        await forget(made.lane, made.view, at=START)
        assert set(made.view.flaps) == {"new"}
        commits = len(store.sizes)
        await forget(made.lane, made.view, at=START)
        assert len(store.sizes) == commits, "nothing to delete is nothing to commit"


async def test_a_store_that_does_not_take_it_ends_nothing() -> None:
    store = Gate()
    async with deciding(store=store) as made:
        old = Record(kind="flap", key="old", body=Flap(key="old"))
        await made.lane.submit([Decision(records=(old,))])
        store.failures = 1
        await forget(made.lane, made.view, at=START)
        assert set(made.view.flaps) == {"old"}
        await forget(made.lane, made.view, at=START)
        assert made.view.flaps == {}


async def test_more_than_one_commit_takes_is_forgotten_in_one_pass() -> None:
    store = Gate()
    async with deciding(store=store) as made:
        old = tuple(
            Record(kind="flap", key=f"k{n}", body=Flap(key=f"k{n}", turns=(START - 9000,)))
            for n in range(2 * MOST_AT_ONCE + 1)
        )
        await made.lane.submit([Decision(records=old)])
        commits = len(store.sizes)
        await forget(made.lane, made.view, at=START)
        assert made.view.flaps == {}
        assert len(store.sizes) == commits + 3


async def test_silences_that_ended_a_week_ago_are_forgotten() -> None:
    def over(name: str, days: float) -> Silence:
        return Silence(
            id=name,
            matchers=(SilenceMatcher(name="a", value="b"),),
            starts_at=START - 30 * DAY,
            ends_at=START - days * DAY,
            created_by="ann",
            comment="",
            updated_at=START,
        )

    async with deciding() as made:
        told = (over("old", 7.0), over("late", 6.9), over("on", -1.0))
        records = tuple(Record(kind="silence", key=s.id, body=s) for s in told)
        await made.lane.submit([Decision(records=records)])
        await forget(made.lane, made.view, at=START)
        assert set(made.view.silences) == {"late", "on"}
