"""`homeostat test`: what it prints of tests that come true and of those that do not."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli import authoring
from agent.interface.cli.main import app
from agent.runtime.registry import PluginRegistry
from tests.support.proven_runbook import PLUGINS, PROVEN

WRONG = PROVEN.replace(
    "expect: {plan: pin, actions: [web.pin], verdict: held, outcome: healed}",
    "expect: {plan: restart, actions: [web.pin, web.pin], rollback: held, outcome: healed}",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOMEOSTAT_CONFIG", "HOMEOSTAT_URL", "HOMEOSTAT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(authoring, "load_plugins", lambda _settings: PluginRegistry(PLUGINS))


def play(*words: str, text: str = PROVEN) -> Result:
    Path("web.yaml").write_text(text)
    return CliRunner().invoke(app, ["test", "web.yaml", *words])


def test_each_test_has_a_line_and_the_last_one_counts() -> None:
    result = play()
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "ok     web.yaml:49 web-crash-loop: its last change is taken back"
    assert len(lines) == 14
    assert lines[-1] == (
        "13 tests, 0 failed; 4 of 4 branches, 7 of 7 guards, 3 of 3 plans, 3 of 3 conditions, "
        "1 of 1 rollbacks"
    )


def test_a_test_that_fails_shows_what_was_expected_and_what_came() -> None:
    result = play(text=WRONG)
    assert result.exit_code == 1
    assert result.output.startswith(
        "FAILED web.yaml:49 web-crash-loop: its last change is taken back\n"
        "    plan\n      exp: restart\n      got: pin\n"
        "    actions\n      exp: [web.pin, web.pin]\n      got: [web.pin]\n"
        "    rollback\n      exp: held\n      got: nothing\n"
        "    why: healed: healed and verified (--verbose shows the timeline)\n"
        "ok     "
    )
    assert "13 tests, 1 failed;" in result.output.splitlines()[-1]


def test_verbose_shows_what_happened_in_it() -> None:
    quiet, told = play(text=WRONG).output, play("--verbose", text=WRONG).output
    assert "what happened" not in quiet
    assert told.count("what happened") == 1
    assert "         0s  opened: a new alert (KubePodCrashLooping)\n" in told
    assert "        50s  verdict: the proof of success held (pin)\n" in told


def test_coverage_lists_what_no_test_reaches() -> None:
    less = PROVEN.split("  - name: not outside")[0]
    result = play("--coverage", text=less)
    assert result.exit_code == 0, "to find that wrong is for `homeostat check`"
    listed = [line for line in result.output.splitlines() if line.startswith("web-crash-loop: ")]
    assert listed[0].startswith("web-crash-loop: web.yaml:11:3: HS254 guard.window: no test is")
    assert len(listed) == 3
    assert "4 of 7 guards" in result.output
    again = "  - name: again\n    given: {busy: 2}\n    expect: {stopped_by: budget_concurrent}\n"
    idle = play("--coverage", text=PROVEN + again).output
    assert "web-crash-loop: without the test 'again' the others prove as much\n" in idle


def test_only_one_runbook_or_one_test() -> None:
    other = PROVEN.replace("web-crash-loop", "other").replace("CrashLoop", "Other")
    both = f"{PROVEN}---\n{other}"
    assert "26 tests" in play(text=both).output
    assert "13 tests" in play("--only", "other", text=both).output
    one = play("--test", "one at a time", text=both).output
    assert one.splitlines()[-1] == "2 tests, 0 failed", "some tests say nothing of the whole"
    assert play("--only", "othr", text=both).exit_code == 2
    assert play("--test", "no such thing").exit_code == 2
    assert CliRunner().invoke(app, ["test", "nowhere"]).exit_code == 2


def test_a_runbook_that_cannot_be_loaded_is_an_error() -> None:
    result = play(text=PROVEN.replace("now.is_busy,", "now.is_bsy,"))
    assert result.exit_code == 1
    assert "did you mean" in result.output
    assert result.output.splitlines()[-1] == "0 tests, 0 failed, 1 errors"


def test_json_has_results_timelines_and_coverage() -> None:
    result = play("--format", "json", text=WRONG)
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    first = found["tests"][0]
    assert (first["passed"], first["line"], first["got"]["plan"]) == (False, 49, "pin")
    assert first["differences"][0] == "plan: expected 'restart', got 'pin'"
    assert first["timeline"][0].endswith("a new alert (KubePodCrashLooping)")
    (coverage,) = found["coverage"]
    window = next(item for item in coverage["items"] if item["path"] == "guard.window")
    assert window == {
        "kind": "guards",
        "path": "guard.window",
        "text": "window",
        "covered": True,
        "lacks": None,
    }
    assert found["faults"] == []


@pytest.mark.parametrize("words", [("--format", "junit"), ("--junit", "report.xml")])
def test_junit(words: tuple[str, str]) -> None:
    result = play(*words, text=WRONG)
    text = result.stdout if "junit" in words else Path("report.xml").read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert result.exit_code == 1
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "13", "1")
    suite = root.find("testsuite")
    assert suite is not None
    assert suite.get("name") == "web-crash-loop"
    first = suite.find("testcase")
    assert first is not None
    assert (first.get("classname"), first.get("line")) == ("web-crash-loop", "49")
    failure = first.find("failure")
    assert failure is not None
    assert "plan: expected 'restart', got 'pin'" in str(failure.get("message"))
    assert "the proof of success held" in str(failure.text)


def test_junit_names_files_that_could_not_be_loaded() -> None:
    result = play("--format", "junit", text=PROVEN.replace("now.is_busy,", "now.is_bsy,"))
    root = ElementTree.fromstring(result.stdout)
    assert (root.get("tests"), root.get("errors")) == ("1", "1")
    error = root.find("testsuite/testcase/error")
    assert error is not None
    assert "web.yaml:16:" in str(error.text)


def test_a_report_that_cannot_be_written_is_wrong_usage() -> None:
    assert play("--junit", "no/such/folder/report.xml").exit_code == 2


def test_a_test_that_fails_says_what_decided() -> None:
    wrong = PROVEN.replace("expect: {stopped_by: budget_concurrent}", "expect: {outcome: healed}")
    assert wrong != PROVEN
    [why] = [line for line in play(text=wrong).output.splitlines() if "why: " in line]
    assert why.startswith("    why: budget_concurrent: ")
    assert why.endswith("(--verbose shows the timeline)")
    [told] = [x for x in play("--verbose", text=wrong).output.splitlines() if "why: " in x]
    assert "--verbose" not in told
    data = json.loads(play("--format", "json", text=wrong).stdout)
    assert [t["why"].split(":")[0] for t in data["tests"] if not t["passed"]] == [
        "budget_concurrent"
    ]


def test_where_there_is_no_runbook_nothing_was_tested() -> None:
    Path("empty").mkdir()
    result = CliRunner().invoke(app, ["test", "empty"])
    assert result.exit_code == 2
    assert "no runbook here: empty" in result.output


def test_runbooks_without_tests_are_counted_as_none() -> None:
    result = play(text=PROVEN.split("tests:\n")[0])
    assert (result.exit_code, result.output.split(";")[0]) == (0, "0 tests, 0 failed")


def test_a_report_that_cannot_be_written_takes_no_result_away() -> None:
    result = play("--junit", "gone/j.xml")
    assert result.exit_code == 2
    assert "13 tests, 0 failed" in result.output
    assert "the report gone/j.xml cannot be written: No such file or directory" in result.output
