"""What is kept of an incident that ended."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from agent.core.resolving import MOST_BYTES, bounded
from agent.model.alert import AlertStatus
from agent.model.decision import Decision
from agent.model.event import Acknowledged
from agent.model.incident import Ending, State
from agent.model.learning import CauseKind, Credit, Mark, ToldCall
from agent.model.product import EntityKind
from agent.model.records import Silence, SilenceMatcher
from agent.model.runbook import Lifecycle
from agent.runtime.view_state import ViewState
from tests.support.cases import START, STATUS, World, on, runbook, settle
from tests.support.resolved import act, cured, fired, judged, kept, resolve, rule, told_over


def silenced() -> World:
    world = World()
    matcher = SilenceMatcher(name="alertname", value="Hung")
    world.keep("silence", "s", Silence(
        id="s", matchers=(matcher,), starts_at=START, ends_at=START + 9000,
        created_by="anna", comment="mine", updated_at=START,
    ))  # fmt: skip
    return world


def test_what_people_did_is_kept_with_what_was_known_of_the_incident() -> None:
    world = World(policy=on(EntityKind.SERVICE))
    what = fired(world, generator_url=rule("x > 1"), labels={"pod": "w-1"})
    world.find(alive=False, version="7")
    world.wait(120)
    act(world, "process.rollback", to="7")
    world.wait(60)
    told_over(world, what)
    resolve(world, who="carl", cause_kind=CauseKind.RELEASE, minutes=12.0, page_useful=True)
    one = kept(world)
    assert (one.alertname, one.layer, one.kind, one.product, one.entity) == (
        "Hung", "product", "service", "shop", "shop-worker",
    )  # fmt: skip
    assert (one.fired_at, one.cleared_at, one.opened_at) == (START, START + 180, START)
    assert one.expression == "x > 1"
    assert one.labels["pod"] == "w-1"
    assert one.findings == {"process_status": {"alive": False, "version": "7"}}
    assert one.diagnostics == {"process_status": ("process.status", {"target": "shop-worker"})}
    (deed,) = one.deeds
    assert (deed.use, deed.target, deed.mark, deed.by) == (
        "process.rollback", "shop-worker", Mark.SEEN, "bob",
    )  # fmt: skip
    assert (deed.began_at, deed.ended_at) == (START + 120, START + 120)
    assert deed.origins["target"][0] == "entity.name"
    assert deed.origins["to"] == ("process_status.version",)
    assert (one.who, one.by, one.pages) == ("carl", ("bob", "carl"), 1)
    assert (one.cause, one.cause_kind, one.minutes, one.page_useful) == (
        "a leak", CauseKind.RELEASE, 12.0, True,
    )  # fmt: skip
    assert one.credit is Credit.PENDING
    assert world.timer("credit", f"resolution:{world.last}") == 1800


def test_the_calls_of_a_runbook_are_kept_with_what_they_asked() -> None:
    world = World(runbook(diagnose=(STATUS,), lifecycle=Lifecycle.SHADOW))
    fired(world)
    world.find(alive=False)
    resolve(world)
    assert kept(world).diagnostics == {"status": ("process.status", {"target": "shop-worker"})}


def test_what_went_away_by_itself_is_kept_with_nothing_done() -> None:
    world = World()
    what = fired(world)
    world.wait(200)
    told_over(world, what)
    one = kept(world)
    assert (one.deeds, one.recipe, one.who, one.by) == ((), "", "", ())
    assert judged(world).credit is Credit.NOTHING_DONE


def test_what_a_runbook_healed_or_settled_is_no_resolution() -> None:
    world = World(runbook())
    what = fired(world)
    world.act()
    told_over(world, what)
    assert world.case.outcome is Ending.HEALED
    world = World(runbook(decide=settle(), plans=()))
    what = fired(world)
    told_over(world, what)
    assert world.case.outcome is Ending.SETTLED
    assert world.view.resolutions == {}


def test_what_needs_nobody_is_kept_only_where_somebody_acted() -> None:
    world = silenced()
    told_over(world, fired(world))
    assert world.case.state is State.RESOLVED
    assert world.view.resolutions == {}
    world.wait(10)
    what = fired(world)
    act(world)
    told_over(world, what)
    assert [d.use for d in kept(world).deeds] == ["process.restart"]


def test_a_sibling_that_people_acted_on_keeps_whom_it_was_part_of() -> None:
    """F-RB-13: siblings of one trouble count as one, so each has to know which."""
    world = World()
    root = world.fire(name="Down", entity="cache")
    first = fired(world, entity="shop-web")
    assert world.case.held_by == root.id
    act(world)
    resolve(world)
    assert kept(world).root == root.id
    told_over(world, first)
    second = fired(world, entity="pay-api")
    assert world.case.held_by == root.id
    told_over(world, second)
    assert world.last not in world.view.resolutions
    fired(world, entity="pay-api", labels={"pod": "2"})
    resolve(world)
    assert world.last not in world.view.resolutions, "nobody acted on it"


def test_what_was_let_go_by_its_root_still_was_a_part_of_it() -> None:
    world = World()
    fired(world)
    let_go = msgspec.structs.replace(world.case, was_under="i-root")
    world.tell(Decision(incident=let_go))
    act(world)
    resolve(world)
    assert kept(world).root == "i-root"


def test_only_what_mattered_becomes_a_deed_and_who_tried_still_counts() -> None:
    world = World()
    fired(world)
    act(world, "process.flush", who="anna")
    act(world, who="bob")
    second = world.case.steps[1].id
    resolve(world, who="carl", mattered=(second,))
    one = kept(world)
    assert [d.use for d in one.deeds] == ["process.restart"]
    assert one.by == ("anna", "bob", "carl")


def test_what_is_told_stands_beside_what_was_seen_in_the_order_of_time() -> None:
    world = World()
    fired(world)
    world.wait(300)
    act(world)
    told = (
        ToldCall(use="process.pull", params={"target": "shop-worker"}),
        ToldCall(use="process.flush", params={"target": "shop-worker"}, at=START + 100),
    )
    resolve(world, told=told)
    assert [(d.use, d.mark) for d in kept(world).deeds] == [
        ("process.flush", Mark.TOLD),
        ("process.restart", Mark.SEEN),
        ("process.pull", Mark.TOLD),
    ]


def test_closed_while_it_fires_its_end_is_learned_when_the_source_says_so() -> None:
    world = World()
    what = fired(world)
    world.wait(120)
    act(world)
    resolve(world)
    assert kept(world).cleared_at is None
    world.wait(90)
    told_over(world, what)
    assert kept(world).cleared_at == START + 210
    assert not world.case.is_firing
    assert world.case.state is State.RESOLVED
    world.wait(10)
    told_over(world, what)
    assert kept(world).cleared_at == START + 210, "told again"
    assert judged(world).credit is Credit.CREDITED


def test_an_end_that_nobody_told_is_not_known() -> None:
    world = World()
    what = fired(world, expires_at=START + 240)
    world.wait(120)
    act(world)
    world.wait(200)
    assert world.case.state is State.RESOLVED, "its source fell silent"
    assert kept(world).cleared_at is None
    told_over(world, what, ended_at=START + 200)
    assert kept(world).cleared_at == START + 200


def test_an_end_is_never_later_than_it_was_heard() -> None:
    """A source whose clock is ahead, or that says what it likes."""
    world = World()
    what = fired(world)
    world.wait(120)
    told_over(world, what, ended_at=START + 1e6)
    assert kept(world).cleared_at == START + 120


def test_one_of_two_alerts_that_still_fires_is_no_end() -> None:
    world = World()
    first = fired(world)
    fired(world, labels={"pod": "2"})
    told_over(world, first)
    resolve(world)
    assert kept(world).cleared_at is None
    told_over(world, first)
    assert kept(world).cleared_at is None


def test_what_is_said_afterwards_replaces_what_was_kept() -> None:
    world = World()
    what = fired(world)
    world.wait(120)
    told_over(world, what)
    case = world.last
    world.wait(7200)
    assert kept(world, case).credit is Credit.NOTHING_DONE
    world.last = case
    call = ToldCall(use="process.restart", params={"target": "shop-worker"}, at=START + 60)
    assert resolve(world, told=(call,)).refused is None
    again = kept(world, case)
    assert (again.credit, again.at, again.who) == (Credit.PENDING, START + 120, "bob")
    world.wait(1)
    assert kept(world, case).credit is Credit.CREDITED


def test_minutes_are_those_between_the_call_and_the_end_where_nobody_says() -> None:
    world = World()
    fired(world)
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    world.wait(600)
    resolve(world)
    assert kept(world).minutes == pytest.approx(10.0)


def test_what_is_too_large_is_left_out_whole() -> None:
    world = World(policy=on(EntityKind.SERVICE))
    fired(world)
    world.find(log="x" * (MOST_BYTES + 1))
    resolve(world)
    assert kept(world).findings == {}
    assert kept(world).diagnostics == {}
    assert bounded({"big": "x" * 90, "small": 1}, 50) == {"small": 1}


def test_a_resolution_survives_a_restart_and_is_judged_after_it() -> None:
    world = World()
    one = cured(world)

    async def again() -> ViewState:
        store = await world.stored()
        state = ViewState(msgspec.structs.replace(world.view))
        await store.close()
        state.load(await store.open(now=world.now))
        return state

    state = asyncio.run(again())
    assert state.view.resolutions[one.incident_id] == one
    assert (f"resolution:{one.incident_id}", "credit") in state.timers


def test_the_end_of_an_alert_of_an_incident_that_was_forgotten_changes_nothing() -> None:
    world = World()
    what = fired(world)
    resolve(world)
    world.keep("resolution", world.last, None)
    world.wait(60)
    decision = told_over(world, what)
    assert decision.records == ()
    assert decision.incident is not None
    assert [a.status for a in decision.incident.alerts.values()] == [AlertStatus.RESOLVED]
