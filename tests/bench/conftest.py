"""One report for the whole run, printed as a table when it is over."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.bench.machine import Cpus, Report, split_cpus


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    made = Report()
    yield made
    if made.rows:
        print(f"\n\n{made.table()}\n", flush=True)


@pytest.fixture(scope="session")
def cpus() -> Iterator[Cpus]:
    """This test, too, keeps away from the CPU of what it measures."""
    before = os.sched_getaffinity(0)
    found = split_cpus()
    os.sched_setaffinity(0, {found.load})
    yield found
    os.sched_setaffinity(0, before)
