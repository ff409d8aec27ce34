"""A shop in the tests' cluster with the agent over it as a process, for stories from end to end.

The agent has exactly the rights that `homeostat rbac` prints, the shipped runbook for crash loops,
and the rails people get, but for those that only wait.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from agent.interface.cli.main import app
from agent.runtime.registry import shipped_runbooks_folder
from tests.cluster.acting import MACHINES
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.granting import write_catalog
from tests.cluster.objects import deployment, of_kind
from tests.cluster.plane import Plane
from tests.support.daemon import Daemon, daemon
from tests.support.policies import WRITTEN
from tests.support.waiting import eventually

CRASH_LOOP = (shipped_runbooks_folder() / "crash-loop/crash-loop.yaml").read_text("utf-8")
BURN = (shipped_runbooks_folder() / "rollout/burn-after-release.yaml").read_text("utf-8")
RAILS = {**WRITTEN, "human_change": "10m", "wait": "10s", "cluster_age": "2m"}
"""Nothing is waited for that only time brings; people and the sight of the cluster count."""


def quick(runbook: str) -> str:
    """The same proof, with less time between its looks."""
    return runbook.replace("settle: 30s", "settle: 2s").replace("every: 20s", "every: 1s")


class Shop:
    """Deployment `web` of product `shop`, three pods that have been well for twenty minutes."""

    def __init__(self, plane: Plane, namespace: str, made: Daemon) -> None:
        self.plane, self.namespace, self.daemon = plane, namespace, made

    async def deliver(self, image: str, *, by: str = "ci") -> None:
        """A delivery, or a person by that name, puts an image in place."""
        words = ("set", "image", "deployment/web", f"app={image}", f"--field-manager={by}")
        await self.plane.kubectl("-n", self.namespace, *words)

    async def annotate(self, note: str, *, by: str = "ci") -> None:
        words = ("annotate", "deployment/web", note, f"--field-manager={by}")
        await self.plane.kubectl("-n", self.namespace, *words)

    async def image(self) -> str:
        found = await self.plane.get("Deployment", self.namespace, "web")
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    async def has_first_image(self) -> bool:
        return await self.image() == "shop:1"

    async def rolls_out(self) -> None:
        """Returns once the agent knows of a rollout that is under way."""
        look: Callable[[], Awaitable[bool]] = self._is_rolling_out
        await eventually(look, within=30, what="its rollout is known")

    async def _is_rolling_out(self) -> bool:
        told = await self.daemon.get("/api/v1/changes?entity=web")
        return any(change["phase"] == "started" for change in told)

    async def pods(self) -> list[str]:
        return sorted(pod["metadata"]["uid"] for pod in await self._pods())

    async def some_pod(self) -> str:
        return str((await self._pods())[0]["metadata"]["name"])

    async def _pods(self) -> list[Any]:
        return await self.plane.items("Pod", self.namespace, labelSelector="app=web")

    async def minutes_pass(self, minutes: float) -> None:
        """As if so much time had gone by: its pods are ready, and it is available, since then."""
        at = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for pod in await self._pods():
            moved = [{**c, "lastTransitionTime": at} for c in pod["status"]["conditions"]]
            await self._set("Pod", pod["metadata"]["name"], moved)
        found = await self.plane.get("Deployment", self.namespace, "web")
        moved = [
            {**c, "lastTransitionTime": at} if c["type"] == "Available" else c
            for c in found["status"]["conditions"]
        ]
        await self._set("Deployment", "web", moved)

    async def _set(self, kind: str, name: str, conditions: list[Any]) -> None:
        change = {"status": {"conditions": conditions}}
        await self.plane.patch(kind, self.namespace, name, change, sub="status")

    async def in_sync(self) -> None:
        look: Callable[[], Awaitable[bool]] = self._is_in_sync
        await eventually(look, within=30, what="the agent sees the cluster")

    async def _is_in_sync(self) -> bool:
        told = await self.daemon.get("/api/v1/cluster")
        return bool(told["connected"] and told["in_sync"])

    async def paged(self, *, within: float = 40) -> str:
        """The first page, as people are shown it."""
        pages = await eventually(lambda: self.daemon.pages, within=within, what="people are told")
        return json.dumps(pages[0], ensure_ascii=False)

    async def releases(self) -> dict[str, Any]:
        [counted] = await self.daemon.get("/api/v1/changes/releases?product=shop")
        return dict(counted)


@asynccontextmanager
async def opened(
    plane: Plane,
    namespace: str,
    folder: Path,
    *,
    runbooks: Mapping[str, str],
    proxy: FaultProxy | None = None,
    dwell: str = "0s",
) -> AsyncIterator[Shop]:
    """`proxy`: by way of it the agent reaches the API server."""
    await plane.create(
        deployment(namespace=namespace),
        of_kind("ServiceAccount", "agent", namespace=namespace),
    )
    await plane.rolled_out(namespace, "web")
    account = await plane.account_of(namespace, "agent")
    if proxy is not None:
        account = proxy.account(account)
    settings: dict[str, Any] = {
        "kubernetes": {"kubeconfig": str(account.kubeconfig), "machines": list(MACHINES)},
        "data_dir": str(folder / "var"),
        "policy": {
            "rails": {**RAILS, "dwell": dwell},
            "page_hold": "0s",
            "evaluation_interval": "1s",
            "temporary_retries": 0,
        },
    }
    async with daemon(folder, runbooks=runbooks, **settings) as made:
        write_catalog(folder / "catalog", namespace)
        shop = Shop(plane, namespace, made)
        await shop.minutes_pass(20)
        await _grant(plane, namespace, made)
        yield shop


async def _grant(plane: Plane, namespace: str, made: Daemon) -> None:
    config = str(made.folder / "homeostat.yaml")
    words = ["rbac", "--config", config, "--service-account", f"{namespace}/agent"]
    printed = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert printed.exit_code == 0, printed.output
    await plane.kubectl("apply", "-f", "-", input=printed.output)
