"""Commands, timers and small aggregates."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.model.decision import Decision, Record, Timer
from agent.model.effect import OutcomeStatus
from agent.model.learning import (
    Credit,
    Deed,
    FollowUp,
    Mark,
    NearMissKind,
    NearMissRecord,
    Promotion,
    PromotionState,
    Resolution,
    Standing,
    Trial,
)
from agent.model.own import OwnDay, OwnState
from agent.model.reason import Reason
from agent.model.records import (
    AgentSigns,
    AnnouncedOnce,
    ChangeRecord,
    Halt,
    MeasureSigns,
    RunbookText,
    Silence,
    SilenceMatcher,
)
from agent.model.runbook import Lifecycle
from agent.model.series import DriftState, MotionSeries
from agent.model.signals import (
    BlindSpot,
    BlindSpotKind,
    Counters,
    ProbeSigns,
    SloSigns,
    SurveySigns,
    TelemetrySigns,
)
from agent.ports.store import Store
from tests.support.decisions import (
    make_act,
    make_command,
)

NOW = 1_000_000.0
DAY = 86_400.0
Reopen = Callable[[], Store]


async def test_a_command_is_written_once_and_never_again_after_it_ended(reopen: Reopen) -> None:
    store = reopen()
    await store.open(now=NOW)
    first = make_command("c1", attempt=1)
    await store.commit([Decision(commands=(first, make_command("c1", attempt=2)))])
    await store.commit([Decision(commands=(make_command("c1", attempt=3), make_command("c2")))])
    await store.commit([Decision(finished=("c2", "unknown"))])
    await store.commit([Decision(commands=(make_command("c2"), make_command("unknown")))])
    await store.close()
    again = reopen()
    assert (await again.open(now=NOW)).commands == (first,)
    await again.close()


async def test_a_timer_moves_and_goes(reopen: Reopen) -> None:
    store = reopen()
    await store.open(now=NOW)
    timers = [Timer(subject="a", name="n", due=due) for due in (5.0, None, 7.0)]
    await store.commit([Decision(timers=(timer,)) for timer in timers])
    await store.commit([Decision(timers=(Timer(subject="b", name="n", due=1.0),))])
    await store.commit([Decision(timers=(Timer(subject="b", name="n", due=None),))])
    await store.close()
    again = reopen()
    assert (await again.open(now=NOW)).timers == (timers[-1],)
    await again.close()


RECORDS = {
    "act": make_act(status=OutcomeStatus.DONE),
    "agent": AgentSigns(agent="proxy", last_at=1.0, alive=True, detail={"n": 1, "ok": True}),
    "measure": MeasureSigns(product="shop", metric="m", value=0.1, moved_at=1.0, last_at=2.0),
    "change": ChangeRecord(product="shop", entity="e", what="deploy", by="ann", at=1.0),
    "resolution": Resolution(
        incident_id="inc-1",
        signature="s",
        recipe="r",
        at=1.0,
        who="ann",
        alertname="Slow",
        layer="product",
        product="shop",
        entity="e",
        labels={"a": "b"},
        deeds=(
            Deed(
                use="process.restart",
                params={"x": "e"},
                target="e",
                by="ann",
                mark=Mark.SEEN,
                began_at=1.0,
                ended_at=2.0,
                origins={"x": ("entity.name",)},
            ),
        ),
        by=("ann",),
        credit=Credit.CREDITED,
    ),
    "promotion": Promotion(
        name="p",
        state=PromotionState.PROPOSED,
        lifecycle="shadow",
        signature="s",
        recipe="r",
        product=None,
        alertname="Slow",
        incidents=("1", "2", "3"),
        resolvers=("ann",),
        document={"kind": "Runbook", "steps": [{"id": "x"}]},
        proposed_at=1.0,
    ),
    "silence": Silence(
        id="s",
        matchers=(SilenceMatcher(name="a", value="b.*", is_regex=True),),
        starts_at=1.0,
        ends_at=2.0,
        created_by="ann",
        comment="",
        updated_at=1.0,
    ),
    "runbook_text": RunbookText(digest="d", name="n", path="p", text="kind: Runbook\n"),
    "halt": Halt(at=1.0, who="ann", why="storm"),
    "standing": Standing(
        runbook="r",
        trials=(Trial(incident="i", at=1.0, state=Lifecycle.ACTIVE, digest="d"),),
        suspended_at=2.0,
        metrics={"Slow": ("up",)},
    ),
    "follow_up": FollowUp(
        id="f",
        incident="i",
        product=None,
        what="more disk",
        owner="ann",
        due_at=9.0,
        made_by="bob",
        made_at=1.0,
    ),
    "telemetry": TelemetrySigns(agent="proxy", last_at=1.0, counters=Counters(tasks=2.0)),
    "drift": DriftState(first=(0.5, 1.0), at=2.0, sum=1.5),
    "probe": ProbeSigns(agent="proxy", probe="capital", last_at=1.0, results=(True, False)),
    "motion": MotionSeries(metric="m", bin_seconds=60.0, values=(1.0, None, 3.0)),
    "slo": SloSigns(product="shop", slo="pay", last_at=1.0, bad=0.1, burn={"1h": 2.0}),
    "blind_spot": BlindSpot(
        kind=BlindSpotKind.UNCOVERED,
        subject="shop",
        owner="team-shop",
        text="no signal",
        remedy="declare one",
        since=1.0,
        last_at=2.0,
    ),
    "survey": SurveySigns(at=1.0, could_not=("no Prometheus",)),
    "own": OwnState(at=1.0, days=(OwnDay(day=3, decisions=9, late=1),), why=Reason.OWN_RETIRED),
    "near_miss": NearMissRecord(
        incident="i",
        runbook="r",
        kind=NearMissKind.GUARD_STOPPED,
        product="shop",
        at=1.0,
        would="process.restart on e",
    ),
    "announced": AnnouncedOnce(at=1.0, subject="i", team="t", title="x"),
}


@pytest.mark.parametrize("kind", list(RECORDS))
async def test_every_kind_of_record_is_kept_and_deleted(reopen: Reopen, kind: str) -> None:
    store = reopen()
    await store.open(now=NOW)
    body = RECORDS[kind]
    await store.commit([Decision(records=(Record(kind=kind, key="k", body=body),))])
    assert await store.records(kind) == {"k": body}
    await store.close()
    again = reopen()
    snapshot = await again.open(now=NOW)
    assert {name: found for name, found in snapshot.records.items() if found} == {kind: {"k": body}}
    await again.commit([Decision(records=(Record(kind=kind, key="k", body=None),))])
    assert await again.records(kind) == {}
    await again.close()


async def test_the_last_word_on_a_record_within_a_batch_holds(store: Store) -> None:
    one, two = (Halt(at=at, who="ann", why="") for at in (1.0, 2.0))
    words = [("x", one), ("x", None), ("y", one), ("x", two), ("y", None)]
    await store.commit(
        [Decision(records=(Record(kind="halt", key=key, body=body),)) for key, body in words]
    )
    assert await store.records("halt") == {"x": two}


async def test_acts_older_than_a_day_are_not_in_the_snapshot_but_stay(reopen: Reopen) -> None:
    store = reopen()
    await store.open(now=NOW)
    acts = {"old": NOW - DAY - 1, "edge": NOW - DAY, "new": NOW - 5}
    await store.commit(
        [
            Decision(records=(Record(kind="act", key=key, body=make_act(key, at=at)),))
            for key, at in acts.items()
        ]
    )
    await store.close()
    again = reopen()
    assert list((await again.open(now=NOW)).records["act"]) == ["edge", "new"]
    assert list(await again.records("act")) == ["edge", "new", "old"]
    await again.close()
