"""The past gone through by rules, from a site's database and from an exported history."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from agent.catalog.runbooks import load_text
from agent.core.history import Kind
from agent.model.decision import Decision, Record
from agent.model.errors import Unparseable
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.model.runbook import Lifecycle, Match, Runbook
from agent.runtime.history import (
    DATABASE,
    ExportedHistory,
    Rules,
    backtest,
    compared,
    export,
    hindsight,
    opened,
)
from agent.store.sqlite import SqliteStore
from tests.support.cases import REGISTRY, START, runbook
from tests.support.past import HOUR, healed, ids, line, past, routed, said_outside, version
from tests.support.runbook_plugins import PLUGINS, SMALL


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / DATABASE)
    await made.open(now=START)
    yield made
    await made.close()


def rules(*runbooks: Runbook, registry: Registry = REGISTRY) -> Rules:
    return Rules(runbooks, policy=Policy(), registry=registry, plugins=PLUGINS)


PASTS = [
    routed(past(1), "team-shop", "process.restart", cause="bad release"),
    healed(past(2, "Other", at=HOUR), "old"),
    past(3, at=3 * HOUR),
]


async def fill(store: SqliteStore) -> None:
    """Written in an order that is not that of their opening."""
    for incident in (PASTS[2], PASTS[0], PASTS[1]):
        journal = (said_outside(incident, "phoned"),) if incident.resolved_by else ()
        await store.commit([Decision(incident=incident, journal=journal)])
    old = runbook("old")
    record = Record(kind="runbook_text", key=old.digest, body=version(old))
    await store.commit([Decision(records=(record,))])


# an exported history


async def test_an_export_holds_what_the_database_holds(store: SqliteStore, tmp_path: Path) -> None:
    await fill(store)
    written = io.BytesIO()
    with opened(tmp_path, None) as history:
        assert export(history, written) == 3
    exported = ExportedHistory(written.getvalue().splitlines(), name="x")
    assert list(exported.incidents()) == PASTS
    assert exported.runbook_texts()["digest-old"].text == "text of old"
    told = exported.timelines(["i-000001", "i-000002"])
    assert [e.data["outside"] for e in told["i-000001"]] == [["phoned"]]
    assert told["i-000002"] == []
    again = io.BytesIO()
    export(exported, again)
    assert again.getvalue() == written.getvalue()


def test_lines_in_any_order_are_put_in_the_order_of_opening(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(b"\n".join([line(PASTS[2]), b"", line(PASTS[0]), line(PASTS[1])]) + b"\n")
    with opened(tmp_path, path) as history:
        assert list(history.incidents()) == PASTS
        assert [i.id for i in history.incidents(since=START + 1)] == ["i-000002", "i-000003"]
        assert history.count(since=START + 1) == 2


def test_a_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Unparseable, match="h:2: "):
        ExportedHistory([line(PASTS[0]), b"{"], name="h")
    bad = ExportedHistory([b'{"incident": {"opened_at": 3, "id": 7}}'], name="h")
    with pytest.raises(Unparseable, match="h:1: "):
        list(bad.incidents())


def test_a_timeline_that_cannot_be_read_is_named() -> None:
    history = ExportedHistory(
        [line(PASTS[0]).replace(b'"timeline":[]', b'"timeline":[3]')], name="h"
    )
    list(history.incidents())
    with pytest.raises(Unparseable, match="timeline of i-000001"):
        history.timelines(["i-000001"])


# going through it


def exported(*lines: bytes) -> ExportedHistory:
    return ExportedHistory(lines, name="h")


def test_the_day_before_counts_but_is_not_told() -> None:
    history = exported(*(line(past(n, at=n * 600.0)) for n in range(2)))
    rows = list(hindsight(history, rules(runbook()), since=START + 600))
    assert [(p.id, getattr(w, "reason", None)) for p, w in rows] == [("i-000001", "cooldown")]


def test_two_sets_of_rules_see_the_same_incidents() -> None:
    history = exported(*(line(each) for each in PASTS))
    told: list[int] = []
    seen = compared(history, rules(), rules(runbook()), told=told.append)
    kinds = [(old.kind, new.kind) for _, old, new in seen]
    assert kinds == [("routes", "acts"), ("routes", "routes"), ("routes", "acts")]


@pytest.mark.parametrize("lifecycle", list(Lifecycle))
def test_a_candidate_is_tried_as_if_it_were_active(lifecycle: Lifecycle) -> None:
    found = backtest(
        exported(*(line(each) for each in PASTS)), rules(), runbook(lifecycle=lifecycle)
    )
    assert (found.incidents, found.alerts) == (3, 3)
    assert ids(found.rows) == [1, 3]
    assert {row.would.kind for row in found.rows} == {Kind.ACTS}


def test_the_candidate_takes_the_place_of_the_one_of_its_name() -> None:
    broad = runbook(match=Match(alert=("Other",)))
    history = exported(*(line(each) for each in PASTS))
    found = backtest(history, rules(broad), runbook())
    assert (ids(found.rows), found.not_chosen) == ([1, 3], {})


def test_why_it_was_not_chosen_is_counted() -> None:
    exact = runbook("exact", match=Match(alert=("Hung",), labels={"severity": ("critical",)}))
    silenced = msgspec.structs.replace(past(4, at=4 * HOUR), silenced_by="s")
    history = exported(line(PASTS[0]), line(silenced))
    assert backtest(history, rules(exact), runbook()).not_chosen == {"exact": 1, "silenced": 1}
    narrow = runbook(match=Match(alert=("Hung",), labels={"severity": ("info",)}))
    near = backtest(history, rules(), narrow).near_misses
    assert near == {"labels.severity: 'critical' is not in ['info']": 2}


def test_what_people_did_stands_beside_what_it_would_do() -> None:
    told = line(PASTS[0], said_outside(PASTS[0], "phoned the bank"))
    (row,) = backtest(exported(told), rules(), runbook()).rows
    assert row.people.actions == ("process.restart on shop-worker",)
    assert (row.people.outside, row.people.cause) == (("phoned the bank",), "bad release")
    assert (row.people.who, row.people.minutes) == ("anna", 10.0)
    assert row.agreement == "partly"


def test_the_old_version_of_a_runbook_says_what_was_asked_then() -> None:
    """Its question was the same under another name; it is compiled from the text in the history."""
    text = SMALL.replace("ServiceNotAnswering", "Hung").replace("plans:", DIAGNOSE + "plans:")
    stored = msgspec.structs.replace(version(runbook("web-hung")), text=text)
    recorded = past(runbook="web-hung", digest=stored.digest, findings={"seen": {"alive": False}})
    asks = text.replace("id: seen", "id: look").replace("web-hung", "candidate")
    asks = asks.replace(
        "plans:", "decide: [{when: '!look.alive', plan: restart}, {default: escalate}]\nplans:"
    )
    candidate = compiled(asks)
    history = exported(msgspec.json.encode({"runbook": stored}), line(recorded))
    (row,) = backtest(history, rules(), candidate).rows
    assert (row.would.kind, row.would.plan) == (Kind.ACTS, "restart")
    (lost,) = backtest(exported(line(recorded)), rules(), candidate).rows
    assert (lost.would.kind, lost.would.lacks) == (Kind.UNKNOWN, ("look",))


DECIDE = "decide: [{when: '!look.alive', plan: restart}, {default: escalate}]\n"
DIAGNOSE = "diagnose: [{id: seen, use: process.status, with: {target: =entity.name}}]\n"


def compiled(text: str) -> Runbook:
    return load_text(text, path="c.yaml", plugins=PLUGINS)


def test_progress_is_told_on_the_way() -> None:
    history = exported(*(line(past(n, at=n * 60.0)) for n in range(450)))
    told: list[int] = []
    list(hindsight(history, rules(), told=told.append))
    assert told == [200, 400]
