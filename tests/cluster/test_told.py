"""What people are told of a real cluster while a bad release crashes beside what served before."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import deployment
from tests.cluster.story import Shop, opened
from tests.support.running import http_get
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


async def web(shop: Shop) -> dict[str, Any]:
    told = await shop.daemon.get("/api/v1/cluster")
    return dict(told["workloads"][0])


@pytest.mark.timeout(120)
async def test_a_bad_release_is_seen_with_its_pods_its_alert_and_who_brought_it(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with opened(own_plane, namespace, tmp_path, runbooks={}) as shop:
        await own_plane.create(deployment("stray", namespace=namespace))
        await shop.daemon.start()
        await shop.in_sync()
        before = await web(shop)
        assert (before["name"], before["entity"]) == (f"{namespace}/deployment/web", "web")
        assert (before["wanted"], before["ready"], before["images"]) == (3, 3, "shop:1")
        assert [pod["state"] for pod in before["pods"]] == ["ready"] * 3
        await shop.deliver("shop:bad")

        async def is_told() -> dict[str, Any] | None:
            found = await web(shop)
            return found if found["alerts"] and found["rollout"] else None

        look: Callable[[], Awaitable[dict[str, Any] | None]] = is_told
        found = await eventually(look, within=60, what="it is told with its alert")
        assert found is not None
        assert (found["well"], found["ready"], found["images"]) == (False, 3, "shop:bad")
        assert found["pods"][0]["state"] == "failing"
        assert found["alerts"][0]["name"] == "KubePodCrashLooping"
        assert (found["rollout"]["by"], found["rollout"]["version"]) == ("ci", "shop:bad")
        assert found["watched_until"] is not None
        whole = await shop.daemon.get("/api/v1/cluster")
        assert whole["version"].startswith("v1.")
        assert whole["nobodys"]["names"] == [f"{namespace}/deployment/stray"]
        assert {watch["state"] for watch in whole["watches"]} == {"watched"}
        status, page = await http_get(f"{shop.daemon.url}/cluster")
        assert (status, b"KubePodCrashLooping" in page) == (200, True)
        _, said = await http_get(f"{shop.daemon.url}/metrics")
        silent = re.search(rb"^homeostat_cluster_watch_silent(?:\{[^}]*\})? (\S+)$", said, re.M)
        assert silent is not None
        assert 0.0 <= float(silent[1]) < 300.0
