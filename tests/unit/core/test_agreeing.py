"""A runbook in shadow beside people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.agreeing import agree, would_have
from agent.core.turn import Turn
from agent.model.decision import Decision
from agent.model.effect import Verdict
from agent.model.event import Acknowledged
from agent.model.incident import Incident
from agent.model.learning import Agreement, Credit, Deed, Mark, Resolution, Standing, WouldHave
from agent.model.policy import Policy, Rails
from agent.model.reason import Reason
from agent.model.runbook import Branch, Lifecycle, Runbook
from tests.support.cases import (
    NAME,
    START,
    STATUS,
    Value,
    World,
    fact,
    plan,
    runbook,
    settle,
    step,
)
from tests.support.resolutions import resolution as likewise
from tests.support.standings import DIGEST, looked_on

SHADOW = Lifecycle.SHADOW


def decided(world: World, case: Incident) -> WouldHave | None:
    event = Acknowledged(at=world.now, subject=case.id, who="bob")
    return would_have(Turn(at=world.now, event=event, view=world.view, incident=case))


def seen(book: Runbook, *, policy: Policy | None = None) -> WouldHave | None:
    world = World(book, policy=policy)
    world.fire()
    world.find(alive=False)
    return decided(world, world.case)


# what it would have done


def test_the_acts_it_would_have_done_are_kept_with_their_targets() -> None:
    steps = (step(id="a"), step("process.flush", id="b", target="cache"))
    world = World(runbook("hung", plan("both", *steps), lifecycle=SHADOW))
    case = world.fire()
    assert case.reason is Reason.RUNBOOK_IN_SHADOW
    would = decided(world, case)
    assert would == WouldHave(
        runbook="hung",
        digest=DIGEST,
        plan="both",
        deeds=(("process.restart", "shop-worker"), ("process.flush", "cache")),
        at=START,
    )


def test_a_target_nobody_can_work_out_yet_stays_open() -> None:
    steps = (step(id="a"), step(id="b", target=Value("nothing.here")))
    would = seen(runbook("hung", plan("both", *steps), lifecycle=SHADOW))
    assert would is not None
    assert would.deeds == (("process.restart", "shop-worker"), ("process.restart", None))


def test_it_would_have_acted_when_the_rails_had_let_it() -> None:
    policy = Policy(rails=Rails(dwell_seconds=120.0), evaluation_interval_seconds=0.0)
    would = seen(runbook(lifecycle=SHADOW), policy=policy)
    assert would is not None
    assert would.at == START + 120.0


@pytest.mark.parametrize(
    "fields",
    [
        {"decide": (Branch(when=None, plan=None, why="look"),)},
        {"diagnose": (STATUS,), "decide": (Branch(when=fact("status.gone"), plan="restart"),)},
        {"plans": (plan("pull", step("process.pull", id="p", target=NAME)),)},
    ],
)
def test_where_it_came_to_no_act_it_would_have_called_people(fields: dict[str, Any]) -> None:
    would = seen(runbook(lifecycle=SHADOW, **fields))
    assert would is not None
    assert (would.plan, would.deeds, would.settles) == (None, (), False)


def test_what_it_would_have_settled_is_known_too() -> None:
    would = seen(runbook(lifecycle=SHADOW, decide=settle()))
    assert would is not None
    assert (would.settles, would.plan) == (True, None)


@pytest.mark.parametrize("lifecycle", [Lifecycle.ACTIVE, Lifecycle.ASSISTED])
def test_a_runbook_that_runs_does_not_look_on(lifecycle: Lifecycle) -> None:
    assert seen(runbook(lifecycle=lifecycle)) is None


def test_without_a_runbook_nobody_looked_on() -> None:
    world = World()
    assert decided(world, world.fire()) is None


# beside people


def deed(use: str = "process.restart", target: str = "shop-worker", after: float = 60.0) -> Deed:
    began = START + after
    return Deed(
        use=use,
        params={"target": target},
        target=target,
        by="bob",
        mark=Mark.SEEN,
        began_at=began,
        ended_at=began + 1.0,
    )


ACT = WouldHave(
    runbook="hung",
    digest=DIGEST,
    plan="restart",
    deeds=(("process.restart", "shop-worker"),),
    at=START + 30.0,
)
CALL = msgspec.structs.replace(ACT, plan=None, deeds=())
SETTLE = msgspec.structs.replace(CALL, settles=True)


def resolution(*deeds: Deed, would: WouldHave | None = ACT, **fields: Any) -> Resolution:
    told: dict[str, Any] = {
        "incident_id": "i-1",
        "signature": "s",
        "recipe": "r",
        "at": START + 100.0,
        "cleared_at": START + 90.0,
        "alertname": "Hung",
        "layer": "product",
        "product": "shop",
        "entity": "shop-worker",
        "labels": {},
        "credit": Credit.CREDITED if deeds else Credit.NOTHING_DONE,
        **fields,
    }
    return Resolution(deeds=deeds, shadow=would, **told)


def counted(world: World, found: Resolution) -> Decision:
    decision = agree(found, world.view, at=world.now)
    world.tell(decision)
    return decision


def kind_of(found: Resolution) -> Agreement | None:
    world = World(runbook(lifecycle=SHADOW))
    counted(world, found)
    trials = world.view.standings.get("hung", Standing(runbook="hung")).trials
    return trials[-1].agreement if trials else None


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (resolution(deed()), Agreement.SAME_ACT),
        (resolution(deed("process.flush")), Agreement.OTHER_ACT),
        (resolution(deed(target="shop-web")), Agreement.OTHER_ACT),
        (resolution(deed(), deed("process.flush")), Agreement.OTHER_ACT),
        (resolution(), Agreement.AGENT_ALONE),
        (resolution(deed(after=20.0)), Agreement.TOO_LATE),
        (resolution(deed(after=4_000.0)), Agreement.TOO_EARLY),
        (resolution(deed(), would=CALL), Agreement.PERSON_ALONE),
        (resolution(would=CALL), Agreement.BOTH_LEFT),
        (resolution(would=SETTLE), Agreement.SAME_ACT),
        (resolution(deed(), would=SETTLE), Agreement.OTHER_ACT),
        (resolution(deed(), would=SETTLE, credit=Credit.BEFORE), Agreement.PERSON_ALONE),
        (resolution(would=SETTLE, cleared_at=None), None),
        (resolution(deed(), would=None), None),
    ],
)
def test_each_way_to_agree_or_not_has_its_name(found: Resolution, kind: Agreement | None) -> None:
    assert kind_of(found) is kind


def test_an_act_nobody_timed_is_the_same_act_and_proves_nothing() -> None:
    untimed = msgspec.structs.replace(deed(), began_at=None, ended_at=None, mark=Mark.TOLD)
    world = World(runbook(lifecycle=SHADOW))
    counted(world, resolution(untimed, credit=Credit.UNTIMED))
    (trial,) = world.view.standings["hung"].trials
    assert (trial.agreement, trial.verdict) == (Agreement.SAME_ACT, Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("credit", "verdict"),
    [
        (Credit.CREDITED, Verdict.HELD),
        (Credit.RELAPSED, Verdict.FAILED),
        (Credit.HARMED, Verdict.FAILED),
        (Credit.NOT_CLEARED, Verdict.FAILED),
        (Credit.TOO_LATE, Verdict.INCONCLUSIVE),
        (Credit.BEFORE, Verdict.INCONCLUSIVE),
    ],
)
def test_the_same_act_is_as_good_as_what_came_of_it(credit: Credit, verdict: Verdict) -> None:
    """A harmful act that people repeat makes no runbook that repeats it a good one."""
    world = World(runbook(lifecycle=SHADOW))
    counted(world, resolution(deed(), credit=credit))
    assert world.view.standings["hung"].trials[0].verdict is verdict


def test_each_trial_stands_in_the_journal_of_the_runbook() -> None:
    world = World(runbook(lifecycle=SHADOW))
    entries = [
        entry
        for found in (resolution(deed()), resolution(deed("process.flush")))
        for entry in counted(world, found).journal
    ]
    assert [e.reason for e in entries] == [Reason.TRIAL_AGREED, Reason.TRIAL_DISAGREED]
    assert {e.subject for e in entries} == {"runbook:hung"}
    assert entries[1].text == "i-1: it would have done something else than people"


def test_what_is_judged_again_replaces_what_was_counted() -> None:
    world = World(runbook(lifecycle=SHADOW))
    counted(world, resolution())
    counted(world, resolution(deed()))
    (trial,) = world.view.standings["hung"].trials
    assert trial.agreement is Agreement.SAME_ACT


def test_its_owner_is_told_once_it_has_proven_itself_in_shadow() -> None:
    world = World(runbook(lifecycle=SHADOW))
    before = tuple(looked_on(-n, Agreement.SAME_ACT, Verdict.HELD) for n in range(19, 0, -1))
    world.keep("standing", "hung", Standing(runbook="hung", trials=before, counts_from=-1.0))
    first = counted(world, resolution(deed()))
    second = counted(world, resolution(deed(), incident_id="i-2"))
    assert [e.reason for e in first.journal] == [Reason.TRIAL_AGREED, Reason.PROVEN]
    assert len(first.emits) == 1
    assert second.emits == ()


def test_a_version_that_is_not_loaded_any_more_is_not_praised() -> None:
    world = World(runbook(lifecycle=SHADOW, digest="newer"))
    before = tuple(looked_on(-n, Agreement.SAME_ACT, Verdict.HELD) for n in range(19, 0, -1))
    world.keep("standing", "hung", Standing(runbook="hung", trials=before, counts_from=-1.0))
    assert counted(world, resolution(deed())).emits == ()


@pytest.mark.parametrize(
    ("apart", "roots", "good"),
    [(7_200.0, ("", ""), 2), (600.0, ("", ""), 1), (7_200.0, ("i-storm", "i-storm"), 1)],
    ids=["two troubles", "on one target within the hour", "siblings of one storm"],
)
def test_what_was_one_trouble_is_one_good_trial(
    apart: float, roots: tuple[str, str], good: int
) -> None:
    world = World(runbook(lifecycle=SHADOW))
    would = WouldHave(
        runbook="hung",
        digest=DIGEST,
        plan="restart",
        deeds=(("process.restart", "shop-worker"),),
        at=START,
    )
    for number, root in enumerate(roots):
        at = START + number * apart
        looked = msgspec.structs.replace(would, at=at)
        one = likewise(number + 1, at=at, root=root, shadow=looked)
        world.keep("resolution", one.incident_id, one)
        world.tell(agree(one, world.view, at=one.at))
    trials = world.view.standings["hung"].trials
    assert [t.agreement for t in trials] == [Agreement.SAME_ACT] * good


def test_what_speaks_against_it_counts_each_time() -> None:
    world = World(runbook(lifecycle=SHADOW))
    would = WouldHave(
        runbook="hung", digest=DIGEST, plan="x", deeds=(("process.flush", "cache"),), at=START
    )
    for number in (1, 2):
        one = likewise(number, at=START, root="i-storm", shadow=would)
        world.keep("resolution", one.incident_id, one)
        world.tell(agree(one, world.view, at=one.at))
    assert len(world.view.standings["hung"].trials) == 2
