"""What diagnostics say of nodes and the parts below products, over an API server and a Prometheus
that are told what to say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from agent.model.cluster import ClusterPlace
from agent.model.errors import Temporary
from agent.model.product import Entity, EntityKind, Registry
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_objects import Address, Kept, Node, NodeState, WrittenMeta
from agent.ports.kit import Sample
from agent.ports.plugin import Diagnostic, Params
from plugins.diagnostics.kubernetes_certificate import Certified, certificate
from plugins.diagnostics.kubernetes_scheduling import Scheduling, scheduling
from plugins.diagnostics.kubernetes_versions import Versions, versions

NOW = 1_000_000.0
DAY = 86_400.0
NODE = Kept(
    Ref("node", "node-1"),
    Node(
        metadata=WrittenMeta(name="node-1"),
        status=NodeState(addresses=(Address(type="InternalIP", address="10.0.0.7"),)),
    ),
)


def node(name: str, version: str) -> dict[str, Any]:
    meta = {"name": name, "creationTimestamp": "1970-01-01T00:00:00Z"}
    return {"metadata": meta, "status": {"nodeInfo": {"kubeletVersion": version}}}


class Cluster:
    """One node is watched; it is its own kit."""

    def __init__(self, answers: Mapping[str, float] | None = None) -> None:
        self.cluster = self.promql = self.log = self
        self.registry, self.deadline_seconds = Registry(), 10.0
        self.answers, self.asked = answers, list[str]()
        self.history: tuple[Sample, ...] = ()
        self.nodes = [node("a", "v1.31.0"), node("b", "v1.30.4")]

    async def query(self, expression: str, **_: Any) -> tuple[Sample, ...]:
        self.asked.append(expression)
        if self.answers is None:
            raise Temporary("prometheus does not answer")
        if "kube_node_info" in expression and self.history:
            return self.history
        found = [v for text, v in self.answers.items() if text in expression]
        return tuple(Sample(labels={}, value=v, at=NOW) for v in found[:1])

    async def question(self, path: str) -> Any:
        return {"gitVersion": "v1.31.0"}

    async def list(self, kind: str, **_: Any) -> Any:
        return self.nodes if kind == "node" else []

    def all_kept(self, kind: str) -> tuple[Kept, ...]:
        return (NODE,)

    def now(self) -> float:
        return NOW

    def info(self, event: str, **_: Any) -> None: ...


def first_seen(*rows: tuple[str, str, float]) -> tuple[Sample, ...]:
    return tuple(
        Sample(labels={"node": name, "kubelet_version": version}, value=at, at=NOW)
        for name, version, at in rows
    )


async def ask(asked: Diagnostic, kit: Any, params: Params) -> Any:
    return await asked.run(kit, params)


async def upgrade(kit: Any) -> Any:
    return await ask(versions, kit, Versions())


async def test_an_upgrade_in_place_is_known_from_history() -> None:
    kit = Cluster({})
    kit.history = first_seen(
        ("a", "v1.30.4", NOW - DAY), ("b", "v1.30.4", NOW - DAY), ("a", "v1.31.0", NOW - 1800)
    )
    found = await upgrade(kit)
    assert found.versions == ["v1.31.0", "v1.30.4"]
    assert (found.skew, found.behind, found.upgrading) == (1, 1, True)
    assert found.changed_ago == timedelta(minutes=30)


@pytest.mark.parametrize("answers", [None, {}])
async def test_without_history_an_upgrade_in_place_is_unknown(answers: Any) -> None:
    found = await upgrade(Cluster(answers))
    assert (found.behind, found.upgrading, found.changed_ago) == (1, None, None)


async def test_where_no_node_is_behind_nothing_is_being_upgraded() -> None:
    kit = Cluster(None)
    kit.nodes = [node("a", "v1.31.0")]
    assert (await upgrade(kit)).upgrading is False


def racks(place: ClusterPlace) -> Registry:
    made = Entity(
        name="racks",
        kind=EntityKind.SUBSTRATE,
        product="shop",
        owner="platform",
        places=(place,),
    )
    return Registry(entities={"racks": made})


@pytest.mark.parametrize("target", ["node-1", "node/node-1", "10.0.0.7:9100", "10.0.0.7", "racks"])
async def test_the_certificate_of_a_node_is_that_of_its_kubelet(target: str) -> None:
    fails = "client_expiration_renew_errors"
    kit: Any = Cluster({"ttl_seconds": 7200.0, fails: 2.0000001})
    kit.registry = racks(ClusterPlace(kind="node", name="node-1"))
    found = await ask(certificate, kit, Certified(target=target))
    assert (found.expires_in, found.failures, found.managed) == (timedelta(hours=2), 2, True)
    assert found.name == "node/node-1"
    assert all('node="node-1"' in asked for asked in kit.asked)


async def test_a_node_of_which_nothing_is_scraped_is_unknown() -> None:
    kit: Any = Cluster({})
    found = await ask(certificate, kit, Certified(target='n"} or vector(1)'))
    assert found.model_dump(exclude_none=True) == {"name": 'node/n"} or vector(1)'}
    assert all('node="n\\"} or vector(1)"' in asked for asked in kit.asked)


@pytest.mark.parametrize("never", [float("inf"), float("-inf")])
async def test_what_is_no_number_is_unknown(never: float) -> None:
    kit: Any = Cluster({"kube_node_status_allocatable": never, "ttl_seconds": never})
    room = await ask(scheduling, kit, Scheduling(namespace="shop"))
    assert (room.waiting, room.spare_cpu, room.spare_memory) == (0, None, None)
    assert (await ask(certificate, kit, Certified(target="node-1"))).expires_in is None


async def test_an_autoscaler_that_is_unsafe_or_at_its_end_adds_no_node() -> None:
    safe, most = "safe_to_autoscale", "max_nodes_count"
    answers: list[tuple[dict[str, float], bool | None]] = [
        ({safe: 1.0, most: 2.0}, True),
        ({safe: 1.0, most: 0.0}, False),
        ({safe: 0.0, most: 2.0}, False),
        ({most: 2.0}, None),
    ]
    for told, grows in answers:
        kit: Any = Cluster(told)
        assert (await ask(scheduling, kit, Scheduling(namespace="shop"))).grows_itself is grows
