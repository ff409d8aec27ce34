"""A cluster of many objects that nothing moves: an API server over etcd, without controllers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cluster import building
from tests.cluster.asking import tls_trusting
from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import Object, deployment, of_kind, path_of

NAMESPACES, DEPLOYMENTS, PODS = 10, 500, 5_000
AT_ONCE = 24
NOW = "2026-01-01T00:00:00Z"


class Bare(ControlPlane):
    """Without controller manager, scheduler and kwok: what is written stays as it is."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._clients = []

    async def _furnish(self) -> None:
        return None


@asynccontextmanager
async def bare_plane(folder: Path) -> AsyncIterator[Bare]:
    """Skips where the programs are not built: that takes a quarter of an hour."""
    found, missing = building.find()
    if missing:
        pytest.skip(
            f"{', '.join(missing)} not found: run `make cluster-test` once, which builds it"
        )
    plane = Bare(found, folder)
    await asyncio.to_thread(plane.start)
    try:
        yield plane
    finally:
        await asyncio.to_thread(plane.stop)


@asynccontextmanager
async def session(plane: Bare) -> AsyncIterator[aiohttp.ClientSession]:
    """One for many requests, as administrator."""
    headers = {"Authorization": f"Bearer {plane.credentials.token}"}
    trusted = tls_trusting(plane.ca_file)
    assert trusted is not None
    connector = aiohttp.TCPConnector(ssl=trusted, limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as made:
        yield made


async def send(client: aiohttp.ClientSession, method: str, url: str, body: Object) -> Any:
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    data = json.dumps(body)
    async with client.request(method, url, data=data, headers={"Content-Type": kind}) as reply:
        text = await reply.text()
        assert reply.status < 300, (url, reply.status, text[:300])
        return json.loads(text)


def namespace_of(number: int) -> str:
    return f"shop-{number % NAMESPACES}"


def pod_name(number: int, of: int) -> str:
    return f"d{number}-5d8f7b9c6-{of:05d}"


async def fill(plane: Bare) -> None:
    """Deployments with their replica sets and pods, all well."""
    per = PODS // DEPLOYMENTS
    async with session(plane) as client:

        async def create(made: Object) -> Any:
            space = made["metadata"].get("namespace", "")
            return await send(client, "POST", plane.url + path_of(made["kind"], space), made)

        for number in range(NAMESPACES):
            space = namespace_of(number)
            await create(of_kind("Namespace", space))
            await create(of_kind("ServiceAccount", "default", namespace=space))

        async def one(number: int) -> None:
            space, name = namespace_of(number), f"d{number}"
            top = await create(deployment(name, namespace=space, replicas=per))
            await set_status(client, plane, "Deployment", space, name, counts(per))
            owned = deployment(f"{name}-5d8f7b9c6", namespace=space, replicas=per)
            owned |= {"kind": "ReplicaSet"}
            owned["metadata"]["ownerReferences"] = [owner(top)]
            owned["spec"]["selector"]["matchLabels"] = {"app": name}
            owned["spec"]["template"]["metadata"]["labels"] = {"app": name}
            middle = await create(owned)
            for of in range(per):
                await create(pod_of(middle, space, pod_name(number, of), name))
                status = running(f"10.{number // 250}.{number % 250}.{of}")
                await set_status(client, plane, "Pod", space, pod_name(number, of), status)

        await at_once(one(number) for number in range(DEPLOYMENTS))


async def at_once(works: Iterable[Any]) -> None:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(work: Any) -> None:
        async with turn:
            await work

    await asyncio.gather(*(one(work) for work in works))


async def set_status(
    client: aiohttp.ClientSession, plane: Bare, kind: str, space: str, name: str, status: Object
) -> None:
    url = plane.url + path_of(kind, space, name, sub="status")
    await send(client, "PATCH", url, {"status": status})


def owner(made: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": made["kind"],
        "name": made["metadata"]["name"],
        "uid": made["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_of(middle: Object, space: str, name: str, app: str) -> Object:
    """About as large as pods are: two containers with variables, volumes and probes."""
    container = {
        "image": "registry.example.com/shop/backend/web:2026.11.1",
        "env": [{"name": f"VARIABLE_{n}", "value": f"some value of number {n}"} for n in range(12)],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {
        "nodeName": f"node-{hash(name) % 50}",
        "containers": [{"name": "app", **container}, {"name": "proxy", **container, "ports": []}],
        "volumes": [{"name": "data", "emptyDir": {}}],
        "automountServiceAccountToken": False,
    }
    made = of_kind("Pod", name, namespace=space, labels={"app": app, "tier": "web"}, spec=spec)
    made["metadata"]["annotations"] = {"example.com/checksum": "a" * 64}
    made["metadata"]["ownerReferences"] = [owner(middle)]
    return made


def conditions(ready: str) -> list[Object]:
    kinds = {
        "Initialized": "True",
        "PodScheduled": "True",
        "ContainersReady": ready,
        "Ready": ready,
    }
    return [
        {"type": kind, "status": status, "lastTransitionTime": NOW}
        for kind, status in kinds.items()
    ]


def running(address: str) -> Object:
    state = {"running": {"startedAt": NOW}}
    return {
        "phase": "Running",
        "podIP": address,
        "startTime": NOW,
        "conditions": conditions("True"),
        "containerStatuses": [status_of(name, True, 0, state) for name in ("app", "proxy")],
    }


def crashing() -> Object:
    ended = {"exitCode": 1, "reason": "Error", "startedAt": NOW, "finishedAt": NOW}
    app = status_of("app", False, 3, {"waiting": {"reason": "CrashLoopBackOff"}})
    app["lastState"] = {"terminated": ended}
    proxy = status_of("proxy", True, 0, {"running": {"startedAt": NOW}})
    return {"conditions": conditions("False"), "containerStatuses": [app, proxy]}


def status_of(name: str, ready: bool, restarts: int, state: Object) -> Object:
    image = "registry.example.com/shop/backend/web:2026.11.1"
    return {
        "name": name,
        "image": image,
        "imageID": f"{image}@sha256:{'0' * 64}",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
    }


def counts(replicas: int) -> Object:
    kinds: Sequence[str] = ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")
    return {"observedGeneration": 1, **dict.fromkeys(kinds, replicas)}
