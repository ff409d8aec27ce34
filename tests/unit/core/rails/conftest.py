"""Rails under test: each sees only what it says it reads, and one may be taken away.

`WITHOUT_RAIL` names a rail that is missing, or is `own`: then each test runs without the rails it
is marked with, and should fail (tests/house/test_rails.py, tests/rails_mutation.py). What came of
each test is written to `RAILS_REPORT`, one JSON object a line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.core import guard as guards
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import Rail

WITHOUT = os.environ.get("WITHOUT_RAIL", "")
REPORT = os.environ.get("RAILS_REPORT", "")


class Forbidden(LookupError):
    """A rail looked at something it does not say it reads."""


class Sworn:
    """A view that shows what a rail says it reads, and nothing else."""

    def __init__(self, view: Any, reads: tuple[str, ...]) -> None:
        self._view, self._reads = view, reads

    def __getattr__(self, name: str) -> Any:
        if name not in self._reads:
            raise Forbidden(f"it does not say that it reads view.{name}")
        return getattr(self._view, name)


def sworn(one: Rail) -> Rail:
    """The same rail, held to what it says it reads."""

    def check(q: Question) -> Stop | None:
        view: Any = Sworn(q.view, one.reads)
        return one.check(msgspec.structs.replace(q, view=view))

    return msgspec.structs.replace(one, check=check)


def marked(item: pytest.Item) -> set[str]:
    return {str(mark.args[0]) for mark in item.iter_markers("rail")}


@pytest.fixture(autouse=True)
def rails(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    item = request.node
    gone = marked(item) if WITHOUT == "own" else {WITHOUT}
    kept = tuple(sworn(one) for one in guards.RAILS if one.id not in gone)
    monkeypatch.setattr(guards, "RAILS", kept)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    report = yield
    if REPORT and report.when == "call":
        line = {"test": item.name, "rails": sorted(marked(item)), "failed": report.failed}
        with Path(REPORT).open("a") as file:
            file.write(json.dumps(line) + "\n")
    return report
