"""The cluster all tests here share, and what each test gets of it.

plane        a cluster: ours, or the one HOMEOSTAT_CLUSTER_KUBECONFIG names
own_plane    ours, for tests that stop its API server or lean on stages.yaml; skipped elsewhere
namespace    the name of a fresh namespace, deleted after the test
fault_proxy  a proxy in front of the API server that breaks what it is told to
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cluster import building
from tests.cluster.control_plane import ControlPlane
from tests.cluster.existing import existing
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.objects import path_of
from tests.cluster.plane import Plane


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Whatever the fixtures below hand out; tests take one of those."""
    programs = building.binaries()
    folder = tmp_path_factory.mktemp("cluster")
    kubeconfig = os.environ.get(building.EXISTING_CLUSTER)
    if kubeconfig:
        yield existing(Path(kubeconfig), programs, folder)
        return
    plane = ControlPlane(programs, folder)
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
async def plane(cluster: Plane) -> AsyncIterator[Plane]:
    before = await definitions(cluster)
    yield cluster
    if isinstance(cluster, ControlPlane):
        await cluster.back_to_usual()
    await cluster.forget_what_is_cluster_wide()
    # A kind that one test brings in must not be there for the next, which may say that it is not.
    new = sorted(await definitions(cluster) - before)
    if new:
        await cluster.kubectl("delete", "crd", "--ignore-not-found", "--timeout=20s", *new)


async def definitions(cluster: Plane) -> set[str]:
    return {each["metadata"]["name"] for each in await cluster.items("CustomResourceDefinition")}


@pytest.fixture
def own_plane(plane: Plane) -> ControlPlane:
    if not isinstance(plane, ControlPlane):
        pytest.skip(
            "this test stops the API server or plays the kubelet, which it does only to a control "
            f"plane of its own: run it without {building.EXISTING_CLUSTER}"
        )
    return plane


@pytest.fixture
async def namespace(plane: Plane) -> AsyncIterator[str]:
    name = await plane.namespace()
    yield name
    if isinstance(plane, ControlPlane):
        await plane.back_to_usual()
    # Not waited for: what is in it goes meanwhile, or with the cluster.
    await plane.request("DELETE", path_of("Namespace", "", name))


@pytest.fixture
async def fault_proxy(plane: Plane) -> AsyncIterator[FaultProxy]:
    async with FaultProxy.before(plane) as proxy:
        yield proxy
