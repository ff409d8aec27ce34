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


@pytest.fixture(scope="session", autouse=True)
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs find their bytecode compiled, as installed ones do: kept for this run, and beside
    the checkout. The first start of each, which compiles, is never the median of three."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        yield
