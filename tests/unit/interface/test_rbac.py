"""`homeostat rbac` and `homeostat doctor --rbac`, as far as no cluster is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from agent.interface.cli import main, run

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: shop}
spec: {owner: team-shop, homeostat: {tier: low}}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: web}
spec:
  type: service
  system: shop
  owner: team-shop
  homeostat: {kubernetes: {namespace: shop, deployment: web}}
"""
RESTARTS = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: web-stuck, owner: platform, layer: product, tier: low}
match: {alert: [WebStuck]}
plans:
  restart:
    steps:
      - {id: restart, use: kubernetes.rollout_restart, with: {target: =entity.name}}
    verify: {success: {all: [alert_cleared]}, within: 5m}
"""


def call(*words: str) -> Result:
    def nothing(*_args: Any, **_more: Any) -> int:
        return 0

    return CliRunner().invoke(main.build(run.Bodies(run=nothing, demo=nothing)), list(words))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HOMEOSTAT_URL", "http://127.0.0.1:1")
    (tmp_path / "catalog-info.yaml").write_text(CATALOG)
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "web.yaml").write_text(RESTARTS)
    return write(tmp_path, "kubernetes: {server: 'http://127.0.0.1:1', token_file: token}")


def write(folder: Path, *lines: str) -> str:
    path = folder / "homeostat.yaml"
    usual = ["products: [catalog-info.yaml]", "runbooks: [runbooks]", "shipped_runbooks: false"]
    path.write_text("\n".join([*usual, f"data_dir: {folder / 'var'}", *lines]) + "\n")
    return str(path)


def rules_of(text: str) -> list[dict[str, Any]]:
    [role] = [one for one in yaml.safe_load_all(text) if one["kind"] == "Role"]
    return list(role["rules"])


def test_the_roles_are_printed_with_who_needs_each_rule(config: str) -> None:
    result = call("rbac", "--config", config, "--service-account", "ops/agent")
    assert result.exit_code == 0, result.output
    assert "# web-stuck by kubernetes.rollout_restart\n  - {apiGroups: [apps], " in result.output
    role, binding = yaml.safe_load_all(result.output)
    assert role["metadata"]["namespace"] == "shop"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "agent", "namespace": "ops"}]
    changing = [rule for rule in role["rules"] if {"patch", "create", "delete"} & {*rule["verbs"]}]
    assert changing == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "verbs": ["get", "patch"],
            "resourceNames": ["web"],
        }
    ]


def test_all_formats_grant_the_same(config: str) -> None:
    rules = rules_of(call("rbac", "--config", config).output)
    told = json.loads(call("rbac", "--config", config, "--format", "json").output)
    assert told["items"][0]["rules"] == rules
    values = yaml.safe_load(call("rbac", "--config", config, "--format", "helm").output)
    assert values == {"rbac": {"roles": [{"namespace": "shop", "name": "shop", "rules": rules}]}}


def test_what_is_optional_can_be_left_out(config: str) -> None:
    whole = rules_of(call("rbac", "--config", config).output)
    least = rules_of(call("rbac", "--config", config, "--required-only").output)

    def has(rules: list[dict[str, Any]], resource: str) -> bool:
        return any(resource in rule["resources"] for rule in rules)

    assert has(whole, "persistentvolumeclaims")
    assert not has(least, "persistentvolumeclaims")
    assert has(least, "pods")


def test_equal_files_print_equal_roles_into_a_file(config: str, tmp_path: Path) -> None:
    out = tmp_path / "roles.yaml"
    result = call("rbac", "--config", config, "--out", str(out))
    assert (result.exit_code, result.output) == (0, "")
    assert out.read_text() == call("rbac", "--config", config).output
    assert call("rbac", "--config", config, "--out", str(tmp_path)).exit_code == 2


@pytest.mark.parametrize("account", ["agent", "a/b/c", "Ops/agent", "ops/", "ops/a\nb", "*/*"])
def test_an_account_is_a_namespace_and_a_name(config: str, account: str) -> None:
    assert call("rbac", "--config", config, "--service-account", account).exit_code == 2


def test_files_with_errors_are_told_by_the_exit_code(config: str, tmp_path: Path) -> None:
    (tmp_path / "runbooks" / "bad.yaml").write_text("kind: Runbook\n")
    result = call("rbac", "--config", config)
    assert result.exit_code == 1
    assert "bad.yaml" in result.output


def test_without_a_cluster_there_is_nothing_to_grant(config: str, tmp_path: Path) -> None:
    write(tmp_path)
    for words in (["rbac"], ["doctor", "--rbac"]):
        result = call(*words, "--config", config)
        assert result.exit_code == 1
        assert "no cluster is connected: write `kubernetes:`" in result.output


def test_rights_that_cannot_be_asked_for_are_not_taken_for_exact(
    config: str, tmp_path: Path
) -> None:
    """F-K8-12: said in words, and by the exit code."""
    (tmp_path / "token").write_text("t")
    result = call("doctor", "--rbac", "--config", config)
    assert result.exit_code == 1
    assert "not known: the API server does not answer" in result.output


def test_the_doctor_says_in_one_line_that_the_cluster_is_not_reached(
    config: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("t")
    result = call("doctor", "--config", config, "--format", "json")
    [row] = [one for one in json.loads(result.output) if one["what"] == "kubernetes"]
    assert (row["grade"], result.exit_code) == ("wrong", 1)
    assert row["found"].startswith("the API server does not answer")


def test_a_missing_token_is_named(config: str) -> None:
    result = call("doctor", "--rbac", "--config", config)
    assert result.exit_code == 1
    assert "/token" in result.output


def test_plugins_show_what_they_ask_of_a_cluster() -> None:
    told = json.loads(call("plugins", "--format", "json").output)["plugins"]
    rights = {one["name"]: one["rights"] for one in told}
    assert "create pods/eviction" in rights["kubernetes.evict_pod"]
    assert rights["process.restart"] == []
    text = call("plugins", "--kind", "action").output
    assert "get, patch deployments.apps" in text.partition("ASKS OF A CLUSTER")[2]


def test_files_that_change_nothing_of_it_may_be_elsewhere(config: str, tmp_path: Path) -> None:
    """Where Roles are made, the tokens of the daemon are not."""
    write(tmp_path, "kubernetes: {kubeconfig: elsewhere}", "tokens_file: elsewhere")
    assert call("rbac", "--config", config).exit_code == 0
    (tmp_path / "catalog-info.yaml").unlink()
    result = call("rbac", "--config", config)
    assert result.exit_code == 1
    assert "catalog-info.yaml" in result.output
