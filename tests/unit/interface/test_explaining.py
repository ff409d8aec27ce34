"""`homeostat explain`: every step of the decision path is there, by name and with its reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.interface.cli.alert_files import read_alerts
from agent.interface.cli.main import app
from agent.model.errors import Unparseable
from tests.support.explained import CRASH, LABELS, explain, found, make_site, rows
from tests.support.shipped import shipped

CORPUS = Path("/work/shared/corpora/kubernetes-mixin-alerts.jsonl")

SMALL = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: NAME, owner: team-shop, layer: product, tier: low}
match: {alert: [PodCrashLoop]}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: alert_cleared
lifecycle: {state: active}
"""


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_site(tmp_path, monkeypatch)


def test_the_whole_path_is_printed() -> None:
    said = rows(explain({"labels": LABELS}).output)
    assert said["about"] == [
        "entity web (label service)",
        "product web (the product of the entity)",
        "layer product (nothing says otherwise), severity critical",
    ]
    assert said["runbook"] == [
        "crash of team-shop: it alone matches, by alert glob, label severity, when",
        "shadow: in shadow it decides and records, and does nothing",
    ]
    assert said["not for"] == ["lack of memory"]
    assert said["diagnose"][0] == "status: process.status with target web"
    assert "process.recent_log on web (the policy's for a service)" in said["diagnose"]
    assert said["decide"] == [
        "when !status.alive (known after diagnosis): plan restart, because it is gone",
        'when alert.name == "Never" (false): settle within 30m',
        "otherwise tell people, because it lives",
    ]
    assert said["guard"][-1] == "require: status.restarts < 5"
    assert said["step"][0] == "restart: process.restart on web"
    assert said["step"][1].startswith("would be stopped by runbook_in_shadow: ")
    assert said["proof"] == [
        "look at up: process.up with target web",
        'held when the alert has cleared and up.verdict == "held", 3 looks in a row, every 20s',
        "within 10m after 30s, else inconclusive or failed",
        'failed when up.verdict == "failed"',
    ]
    assert said["way back"][0].startswith("each step is undone")
    assert said["otherwise"] == [
        "team-shop is told by terminal, file: builder of web (product)",
        "nobody further: no ladder is declared",
    ]
    assert said["radius"][0] == "product: contained in one product"
    assert "wider with db sick, which is shared" in said["radius"]
    assert said["risk"] == [
        "routine, asks nobody: a runbook that is shadow does nothing"
        " (a runbook of tier low starts at routine)"
    ]


def test_a_missing_label_is_a_near_miss_that_is_unknown() -> None:
    labels = {name: value for name, value in LABELS.items() if name != "namespace"}
    near = found({"labels": labels})["near_misses"][0]
    assert near["runbook"] == "crash"
    assert near["clause"] == 'when: alert.labels.namespace.startsWith("prod-")'
    assert near["truth"] == "unknown"
    assert near["read"] == {"namespace": "(missing)"}


def test_a_label_of_another_value_is_a_near_miss_that_is_false() -> None:
    near = found({"labels": {**LABELS, "severity": "info"}})["near_misses"][0]
    assert "labels.severity: 'info'" in near["clause"]
    assert near["truth"] == "false"
    near = found({"labels": {**LABELS, "namespace": "test"}})["near_misses"][0]
    assert (near["truth"], near["read"]) == ("false", {"namespace": "test"})


def test_where_nothing_matches_the_nearest_miss_and_what_is_looked_at_are_named() -> None:
    said = rows(explain({"labels": {**LABELS, "alertname": "PodCrash"}}).output)
    assert said["runbook"] == ["none: no runbook knows this"]
    assert said["near miss"] == ["crash: alert: 'PodCrash' is not in ['*CrashLoop*'] (false)"]
    assert "process.status on web (the policy's for a service)" in said["diagnose"]


def test_what_nobody_knows_is_looked_at_by_nothing_and_says_so() -> None:
    explained = found({"labels": {"alertname": "Other", "job": "gone"}})
    assert explained["identified"]["entity"] == "unknown: none of job=gone is registered"
    assert explained["defaults"]["runs"] == []
    assert "service: process.status" in explained["defaults"]["why"]
    assert explained["route"]["to"] == "platform"
    assert explained["near_misses"][0]["runbook"] == "crash"


def test_the_most_specific_runbook_is_chosen_and_the_others_are_named() -> None:
    Path("runbooks/plain.yaml").write_text(
        SMALL.replace("NAME", "plain").replace("active", "shadow")
    )
    explained = found({"labels": LABELS})
    assert explained["chosen"] == "crash"
    assert explained["why"].startswith("the most specific of 2 that match")
    assert [m["runbook"] for m in explained["demands"]] == ["crash", "plain"]
    assert "plain (shadow), by alert name" in explain({"labels": LABELS}).output


def test_two_with_equal_right_choose_nothing() -> None:
    Path("runbooks/one.yaml").write_text(SMALL.replace("NAME", "one"))
    Path("runbooks/two.yaml").write_text(SMALL.replace("NAME", "two"))
    explained = found({"labels": LABELS})
    assert explained["chosen"] is None
    assert "equally well" in explained["why"]


def test_a_draft_that_matches_is_no_runbook_to_run() -> None:
    Path("runbooks/crash.yaml").write_text(CRASH.replace("state: shadow", "state: draft"))
    explained = found({"labels": LABELS})
    assert explained["chosen"] is None
    assert "crash is draft" in explained["why"]


@pytest.mark.parametrize(
    ("state", "reason"), [("active", None), ("assisted", "runbook_needs_approval")]
)
def test_the_guard_that_would_stop_is_named(state: str, reason: str | None) -> None:
    Path("runbooks/crash.yaml").write_text(CRASH.replace("state: shadow", f"state: {state}"))
    [step] = found({"labels": LABELS})["plans"][0]["steps"]
    assert step["stopped_by"] == reason


def test_a_change_window_nobody_declared_stops_before_the_lifecycle_does() -> None:
    windowed = CRASH.replace("guard:\n", "guard:\n  window: nights\n")
    Path("runbooks/crash.yaml").write_text(windowed)
    explained = found({"labels": LABELS})
    [step] = explained["plans"][0]["steps"]
    assert step["stopped_by"] == "window_unknown"
    assert step["also"] == ["runbook_in_shadow"]
    assert "window: nights (not declared)" in explained["guard"]


def test_a_target_nobody_knows_stops_the_step() -> None:
    labels = {name: value for name, value in LABELS.items() if name != "service"}
    [step] = found({"labels": labels})["plans"][0]["steps"]
    assert step["stopped_by"] == "parameter_unknown"
    assert step["target"] is None


def test_decay_is_computed_from_the_expression_the_alert_came_with() -> None:
    def decay(**alert: Any) -> Any:
        return found({"labels": LABELS, **alert})["plans"][0]["proof"]

    by_url = decay(generatorURL="http://p/graph?g0.expr=rate%28errors%5B30m%5D%29+%3E+1&g0.tab=1")
    assert by_url["decay_seconds"] >= 1800
    assert by_url["decay_from"] == "from the expression of the alert"
    assert decay(expression="rate(errors[30m]) > 1") == by_url
    assert decay(expression="rate(errors[2h]) > 1")["decay_seconds"] > by_url["decay_seconds"]
    assert decay()["decay_from"] == "the alert says no expression"


def test_numbers_and_truth_as_values_of_labels_are_text() -> None:
    explained = found({"labels": {**LABELS, "quantile": 0.99, "status": True, "n": 3, "e": None}})
    wanted = {"quantile": "0.99", "status": "true", "n": "3"}
    assert {name: explained["alert"][name] for name in wanted} == wanted


def test_alerts_are_read_in_every_form_people_have_them() -> None:
    one = {"labels": LABELS, "annotations": {"summary": 1}}
    webhook = {"version": "4", "groupKey": "g", "alerts": [{**one, "status": "firing"}]}
    forms: list[Any] = [one, [one], webhook, json.dumps(one) + "\n\n" + json.dumps(one) + "\n"]
    forms += [{"alertname": "PodCrashLoop", "labels": {"service": "web"}}]
    sources = shipped().push_sources()
    for form in forms:
        body = form if isinstance(form, str) else json.dumps(form)
        alerts = read_alerts(body.encode(), sources)
        assert {a.labels["alertname"] for a in alerts} == {"PodCrashLoop"}, form


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "not JSON"),
        ("[]", "no alert in it"),
        ('{"a": 1}', "an object with `labels`"),
        ('{"labels": {"alertname": "A"}}\n{', "line 2"),
    ],
)
def test_what_is_no_alert_says_what_would_be_one(body: str, said: str) -> None:
    with pytest.raises(Unparseable, match=re.escape(said)):
        read_alerts(body.encode(), shipped().push_sources())


def test_an_alert_that_is_over_opens_nothing() -> None:
    ended = {
        "status": "resolved",
        "labels": LABELS,
        "startsAt": "2024-01-01T00:00:00Z",
        "endsAt": "2024-01-01T00:10:00Z",
    }
    webhook = {"version": "4", "groupKey": "g", "alerts": [ended]}
    assert "something unknown: it was over before it was first seen" in explain(webhook).output


def test_brief_is_one_line_an_alert_and_a_count() -> None:
    alerts = [{"labels": LABELS}, {"labels": {"alertname": "Other"}}]
    lines = explain(alerts, "--brief").output.splitlines()
    assert lines[0] == (
        "PodCrashLoop: crash (shadow) restart stopped by runbook_in_shadow; otherwise team-shop"
    )
    assert lines[1].startswith("Other: no runbook (no runbook knows this); nearest crash, alert: ")
    assert lines[2] == "2 alerts: 1 name a runbook, 1 do not"


def test_no_control_character_of_an_alert_reaches_the_terminal() -> None:
    output = explain({"labels": {**LABELS, "note": "\x1b[2J"}}).output
    assert "\x1b" not in output


@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpora are not here")
def test_every_alert_of_a_corpus_nobody_here_wrote_has_a_path() -> None:
    Path("homeostat.yaml").write_text("{}")
    result = CliRunner().invoke(app, ["explain", str(CORPUS), "--format", "json"])
    explained = json.loads(result.stdout)
    assert len(explained) == 64
    for one in explained:
        assert one["chosen"] or one["near_misses"][0]["clause"], one["alert"]
        assert one["defaults"]["runs"] or one["defaults"]["why"]
        assert one["route"]["to"]
    assert sum(bool(one["chosen"]) for one in explained) >= 0.6 * len(explained)
    text = CliRunner().invoke(app, ["explain", str(CORPUS)]).stdout
    paths = text.split("\n\n")[:-1]
    assert len(paths) == 64
    assert all("  runbook " in path and "  otherwise " in path for path in paths)


def test_a_resolved_alert_opens_nothing_and_a_firing_one_is_told() -> None:
    resolved = {"status": "resolved", "labels": LABELS, "startsAt": "2026-01-01T00:00:00Z"}
    webhook = {"version": "4", "status": "resolved", "alerts": [resolved]}
    explained = found(webhook)
    assert explained["opens"] is False
    assert explained["if_firing"]["chosen"] == "crash"
    text = explain(webhook).output
    assert "opens nothing, a resolved message of something unknown: it was over" in text
    assert "If it were firing: PodCrashLoop " in text
    assert "crash of team-shop" in text
    assert "; firing, PodCrashLoop: crash (shadow)" in explain(webhook, "--brief").output
    assert found({"status": "resolved", "labels": LABELS})["opens"] is False
    assert found({"status": "firing", "labels": LABELS})["opens"] is True


def test_a_file_that_holds_no_alert_is_wrong_usage() -> None:
    Path("broken.json").write_text("{")
    result = CliRunner().invoke(app, ["explain", "broken.json"])
    assert result.exit_code == 2
    assert result.output.count("broken.json") == 1
