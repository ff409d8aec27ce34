"""MQTT at QoS 1 through a real broker, acknowledged after the commit: how fast a backlog is taken
in, and that none of it is lost where the taker is killed in the middle."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.bench.load import KNOWN, alert, open_session, publish
from tests.bench.machine import AGENT, REPEATS, Cpus, Report, calm, pinned, prepared, program
from tests.bench.subjects import write_site
from tests.support.running import accepts, free_port
from tests.support.running import program as found_program
from tests.support.waiting import eventually

pytestmark = pytest.mark.bench

MESSAGES = 20_000
SESSION = "homeostat"
TOPIC = "homeostat/alerts/product/bench"
PEER = Path(__file__).with_name("mqtt_peer.py")

BROKER = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 500
set_tcp_nodelay true
log_type none
"""


@asynccontextmanager
async def broker(folder: Path, *, cpu: int) -> AsyncIterator[int]:
    port = free_port()
    (prepared(folder) / "mosquitto.conf").write_text(BROKER.format(port=port))
    argv = [found_program("mosquitto"), "-c", "mosquitto.conf"]
    async with program(argv, cpu=cpu, folder=folder):
        await eventually(lambda: accepts(port), within=10, what="the broker listens")
        yield port


def payloads(count: int, *, different: int) -> list[bytes]:
    known = [json.dumps(alert(n)).encode() for n in range(different)]
    return [known[n % different] for n in range(count)]


def received(database: Path) -> int:
    """Messages committed, read beside the daemon so that asking costs it nothing."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
            found = reader.execute("SELECT value FROM counter WHERE name = 'received'").fetchone()
    except sqlite3.OperationalError:  # the daemon is still about to make it
        return 0
    return int(found[0]) if found else 0


def distinct(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
        return int(reader.execute("SELECT count(DISTINCT key) FROM ledger").fetchone()[0])


async def drain(folder: Path, *, cpu: int, until: int) -> float:
    """Starts the daemon on what waits in the broker; committed messages a second."""
    database = folder / "var" / "homeostat.db"
    before = received(database)
    argv = [*AGENT, "run", "--config", "homeostat.yaml"]
    async with program(argv, cpu=cpu, folder=folder):
        first, began = before, 0.0
        ends = time.perf_counter() + 120
        while (now := received(database)) < before + until:
            at = time.perf_counter()
            if began == 0.0 and now > before:
                first, began = now, at
            assert at < ends, f"{now - before} of {until} after 120 s"
            await asyncio.sleep(0.005)
        return (now - first) / (time.perf_counter() - began)


async def peer_drain(port: int, *, cpu: int) -> float:
    argv = pinned(cpu, [sys.executable, str(PEER), str(port), SESSION, str(MESSAGES)])
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    return float((await process.communicate())[0])


@pytest.mark.parametrize("different", [KNOWN, MESSAGES], ids=["repeated", "distinct"])
async def test_draining(different: int, report: Report, cpus: Cpus, tmp_path: Path) -> None:
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    messages = payloads(MESSAGES, different=different)
    for turn in range(REPEATS):
        async with broker(tmp_path / f"broker-{turn}", cpu=cpus.load) as port:
            open_session(port, SESSION, "homeostat/alerts/+/+")
            await asyncio.to_thread(publish, port, TOPIC, messages)
            folder = tmp_path / f"ours-{turn}"
            write_site(
                folder, sources=[{"use": "mqtt", "with": {"host": "127.0.0.1", "port": port}}]
            )
            await calm()
            rates["ours"].append(await drain(folder, cpu=cpus.subject, until=MESSAGES))
        async with broker(tmp_path / f"peer-broker-{turn}", cpu=cpus.load) as port:
            open_session(port, SESSION, "homeostat/alerts/+/+")
            await asyncio.to_thread(publish, port, TOPIC, messages)
            await calm()
            rates["peer"].append(await peer_drain(port, cpu=cpus.subject))
    kind = "repeated" if different == KNOWN else "distinct, an incident each"
    report.add(
        f"MQTT QoS 1, backlog, {kind}",
        "messages/s",
        rates["ours"],
        rates["peer"],
        of="aiomqtt's iterator, keeps nothing",
        goal=">= 1.8" if different == KNOWN else "",
    )


async def test_nothing_is_lost_at_kill_9(report: Report, cpus: Cpus, tmp_path: Path) -> None:
    count, folder = 5_000, tmp_path / "ours"
    database = folder / "var" / "homeostat.db"
    async with broker(tmp_path / "broker", cpu=cpus.load) as port:
        open_session(port, SESSION, "homeostat/alerts/+/+")
        await asyncio.to_thread(publish, port, TOPIC, payloads(count, different=count))
        write_site(folder, sources=[{"use": "mqtt", "with": {"host": "127.0.0.1", "port": port}}])
        argv = [*AGENT, "run", "--config", "homeostat.yaml"]
        kills: list[float] = []
        for share in (0.1, 0.3, 0.5, 0.7):
            async with program(argv, cpu=cpus.subject, folder=folder) as process:
                while received(database) < share * count:
                    assert process.returncode is None, (folder / "output.log").read_text()[-2000:]
                    await asyncio.sleep(0.002)
                process.kill()
                await process.wait()
            kills.append(float(distinct(database)))
        async with program(argv, cpu=cpus.subject, folder=folder):
            await eventually(
                lambda: all_there(database, count), within=60, what="all of them", every=0.05
            )
    assert statistics.fmean(kills) < count, "it was never killed in the middle"
    report.add(
        f"MQTT messages lost of {count:,} at {len(kills)} kills",
        "messages",
        [float(count - distinct(database))],
        goal="0",
    )


async def all_there(database: Path, count: int) -> bool:
    return distinct(database) == count
