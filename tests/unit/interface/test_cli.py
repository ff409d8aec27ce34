"""The command line: exit codes, what is printed, and how little `--help` loads."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from agent.interface.cli.looking import Grade
from agent.interface.cli.main import build
from agent.interface.cli.output import table
from agent.interface.cli.run import Bodies
from agent.model.effect import OutcomeStatus
from agent.model.event import ActionRequested, ResolvedByPerson
from agent.model.incident import StepRun
from agent.model.reason import Reason
from tests.support.decisions import make_journal
from tests.support.facade import NOW, FakeAnswer, FakeFacade, burning, running

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("aiohttp", "prometheus_client", "prometheus_api_client", "starlette", "uvicorn",
         "cel_expr_python", "opentelemetry", "apprise", "aiomqtt", "kubernetes")  # fmt: skip

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: web-hangs, owner: platform, layer: product, tier: low}
about: {meaning: it hangs, impact: users wait}
match:
  alert: [WebHangs]
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared}
tests:
  - name: it is restarted
    given: {alert: {labels: {alertname: WebHangs, service: web, severity: critical}}}
    expect: {plan: restart, actions: [process.restart], verdict: held}
"""
PRODUCT = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: shop}
spec: {owner: team-shop, homeostat: {builder: team-shop, tier: low}}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: web}
spec: {type: service, system: shop, owner: team-shop}
"""


class Calls:
    def __init__(self) -> None:
        self.run: list[Path | None] = []
        self.demo: list[dict[str, Any]] = []

    def bodies(self) -> Bodies:
        def run(config: Path | None) -> int:
            self.run.append(config)
            return 1

        def demo(**options: Any) -> int:
            self.demo.append(options)
            return 0

        return Bodies(run=run, demo=demo)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOMEOSTAT_CONFIG", "HOMEOSTAT_URL", "HOMEOSTAT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def call(*words: str, calls: Calls | None = None) -> Result:
    return CliRunner().invoke(build((calls or Calls()).bodies()), list(words))


def site(folder: Path, **more: str) -> Path:
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "web.yaml").write_text(RUNBOOK)
    (folder / "catalog-info.yaml").write_text(PRODUCT)
    lines = ["products: [catalog-info.yaml]", "runbooks: [runbooks]", "shipped_runbooks: false"]
    lines += [f"{name}: {value}" for name, value in more.items()]
    (folder / "homeostat.yaml").write_text("\n".join(lines) + "\n")
    return folder / "homeostat.yaml"


def test_run_and_demo_are_handed_on(tmp_path: Path) -> None:
    calls, config = Calls(), site(tmp_path)
    assert call("run", "--config", str(config), calls=calls).exit_code == 1
    assert call("run", "--config", "missing.yaml", calls=calls).exit_code == 2
    assert call("demo", "--once", "--format", "json", "--port", "0", calls=calls).exit_code == 0
    assert calls.run == [config]
    assert calls.demo == [
        {
            "once": True,
            "as_json": True,
            "without_fault": None,
            "without_runbook": None,
            "port": 0,
            "chapters": "",
            "keep": False,
        }
    ]


def every_command() -> list[list[str]]:
    found: list[list[str]] = []

    def walk(command: Any, path: list[str]) -> None:
        for name, child in getattr(command, "commands", {}).items():
            walk(child, [*path, name])
        if path:
            found.append(path)

    walk(get_command(build(Calls().bodies())), [])
    return found


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_has_help_with_an_example(path: list[str]) -> None:
    result = call(*path, "--help")
    assert result.exit_code == 0
    assert "Example: homeostat " + path[0] in " ".join(result.output.split())


WRONG = (
    ["nonsense"],
    ["run", "--nonsense"],
    ["incidents", "show"],
    ["plugins", "--kind", "nonsense"],
    ["test", "--only", "nonsense"],
)


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_usage_is_2(words: list[str]) -> None:
    assert call(*words).exit_code == 2


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from agent.interface.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as e:\n    assert not e.code\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert "incidents" in done.stdout


def test_check_of_a_good_site(tmp_path: Path) -> None:
    config = site(tmp_path)
    result = call("check", "--config", str(config))
    assert (result.exit_code, "0 errors" in result.output) == (0, True), result.output
    assert call("check", str(tmp_path)).exit_code == 0


def test_check_names_place_code_and_remedy(tmp_path: Path) -> None:
    config = site(tmp_path, sources="[{use: mqqt}]", nonsense="1")
    (tmp_path / "runbooks" / "bad.yaml").write_text(RUNBOOK.replace("match:", "macth:"))
    result = call("check", str(tmp_path / "runbooks"))
    assert result.exit_code == 1
    line = next(x for x in result.output.splitlines() if "macth" in x)
    assert line.startswith(f"{tmp_path}/runbooks/bad.yaml:5:1: HS2")
    assert "match" in line.rpartition("(")[2]
    result = call("check", str(config), "--format", "json")
    assert result.exit_code == 1
    (fault,) = json.loads(result.output)
    assert (fault["line"], fault["severity"]) == (5, "error")
    site_config = config.read_text().replace("nonsense: 1\n", "")
    config.write_text(site_config)
    result = call("check", "--config", str(config))
    assert "there is no plugin 'mqqt'" in result.output


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for text in ("", "# nothing\n"):
        path.write_text(text)
        result = call("check", str(path))
        assert result.exit_code == 0
        assert f"{path}:1:1: HS115 the file is empty (" in result.output


def test_check_of_a_path_that_is_not_there() -> None:
    assert call("check", "nowhere").exit_code == 2


def test_check_of_hostile_yaml(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for text in ("a: &x 1\nb: *x\n", "[" * 100_000, "a: 1\na: 2\n", "a:\n\t- b\n", "\x00"):
        path.write_text(text)
        result = call("check", str(path))
        assert result.exit_code == 1
        assert f"{path}:" in result.output


def test_test_plays_the_runbooks_own_tests(tmp_path: Path) -> None:
    site(tmp_path)
    path = tmp_path / "runbooks"
    assert call("test", str(path)).exit_code == 0
    (path / "web.yaml").write_text(RUNBOOK.replace("verdict: held", "verdict: failed"))
    result = call("test", str(path), "--format", "json")
    assert result.exit_code == 1
    (played,) = json.loads(result.output)["tests"]
    assert played["differences"]


def explained(tmp_path: Path, labels: dict[str, str], config: Path) -> dict[str, Any]:
    path = tmp_path / "alert.json"
    path.write_text(json.dumps({"labels": labels}))
    result = call("explain", str(path), "--config", str(config), "--format", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)[0]
    return found


def test_explain_says_match_guard_and_route(tmp_path: Path) -> None:
    config = site(tmp_path)
    labels = {"alertname": "WebHangs", "service": "web", "product": "shop"}
    found = explained(tmp_path, labels, config)
    assert found["chosen"] == "web-hangs"
    assert found["route"]["to"] == "team-shop"
    (step,) = found["plans"][0]["steps"]
    assert step["use"] == "process.restart"


def test_explain_names_the_failing_clause(tmp_path: Path) -> None:
    config = site(tmp_path)
    web = tmp_path / "runbooks" / "web.yaml"
    web.write_text(
        RUNBOOK.replace("[WebHangs]\n", "[WebHangs]\n  labels: {severity: [critical]}\n")
    )
    found = explained(tmp_path, {"alertname": "WebHangs", "severity": "info"}, config)
    assert found["chosen"] is None
    assert "severity" in found["near_misses"][0]["clause"]
    found = explained(tmp_path, {"alertname": "WebHang"}, config)
    assert found["near_misses"][0]["runbook"] == "web-hangs"


@pytest.mark.parametrize("body", ["", "[]", "{", '{"a": 1}'])
def test_explain_of_something_else_is_wrong_usage(tmp_path: Path, body: str) -> None:
    (tmp_path / "a.json").write_text(body)
    assert call("explain", "a.json").exit_code == 2


def test_explain_code() -> None:
    assert Reason.COOLDOWN.sentence in call("explain-code", "cooldown").output
    assert call("explain-code", "HS250").exit_code == 0
    assert call("explain-code", "HS999").exit_code == 2


@pytest.mark.parametrize("kind", ["runbook", "settings", "policy", "tokens"])
def test_schema(kind: str) -> None:
    result = call("schema", kind)
    assert result.exit_code == 0
    assert json.loads(result.output)["type"] == "object"


def test_plugins(tmp_path: Path) -> None:
    result = call("plugins", "--kind", "action", "--format", "json")
    assert result.exit_code == 0
    assert "process.restart" in {p["name"] for p in json.loads(result.output)["plugins"]}
    (tmp_path / "mine" / "actions").mkdir(parents=True)
    (tmp_path / "mine" / "actions" / "bad.py").write_text("1 / 0\n")
    (tmp_path / "homeostat.yaml").write_text("plugins: [mine]\n")
    result = call("plugins", "--config", "homeostat.yaml")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.output


def test_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = site(
        tmp_path, listen="127.0.0.1:0", tokens_file="tokens.yaml", learning={"folder": "no"}
    )
    monkeypatch.setenv("HOMEOSTAT_URL", "http://127.0.0.1:1")
    result = call("doctor", "--config", str(config), "--format", "json")
    grades = {row["what"]: row["grade"] for row in json.loads(result.output)}
    assert result.exit_code == 1
    assert grades["python"] == grades["data folder"] == grades["port"] == Grade.GOOD
    assert grades["tokens"] == Grade.WRONG
    assert grades["learning folder"] == Grade.UNWISE
    (files,) = (row for row in json.loads(result.output) if row["what"] == "files")
    assert "left out at the start, and a running daemon keeps its last good" in files["why"]
    for row in json.loads(result.output):
        assert row["grade"] == "good" or (row["why"] and row["mend"]), row


def test_a_daemon_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEOSTAT_URL", "http://127.0.0.1:1")
    result = call("incidents")
    assert result.exit_code == 1
    assert "homeostat run" in result.output
    monkeypatch.setenv("HOMEOSTAT_URL", "file:///etc/passwd")
    assert call("incidents").exit_code == 1


async def talk(url: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setenv("HOMEOSTAT_URL", url)
    return await asyncio.to_thread(call, *words)


async def test_incidents_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url):
        step = StepRun(
            id="person-1", use="process.restart", params={}, target="web", by="local",
            status=OutcomeStatus.DONE, started_at=NOW,
        )  # fmt: skip
        await facade.add(burning("i-1", steps=(step,)), make_journal("i-1", at=NOW, text="\x1b[2J"))
        listed = await talk(url, monkeypatch, "incidents")
        assert "i-1" in listed.output
        shown = await talk(url, monkeypatch, "incidents", "show", "i-1")
        assert "timeline" in shown.output
        assert "(new_alert): " in shown.output
        assert "\x1b" not in shown.output
        as_json = await talk(url, monkeypatch, "incidents", "list", "--format", "json")
        assert json.loads(as_json.output)[0]["id"] == "i-1"
        ran = await talk(
            url, monkeypatch, "incidents", "run", "i-1", "process.restart", "--with", "target=web"
        )
        assert (ran.exit_code, "done" in ran.output) == (0, True), ran.output
        cause = ["--cause", "c", "--action", "a"]
        assert (await talk(url, monkeypatch, "incidents", "resolve", "i-1", *cause)).exit_code == 0
        assert (await talk(url, monkeypatch, "incidents", "approve", "i-1")).exit_code == 1
        assert (await talk(url, monkeypatch, "incidents", "show", "nope")).exit_code == 1
        mistyped = await talk(url, monkeypatch, "incidents", "list", "--state", "opne")
        assert (mistyped.exit_code, "awaiting_approval" in mistyped.output) == (2, True)
        facade.answer = FakeAnswer(refused=Reason.MOVE_REFUSED, text="it is resolved")
        refused = await talk(url, monkeypatch, "incidents", "ack", "i-1")
        assert (refused.exit_code, "it is resolved" in refused.output) == (1, True)
    asked, resolved = facade.asked[:2]
    assert isinstance(asked, ActionRequested)
    assert dict(asked.params) == {"target": "web"}
    assert isinstance(resolved, ResolvedByPerson)
    assert (resolved.cause, resolved.actions) == ("c", ("a",))


def test_a_table_keeps_alert_text_on_its_line() -> None:
    text = table([("a\nb\x1b[0m", "c")], head=("X", "Y"))
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text
