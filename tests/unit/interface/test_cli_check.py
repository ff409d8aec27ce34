"""`homeostat check`: what it finds, in which form, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli import checking
from agent.interface.cli.main import app
from agent.runtime.registry import PluginRegistry
from tests.support.proven_runbook import PLUGINS, PROVEN

POLICY = """\
cooldown: 15m
windows: {office: {days: [mon], from: "09:00", to: "17:00", zone: Europe/Berlin}}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOMEOSTAT_CONFIG", "HOMEOSTAT_URL", "HOMEOSTAT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(checking, "load_plugins", lambda _settings: PluginRegistry(PLUGINS))


def check(*words: str) -> Result:
    return CliRunner().invoke(app, ["check", *words])


def write(text: str = PROVEN, name: str = "web.yaml") -> None:
    Path("runbooks").mkdir(exist_ok=True)
    (Path("runbooks") / name).write_text(text)


def last(result: Result) -> str:
    return str(result.output).splitlines()[-1]


def test_a_runbook_whose_tests_prove_all_of_it_is_fine() -> None:
    write()
    result = check("runbooks")
    assert (result.exit_code, result.output) == (0, "1 file, 0 errors, 0 warnings\n")


def test_what_no_test_proves_is_an_error() -> None:
    write(PROVEN.replace("  - name: one at a time\n    given: {busy: 1}\n", "  - name: again\n"))
    write(PROVEN.split("  - name: one at a time")[0])
    result = check("runbooks")
    lines = result.output.splitlines()
    assert result.exit_code == 1
    assert lines[0].startswith(
        "runbooks/web.yaml:10:46: HS254 guard.budget.concurrent: no test is stopped by it (write"
    )
    assert [line.split(" ")[1] for line in lines[:-1]] == ["HS254"] * 4
    assert lines[-1] == "1 file, 4 errors, 0 warnings"


def test_a_warning_says_that_it_is_one_and_ends_well() -> None:
    write(PROVEN.split("  - name: one at a time")[0].replace("state: active", "state: draft"))
    result = check("runbooks")
    assert result.exit_code == 0
    assert all(line.endswith("[warning]") for line in result.output.splitlines()[:-1])
    assert last(result) == "1 file, 0 errors, 4 warnings"


def test_every_fault_of_every_file_is_told_at_once_and_in_order() -> None:
    write(PROVEN.replace("now.is_busy,", "now.is_bsy,"), "b.yaml")
    write(PROVEN.replace("web-crash-loop", "a").replace("tests:", "tets:"), "a.yaml")
    Path("policy.yaml").write_text("cooldown: 15\nwindos: {}\n")
    result = check("runbooks", "policy.yaml")
    places = [line.split(": ")[0] for line in result.output.splitlines()[:-1]]
    assert result.exit_code == 1
    assert places == sorted(places)
    assert {place.split(":")[0] for place in places} == {
        "policy.yaml",
        "runbooks/a.yaml",
        "runbooks/b.yaml",
    }
    assert len(places) >= 4


def test_a_review_that_is_due_is_a_warning() -> None:
    write(PROVEN.replace("2099-01-31", "2020-01-31"))
    result = check("runbooks")
    assert result.exit_code == 0
    assert "HS258 lifecycle.review_by: it was to be read again by 2020-01-31" in result.output


@pytest.mark.parametrize(("policy", "code"), [(POLICY, 0), ("cooldown: 15m\n", 1)])
def test_a_window_has_to_be_declared_where_the_policy_is_known(policy: str, code: int) -> None:
    write()
    Path("policy.yaml").write_text(policy)
    result = check("runbooks", "policy.yaml")
    assert result.exit_code == code, result.output
    if code:
        assert result.output.startswith("runbooks/web.yaml:11:3: HS225")
        assert 'no change window "office"' in result.output
    Path("homeostat.yaml").write_text("policy_file: policy.yaml\nrunbooks: [runbooks]\n")
    config = check("runbooks", "--config", "homeostat.yaml")
    assert config.exit_code == code, config.output


def test_a_policy_is_known_by_any_of_its_keys() -> None:
    write()
    Path("policy.yaml").write_text(POLICY.replace("cooldown: 15m\n", ""))
    assert check("runbooks", "policy.yaml").output == "2 files, 0 errors, 0 warnings\n"


def test_the_whole_site_is_checked_in_the_same_way() -> None:
    write(PROVEN.split("  - name: not outside")[0])
    Path("policy.yaml").write_text(POLICY)
    Path("homeostat.yaml").write_text(
        "policy_file: policy.yaml\nrunbooks: [runbooks]\nshipped_runbooks: false\n"
    )
    result = check()
    assert result.exit_code == 1
    assert "runbooks/web.yaml:11:3: HS254 guard.window" in result.output
    write()
    assert check().exit_code == 0


def test_an_owner_nobody_knows_is_told_where_products_are_declared() -> None:
    write(PROVEN.replace("team-shop", "team-shpo"))
    assert "HS252" not in check("runbooks").output
    Path("catalog-info.yaml").write_text(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: web}\n"
        "spec: {type: service, owner: team-shop}\n"
    )
    assert "HS252 metadata.owner: nobody is called team-shpo" in check(".").output


def test_two_runbooks_for_the_same_alerts_are_told() -> None:
    write()
    write(PROVEN.replace("web-crash-loop", "another"), "another.yaml")
    result = check("runbooks")
    assert result.exit_code == 1
    assert "HS210" in result.output


def test_a_folder_with_nothing_in_it_is_no_success_without_a_word() -> None:
    Path("empty").mkdir()
    result = check("empty")
    assert result.exit_code == 0
    assert result.output == (
        "empty:1:1: HS116 there is no YAML file in this folder (check another folder, or put "
        "files into it) [warning]\n0 files, 0 errors, 1 warnings\n"
    )


def test_wrong_usage_is_2() -> None:
    assert check("nowhere").exit_code == 2
    assert check("--format", "xml").exit_code == 2


def test_json_has_every_fault_with_its_place() -> None:
    write(PROVEN.split("  - name: not outside")[0])
    result = check("runbooks", "--format", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found[0] == {
        "file": "runbooks/web.yaml",
        "line": 11,
        "column": 3,
        "code": "HS254",
        "message": "no test is stopped by it",
        "path": "guard.window",
        "remedy": found[0]["remedy"],
        "severity": "error",
    }
    assert json.loads(check("runbooks", "--format", "gitlab").stdout)[0]["check_name"] == "HS254"


def test_github_shows_faults_beside_their_lines() -> None:
    write(PROVEN.split("  - name: not outside")[0])
    result = check("runbooks", "--format", "github")
    assert result.exit_code == 1
    assert result.output.startswith(
        "::error file=runbooks/web.yaml,line=11,col=3,title=HS254::guard.window: no test is"
    )
    write()
    assert check("runbooks", "--format", "github").output == "1 file, 0 errors, 0 warnings\n"


def test_what_is_wrong_with_one_key_hides_nothing_else_of_its_file() -> None:
    twice = PROVEN.replace("now.is_busy,", "now.is_bsy,").replace(
        "\nguard:", "\nguard: {cooldown: {every: 1h}}\nguard:", 1
    )
    write(twice)
    result = check("runbooks")
    codes = [line.split(" ")[1] for line in result.output.splitlines()[:-1]]
    assert result.exit_code == 1
    assert {"HS110", "HS204"} <= set(codes)
    assert last(result) == f"1 file, {len(codes)} errors, 0 warnings"


def test_of_runbooks_that_tie_only_the_tie_is_told() -> None:
    write()
    write(PROVEN.replace("name: web-crash-loop", "name: twin"), "twin.yaml")
    lines = check("runbooks").output.splitlines()
    assert [line.split(" ")[1] for line in lines[:-1]] == ["HS210"]
    assert lines[-1] == "2 files, 1 errors, 0 warnings"


def test_of_two_of_one_name_only_that_is_told() -> None:
    write()
    write(PROVEN.replace("every: 1h", "every: 2h"), "twin.yaml")
    lines = check("runbooks").output.splitlines()
    assert [line.split(" ")[1] for line in lines[:-1]] == ["HS211"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("groups: [{name: a, rules: []}]\n", "a Prometheus rule file"),
        ("global: {}\nscrape_configs: []\n", "a Prometheus configuration"),
        ("route: {receiver: a}\nreceivers: []\n", "an Alertmanager configuration"),
    ],
)
def test_a_file_of_somebody_else_is_named_as_that(text: str, what: str) -> None:
    Path("theirs.yml").write_text(text)
    lines = check("theirs.yml").output.splitlines()
    assert lines[0].startswith(f"theirs.yml:1:1: HS401 no file of Homeostat: it looks like {what} ")
    assert len(lines) == 2


def test_files_that_cannot_be_used_are_counted_too() -> None:
    write(PROVEN.replace("now.is_busy,", "now.is_bsy,"))
    Path("homeostat.yaml").write_text("{runbooks: [runbooks], shipped_runbooks: false}")
    assert last(check()).startswith("2 files, ")


def test_settings_that_are_not_there_are_wrong_usage() -> None:
    write()
    for words in (("--config", "gone.yaml"), ("runbooks", "--config", "gone.yaml")):
        result = check(*words)
        assert result.exit_code == 2
        assert "there is no gone.yaml" in result.output
