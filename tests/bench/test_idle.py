"""What it costs while nothing happens: memory, and the time from the command to an answer."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path

import pytest

from tests.bench.machine import (
    AGENT,
    REPEATS,
    ROOT,
    Cpus,
    Report,
    calm,
    memory_mb,
    pinned,
    program,
    until_ready,
)
from tests.bench.subjects import alertmanager_argv, write_site
from tests.support.running import free_port, http_get

pytestmark = pytest.mark.bench

SETTLED_SECONDS = 5.0


async def test_memory_and_start(report: Report, cpus: Cpus, tmp_path: Path) -> None:
    """A small site with the shipped runbooks. Its metrics were asked for once, so that the HTTP
    interface and OpenTelemetry have both worked."""
    memory: dict[str, list[tuple[float, float]]] = {"ours": [], "peer": []}
    start: dict[str, list[float]] = {"ours": [], "peer": []}
    for turn in range(REPEATS):
        folder = tmp_path / f"ours-{turn}"
        port = write_site(folder, services=5)
        argv = [*AGENT, "run", "--config", "homeostat.yaml"]
        peer_port = free_port()
        peer_folder = tmp_path / f"peer-{turn}"
        peer_argv = alertmanager_argv(
            peer_folder, port=peer_port, hook="http://127.0.0.1:9/", by="severity"
        )
        for who, started, at, where in (
            ("ours", argv, port, folder),
            ("peer", peer_argv, peer_port, peer_folder),
        ):
            await calm()
            began = time.perf_counter()
            async with program(started, cpu=cpus.subject, folder=where) as process:
                await until_ready(f"http://127.0.0.1:{at}/-/ready")
                start[who].append(time.perf_counter() - began)
                status, _ = await http_get(f"http://127.0.0.1:{at}/metrics")
                assert status == 200
                await asyncio.sleep(SETTLED_SECONDS)
                memory[who].append(memory_mb(process.pid))
    for name, part, goal in (("resident", 0, "<= 50 MB"), ("proportional", 1, "")):
        report.add(
            f"idle memory after 5 s, HTTP and OpenTelemetry, {name}",
            "MB",
            [m[part] for m in memory["ours"]],
            [m[part] for m in memory["peer"]],
            of="Alertmanager",
            goal=goal,
        )
    report.add(
        "command to /-/ready",
        "s",
        start["ours"],
        start["peer"],
        of="Alertmanager",
        goal="<= 1 s",
    )


async def test_the_command_line(report: Report, cpus: Cpus) -> None:
    bare = [AGENT[0], "-c", "import asyncio, sqlite3"]
    times: dict[str, list[float]] = {"--version": [], "--help": [], "bare": []}
    for _ in range(REPEATS):
        for name in times:
            argv = bare if name == "bare" else [*AGENT, name]
            await calm()
            began = time.perf_counter()
            subprocess.run(  # noqa: ASYNC221 - nothing else is to run meanwhile
                pinned(cpus.subject, argv), cwd=ROOT, stdout=subprocess.DEVNULL, check=True
            )
            times[name].append(time.perf_counter() - began)
    for name in ("--version", "--help"):
        report.add(
            f"homeostat {name}", "s", times[name], times["bare"], of="import asyncio, sqlite3"
        )
