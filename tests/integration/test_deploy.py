"""What `deploy/` hands out is read by the tools it is for."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

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
