"""What `deploy/` hands out is read by the tools it is for."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from plugins.sources.argocd_changes import PHASES, Sync
from plugins.sources.argocd_changes import receive as argocd
from plugins.sources.flux_changes import KINDS
from plugins.sources.flux_changes import receive as flux
from plugins.sources.github_changes import receive as github
from tests.support.running import free_port, program

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).parents[2] / "deploy"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_promtool_reads_the_prometheus_file() -> None:
    checked = run(program("promtool"), "check", "config", str(DEPLOY / "connect/prometheus.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_amtool_reads_the_alertmanager_file() -> None:
    checked = run(program("amtool"), "check-config", str(DEPLOY / "connect/alertmanager.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_mosquitto_runs_with_its_file(tmp_path: Path) -> None:
    text = (DEPLOY / "connect/mosquitto.conf").read_text()
    text = text.replace("1883", str(free_port())).replace("/var/lib/mosquitto/", f"{tmp_path}/")
    config = tmp_path / "mosquitto.conf"
    config.write_text(text + "user root\n")
    broker = subprocess.Popen([program("mosquitto"), "-c", str(config)])
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            broker.wait(1.0)
    finally:
        broker.terminate()
        broker.wait(5.0)


def test_the_unit_lets_supervised_processes_live() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "systemd/homeostat.service")
    assert unit["Service"]["KillMode"] == "process"
    assert float(unit["Service"]["TimeoutStopSec"]) > 35
    assert unit["Service"]["ExecStart"].startswith("/opt/homeostat/.venv/bin/homeostat run")


def test_the_unit_needs_no_more_than_it_says() -> None:
    """Of root it has nothing, and writes its own folder only. `systemd-analyze security
    --offline=true` says 1.7 of 10 of it."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "systemd/homeostat.service")
    service = unit["Service"]
    assert service["User"] == "homeostat"
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == ""
    assert (service["ProtectSystem"], service["ReadWritePaths"]) == ("strict", "/var/lib/homeostat")
    yes = {"NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome", "RestrictNamespaces"}
    assert {key for key in yes if service.get(key) != "yes"} == set()
    # It finds the processes that it supervises under /proc, and gives files back to their owner.
    assert service["ProtectProc"] == "invisible"
    assert "SystemCallFilter=@chown" in (DEPLOY / "systemd/homeostat.service").read_text()


def test_argo_cd_is_told_to_send_what_is_read() -> None:
    """The template names each field of the source once, and nothing else."""
    [config] = yaml.safe_load_all((DEPLOY / "changes/argocd.yaml").read_text())
    data = config["data"]
    assert yaml.safe_load(data["service.webhook.homeostat"])["url"].endswith(argocd.path)
    body = yaml.safe_load(data["template.homeostat-change"])["webhook"]["homeostat"]["body"]
    assert re.findall(r'^\s*"(\w+)": \{\{', body, re.MULTILINE) == list(Sync.__struct_fields__)
    [trigger] = yaml.safe_load(data["trigger.homeostat"])
    assert all(f"'{phase}'" in trigger["when"] for phase in PHASES)
    assert f"template.{trigger['send'][0]}" in data


def test_flux_is_told_to_sign_and_to_send_there() -> None:
    secret, provider, sending = yaml.safe_load_all((DEPLOY / "changes/flux.yaml").read_text())
    assert provider["spec"]["address"].endswith(flux.path)
    assert provider["spec"]["type"] == "generic-hmac"
    assert provider["spec"]["secretRef"]["name"] == secret["metadata"]["name"]
    assert {each["kind"] for each in sending["spec"]["eventSources"]} == KINDS


def test_the_script_for_github_asks_for_what_is_read(tmp_path: Path) -> None:
    """Run with a `gh` that only writes down what it is asked."""
    (tmp_path / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > asked\n')
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "secret").write_text("s3cret-of-16-chars\n")
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOMEOSTAT": "https://h", "SECRET_FILE": "secret"}
    script = ["sh", str(DEPLOY / "changes/github.sh"), "acme/checkout"]
    done = subprocess.run(script, cwd=tmp_path, env=env, timeout=20, check=False)
    assert done.returncode == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert "repos/acme/checkout/hooks" in asked
    assert f"config[url]=https://h{github.path}" in asked
    assert "config[content_type]=json" in asked
    assert "config[secret]=s3cret-of-16-chars" in asked
    del env["SECRET_FILE"]
    missing = subprocess.run(script, cwd=tmp_path, env=env, timeout=20, check=False)
    assert missing.returncode != 0
