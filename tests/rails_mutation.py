"""Takes each rail away, one at a time, and prints which tests notice: `make rails-mutation`.

A rail whose removal no test notices survives, and the exit code is 1. `own_tests_fail` asks less
and is quick: whether the tests marked with a rail fail without it, for all rails in one run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TESTS = "tests/unit/core/rails"
AT_A_TIME = 2
LONGEST_SECONDS = 300.0
SHOWN = 2


def run_without(rail: str) -> list[dict[str, Any]]:
    """What came of each test of the rails without this one; `own`: without those it is marked
    with; empty: with all of them."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.jsonl"
        told = {**os.environ, "WITHOUT_RAIL": rail, "RAILS_REPORT": str(report)}
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:xdist", TESTS]
        ran = subprocess.run(
            command, cwd=ROOT, env=told, capture_output=True, text=True, timeout=LONGEST_SECONDS,
            check=False,
        )  # fmt: skip
        if ran.returncode not in (0, 1) or not report.exists():
            raise RuntimeError(f"the tests of the rails could not run:\n{ran.stdout}{ran.stderr}")
        return [json.loads(line) for line in report.read_text().splitlines()]


def own_tests_fail() -> dict[str, bool]:
    """By rail: whether at least one test that is marked with it fails without it."""
    found: dict[str, bool] = {}
    for told in run_without("own"):
        for rail in told["rails"]:
            found[rail] = found.get(rail, False) or told["failed"]
    return found


def noticed(rail: str) -> list[str]:
    """Names of the tests that fail without it."""
    return [str(told["test"]) for told in run_without(rail) if told["failed"]]


def table(rows: Iterable[tuple[str, ...]]) -> str:
    lines = [tuple(row) for row in rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def told(tests: list[str]) -> str:
    more = f" and {len(tests) - SHOWN} more" if len(tests) > SHOWN else ""
    return ", ".join(test[:70] for test in tests[:SHOWN]) + more


def main() -> int:
    # The rails are only known here; the tests run in children that lack one each.
    from agent.core.guard import RAILS

    broken = noticed("")
    if broken:
        print(f"these fail with every rail in its place: {told(broken)}")
        return 1
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = dict(
            zip([r.id for r in RAILS], pool.map(noticed, [r.id for r in RAILS]), strict=True)
        )
    rows = [("rail", "default", "tests that fail without it", "verdict")]
    rows += [
        (one.id, one.default or "-", told(found[one.id]), "held" if found[one.id] else "SURVIVED")
        for one in RAILS
    ]
    print(table(rows))
    survivors = [name for name, tests in found.items() if not tests]
    print(f"\n{len(RAILS)} rails, {len(survivors)} survived their removal")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
