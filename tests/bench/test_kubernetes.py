"""A cluster of 5,000 pods and 500 deployments: time to know it, memory for it, and how soon what
happens there is an incident."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bench.cluster_load import (
    DEPLOYMENTS,
    Bare,
    bare_plane,
    crashing,
    fill,
    namespace_of,
    pod_name,
    send,
    session,
)
from tests.bench.machine import (
    AGENT,
    REPEATS,
    Cpus,
    Report,
    calm,
    memory_mb,
    percentile,
    pinned,
    program,
    until_ready,
)
from tests.cluster.objects import path_of
from tests.support.running import free_port, http_get

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

WATCHED = (
    "pods,deployments,replicasets,statefulsets,daemonsets,jobs,cronjobs,"
    "horizontalpodautoscalers,persistentvolumeclaims"
)
EVENTS = 250
SYNC_SECONDS = 120.0


def write_site(folder: Path, plane: Bare) -> int:
    """A product of 500 components, one for each Deployment. Returns the port."""
    folder.mkdir(parents=True)
    port = free_port()
    components = [
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": f"d{number}"},
            "spec": {
                "type": "service",
                "owner": f"team-{number % 10}",
                "homeostat": {
                    "tier": "low",
                    "kubernetes": {"namespace": namespace_of(number), "deployment": f"d{number}"},
                },
            },
        }
        for number in range(DEPLOYMENTS)
    ]
    text = "\n---\n".join(json.dumps(one) for one in components)
    (folder / "catalog-info.yaml").write_text(text)
    written = {
        "listen": f"127.0.0.1:{port}",
        "products": ["catalog-info.yaml"],
        # As in a pod.
        "kubernetes": {"server": plane.url, "token_file": "token", "ca_file": str(plane.ca_file)},
        "policy": {"default_diagnostics": {"service": []}},
        "notify": {"default": [{"use": "file", "with": {"path": "pages.jsonl"}}]},
    }
    (folder / "token").write_text(plane.credentials.token or "")
    (folder / "homeostat.yaml").write_text(json.dumps(written))
    return port


@asynccontextmanager
async def synced(folder: Path, port: int, cpu: int) -> AsyncIterator[tuple[int, float]]:
    """The daemon once it knows the whole cluster: its process, and the seconds since its start."""
    began = time.perf_counter()
    argv = [*AGENT, "run", "--config", "homeostat.yaml"]
    async with program(argv, cpu=cpu, folder=folder) as process:
        log = folder / "output.log"
        while "cluster_in_sync" not in log.read_text():
            assert time.perf_counter() - began < SYNC_SECONDS, log.read_text()[-2000:]
            await asyncio.sleep(0.01)
        took = time.perf_counter() - began
        await until_ready(f"http://127.0.0.1:{port}/-/ready")
        yield process.pid, took


async def kubectl_get(plane: Bare, cpu: int) -> tuple[float, int]:
    """Seconds, and the bytes it printed."""
    program_ = str(plane.programs["kubectl"])
    argv = pinned(cpu, [program_, "get", WATCHED, "-A", "-o", "json"])
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *argv,
        env={**os.environ, "KUBECONFIG": str(plane.kubeconfig), "HOME": str(plane.folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return time.perf_counter() - began, len(said)


def peak_mb(pid: int) -> float:
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert found is not None
    return int(found[1]) / 1024


async def test_a_large_cluster(report: Report, cpus: Cpus, tmp_path: Path) -> None:
    async with bare_plane(tmp_path / "plane") as plane:
        await fill(plane)
        ours, peers, memory, peaks = [], [], [], []
        for turn in range(REPEATS):
            folder = tmp_path / f"site-{turn}"
            port = write_site(folder, plane)
            await calm()
            seconds, size = await kubectl_get(plane, cpus.subject)
            peers.append(seconds)
            await calm()
            async with synced(folder, port, cpus.subject) as (pid, took):
                ours.append(took)
                await http_get(f"http://127.0.0.1:{port}/metrics")
                await asyncio.sleep(5)  # until what was read to begin with is given back
                memory.append(memory_mb(pid)[0])
                peaks.append(peak_mb(pid))
                if turn == REPEATS - 1:
                    delays = await incidents_of(plane, port)
        print(f"\n  kubectl printed {size / 2**20:.0f} MiB")
        report.add("5,000 pods: start to synced", "s", ours, peers, of="kubectl get -A -o json")
        report.add("the same, resident memory", "MiB", memory, goal="<= 150")
        report.add("the same, its peak", "MiB", peaks)
        for name, part, goal in (("p50", 0.5, ""), ("p99", 0.99, "<= 100"), ("longest", 1.0, "")):
            values = [1e3 * percentile(each, part) for each in delays]
            report.add(
                f"event in the API -> incident, {name}",
                "ms",
                values[:1],
                values[1:],
                of="a bare watch",
                goal=goal,
            )


async def incidents_of(plane: Bare, port: int) -> tuple[list[float], list[float]]:
    """From the moment a pod's status is sent until the incident about it is told by the API; and
    until a bare watch has the event."""
    heard: dict[str, float] = {}
    bare: dict[str, float] = {}
    sent: list[float] = []
    url, forever = f"http://127.0.0.1:{port}", aiohttp.ClientTimeout()
    news = asyncio.Event()
    async with aiohttp.ClientSession() as reader, session(plane) as client:
        pods = plane.url + path_of("Pod")
        version = (await (await client.get(f"{pods}?limit=1")).json())["metadata"]
        watch = f"{pods}?watch=1&resourceVersion={version['resourceVersion']}"
        async with (
            reader.get(f"{url}/api/v1/events", timeout=forever) as stream,
            client.get(watch, timeout=forever) as events,
        ):
            listening = [
                asyncio.create_task(listen(stream, heard, news)),
                asyncio.create_task(listen_to_watch(events, bare)),
            ]
            for number in range(EVENTS):
                space, name = namespace_of(number), pod_name(number, 0)
                news.clear()
                patch = plane.url + path_of("Pod", space, name, sub="status")
                sent.append(time.perf_counter())
                await send(client, "PATCH", patch, {"status": crashing()})
                async with asyncio.timeout(10):
                    await news.wait()
                await asyncio.sleep(0.02)
            for each in listening:
                each.cancel()
        async with reader.get(f"{url}/api/v1/incidents?limit=500") as reply:
            told = await reply.json()
    assert len(heard) == len(bare) == EVENTS
    assert {one["entity"] for one in told} == {f"d{n}" for n in range(EVENTS)}
    return _delays(heard, sent), _delays(bare, sent)


def _delays(heard: dict[str, float], sent: list[float]) -> list[float]:
    return [heard_at - sent_at for sent_at, heard_at in zip(sent, heard.values(), strict=True)]


async def listen(
    stream: aiohttp.ClientResponse, heard: dict[str, float], news: asyncio.Event
) -> None:
    async for line in stream.content:
        if line.startswith(b"data: "):
            notice: dict[str, Any] = json.loads(line[6:])
            subject = notice["subject"]
            if re.fullmatch(r"i-[a-z0-9]+", subject) and subject not in heard:
                heard[subject] = time.perf_counter()
                news.set()


async def listen_to_watch(events: aiohttp.ClientResponse, heard: dict[str, float]) -> None:
    async for line in events.content:
        name = json.loads(line)["object"]["metadata"]["name"]
        heard.setdefault(name, time.perf_counter())
