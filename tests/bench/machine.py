"""What a measurement needs of the machine: two CPUs kept apart, calm, and figures of a process.

The system under test has one CPU for itself, and whatever drives it (wrk, the broker, this test)
has another. The same code varies by a factor of two between runs on a shared machine, so a figure
alone says little: subject and peer are measured in turns, in the same run, and their ratio counts.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.running import http_get

ROOT = Path(__file__).parents[2]
REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
QUIET_SECONDS = float(os.environ.get("BENCH_QUIET", "20"))
"""Longest wait for a calm moment before each repeat."""
BUSY = 0.12
TICKS = os.sysconf("SC_CLK_TCK")

AGENT = (sys.executable, "-m", "agent")


@dataclass(frozen=True)
class Cpus:
    subject: int
    load: int


def split_cpus() -> Cpus:
    """Raises RuntimeError on a machine with one CPU: there is nothing to be measured there."""
    found = sorted(os.sched_getaffinity(0))
    if len(found) < 2:
        raise RuntimeError("two CPUs are needed: one for what is measured, one for its load")
    return Cpus(subject=found[-1], load=found[0])


def pinned(cpu: int, argv: Sequence[str]) -> list[str]:
    return ["taskset", "-c", str(cpu), *argv]


async def calm() -> None:
    """Waits, not forever, for a quarter of a second in which hardly anything else runs."""
    ends = time.perf_counter() + QUIET_SECONDS
    while time.perf_counter() < ends:
        before = _cpu_times()
        await asyncio.sleep(0.25)
        after = _cpu_times()
        spent = after[0] - before[0]
        if spent and 1 - (after[1] - before[1]) / spent < BUSY:
            return


def _cpu_times() -> tuple[int, int]:
    """All, idle; waiting for a disk and time stolen by other machines count as busy."""
    times = [int(x) for x in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return sum(times), times[3]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident, and its proportional part: pages of files that others use too count for a share."""
    found: dict[str, float] = {}
    for file in (f"/proc/{pid}/status", f"/proc/{pid}/smaps_rollup"):
        for name, kib in re.findall(r"^(VmRSS|Pss):\s+(\d+) kB", Path(file).read_text(), re.M):
            found[name] = int(kib) / 1024
    return found["VmRSS"], found["Pss"]


@dataclass(frozen=True)
class Row:
    what: str
    unit: str
    value: float
    peer: float | None = None
    goal: str = ""
    of: str = ""
    """Who the peer is."""

    @property
    def ratio(self) -> float | None:
        return self.value / self.peer if self.peer else None


@dataclass
class Report:
    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        what: str,
        unit: str,
        values: Sequence[float],
        peers: Sequence[float] = (),
        *,
        of: str = "",
        goal: str = "",
    ) -> None:
        """Medians of the repeats. Fails where nothing was measured."""
        assert values, f"{what}: nothing was measured"
        peer = statistics.median(peers) if peers else None
        row = Row(what, unit, statistics.median(values), peer, goal, of)
        self.rows.append(row)
        print(f"\n  {line(row)}", flush=True)

    def table(self) -> str:
        head = ("what", "value", "unit", "peer", "ratio", "goal")
        shown = [head, *(cells(row) for row in self.rows)]
        widths = [max(len(row[n]) for row in shown) for n in range(len(head))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in shown]
        return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def cells(row: Row) -> tuple[str, ...]:
    peer = f"{number(row.peer)} {row.of}" if row.peer is not None else ""
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    return row.what, number(row.value), row.unit, peer, ratio, row.goal


def line(row: Row) -> str:
    return "  ".join(cell for cell in cells(row) if cell)


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def prepared(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@asynccontextmanager
async def program(
    argv: Sequence[str], *, cpu: int, folder: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program on one CPU, ended by its own handle."""
    with (prepared(folder) / "output.log").open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *pinned(cpu, argv),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


async def until_ready(url: str, *, within: float = 30.0) -> None:
    ends = time.perf_counter() + within
    while time.perf_counter() < ends:
        try:
            status, _ = await http_get(url, timeout_seconds=1)
        except OSError:
            status = 0
        if status == 200:
            return
        await asyncio.sleep(0.003)
    raise TimeoutError(f"{url} is not ready after {within:g} s")
