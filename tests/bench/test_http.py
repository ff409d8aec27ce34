"""HTTP: alerts a second, durable before the answer, against an Alertmanager that keeps them in
memory. The same bodies, the same connections, in turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.load import Shot, shoot
from tests.bench.machine import REPEATS, Cpus, Report, calm
from tests.bench.subjects import Subject, alertmanager, homeostat

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("repeated", [True, False], ids=["repeated", "distinct"])
@pytest.mark.parametrize("batch", [1, 50])
async def test_alerts_a_second(
    batch: int, repeated: bool, report: Report, cpus: Cpus, tmp_path: Path
) -> None:
    shots: dict[str, list[Shot]] = {"ours": [], "peer": []}
    async with (
        homeostat(tmp_path / "ours", cpu=cpus.subject) as ours,
        alertmanager(tmp_path / "peer", cpu=cpus.subject) as peer,
    ):

        async def one(who: str, subject: Subject, start: int) -> None:
            await calm()
            shots[who].append(
                await shoot(
                    subject.alerts_url,
                    subject.pid,
                    folder=tmp_path / f"load-{who}",
                    cpu=cpus.load,
                    batch=batch,
                    repeated=repeated,
                    start=start,
                )
            )

        for turn in range(REPEATS):
            await one("ours", ours, 10_000_000 * (turn + 1))
            await one("peer", peer, 10_000_000 * (turn + 1))
    kind = "repeated" if repeated else "distinct, an incident each"
    what = f"HTTP, {batch} a POST, {kind}"
    goal = {(1, True): ">= 6", (50, True): ">= 8"}.get((batch, repeated), "")
    for name, unit, read in (
        ("", "alerts/s", lambda s: s.alerts),
        (" per CPU-second", "alerts", lambda s: s.per_cpu_second),
        (" p99", "ms", lambda s: s.p99_ms),
    ):
        report.add(
            what + name,
            unit,
            [read(s) for s in shots["ours"]],
            [read(s) for s in shots["peer"]],
            of="Alertmanager, in memory",
            goal=goal if not name else "",
        )
