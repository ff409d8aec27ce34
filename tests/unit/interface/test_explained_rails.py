"""`homeostat explain`: what would come of it, every rail, how far it reaches, who is told."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.core.guard import RAILS
from agent.interface.cli import asking, explained_text, explaining
from agent.interface.cli.main import app
from agent.interface.http.incident_json import incident_json
from agent.interface.remedies import REMEDIES
from agent.model.alert import AlertStatus
from agent.model.incident import AlertState, Radius, State
from agent.model.policy import PluginFacts
from agent.model.product import Edge, EdgeKind, Entity, EntityKind, Product, Registry
from agent.model.reason import Reason
from tests.support.cases import START as AT
from tests.support.cases import World, alert, plan, runbook, step
from tests.support.decisions import make_incident
from tests.support.explained import CRASH, LABELS, explain, found, make_site, rows
from tests.support.ladders import staffed

CORPUS = Path("/work/shared/corpora/kubernetes-mixin-alerts.jsonl")


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_site(tmp_path, monkeypatch)


# what comes of it, in one line


def would(alert: Any) -> tuple[str, str]:
    told = found(alert)["would"]
    return told["do"], told["text"]


def test_the_first_line_says_what_would_happen() -> None:
    first = explain({"labels": LABELS}).output.splitlines()[0]
    assert first == (
        "PodCrashLoop on web: would page team-shop, because the runbook is in shadow: it decides"
        " but may not act: crash (plan restart of crash)"
    )
    Path("runbooks/crash.yaml").write_text(CRASH.replace("state: shadow", "state: active"))
    assert would({"labels": LABELS, "startsAt": "2026-01-01T00:00:00Z"}) == (
        "heal",
        "would heal by crash: plan restart (process.restart on web), where diagnosis finds"
        " !status.alive",
    )
    now = datetime.now(tz=UTC).isoformat()
    assert (
        "; first it waits: it has not fired for long enough"
        in (would({"labels": LABELS, "startsAt": now})[1])
    )
    Path("runbooks/crash.yaml").write_text(CRASH.replace("state: shadow", "state: assisted"))
    do, text = would({"labels": LABELS})
    assert do == "ask"
    assert text.startswith("would ask team-shop to approve plan restart of crash, where diagnosis")
    assert would({"labels": {"alertname": "Other"}}) == (
        "page", "would page platform, because no runbook knows this",
    )  # fmt: skip


def test_what_a_maintenance_covers_would_tell_nobody() -> None:
    Path("homeostat.yaml").write_text(
        "{products: [catalog-info.yaml], runbooks: [runbooks], shipped_runbooks: false,"
        " policy: {maintenance: [{name: move, from: '2020-01-01T00:00', to: '2099-01-01T00:00',"
        " zone: UTC, products: [web], why: the racks move}]}}"
    )
    do, text = would({"labels": LABELS})
    assert do == "quiet"
    assert text == (
        "would tell nobody until 2099-01-01T00:00:00Z: maintenance:move (the racks move)"
    )
    # Who would be told otherwise is told all the same.
    assert found({"labels": LABELS})["route"]["to"] == "team-shop"


def test_an_inhibition_names_the_alert_that_would_speak_for_it() -> None:
    Path("homeostat.yaml").write_text(
        "{products: [catalog-info.yaml], runbooks: [runbooks], shipped_runbooks: false,"
        " policy: {inhibit_rules: [{source_matchers: ['alertname=\"NodeDown\"'],"
        " target_matchers: ['severity=~\"warning|critical\"'], equal: [namespace]}]}}"
    )
    told = found({"labels": LABELS})["quiet"]
    assert told["now"] is None
    assert told["spoken_for_by"] == ['alertname="NodeDown", namespace="prod-a"']
    assert found({"labels": {**LABELS, "severity": "info"}})["quiet"]["spoken_for_by"] == []


# rails


def rails(alert: Any) -> dict[str, Any]:
    [step] = found(alert)["plans"][0]["steps"]
    return {row["rail"]: row for row in step["rails"]}


def test_every_rail_is_asked_in_its_order_and_says_what_only_a_daemon_knows() -> None:
    asked = rails({"labels": LABELS})
    assert list(asked) == [one.id for one in RAILS]
    assert asked["lifecycle_allows"]["says"] == "no"
    assert asked["lifecycle_allows"]["remedy"] == REMEDIES[Reason.RUNBOOK_IN_SHADOW]
    assert asked["requirements_hold"]["says"] == "after diagnosis"
    assert (asked["rate"]["says"], asked["rate"]["only_running"]) == (
        "yes", ["what was done within the hour", "storms"],
    )  # fmt: skip
    assert asked["layer_allows"]["only_running"] == []
    assert asked["flapping"]["only_running"] == ["how often it came and went"]
    assert asked["halted"]["only_running"] == ["the kill switch"]


def test_a_number_says_whether_it_is_the_policys_or_the_runbooks() -> None:
    policy = "policy: {rails: {dwell: 30s, per_product: 3}, cooldown: 15m}"
    Path("homeostat.yaml").write_text(
        "{products: [catalog-info.yaml], runbooks: [runbooks], shipped_runbooks: false, "
        f"{policy}}}"
    )
    asked = rails({"labels": LABELS, "startsAt": datetime.now(tz=UTC).isoformat()})
    assert asked["dwell"]["says"] == "waits"
    assert {"key": "rails.dwell", "value": "30s", "from": "policy"} in asked["dwell"]["limits"]
    assert asked["product_concurrency"]["limits"] == [
        {"key": "rails.per_product", "value": "3", "from": "policy"}
    ]
    cooldown = {limit["key"]: limit["from"] for limit in asked["cooled_down"]["limits"]}
    assert cooldown["cooldown"] == "default"
    assert cooldown["guard.cooldown.every"].endswith("crash.yaml")


def test_in_text_rails_that_agree_share_a_line_and_the_others_have_their_own() -> None:
    text = explain({"labels": LABELS}).output
    said = rows(text)["rails"]
    assert said[0].startswith("yes    halted°, silenced°")
    (no,) = [line for line in said if line.startswith("no ")]
    assert no.startswith("no     lifecycle_allows: the runbook is in shadow")
    assert any(line.startswith("° as far as files tell") for line in said)
    named = set(re.findall(r"\w+", " ".join(said)))
    assert {one.id for one in RAILS} <= named


def test_without_the_plugin_of_a_step_nothing_further_is_asked() -> None:
    world = World(runbook("kick", plan("kick", step("service.kick")), alert="Slow"))
    told = explaining.explain(alert("Slow", "shop-worker", starts_at=AT - 600), world.view, at=AT)
    [asked] = told["plans"][0]["steps"]
    says = [row["says"] for row in asked["rails"]]
    assert asked["stopped_by"] == "plugin_missing"
    assert says[:4] == ["yes", "yes", "yes", "no"]
    assert set(says[4:]) == {"not asked"}
    assert "connected is not asked without the plugin" in explained_text.whole([told])
    assert told["would"]["text"].startswith("would page team-shop, because the plugin the step")


# how far, and who


def test_a_stale_edge_on_the_path_is_in_doubt_and_widens_all_the_same() -> None:
    web = Entity(
        name="web", kind=EntityKind.SERVICE, product="shop", owner="team-shop",
        depends_on=("db",),
        edges=(Edge(to="db", kind=EdgeKind.OBSERVED, confidence=0.9, seen_at=AT - 90 * 86_400),),
    )  # fmt: skip
    db = Entity(name="db", kind=EntityKind.SUBSTRATE, product=None, owner="platform")
    view = World(
        registry=Registry(
            products={"shop": Product(name="shop", builder="team-shop", tier="low")},
            entities={"web": web, "db": db},
        )
    ).view
    view.incidents = {"i-db": make_incident(
        "i-db", product=None, entity="db", state=State.ESCALATED, radius=Radius.SYSTEMIC,
        alerts={"am/x": AlertState(identity="am/x", name="Down", status=AlertStatus.FIRING,
                                   labels={}, starts_at=AT)},
    )}  # fmt: skip
    view.signs = None
    told = explaining.explain(alert("Slow", "web", starts_at=AT), view, at=AT)
    assert (told["radius"]["class"], told["radius"]["suspect"]) == ("systemic", "db")
    (edge,) = told["radius"]["path"]
    assert edge["doubt"] == "that web depends on db was last seen 90 days ago"
    text = explained_text.whole([told])
    assert "web → db (observed, sure to 90%; in doubt: that web depends on db was last" in text
    assert "in doubt, which makes it no narrower: that web depends on db" in text


def test_the_ladder_is_told_rung_by_rung() -> None:
    world = staffed(who=None)
    told = explaining.explain(alert("Slow", "shop-worker", starts_at=AT), world.view, at=AT)
    said = rows(explained_text.whole([told]))
    assert said["otherwise"] == ["team-shop is told, bob first by hook: builder of shop (product)"]
    assert said["ladder"] == [
        "1. on call shop-primary: skipped, nobody is on call by shop-primary",
        "2. person bob, by hook; 5m to acknowledge",
        "3. team team-shop, by hook; 10m to acknowledge",
        "4. team platform, by hook; 10m to acknowledge",
    ]
    assert told["would"]["text"] == (
        "would page team-shop (bob first), because no runbook knows this"
    )


def test_risk_says_what_raises_it_and_what_it_asks() -> None:
    book = runbook("wipe", plan("wipe", step("file.trash")), alert="Slow")
    facts = PluginFacts(name="file.trash", kind="action", reversal="none")
    world = World(book)
    world.view.plugins = {**world.view.plugins, "file.trash": facts}
    told = explaining.explain(alert("Slow", "shop-worker", starts_at=AT - 600), world.view, at=AT)
    [one] = told["plans"]
    assert (one["risk"]["tier"], one["risk"]["asks"]) == ("critical", "two different people")
    assert one["risk"]["because"] == [
        "a runbook of tier low starts at routine",
        "file.trash cannot be taken back",
        "shop is of tier high",
    ]
    assert told["would"]["do"] == "ask"


# an incident that happened


def test_either_a_file_or_an_incident_is_explained() -> None:
    for words in ([], ["alert.json", "--incident", "i-1"]):
        result = CliRunner().invoke(app, ["explain", *words])
        assert result.exit_code == 2
        assert "either a file with an alert or --incident ID" in result.output


def test_an_incident_is_explained_from_its_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    world = staffed()
    world.fire(name="Slow")
    lines = [e for d in world.batch.decisions for e in d.journal if e.subject == world.last]
    body = incident_json(world.case, list(enumerate(lines)), world.view, now=world.now)
    asked = []

    def answer(*words: str) -> Any:
        asked.append(words)
        return body

    monkeypatch.setattr(asking, "ask", answer)
    result = CliRunner().invoke(app, ["explain", "--incident", world.last])
    assert result.exit_code == 0, result.output
    assert asked == [("GET", f"/api/v1/incidents/{world.last}")]
    first, *_ = result.output.splitlines()
    assert first.startswith(f"{world.last} ")
    assert "(escalated), team-shop was told: no runbook knows this" in first
    assert "1. on call shop-primary: alice told at" in result.output
    assert "2. person bob: next, bob at" in result.output
    assert re.search(r"why not   \d\d:\d\d:\d\d  no runbook knows this", result.output)
    assert REMEDIES[Reason.NO_RUNBOOK] in result.output
    as_data = CliRunner().invoke(app, ["explain", "--incident", "i", "--format", "json"])
    assert json.loads(as_data.stdout)["why"]["route"]
