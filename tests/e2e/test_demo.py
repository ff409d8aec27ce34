"""The demo as people run it: the whole story comes true, and with a part taken away it does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(260)]

NAMES = ["hang", "release", "config", "learning", "substrate", "silence", "leadership"]


def begin(*words: str, folder: Path) -> subprocess.Popen[str]:
    """`homeostat demo`, with its temporary folder in this one."""
    return subprocess.Popen(
        [sys.executable, "-m", "agent", "demo", "--once", "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
        # A shell that puts the tests in the background has them ignore it, and so would the demo.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def play(*words: str, folder: Path) -> tuple[int, dict[str, Any]]:
    with begin("--format", "json", *words, folder=folder) as demo:
        try:
            out, errors = demo.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            demo.terminate()
            raise
    print(errors)
    return demo.returncode, json.loads(out)


def left_behind(folder: Path) -> list[str]:
    """What still runs of a demo in this folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = place.joinpath("environ").read_bytes() + place.joinpath("cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words and place.name != str(os.getpid()):
            found.append(place.name)
    return found


def assert_nothing_is_left(folder: Path) -> None:
    assert list(folder.iterdir()) == []
    assert left_behind(folder) == []


def test_seven_chapters_come_true_and_nothing_is_left(tmp_path: Path) -> None:
    code, told = play(folder=tmp_path)
    chapters = told["chapters"]
    assert [c["name"] for c in chapters] == NAMES
    assert [c["seen"] for c in chapters if not c["came_true"]] == []
    assert (code, told["came_true"]) == (0, True)
    assert told["first_heal_seconds"] < 30
    assert told["ledger"]["balanced"]
    assert told["ledger"]["open"] == 0
    assert_nothing_is_left(tmp_path)


def test_without_its_fault_or_its_runbook_a_chapter_does_not_come_true(tmp_path: Path) -> None:
    words = ("--chapters", "1,2", "--without-runbook", "process-hung", "--without-fault", "release")
    code, told = play(*words, folder=tmp_path)
    assert code == 1
    assert [(c["name"], c["came_true"]) for c in told["chapters"]] == [
        ("hang", False),
        ("release", False),
    ]
    hang, release = (c["seen"] for c in told["chapters"])
    assert "no runbook knows this" in hang
    assert "paged: team-shop once" in hang
    assert "an incident of pay-front: not within" in release


async def test_stopped_in_the_middle_it_takes_everything_with_it(tmp_path: Path) -> None:
    with begin("--chapters", "1", folder=tmp_path) as demo:
        await eventually(lambda: len(left_behind(tmp_path)) >= 8, within=30, what="it runs")
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert_nothing_is_left(tmp_path)


def test_a_name_that_is_none_is_told_before_anything_starts(tmp_path: Path) -> None:
    with begin("--without-fault", "hagn", folder=tmp_path) as demo:
        _, errors = demo.communicate(timeout=30)
    assert demo.returncode == 2
    assert "'hagn'" in errors
    assert "leadership" in errors
