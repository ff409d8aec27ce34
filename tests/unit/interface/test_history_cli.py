"""`replay`, `backtest` and `diff` as people and scripts call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli import history as cli
from agent.interface.cli.main import app
from tests.support.past import HOUR, healed, line, past, ran, routed, said_outside

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: hung, owner: team-shop, layer: product, tier: low}
match: {alert: Hung}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared, within: 2m}
lifecycle: {state: shadow}
tests:
  - name: it is restarted
    given: {alert: {labels: {alertname: Hung, entity: shop-worker}}}
    expect: {plan: restart, actions: [process.restart], verdict: held}
"""
TWIN = RUNBOOK.replace("name: hung", "name: twin").replace("alert: Hung", "alert: Slow")
PRODUCT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop-worker}
spec: {type: service, owner: team-shop, homeostat: {tier: low}}
"""

PASTS = (
    routed(past(1, product="shop-worker"), "team-shop", "process.restart", cause="bad release"),
    healed(past(2, at=2 * HOUR, product="shop-worker"), "old"),
    past(3, "Slow", at=4 * HOUR, product="shop-worker"),
)


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("HOMEOSTAT_CONFIG", "HOMEOSTAT_URL", "HOMEOSTAT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "catalog-info.yaml").write_text(PRODUCT)
    (tmp_path / "new" / "hung.yaml").write_text(RUNBOOK.replace("shadow", "active"))
    (tmp_path / "candidate.yaml").write_text(RUNBOOK)
    (tmp_path / "homeostat.yaml").write_text(
        "products: [catalog-info.yaml]\nrunbooks: [runbooks]\nshipped_runbooks: false\n"
    )
    lines = [line(PASTS[0], said_outside(PASTS[0], "phoned")), line(PASTS[1]), line(PASTS[2])]
    (tmp_path / "past.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return tmp_path


def call(*words: str, code: int = 0, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(app, list(words), input=stdin)
    assert result.exit_code == code, result.output
    return result


def asked(*words: str, **told: Any) -> Any:
    return json.loads(call(*words, "--format", "json", **told).stdout)


PAST = ("--history", "past.jsonl")


# replay


def test_replay_says_then_and_now_and_marks_what_differs() -> None:
    said = call("replay", *PAST, "--runbooks", "new").stdout
    first, second, third, *summary = said.splitlines()[1:]
    assert first.startswith("*")
    assert "to team-shop" in first
    assert "hung/restart  [decision, runbook]" in first
    assert "old/restart healed" in second
    assert "[runbook]" in second
    assert not third.startswith("*")
    assert "cleared by itself" in third
    assert summary[0] == "3 incidents, 2 would be decided differently, 0 not known"
    assert "  routes -> acts: 1" in summary


def test_replay_as_data() -> None:
    found = asked("replay", *PAST, "--runbooks", "new", "--changed")
    assert (found["incidents"], found["different"], found["unknown"]) == (3, 2, 0)
    assert [row["incident"] for row in found["rows"]] == ["i-000001", "i-000002"]
    row = found["rows"][0]
    assert row["then"]["routed_to"] == "team-shop"
    assert row["now"]["steps"] == [
        {
            "use": "process.restart",
            "target": "shop-worker",
            "params": {"target": "shop-worker"},
        }
    ]
    assert row["differs"] == ["decision", "runbook"]


def test_replay_takes_the_rules_of_the_settings() -> None:
    found = asked("replay", *PAST)
    assert [row["now"]["kind"] for row in found["rows"]] == ["routes"] * 3


def test_replay_reads_from_standard_input(site: Path) -> None:
    told = (site / "past.jsonl").read_bytes()
    assert asked("replay", "--history", "-", stdin=told)["incidents"] == 3


def test_an_export_can_be_replayed(site: Path) -> None:
    assert "3 incidents written" in call("replay", *PAST, "--export", "copy.jsonl").stdout
    assert asked("replay", "--history", "copy.jsonl") == asked("replay", *PAST)
    printed = call("replay", *PAST, "--export", "-").stdout_bytes
    assert printed == (site / "copy.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("since", "incidents"),
    [("2025-06-15T17:00:00+00:00", 2), ("2025-06-16", 0), ("9d", 0), ("3650d", 3), ("", 3)],
)
def test_since_is_a_duration_or_a_date(since: str, incidents: int) -> None:
    assert asked("replay", *PAST, "--since", since)["incidents"] == incidents


def test_faults_in_the_rules_are_told_and_the_rest_is_replayed(site: Path) -> None:
    (site / "new" / "bad.yaml").write_text(RUNBOOK.replace("name: hung", "nome: bad"))
    result = call("replay", *PAST, "--runbooks", "new", code=1)
    assert "bad.yaml:" in result.stderr
    assert "hung/restart" in result.stdout


def test_long_histories_tell_how_far_they_are(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "PROGRESS_EVERY_SECONDS", 0.0)
    many = b"\n".join(line(past(n, at=n * 60.0)) for n in range(401))
    (site / "many.jsonl").write_bytes(many)
    result = call("replay", "--history", "many.jsonl")
    assert "200 of 401 incidents" in result.stderr
    assert "of 401" not in result.stdout


# backtest


def test_backtest_says_what_the_candidate_would_have_done_and_what_people_did() -> None:
    said = call("backtest", "candidate.yaml", *PAST).stdout
    assert "hung against 3 incidents, 3 alerts, as if it were active (it is shadow)" in said
    lines = {row[:14].strip(): row[14:].split(None, 1) for row in said.splitlines()[1:12]}
    assert lines["would match"] == ["2"]
    assert lines["would act"] == ["2", "restart 2"]
    assert lines["agreement"] == ["0", "nobody 1, partly 1"]
    assert lines["conflicts"] == ["1", "handled then by old 1"]
    assert lines["people did"][1] == (
        "process.restart 1; resolved in 10 min (median), 10 min at most; 1 by the agent;"
        " causes: bad release 1"
    )
    assert "outside: phoned" in said


def test_backtest_as_data() -> None:
    found = asked("backtest", "candidate.yaml", *PAST)
    assert (found["runbook"], found["lifecycle"], found["incidents"]) == ("hung", "shadow", 3)
    assert (found["matched"], found["acts"], found["plans"]) == (2, 2, {"restart": 2})
    assert (found["conflicts"], found["stopped_by"]) == ({"old": 1}, {})
    first = found["rows"][0]
    assert (first["agreement"], first["people"]["minutes"]) == ("partly", 10.0)
    assert first["at"] == "2025-06-15T15:06:40.000Z"


def test_a_runbook_of_the_settings_is_tried_by_its_name(site: Path) -> None:
    (site / "runbooks" / "hung.yaml").write_text(RUNBOOK)
    assert asked("backtest", "hung", *PAST)["matched"] == 2


def test_one_of_several_in_a_file_has_to_be_named(site: Path) -> None:
    (site / "both.yaml").write_text(f"{RUNBOOK}---\n{TWIN}")
    assert "--only" in call("backtest", "both.yaml", *PAST, code=2).stderr
    assert asked("backtest", "both.yaml", "--only", "twin", *PAST)["matched"] == 1


def test_a_candidate_with_faults_is_not_tried(site: Path) -> None:
    (site / "candidate.yaml").write_text(RUNBOOK.replace("process.restart", "process.restat"))
    result = call("backtest", "candidate.yaml", *PAST, code=1)
    assert "candidate.yaml:" in result.stderr
    assert result.stdout == ""


def test_faults_of_the_other_runbooks_are_told_after_the_answer(site: Path) -> None:
    (site / "runbooks" / "bad.yaml").write_text(TWIN.replace("name: twin", "nome: bad"))
    result = call("backtest", "candidate.yaml", *PAST, code=1)
    assert "bad.yaml:" in result.stderr
    assert "would act          2" in result.stdout


def test_stops_and_near_misses_are_counted(site: Path) -> None:
    again = ran(past(4, "Other", at=2 * HOUR - 720), by="anna")
    (site / "past.jsonl").write_bytes(b"\n".join(line(p) for p in (*PASTS, again)))
    found = asked("backtest", "candidate.yaml", *PAST)
    assert (found["acts"], found["stopped_by"]) == (1, {"cooldown": 1})
    narrow = RUNBOOK.replace("match: {alert: Hung}", "match: {alert: Hung, labels: {zone: [a]}}")
    (site / "candidate.yaml").write_text(narrow)
    found = asked("backtest", "candidate.yaml", *PAST)
    assert (found["matched"], list(found["near_misses"].values())) == (0, [2])


# diff


def test_diff_names_the_incidents_that_would_end_differently() -> None:
    said = call("diff", "runbooks", "new", *PAST).stdout
    assert "added    hung" in said
    assert "3 incidents, 2 would end differently" in said
    assert "routes -> acts: 2" in said
    assert "i-000003" not in said


def test_diff_as_data(site: Path) -> None:
    (site / "runbooks" / "hung.yaml").write_text(RUNBOOK)
    (site / "runbooks" / "twin.yaml").write_text(TWIN)
    found = asked("diff", "runbooks", "new", *PAST)
    assert found["runbooks"] == {"added": [], "removed": ["twin"], "changed": ["hung"]}
    assert [(r["old"]["kind"], r["new"]["kind"]) for r in found["rows"]][:2] == [
        ("routes", "acts"),
        ("routes", "acts"),
    ]
    assert found["rows"][2]["old"]["runbook"] == "twin"
    assert found["rows"][2]["new"]["runbook"] is None


def test_the_same_twice_differs_in_nothing() -> None:
    found = asked("diff", "new", "new/hung.yaml", *PAST)
    assert (found["different"], found["runbooks"]["changed"]) == (0, [])


# wrong usage


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay",), "there is no history in"),
        (("replay", "--history", "nothing.jsonl"), "nothing.jsonl"),
        (("replay", *PAST, "--since", "soon"), "write a duration"),
        (("replay", *PAST, "--runbooks", "nowhere"), "there is no nowhere"),
        (("replay", *PAST, "--export", "no/where"), "cannot write no/where"),
        (("backtest", "nobody", *PAST), "no file and no runbook nobody"),
        (("backtest", "candidate.yaml", "--only", "hang", *PAST), "did you mean"),
        (("backtest",), "RUNBOOK"),
        (("diff", "runbooks", "nowhere", *PAST), "there is no nowhere"),
        (("diff", "runbooks"), "NEW"),
        (("replay", "--history", "candidate.yaml"), "candidate.yaml:1"),
    ],
    ids=str,
)
def test_wrong_usage_says_what_to_do(words: tuple[str, ...], says: str) -> None:
    assert says in call(*words, code=2).stderr


@pytest.mark.parametrize("sides", [("new", "bad"), ("bad", "new")])
def test_diff_compares_nothing_where_a_side_has_faults(site: Path, sides: tuple[str, str]) -> None:
    (site / "bad").mkdir()
    (site / "bad" / "hung.yaml").write_text(RUNBOOK.replace("plans:", "plns:"))
    result = call("diff", *sides, *PAST, code=1)
    assert result.stdout == ""
    assert "bad/hung.yaml:" in result.output


def test_a_history_that_is_not_there_or_none_is_wrong_usage(site: Path) -> None:
    (site / "broken.jsonl").write_text("{\n")
    assert "gone.jsonl: No such file" in call("replay", "--history", "gone.jsonl", code=2).output
    assert "broken.jsonl:1" in call("replay", "--history", "broken.jsonl", code=2).output
