"""What a thousand members and a thousand leadership metrics cost while all is well: the share of
one CPU that the daemon takes, in steady state, with a real broker."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.core import motion
from agent.model.decision import Decision, Record
from agent.model.product import LeadershipMetric
from agent.model.records import MeasureSigns
from agent.model.series import MotionSeries, OpenBin
from agent.model.signals import Motion
from agent.store.sqlite import SqliteStore
from tests.bench.beats import Members, Numbers
from tests.bench.load import open_session
from tests.bench.machine import Cpus, Report, calm, cpu_seconds, memory_mb, pinned
from tests.bench.subjects import Subject, daemon, write_site
from tests.bench.test_mqtt import PEER, broker

pytestmark = pytest.mark.bench

COUNT = 1_000
BEAT_SECONDS = 10.0
READ_SECONDS = 60.0
WARM_SECONDS = 15.0
MEASURED_SECONDS = 60.0
USUAL, EACH_MINUTE = "1d", "24m"
"""Cadences: with the second a bin closes, and is judged, at every reading: the most it can cost."""
SECONDS = {USUAL: 86_400.0, EACH_MINUTE: 1_440.0}

MEMBER = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: m{n:04}}}
spec:
  type: sub-agent
  owner: team-bench
  system: p{n:04}
  homeostat: {{heartbeat: 10s, version: "1.0", work: {{within: 10m}}}}
"""
PRODUCT = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {{name: p{n:04}}}
spec:
  owner: team-bench
  homeostat:
    leadership_metric: {{name: orders_total, cadence: {cadence}, query: 'orders_total{{p="{n}"}}'}}
"""
PLAIN = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {{name: p{n:04}}}
spec: {{owner: team-bench}}
"""


def site(folder: Path, *, broker_port: int, prometheus: str = "", cadence: str = "") -> int:
    """A thousand members where there is a broker, a thousand products where there is a Prometheus;
    where there are both, each product has its member."""
    sources: list[dict[str, Any]] = []
    parts: list[str] = []
    if broker_port:
        sources.append({"use": "mqtt", "with": {"host": "127.0.0.1", "port": broker_port}})
        parts += [MEMBER.format(n=n) for n in range(COUNT)]
    if prometheus:
        read = {"url": prometheus, "every_seconds": READ_SECONDS, "gen_ai": False}
        sources.append({"use": "prometheus.readings", "with": read})
        parts += [PRODUCT.format(n=n, cadence=cadence) for n in range(COUNT)]
    else:
        parts += [PLAIN.format(n=n) for n in range(COUNT)]
    port = write_site(folder, services=1, sources=sources)
    (folder / "catalog-info.yaml").write_text("---\n".join(parts))
    return port


def history(cadence: str, *, until: float) -> tuple[MotionSeries, OpenBin, LeadershipMetric]:
    """A metric that was read for long enough that every judgement looks at all it may keep."""
    length = SECONDS[cadence]
    season = 86_400.0 if cadence == USUAL else None
    metric = LeadershipMetric(
        name="orders_total", motion=Motion(cadence_seconds=length, season_seconds=season)
    )
    series: MotionSeries | None = None
    open_bin: OpenBin | None = None
    step = max(60.0, length / 96)
    at, value = until - 16 * length, 0.0
    while at < until:
        value += step * (1.2 + math.sin(at / 86_400 * 2 * math.pi)) + (at * 7919) % 31
        series, open_bin = motion.take(series, open_bin, metric, at=at, value=value)
        at += step
    assert series is not None
    assert open_bin is not None
    return series, open_bin, metric


async def remember(folder: Path, cadence: str) -> None:
    """As if the daemon had read all of them before it was started."""
    now = time.time()
    series, open_bin, metric = history(cadence, until=now - 30)
    records = []
    for n in range(COUNT):
        name = f"p{n:04}"
        signs = MeasureSigns(
            product=name,
            metric=metric.name,
            value=open_bin.last or 0.0,
            moved_at=now - 30,
            last_at=now - 30,
            open=open_bin,
        )
        records.append(Record(kind="measure", key=name, body=signs))
        records.append(Record(kind="motion", key=name, body=series))
    store = SqliteStore(folder / "var" / "homeostat.db")
    (folder / "var").mkdir(exist_ok=True)
    await store.open(now=now)
    await store.commit([Decision(records=tuple(records))])
    await store.close()


@dataclass
class Steady:
    percent: float
    """Of one CPU."""
    resident_mb: float


async def steady(pid: int, *, seconds: float = MEASURED_SECONDS) -> Steady:
    before, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(seconds)
    spent = (cpu_seconds(pid) - before) / (time.perf_counter() - began)
    return Steady(100 * spent, memory_mb(pid)[0])


@asynccontextmanager
async def started(folder: Path, port: int, cpus: Cpus) -> AsyncIterator[Subject]:
    await calm()
    async with daemon(folder, port=port, cpu=cpus.subject) as subject:
        yield subject
        assert rows(subject.database, "incident") == 0, "all is well"


def rows(database: Path, table: str, where: str = "") -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
        return int(reader.execute(f"SELECT count(*) FROM {table} {where}").fetchone()[0])


async def peer(port: int, cpus: Cpus) -> Steady:
    """A client that takes the same beats, decodes them and keeps nothing."""
    open_session(port, "peer", "homeostat/heartbeats/+")
    argv = pinned(cpus.subject, [sys.executable, str(PEER), str(port), "peer", "1000000"])
    process = await asyncio.create_subprocess_exec(*argv)
    try:
        await asyncio.sleep(5)
        return await steady(process.pid, seconds=20)
    finally:
        process.terminate()
        await process.wait()


async def test_a_thousand_members(report: Report, cpus: Cpus, tmp_path: Path) -> None:
    async with broker(tmp_path / "broker", cpu=cpus.load) as broker_port:
        members = Members(broker_port, count=COUNT, every=BEAT_SECONDS)
        port = site(tmp_path / "ours", broker_port=broker_port)
        async with started(tmp_path / "ours", port, cpus) as subject:
            async with members.beating():
                await asyncio.sleep(WARM_SECONDS)
                found = await steady(subject.pid)
            beating = rows(subject.database, "record", "WHERE kind = 'agent'")
            assert beating == COUNT
            await asyncio.sleep(2)
            quiet = await steady(subject.pid, seconds=12)
        async with members.beating():
            bare = await peer(broker_port, cpus)
    assert members.acknowledged >= members.sent - 100, "the broker kept up"
    report.add("CPU with nothing to do", "% of one", [quiet.percent])
    report.add(
        "CPU of 1,000 members, a beat each in 10 s",
        "% of one",
        [found.percent],
        [bare.percent],
        of="aiomqtt's iterator, keeps nothing",
    )
    report.add("resident with 1,000 members", "MB", [found.resident_mb])


@pytest.mark.parametrize("cadence", [USUAL, EACH_MINUTE])
async def test_a_thousand_outcomes(
    cadence: str, report: Report, cpus: Cpus, tmp_path: Path
) -> None:
    numbers = Numbers()
    async with numbers.answering() as url:
        folder = tmp_path / "ours"
        port = site(folder, broker_port=0, prometheus=url, cadence=cadence)
        await remember(folder, cadence)
        async with started(folder, port, cpus) as subject:
            await asyncio.sleep(READ_SECONDS)
            before = numbers.asked
            found = await steady(subject.pid)
            assert numbers.asked - before > 0.9 * COUNT
    words = {USUAL: "cadence 1 d", EACH_MINUTE: "every one judged anew each minute"}[cadence]
    report.add(f"CPU of 1,000 outcomes read a minute, {words}", "% of one", [found.percent])


async def test_both_together(report: Report, cpus: Cpus, tmp_path: Path) -> None:
    numbers = Numbers()
    async with (
        broker(tmp_path / "broker", cpu=cpus.load) as broker_port,
        numbers.answering() as url,
    ):
        folder = tmp_path / "ours"
        port = site(folder, broker_port=broker_port, prometheus=url, cadence=EACH_MINUTE)
        await remember(folder, EACH_MINUTE)
        members = Members(broker_port, count=COUNT, every=BEAT_SECONDS)
        async with started(folder, port, cpus) as subject, members.beating():
            await asyncio.sleep(READ_SECONDS)
            found = await steady(subject.pid, seconds=2 * MEASURED_SECONDS)
    report.add("CPU of 1,000 members and 1,000 outcomes", "% of one", [found.percent], goal="< 10")
    report.add("resident with both", "MB", [found.resident_mb])
