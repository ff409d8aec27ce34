"""The log: an exception is told in both formats, and never what its variables held."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.tree import ROOT

SCRIPT = """
import sys, structlog
from agent.runtime.telemetry import configure_logs
configure_logs(level="info", text=sys.argv[1] == "text")
log = structlog.get_logger("test")
def fail():
    password = "hunter" + str(2)
    raise KeyError("boom")
for told in (log.exception, lambda event: log.error(event, exc_info=True)):
    try:
        fail()
    except KeyError:
        told("it_failed")
print("still here")
"""


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_exception_is_told_without_secrets_and_ends_nothing(style: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, style], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "still here\n", done.stderr
    assert done.stderr.count("it_failed") == 2
    assert done.stderr.count("boom") >= 2
    assert "hunter2" not in done.stderr
    if style == "json":
        for line in done.stderr.splitlines():
            assert json.loads(line)["exception"][0]["exc_type"] == "KeyError"


def test_a_log_that_cannot_be_written_ends_nothing() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, "json"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
        )
    assert done.stdout == "still here\n"
