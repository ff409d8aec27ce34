"""`coverage` as people and scripts call it, and what it says of the shipped runbooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app

CORPORA = Path(__file__).resolve().parents[4] / "shared" / "corpora"
CORPUS = [
    {"alertname": "WebHung", "expr": 'x{job="web"} > 0', "labels": {"severity": "critical"}},
    {"alertname": "Other", "expr": "sum(x) > 0", "labels": {"severity": "info"}},
]
RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: hung, owner: team-shop, layer: product, tier: low}
match: {alert: "*Hung"}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared, within: 2m}
lifecycle: {state: assisted}
tests:
  - name: it is restarted
    given: {alert: {labels: {alertname: ShopHung, service: web}}}
    expect: {plan: restart, actions: [process.restart], verdict: held}
"""


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOMEOSTAT_CONFIG", raising=False)
    (tmp_path / "latency").mkdir()
    (tmp_path / "latency" / "hung.yaml").write_text(RUNBOOK)
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, CORPUS)))
    return tmp_path


def call(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["coverage", *words])
    assert result.exit_code == code, result.output
    return result


def asked(*words: str) -> Any:
    return json.loads(call(*words, "--format", "json").stdout)


def test_grades_are_told_by_family_and_in_total() -> None:
    said = call("corpus.jsonl", "--runbooks", "latency").stdout.splitlines()
    rows = {line.split("  ")[0]: line.split()[-5:] for line in said[:4]}
    assert rows["latency"] == ["1", "1", "0", "0", "0"]
    assert rows["(no runbook)"] == ["1", "0", "0", "1", "0"]
    assert rows["total"] == ["2", "1", "0", "1", "0"]
    assert "healed              50.0 %   (1 assisted)" in said
    assert said[-1].startswith("assumed: each alert is about one entity of one registered product")


def test_verbose_says_on_what_each_grade_rests() -> None:
    said = call("corpus.jsonl", "--runbooks", "latency", "--verbose").stdout.splitlines()
    healed, routed = said[1].split(), said[2].split()
    assert healed == ["healed", "WebHung", "critical", "hung", "assisted", "it", "is", "restarted"]
    assert routed[:5] == ["routed", "Other", "info", "-", "-"]


def test_as_data() -> None:
    found = asked("corpus.jsonl", "--runbooks", "latency", "-v")
    assert found["total"]["percent"] == {
        "healed": 50.0,
        "healed_or_settled": 50.0,
        "at_least_routed": 100.0,
    }
    assert found["total"]["routed_by_default_diagnostics"] == 1
    assert found["healed_by_state"] == {"assisted": 1}
    assert found["families"]["latency"]["healed"] == 1
    assert [(r["alert"], r["grade"]) for r in found["rows"]] == [
        ("WebHung", "healed"),
        ("Other", "routed"),
    ]
    assert "rows" not in asked("corpus.jsonl", "--runbooks", "latency")


def test_where_nothing_is_looked_at_it_is_unknown(site: Path) -> None:
    (site / "homeostat.yaml").write_text(
        "shipped_runbooks: false\npolicy: {default_diagnostics: {service: [], alert: []}}\n"
    )
    assert asked("corpus.jsonl")["total"]["unknown"] == 2


def test_faults_in_the_runbooks_are_told_and_the_rest_is_graded(site: Path) -> None:
    (site / "latency" / "bad.yaml").write_text(RUNBOOK.replace("name: hung", "nome: bad"))
    result = call("corpus.jsonl", "--runbooks", "latency", code=1)
    assert "bad.yaml:" in result.stderr
    assert "50.0 %" in result.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nothing.jsonl",), "nothing.jsonl"),
        (("latency",), "neither"),
        (("corpus.jsonl", "--runbooks", "nowhere"), "there is no nowhere"),
        ((), "CORPUS"),
    ],
    ids=str,
)
def test_wrong_usage_says_what_to_do(words: tuple[str, ...], says: str) -> None:
    assert says in call(*words, code=2).stderr


def test_an_empty_corpus_is_wrong_usage(site: Path) -> None:
    (site / "empty.jsonl").write_text("\n")
    assert "there is no alert" in call("empty.jsonl", code=2).stderr


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside this checkout")
@pytest.mark.parametrize("corpus", ["kube-prometheus-rules", "kubernetes-mixin-alerts"])
def test_the_shipped_runbooks_cover_what_others_wrote(corpus: str) -> None:
    result = CliRunner().invoke(
        app, ["coverage", str(CORPORA / f"{corpus}.jsonl"), "--format", "json"]
    )
    percent = json.loads(result.stdout)["total"]["percent"]
    assert percent["healed"] >= 20
    assert percent["healed_or_settled"] >= 40
    assert percent["at_least_routed"] == 100


@pytest.mark.parametrize(
    ("name", "text"), [("a.yml", "groups: [\n"), ("a.json", "{"), ("a.jsonl", "{}\n")]
)
def test_what_is_no_corpus_is_named_once(name: str, text: str) -> None:
    Path(name).write_text(text)
    assert call(name, code=2).output.count(name) == 1


def test_a_corpus_that_is_not_there_is_wrong_usage() -> None:
    assert "gone.yml: No such file or directory" in call("gone.yml", code=2).output
