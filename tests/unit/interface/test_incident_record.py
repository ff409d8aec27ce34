"""The record of an incident: what it says of what happened, and that nothing in it is more than
text."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agent.interface.incident_record import record_json
from agent.interface.record_words import (
    as_markdown,
    as_text,
    by_urgency,
    escaped,
    moment,
    safe,
    spoken,
)
from agent.model.decision import JournalEntry
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Ending, Incident, Page, PlanRun, Radius, State, StepRun
from agent.model.learning import (
    CauseKind,
    Credit,
    Deed,
    FollowUp,
    Mark,
    NearMissKind,
    NearMissRecord,
    Resolution,
)
from agent.model.product import Entity, EntityKind, Registry
from agent.model.reason import Reason
from tests.support.caller import calling
from tests.support.decisions import make_journal
from tests.support.facade import NOW, FakeFacade, burning, everyone, running

HOSTILE = "# x <script>alert(1)</script> [a](https://evil.example) `b` *c* @here \x1b[2J\u202e | d"


def step(**fields: Any) -> StepRun:
    given: dict[str, Any] = {
        "id": "s",
        "use": "process.restart",
        "params": {},
        "target": "web",
        "by": "agent",
        "started_at": NOW - 40,
        "status": OutcomeStatus.DONE,
    }
    return StepRun(**{**given, **fields})


def ended(**fields: Any) -> Resolution:
    given: dict[str, Any] = {
        "incident_id": "inc-1",
        "signature": "s",
        "recipe": "r",
        "at": NOW,
        "alertname": "Slow",
        "layer": "product",
        "product": "shop",
        "entity": "web",
        "labels": {},
        "cause_kind": CauseKind.RELEASE,
    }
    return Resolution(**{**given, **fields})


def over(**fields: Any) -> Incident:
    given: dict[str, Any] = {
        "state": State.RESOLVED,
        "outcome": Ending.ROUTED,
        "resolved_at": NOW,
        "resolved_by": "anna",
        "cause": "the new release leaks",
        "pages": (
            Page(id="i/page/1/c", to="team-shop", channel="webhook", at=NOW - 50, text="t"),
            Page(id="i/page/1/d", to="team-shop", channel="slack", at=NOW - 50, text="t"),
        ),
    }
    return burning(**{**given, **fields})


def record(incident: Incident, *journal: JournalEntry, **view: Any) -> dict[str, Any]:
    facade = FakeFacade()
    for name, value in view.items():
        setattr(facade.view, name, value)
    return record_json(incident, journal, facade.view, now=NOW)


def line(text: str, found: dict[str, Any]) -> str:
    (only,) = [one for one in as_text(found).split("\n") if text in one]
    return only.strip()


def test_it_says_what_was_hit_and_how_it_was_noticed() -> None:
    acked = make_journal(kind="acknowledged", reason=Reason.ACKNOWLEDGED, who="anna", at=NOW - 20)
    found = record(over(opened_at=NOW - 55), acked)
    assert found["preliminary"] is False
    assert found["impact"]["seconds"] == 60
    assert found["impact"]["pages"] == 1, "a page and its fallbacks are one"
    assert found["detection"]["seconds_to_incident"] == 5
    assert found["detection"]["seconds_to_page"] == 5
    assert found["detection"]["seconds_to_acknowledgement"] == 30
    assert line("Until anna took it", found) == "Until anna took it: 30 s."
    assert line("People were called", found) == "People were called once: team-shop."


def test_an_open_incident_has_a_preliminary_record() -> None:
    found = record(burning())
    assert found["preliminary"] is True
    text = as_text(found)
    assert text.startswith("Preliminary record of inc-1")
    assert "It is not over: open." in text
    assert "Nobody has said what the cause was." in found["unknown"]


def test_what_was_tried_in_vain_and_what_nobody_knows_is_told() -> None:
    incident = over(
        steps=(
            step(status=OutcomeStatus.FAILED, detail="no such process"),
            step(id="t", by="anna", use="process.flush", status=OutcomeStatus.UNKNOWN),
        ),
        plans=(
            PlanRun(
                plan="restart", verdict=Verdict.FAILED, reason=Reason.STILL_FIRING, rolled_back=True
            ),
        ),
        findings={"log": {"_failed": "no such file"}, "status": {"alive": False}},
    )
    found = record(incident)
    assert any("restart was run, and its proof failed" in said for said in found["in_vain"])
    assert any("no such process" in said for said in found["in_vain"])
    assert "Whether process.flush on web by anna happened." in found["unknown"]
    assert any("log could not be looked at" in said for said in found["unknown"])
    assert {f["id"]: f["failed"] for f in found["found"]} == {"log": True, "status": False}


def test_what_people_did_is_seen_or_told_in_order_of_time() -> None:
    told = Deed(
        use="db.failover", params={}, target="db", by="ben", mark=Mark.TOLD, began_at=NOW - 30,
        ended_at=NOW - 30,
    )  # fmt: skip
    untimed = msgspec.structs.replace(told, use="db.vacuum", began_at=None, ended_at=None)
    said = make_journal(
        kind="resolution", reason=Reason.RESOLUTION_RECORDED, who="anna", at=NOW - 5,
        data={"outside": ["rang the vendor"]},
    )  # fmt: skip
    ending = ended(deeds=(untimed, told), credit=Credit.UNTIMED, credit_why="nobody said when")
    incident = over(steps=(step(by="anna"),))
    found = record(incident, said, resolutions={"inc-1": ending})
    assert [(row["what"], row["mark"]) for row in found["people"]] == [
        ("process.restart on web", "seen"),
        ("db.failover on db", "told"),
        ("recorded how it was resolved", "seen"),
        ("rang the vendor", "told"),
        ("db.vacuum on db", "told"),
    ]
    assert "When db.vacuum on db was done: nobody said." in found["unknown"]
    assert line("rang the vendor", found).endswith("(told, not seen).")


def test_the_cause_is_the_kind_and_the_words_of_whoever_said_it() -> None:
    ending = ended(minutes=25.0, page_useful=False, credit=Credit.BEFORE, credit_why="it was over",
                   deeds=(Deed(use="x.y", params={}, target=None, by="a", mark=Mark.SEEN,
                               began_at=1.0, ended_at=2.0),))  # fmt: skip
    found = record(over(), resolutions={"inc-1": ending})
    assert found["cause"]["kind"] == "release"
    assert line("Kind release", found) == "Kind release, said by anna: the new release leaks."
    assert line("what people did:", found) == "Not credited to what people did: it was over."
    assert line("minutes of people", found) == "It took 25 minutes of people's time."
    assert line("Whoever was called", found) == "Whoever was called was not needed."
    assert "What people did (x.y) is not what made it go away: it was over." in found["in_vain"]


def registry() -> Registry:
    def entity(name: str, product: str | None, *depends_on: str) -> Entity:
        kind = EntityKind.SERVICE if product else EntityKind.SUBSTRATE
        return Entity(name=name, kind=kind, product=product, owner="t", depends_on=depends_on)

    given = FakeFacade().view.registry
    parts = (
        entity("cache", None), entity("shop-web", "shop", "cache"),
        entity("pay-api", "pay", "cache"),
    )  # fmt: skip
    return msgspec.structs.replace(given, entities={e.name: e for e in parts})


def test_who_was_affected_comes_from_the_graph_and_foreign_products_are_left_out() -> None:
    facade = FakeFacade()
    facade.view.registry = registry()
    incident = over(entity="shop-web", suspect="cache", radius=Radius.SYSTEMIC)
    whole = record_json(incident, (), facade.view, now=NOW)["impact"]
    assert whole["products_affected"] == ["pay", "shop"]
    assert whole["parts_affected"] == ["pay-api", "shop-web"]
    own = record_json(incident, (), facade.view, now=NOW, sees=lambda p: p in (None, "shop"))
    assert "pay" not in str(own["impact"])


def follow_up(name: str = "f-1", **fields: Any) -> FollowUp:
    given: dict[str, Any] = {
        "id": name,
        "incident": "inc-1",
        "product": "shop",
        "what": "alert on age",
        "owner": "team-shop",
        "due_at": NOW + 86_400,
        "made_by": "anna",
        "made_at": NOW,
    }
    return FollowUp(**{**given, **fields})


def test_follow_ups_and_near_misses_stand_in_it_overdue_ones_first() -> None:
    rows = {
        "f-inc-1-1": follow_up("f-inc-1-1"),
        "f-inc-1-2": follow_up("f-inc-1-2", due_at=NOW - 86_400),
        "f-inc-1-3": follow_up("f-inc-1-3", done_at=NOW, done_by="ben"),
        "f-inc-2-1": follow_up("f-inc-2-1", incident="inc-2"),
    }
    miss = NearMissRecord(
        incident="inc-1", runbook="hung", kind=NearMissKind.GUARD_STOPPED, product="shop", at=NOW,
        would="process.restart on web", stopped_by=Reason.FREEZE, instead="nothing was done",
    )  # fmt: skip
    found = record(over(), follow_ups=rows, near_misses={"k": miss})
    assert [r["id"] for r in by_urgency(found["follow_ups"])] == [
        "f-inc-1-2",
        "f-inc-1-1",
        "f-inc-1-3",
    ]
    assert "OVERDUE" in line("f-inc-1-2", found)
    assert "a freeze is in force" in line("A guard", found)


def test_the_timeline_is_sentences_in_order_and_repeats_are_told_once() -> None:
    failed = make_journal(kind="finding_failed", reason=Reason.DIAGNOSTIC_FAILED, at=NOW - 30)
    journal = (
        make_journal(kind="page", reason=Reason.PAGE_SENT, text="team-shop by slack", at=NOW - 20),
        *(msgspec.structs.replace(failed, at=NOW - 30 + n) for n in range(3)),
        make_journal(kind="resolved", reason=Reason.RESOLVED_BY_PERSON, who="anna", at=NOW),
        make_journal(kind="baseline", reason=Reason.FACTS_GATHERED, at=NOW),
    )
    told = [row["text"] for row in record(over(), *journal)["timeline"]]
    assert told == [
        "The alert Slow began (am).",
        "A diagnostic failed. (3 times in a row.)",
        "A page went out to team-shop by slack.",
        "The incident was closed by anna: a person resolved it.",
    ]


def test_a_very_long_timeline_says_how_much_is_left_out() -> None:
    journal = [make_journal(text=str(n), at=NOW + n) for n in range(1000)]
    told = [row["text"] for row in record(over(), *journal)["timeline"]]
    assert len(told) == 200
    assert told[80] == "802 more lines of the journal are left out here."
    assert "999" in told[-1]


def rendered(text: str) -> str:
    found: str = MarkdownIt("commonmark").render(text)
    return found


def test_hostile_text_is_only_text_in_markdown() -> None:
    """F-SEC-24: labels and people's words cannot become links, headings, HTML or mentions."""
    incident = over(title=HOSTILE, cause=HOSTILE, entity=HOSTILE)
    rows = {"f-inc-1-1": follow_up("f-inc-1-1", what=HOSTILE, owner=HOSTILE)}
    found = record(incident, follow_ups=rows, resolutions={"inc-1": ended()})
    text = as_markdown(found)
    assert not {"\x1b", "\u202e"} & set(text)
    html = rendered(text)
    for tag in ("<script", "<a ", "<code", "<em"):
        assert tag not in html
    assert html.count("<h1>") == 1
    assert "@here" not in text
    assert "://" not in text, "services make links of what looks like an address"


def test_no_service_makes_a_link_of_a_bare_address() -> None:
    """F-SEC-24"""
    for text in ("see www.evil.example", "(WWW.evil.example)"):
        assert "www." not in escaped(text).lower()
        assert rendered(escaped(text)) == f"<p>{text}</p>\n"


@given(st.text(max_size=200))
def test_escaped_text_reads_as_it_is(text: str) -> None:
    html = rendered(f"- {escaped(text)}\n")
    plain = " ".join(safe(text).split())
    inside = html.removeprefix("<ul>\n<li>").removesuffix("</li>\n</ul>\n")
    assert "<" not in inside
    for sign, name in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        inside = inside.replace(sign, name)
    assert " ".join(inside.replace("\u200b", "").split()) == plain.replace("\u200b", "")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (3700, "1 h 1 min"), (7200, "2 h"),
     (90_000, "1 d 1 h"), (172_800, "2 d")],
)  # fmt: skip
def test_durations_are_for_people(seconds: float, said: str) -> None:
    assert spoken(seconds) == said


def test_times_say_their_zone() -> None:
    assert moment("2026-01-31T09:00:05.000Z") == "2026-01-31 09:00:05 UTC"


async def test_the_record_is_asked_for_as_json_and_as_markdown() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        await facade.add(over())
        path = "/api/v1/incidents/inc-1/record"
        assert (await caller.get(path)).json()["incident"] == "inc-1"
        reply = await caller.get(f"{path}?format=md")
        assert reply.text.startswith("# Record of inc-1")
        assert reply.headers["content-type"].startswith("text/markdown")
        assert (await caller.get(f"{path}?format=pdf")).status == 400


async def test_the_page_of_the_record_shows_it_and_takes_a_follow_up() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="responder-token") as caller:
        await facade.add(over(cause="<b>leak</b>"))
        page = await caller.get("/incidents/inc-1/record")
        assert page.status == 200
        assert "<b>leak</b>" not in page.text
        assert "&lt;b&gt;leak" in page.text
        assert '<form method="post" action="/incidents/inc-1/follow-ups">' in page.text
        bad = await caller.post(
            "/incidents/inc-1/follow-ups", data={"what": "x", "owner": "y", "due": "soon"}
        )
        assert bad.status == 400
        assert "no due date" in bad.text
        assert facade.asked == []
