"""A yes is for what this person was shown, whatever is asked for by now."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.approval import NOTHING_SHOWN, fingerprint_of_asked, shown_by
from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.event import Approved, AskedAnew
from agent.model.incident import Asked, AskedStep, Incident, State
from agent.model.product import InventoryObject
from agent.model.reason import Reason
from agent.model.runbook import EntityQuery, Lifecycle, Match
from tests.support.cases import Value, World, alert, plan, runbook, step
from tests.support.remembering import easy_world

SECOND = plan("second", step("process.rollback", id="back"))
STEPS = (AskedStep(id="a", use="scale", params={"target": "web", "replicas": 3}, target="web"),)
ASKED = Asked(digest="d1", plan="fix", at=0.0, risk="major", steps=STEPS)


def approve(world: World, who: str, shown: str = "") -> Decision:
    return world.tell(Approved(at=world.now, subject=world.last, who=who, shown=shown))


def seen(world: World) -> str:
    """What somebody who looks now is shown."""
    assert world.case.asked is not None
    return fingerprint_of_asked(world.case.asked)


def uses(world: World) -> list[str]:
    return [c.use for c in world.asked(CommandKind.ACT)]


def assisted(*plans: Any) -> World:
    world = easy_world(runbook("hung", *plans, lifecycle=Lifecycle.ASSISTED))
    world.fire()
    return world


def grown(replicas: int) -> InventoryObject:
    return InventoryObject(
        name="web",
        kind="deployment",
        entity="shop-worker",
        keys={"pod": ("web-1",)},
        facts={"replicas": replicas},
    )


def scaling(lifecycle: Lifecycle = Lifecycle.ASSISTED) -> World:
    """People read that `replicas` 3 would run; it would be 30 by now."""
    query = EntityQuery(kind="deployment", of={"pod": Value("alert.labels.pod")})
    scale = plan("scale", step(id="scale", replicas=Value("entity.replicas")))
    match = Match(alert=("Hung",), entity=query)
    world = easy_world(runbook("hung", scale, lifecycle=lifecycle, match=match))
    world.view.inventory = {"web": grown(3)}
    world.fire(labels={"pod": "web-1"})
    return world


def test_who_looked_at_the_first_plan_does_not_approve_the_second() -> None:
    """F-GRD-12: carl reads plan 1; olga approves it, it fails, plan 2 is asked for; carl clicks."""
    world = assisted(plan(), SECOND)
    first = seen(world)
    approve(world, "olga", first)
    world.act(OutcomeStatus.FAILED)
    assert (world.case.state, world.case.plan) == (State.AWAITING_APPROVAL, "second")
    before = world.case
    decision = approve(world, "carl", first)
    assert decision.refused is Reason.APPROVAL_OUTDATED
    assert "look again" in decision.refused_text
    assert (world.case, uses(world)) == (before, [])
    assert approve(world, "carl", seen(world)).refused is None
    assert uses(world) == ["process.rollback"]


@pytest.mark.parametrize("shown", [NOTHING_SHOWN, "0" * 16, "é", "x" * 100])
def test_what_is_no_fingerprint_approves_nothing(shown: str) -> None:
    world = assisted()
    assert approve(world, "carl", shown).refused is Reason.APPROVAL_OUTDATED
    assert (world.case.approved_by, uses(world)) == (None, [])


@pytest.mark.parametrize("has_seen", [True, False])
def test_what_came_out_differently_is_refused_and_people_are_asked_anew(has_seen: bool) -> None:
    """F-GRD-12: who read `3` does not approve `30`, and is not told that it was approved."""
    world = scaling()
    shown = seen(world) if has_seen else ""
    world.view.inventory = {"web": grown(30)}
    decision = approve(world, "carl", shown)
    assert (decision.refused, decision.incident) == (Reason.APPROVAL_OUTDATED, None)
    assert (world.case.state, world.case.approved_by) == (State.AWAITING_APPROVAL, None)
    assert (len(world.pages), uses(world)) == (2, [])
    assert "replicas 30" in world.case.pages[-1].text
    assert approve(world, "carl", shown or "0" * 16).refused is Reason.APPROVAL_OUTDATED
    assert len(world.pages) == 2, "people are called once for what is new"
    assert approve(world, "carl", seen(world)).refused is None
    assert world.only(CommandKind.ACT).params["replicas"] == 30


def test_who_may_not_approve_does_not_call_people_anew_either() -> None:
    world = scaling()
    world.view.inventory = {"web": grown(30)}
    assert approve(world, "anna").refused is Reason.NOT_ALLOWED
    assert len(world.pages) == 1


def test_asking_anew_changes_nothing_where_it_would_run_as_shown_or_nobody_is_asked() -> None:
    world = scaling()
    for state in (State.AWAITING_APPROVAL, State.ACTING):
        assert world.case.state is state
        before = world.case
        assert world.tell(AskedAnew(at=world.now, subject=world.last, who="carl")) == Decision()
        assert world.case == before
        if state is State.AWAITING_APPROVAL:
            approve(world, "olga")


def test_the_fingerprint_is_of_everything_that_is_shown_and_of_nothing_else() -> None:
    def of(step: AskedStep | None = None, **fields: Any) -> str:
        told = fields | ({"steps": (step,)} if step is not None else {})
        return fingerprint_of_asked(msgspec.structs.replace(ASKED, **told))

    (one,) = STEPS
    changed = msgspec.structs.replace
    others = [
        of(digest="d2"),
        of(plan="other"),
        of(steps=()),
        of(steps=(*STEPS, *STEPS)),
        of(changed(one, use="wipe")),
        of(changed(one, target="db")),
        of(changed(one, params={"target": "web", "replicas": 30})),
        of(changed(one, params={"target": "web", "replicas": "3"})),
        of(changed(one, unknown="x")),
    ]
    assert len({fingerprint_of_asked(ASKED), *others}) == len(others) + 1
    assert of(at=99.0, good_seconds=1.0) == fingerprint_of_asked(ASKED)
    stored = msgspec.json.decode(msgspec.json.encode(ASKED), type=Asked)
    assert fingerprint_of_asked(stored) == fingerprint_of_asked(ASKED)
    assert len(fingerprint_of_asked(ASKED)) == 16


# what a message shows


def asked_by(world: World) -> str:
    (command,) = world.asked(CommandKind.NOTIFY)
    return str(command.params["asks"])


def test_a_page_that_shows_all_of_it_carries_its_fingerprint() -> None:
    world = assisted()
    assert asked_by(world) == seen(world)


@pytest.mark.parametrize(
    "long",
    [
        plan("long", step(note="x" * 81)),
        plan("many", *(step(id=f"s{n}", note="x" * 70) for n in range(9))),
    ],
)
def test_a_page_that_had_no_room_for_it_cannot_be_approved_by(long: Any) -> None:
    assert asked_by(assisted(long)) == ""


def test_a_page_that_asks_for_nothing_carries_nothing() -> None:
    world = World()
    world.fire(alert())
    assert asked_by(world) == ""


def test_an_old_text_does_not_show_what_is_asked_now() -> None:
    case = assisted().case
    text = case.pages[0].text
    assert shown_by(case, text)
    assert case.asked is not None
    newer: Incident = msgspec.structs.replace(
        case, asked=msgspec.structs.replace(case.asked, plan="another")
    )
    assert shown_by(newer, text) == ""
    assert shown_by(msgspec.structs.replace(case, state=State.ACTING), text) == ""
