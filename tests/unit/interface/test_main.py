from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent import __version__
from agent.__main__ import plain_run
from tests.support.tree import ROOT


def test_run_as_services_start_it_needs_no_command_line(tmp_path: Path) -> None:
    settings = tmp_path / "homeostat.yaml"
    settings.write_text("")
    assert plain_run(["run"]) == (True, None)
    assert plain_run(["run", "--config", str(settings)]) == (True, settings)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run", "--help"],
        ["run", "--config"],
        ["run", "--config", "/nowhere/homeostat.yaml"],
        ["run", "--confi", "/nowhere"],
        ["demo"],
    ],
)
def test_what_needs_explaining_goes_to_the_command_line(arguments: list[str]) -> None:
    assert plain_run(arguments) == (False, None)


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_daemon_loads_nothing_it_may_never_need() -> None:
    loaded = python(
        "import sys, agent.__main__ as main\n"
        "with main._left_out('rich'): import agent.app\n"
        "assert 'rich' not in sys.modules, 'put back afterwards'\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    ).split()
    never = {"rich", "typer", "jinja2", "aiohttp", "aiomqtt", "prometheus_api_client", "apprise"}
    assert not never & set(loaded)


def test_version() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "agent", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.stdout == f"homeostat {__version__}\n"
