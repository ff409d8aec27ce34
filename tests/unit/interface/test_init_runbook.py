"""A runbook to begin with passes untouched, whatever it was made from, and overwrites no file."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from agent.catalog import lint, runbooks
from agent.catalog.runbook_document import RunbookDocument
from agent.interface.cli.main import app
from agent.model.alert import AlertStatus
from agent.model.decision import JournalEntry
from agent.model.effect import OutcomeStatus
from agent.model.incident import Ending, Incident, StepRun
from agent.model.reason import Reason
from agent.runtime.rehearsal import TestResult, rehearse
from tests.support.facade import FakeFacade, burning, running
from tests.support.shipped import shipped

EXAMPLE_LINE = re.compile(r"^(\s*)#(?=\S)", re.MULTILINE)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOMEOSTAT_URL", "http://127.0.0.1:1")
    for name in ("HOMEOSTAT_CONFIG", "HOMEOSTAT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def init(*words: str) -> Result:
    return CliRunner().invoke(app, ["init", "runbook", *words])


def load(text: str) -> runbooks.RunbookSet:
    return runbooks.load_files([("new.yaml", text)], shipped().plugins)


def faults(text: str) -> list[str]:
    """Everything `check` would say, warnings too."""
    loaded = load(text)
    return [str(fault) for fault in (*loaded.faults, *lint.lint(loaded))]


def played(text: str) -> list[TestResult]:
    return rehearse(load(text), shipped().plugins)


def document(text: str) -> RunbookDocument:
    [found] = load(text).documents.values()
    return found


def assert_passes(text: str) -> None:
    assert faults(text) == []
    results = played(text)
    assert results
    assert [r.differences for r in results if not r.passed] == []


@pytest.mark.parametrize("layer", ["product", "machinery", "outcome"])
def test_it_passes_check_and_test_untouched(layer: str) -> None:
    made = init("shop-hangs", "--layer", layer, "--owner", "team-shop")
    assert made.exit_code == 0, made.output
    text = Path("shop-hangs.yaml").read_text()
    assert_passes(text)
    assert document(text).metadata.owner == "team-shop"
    assert document(text).lifecycle.state == "shadow"


def test_it_is_short_and_says_what_each_part_is_for() -> None:
    init("shop-hangs")
    lines = Path("shop-hangs.yaml").read_text().splitlines()
    substance = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert len(substance) <= 18
    assert sum(line.startswith("# ") for line in lines) >= 10


def test_what_no_machine_heals_is_told_to_people() -> None:
    init("orders-flat", "--layer", "outcome")
    assert document(Path("orders-flat.yaml").read_text()).plans == {}


def test_every_example_in_it_can_be_used() -> None:
    """All of them at once: the # taken away, it is a longer runbook that passes as well."""
    init("shop-hangs")
    text = EXAMPLE_LINE.sub(r"\1", Path("shop-hangs.yaml").read_text())
    assert_passes(text)
    made = document(text)
    assert made.guard.cooldown
    assert made.diagnose
    assert made.decide
    assert len(made.tests) == 3


def test_a_file_that_is_there_is_never_touched() -> None:
    Path("shop-hangs.yaml").write_text("mine")
    made = init("shop-hangs")
    assert made.exit_code == 2
    assert "there already" in made.output
    assert Path("shop-hangs.yaml").read_text() == "mine"


def test_it_lies_among_the_runbooks_of_the_settings() -> None:
    Path("homeostat.yaml").write_text("runbooks: [mine]\n")
    Path("mine").mkdir()
    assert init("shop-hangs").exit_code == 0
    assert Path("mine/shop-hangs.yaml").is_file()


def test_the_editor_is_told_of_the_schema_where_it_lies_beside_it() -> None:
    Path("runbook.schema.json").write_text("{}")
    with_schema = init("a", "--out", "a.yaml")
    without = init("b", "--out", "elsewhere/b.yaml")
    assert with_schema.exit_code == without.exit_code == 0
    assert Path("a.yaml").read_text().startswith("# yaml-language-server: $schema=")
    assert "yaml-language-server" not in Path("elsewhere/b.yaml").read_text()


@pytest.mark.parametrize("name", ["Shop", "a_b", "../up", "-a", ""])
def test_a_name_that_cannot_be_one_is_wrong_usage(name: str) -> None:
    assert init("--out", "-", "--", name).exit_code == 2
    assert list(Path().iterdir()) == []


# from an incident


def resolved(*steps: StepRun, **fields: Any) -> Incident:
    labels = {"alertname": "ShopHangs", "service": "checkout", "severity": "critical"}
    return burning(
        labels=labels,
        steps=steps,
        cause="a lock nobody released",
        outcome=Ending.ROUTED,
        routed_to="team-shop",
        **fields,
    )


def step(use: str, by: str = "ann", **params: Any) -> StepRun:
    target = {"target": "checkout", **params}
    return StepRun(
        id=f"s-{use}",
        use=use,
        params=target,
        target="checkout",
        by=by,
        status=OutcomeStatus.DONE,
    )


def exported(incident: Incident, *journal: JournalEntry) -> str:
    line = {"incident": incident, "timeline": journal}
    Path("history.jsonl").write_bytes(msgspec.json.encode(line) + b"\n")
    return "history.jsonl"


def from_history(incident: Incident, *journal: JournalEntry) -> str:
    history = exported(incident, *journal)
    made = init("from-it", "--from-incident", incident.id, "--history", history, "--out", "-")
    assert made.exit_code == 0, made.output
    return made.output


def test_it_does_what_was_done_in_the_incident() -> None:
    failed = msgspec.structs.replace(step("process.start"), status=OutcomeStatus.FAILED)
    text = from_history(resolved(failed, step("process.stop"), step("process.start")))
    assert_passes(text)
    made = document(text)
    assert made.match.alert == ("ShopHangs",)
    assert made.metadata.owner == "team-shop"
    assert [s.use for s in made.plans["start"].steps] == ["process.stop", "process.start"]
    assert all(not s.with_ for s in made.plans["start"].steps), "its own entity goes without saying"
    assert "a lock nobody released" in text


def test_what_was_found_then_is_looked_at_and_given_to_its_test() -> None:
    found = {"process_status": {"alive": True, "hung": True}, "gone_plugin": {"a": 1}}
    text = from_history(resolved(step("process.restart"), findings=found))
    assert_passes(text)
    assert [(c.id, c.use) for c in document(text).diagnose] == [
        ("process_status", "process.status")
    ]
    assert document(text).tests[0].given.facts == {"process_status": {"alive": True, "hung": True}}


def test_what_people_did_by_hand_is_told_in_a_comment() -> None:
    entry = JournalEntry(
        at=1.0,
        subject="inc-1",
        kind="resolution",
        reason=Reason.RESOLUTION_RECORDED,
        text="",
        data={"outside": ["turned it off\nand: on again"]},
    )
    text = from_history(resolved(), entry)
    assert_passes(text)
    assert "# Done besides, by hand: turned it off and: on again" in text
    assert document(text).plans == {}, "nothing was done that could be a plan"


def test_what_cannot_be_a_plan_is_told_with_the_reason() -> None:
    text = from_history(resolved(step("shell.gone")))
    assert_passes(text)
    assert document(text).plans == {}
    assert "HS201" in text


def test_a_parameter_that_reads_like_an_expression_is_not_taken_over() -> None:
    text = from_history(resolved(step("process.restart", reason="=alert.labels.severity")))
    assert_passes(text)
    assert document(text).plans == {}


def test_text_of_an_alert_stays_text() -> None:
    evil = '"]\nguard: {cooldown: {every: 1s}} # '
    incident = resolved(step("process.restart"))
    alert = next(iter(incident.alerts.values()))
    labels = {**alert.labels, "note": evil, "alertname": evil, "yes": "no"}
    changed = msgspec.structs.replace(
        alert, labels=labels, name=evil, annotations={"summary": "${incident.id}" + evil}
    )
    text = from_history(msgspec.structs.replace(incident, alerts={changed.identity: changed}))
    assert_passes(text)
    assert document(text).match.alert == (evil,)
    assert document(text).guard.cooldown is None


def test_an_incident_that_is_not_there_is_1() -> None:
    history = exported(resolved())
    assert init("a", "--from-incident", "i-9", "--history", history).exit_code == 1
    assert init("a", "--from-incident", "i-9").exit_code == 1
    assert not Path("a.yaml").exists()


def test_it_says_what_the_first_message_said_and_not_that_all_is_well_again() -> None:
    incident = resolved(step("process.restart"), title="ShopHangs: orders wait")
    alert = next(iter(incident.alerts.values()))
    over = msgspec.structs.replace(
        alert, status=AlertStatus.RESOLVED, annotations={"description": "orders flow"}
    )
    text = from_history(msgspec.structs.replace(incident, alerts={over.identity: over}))
    assert_passes(text)
    assert (document(text).about.meaning, document(text).about.impact) == ("orders wait", "")
    assert "# The cause last time: a lock nobody released" in text
    untold = msgspec.structs.replace(incident, title="ShopHangs", alerts={over.identity: over})
    assert document(from_history(untold)).about.meaning == "ShopHangs fires."


def test_it_belongs_to_the_builder_of_the_product() -> None:
    Path("catalog-info.yaml").write_text(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: shop}\n"
        "spec: {type: service, owner: team-builds}\n"
    )
    Path("homeostat.yaml").write_text("products: [catalog-info.yaml]\n")
    incident = msgspec.structs.replace(
        resolved(step("process.restart")), product="shop", routed_to="platform"
    )
    assert document(from_history(incident)).metadata.owner == "team-builds"
    other = msgspec.structs.replace(incident, product="gone", routed_to="team-x")
    assert document(from_history(other)).metadata.owner == "team-x"


@pytest.mark.parametrize(("glob", "name"), [("Foo*", "FooX"), ("*Foo?", "XFoox"), ("Foo", "Foo")])
def test_the_alert_of_its_test_is_one_of_the_family(glob: str, name: str) -> None:
    text = init("shop-hangs", "--alert", glob, "--out", "-").output
    assert_passes(text)
    made = document(text)
    assert made.match.alert == (glob,)
    given = made.tests[0].given.alert
    assert given is not None
    assert given.labels["alertname"] == name


def test_a_family_wider_than_the_incident_is_tested_with_what_came() -> None:
    history = exported(resolved(step("process.restart")))
    words = ("a", "--from-incident", "inc-1", "--history", history, "--alert", "Shop*")
    text = init(*words, "--out", "-").output
    given = document(text).tests[0].given.alert
    assert given is not None
    assert given.labels["alertname"] == "ShopHangs"


async def test_it_is_asked_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = FakeFacade()
    words = ("from-it", "--from-incident", "inc-1", "--out", "-")
    async with running(facade) as (_, url):
        await facade.add(resolved(step("process.restart"), product="pay"))
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        made = await asyncio.to_thread(init, *words)
    assert made.exit_code == 0, made.output
    assert_passes(made.output)
    assert document(made.output).metadata.owner == "team-pay"
