"""The daemon while the API server cannot be reached, as a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.objects import deployment
from tests.cluster.test_watch_faults import EVERYTHING
from tests.support.daemon import Daemon, component, daemon
from tests.support.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


async def opened(made: Daemon, alert: str, *, within: float = 20) -> dict[str, Any]:
    """The one incident about this alert."""

    async def look() -> dict[str, Any]:
        found = [i for i in await made.incidents() if i["title"].startswith(f"{alert}:")]
        assert len(found) <= 1
        return found[0] if found else {}

    said = f"{alert} is an incident\n{made.output[-1500:]}"
    return await eventually(look, within=within, what=said)


async def test_it_starts_and_pages_and_sees_the_cluster_once_that_is_back(
    own_plane: ControlPlane, namespace: str, fault_proxy: FaultProxy, tmp_path: Path
) -> None:
    """F-K8-12: what is not about the cluster goes on; what is comes as soon as it can be seen."""
    account = fault_proxy.account(await own_plane.account(namespace, rules=EVERYTHING))
    await fault_proxy.refuse()
    place = {"namespace": namespace, "deployment": "web"}
    async with daemon(
        tmp_path / "d",
        products=component("web", kubernetes=place),
        kubernetes={"kubeconfig": str(account.kubeconfig)},
    ) as made:
        await made.start()
        assert await made.fire("Broken", service="web") == 200
        await opened(made, "Broken")
        await eventually(lambda: made.pages, within=20, what="somebody is paged")
        assert "cluster_in_sync" not in made.output
        await fault_proxy.accept()
        await own_plane.create(deployment(namespace=namespace, image="shop:bad", replicas=1))
        found = await opened(made, "KubePodCrashLooping", within=60)
        assert found["entity"] == "web"
        # And again, while it runs: nothing that fires is taken for over.
        await fault_proxy.refuse()
        assert await made.fire("StillHere", service="web") == 200
        await opened(made, "StillHere")
        still = await opened(made, "KubePodCrashLooping")
        assert still["id"] == found["id"]
        assert [a["status"] for a in still["alerts"]] == ["firing"]
