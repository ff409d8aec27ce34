"""Why this radius, this route, this action, and why not: from the journal and the state."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from agent.core.guard import RAILS
from agent.core.signs import FLEET
from agent.interface.remedies import RAIL_OF, REMEDIES
from agent.interface.why import (
    ANSWERS,
    TOLD_ELSEWHERE,
    Question,
    answers,
    as_json,
    holds,
    last_no,
    radius_reason,
)
from agent.model.decision import JournalEntry
from agent.model.incident import Incident, Radius, State
from agent.model.reason import Reason
from tests.support.caller import calling
from tests.support.cases import World, runbook
from tests.support.decisions import make_incident, make_journal
from tests.support.facade import FakeFacade, burning, everyone, running
from tests.support.tree import ROOT


def journal_of(world: World, subject: str) -> list[JournalEntry]:
    lines = [line for d in world.batch.decisions for line in d.journal]
    return [line for line in lines if line.subject == subject]


def line(kind: str, reason: Reason, text: str = "", **fields: Any) -> JournalEntry:
    return make_journal(kind=kind, reason=reason, text=text, **fields)


def told(case: Incident, *entries: JournalEntry) -> dict[Question, list[str]]:
    found = answers(case, entries, World().view)
    return {asked: [because.sentence for because in rows] for asked, rows in found.items()}


def test_every_kind_of_line_about_an_incident_answers_a_question_or_is_known_not_to() -> None:
    written = {
        kind
        for path in (ROOT / "agent/core").rglob("*.py")
        for kind in re.findall(r'\.note\(\s*"(\w+)"', path.read_text())
    }
    assert "stopped" in written
    assert written - set(ANSWERS) - TOLD_ELSEWHERE == set()


@pytest.mark.parametrize("reason", sorted({r for one in RAILS for r in one.reasons}))
def test_every_no_of_a_rail_says_what_would_let_it_go(reason: Reason) -> None:
    assert reason in REMEDIES
    assert reason in next(one for one in RAILS if one.id == RAIL_OF[reason]).reasons


# radius


def test_where_nobody_was_told_there_is_no_radius_to_explain() -> None:
    assert told(make_incident())[Question.RADIUS] == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"radius": Radius.ROUTINE}, Reason.ALLOWED),
        ({"radius": Radius.PRODUCT}, Reason.RADIUS_PRODUCT),
        ({"radius": Radius.SYSTEMIC, "suspect": "cache"}, Reason.RADIUS_SYSTEMIC),
        ({"radius": Radius.SYSTEMIC, "suspect": "shop-web"}, Reason.RADIUS_CROSSES),
        ({"radius": Radius.SYSTEMIC, "suspect": "nowhere"}, Reason.RADIUS_CROSSES),
        (
            {"radius": Radius.SYSTEMIC, "product": None, "entity": None},
            Reason.PRODUCT_UNKNOWN,
        ),
        ({"radius": Radius.SYSTEMIC, "storm": FLEET}, Reason.STORM_FLEET),
        ({"radius": Radius.PRODUCT, "storm": "shop", "held_by": "i"}, Reason.HELD_IN_STORM),
        ({"radius": Radius.SYSTEMIC, "storm": FLEET, "held_by": "i"}, Reason.HELD_IN_STORM),
    ],
)
def test_each_class_has_its_reason(fields: dict[str, Any], reason: Reason) -> None:
    assert radius_reason(make_incident(**fields), World().view) is reason


def test_the_path_and_what_is_in_doubt_of_it_are_told() -> None:
    case = make_incident(
        radius=Radius.SYSTEMIC,
        suspect="cache",
        radius_path=("shop-web", "cache"),
        radius_doubt=("that shop-web depends on cache is sure to 40% only",),
    )
    assert told(case, line("widened", Reason.WIDENED, "i-9"))[Question.RADIUS] == [
        "it reaches further than was thought: i-9",
        "the cause lies in something several products share: suspect cache",
        "by the path shop-web → cache",
        "in doubt: that shop-web depends on cache is sure to 40% only",
    ]


# route, action, not


def test_a_real_story_is_told_by_its_four_questions() -> None:
    world = World(runbook())
    case = world.fire()
    world.act()
    world.wait(400)
    found = answers(world.incident(case.id), journal_of(world, case.id), world.view)
    reasons = {asked: [because.reason for because in rows] for asked, rows in found.items()}
    assert reasons[Question.ACTION][:3] == [Reason.MATCHED, Reason.PLAN_CHOSEN, Reason.ACTED]
    assert Reason.STILL_FIRING in [*reasons[Question.ACTION], *reasons[Question.NOT]]
    assert Reason.ROUTED_TO_BUILDER in reasons[Question.ROUTE]
    assert Reason.PAGE_SENT in reasons[Question.ROUTE]
    assert reasons[Question.RADIUS][0] is Reason.RADIUS_PRODUCT


def test_a_rail_that_said_no_is_named_with_what_would_let_it_go() -> None:
    found = answers(make_incident(), [line("stopped", Reason.COOLDOWN, "90 s of 900 s left")])
    no = last_no(found)
    assert no is not None
    assert (no.rail, no.remedy) == ("cooled_down", REMEDIES[Reason.COOLDOWN])
    (row,) = as_json(found)["not"]
    assert row == {
        "at": "1970-01-01T00:00:12.000Z",
        "reason": "cooldown",
        "text": "this target was acted on too recently: 90 s of 900 s left",
        "rail": "cooled_down",
        "remedy": REMEDIES[Reason.COOLDOWN],
    }


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        (line("matched", Reason.MATCHED), Question.ACTION),
        (line("matched", Reason.NO_RUNBOOK), Question.NOT),
        (line("matched", Reason.AMBIGUOUS_RUNBOOKS, "a, b"), Question.NOT),
        (line("step", Reason.STEP_DONE), Question.ACTION),
        (line("step", Reason.FREEZE, "year-end"), Question.NOT),
        (line("waiting_for_rail", Reason.DWELL), Question.NOT),
        (line("guard", Reason.RISK_NEEDS_APPROVAL), Question.NOT),
        (line("rejected", Reason.REJECTED, "a release", who="olga"), Question.NOT),
        (line("approved", Reason.APPROVED, who="olga"), Question.ACTION),
        (line("climb", Reason.RUNG_CLIMBED, "rung 2: bob"), Question.ROUTE),
        (line("silenced", Reason.SILENCED, "ann: release"), Question.ROUTE),
        (line("storm", Reason.STORM_FLEET, "3 of 3 products burn"), Question.RADIUS),
    ],
)
def test_each_kind_of_line_answers_its_question(entry: JournalEntry, asked: Question) -> None:
    found = told(make_incident(), entry)
    assert [q for q, rows in found.items() if rows] == [asked]
    assert found[asked][0].startswith(entry.reason.sentence)


def test_whoever_did_it_is_named() -> None:
    found = told(make_incident(), line("rejected", Reason.REJECTED, "a release", who="olga"))
    assert found[Question.NOT] == ["a person rejected: olga: a release"]


def test_what_is_only_seen_answers_nothing() -> None:
    found = told(make_incident(), line("diagnosed", Reason.FACTS_GATHERED, "status"))
    assert not any(found.values())


# held, and who may know


def test_ids_of_others_products_are_not_told() -> None:
    view = msgspec.structs.replace(World().view, signs=None)
    held = {"state": State.ESCALATED, "held_by": "root"}
    view.incidents = {
        "a": make_incident("a", product="shop", opened_at=2.0, **held),
        "b": make_incident("b", product="pay", opened_at=1.0, **held),
        "c": make_incident("c", product="pay"),
    }
    root = make_incident("root")
    assert holds(root, view) == ["b", "a"]
    assert holds(root, view, lambda product: product == "pay") == ["b"]


async def test_the_api_tells_why_and_hides_what_is_held_of_others() -> None:
    """F-SEC-11: an incident that everybody may see does not name what is held under it to those it
    does not belong to."""
    facade = FakeFacade(principals=everyone())
    held = {"state": State.ESCALATED, "held_by": "root", "radius": Radius.SYSTEMIC}
    async with running(facade) as (_, url):
        stop = make_journal("root", kind="stopped", reason=Reason.RADIUS_SYSTEMIC, text="db")
        await facade.add(burning("root", product=None, radius=Radius.SYSTEMIC), stop)
        await facade.add(burning("of-shop", product="shop", **held))
        await facade.add(burning("of-pay", product="pay", **held))
        found = {}
        for token in ("viewer-token", "pay-viewer-token"):
            async with calling(url, token=token) as caller:
                found[token] = (await caller.get("/api/v1/incidents/root")).json()
    assert sorted(found["viewer-token"]["holds"]) == ["of-pay", "of-shop"]
    assert found["pay-viewer-token"]["holds"] == ["of-pay"]
    assert found["viewer-token"]["why"]["not"][0]["rail"] == "radius_allows"
    assert set(found["viewer-token"]["why"]) == {"radius", "route", "action", "not"}
    assert found["viewer-token"]["climb"] is None
