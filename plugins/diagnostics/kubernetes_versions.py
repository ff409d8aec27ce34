"""Which versions of Kubernetes run, and whether an upgrade is under way.

Under way: the newest version came within the last day, and nodes have been changing to it within
the last two hours. That is known from kube-state-metrics where Prometheus remembers a day of it;
otherwise only where nodes are replaced by newer ones, by the age of these.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster_questions import prometheus
from agent.ports.cluster_upkeep import (
    NodeVersion,
    Upgrade,
    node_versions,
    upgrade_by_history,
    upgrade_by_nodes,
    versions_seen,
)
from agent.ports.cluster_walking import ago, text
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

STEP_SECONDS = 300.0
FIRST_SEEN = "min by (node, kubelet_version) (min_over_time(timestamp(kube_node_info)[1d:5m]))"


class Versions(Params):
    pass


class VersionsState(Result):
    versions: list[str] | None = Field(
        default=None, description="All versions that run, newest first."
    )
    skew: int | None = Field(
        default=None, description="Minor versions between the newest and the oldest."
    )
    behind: int | None = Field(
        default=None, description="Nodes that are not of the newest version."
    )
    upgrading: bool | None = Field(default=None, description="An upgrade is under way.")
    changed_ago: Span | None = Field(
        default=None, description="How long ago a node changed its version last."
    )


@diagnostic(
    name="kubernetes.versions",
    params=Versions,
    result=VersionsState,
    summary="Versions of the control plane and the nodes, and whether they are being upgraded",
    needs="kubernetes",
    rights=(Right(kind="node", verbs=("list",)),),
)
async def versions(kit: ReadKit, params: Versions) -> VersionsState:
    server = text(await kit.cluster.question("/version"), "gitVersion")
    nodes = node_versions(await kit.cluster.list("node", most=20_000))
    seen = versions_seen(server, nodes)
    newest = seen.versions[0] if seen.skew is not None and seen.versions else ""
    upgrade = await _upgrade(kit, nodes, newest)
    return VersionsState(
        versions=list(seen.versions[:20]),
        skew=seen.skew,
        behind=seen.behind,
        upgrading=upgrade.upgrading,
        changed_ago=ago(kit.cluster.now(), upgrade.changed_at),
    )


async def _upgrade(kit: ReadKit, nodes: tuple[NodeVersion, ...], newest: str) -> Upgrade:
    if not newest:
        return Upgrade(upgrading=None, changed_at=None)
    now = kit.cluster.now()
    samples = await prometheus(kit, FIRST_SEEN)
    first: dict[tuple[str, str], float] = {}
    for each in samples or ():
        key = each.labels.get("node", ""), each.labels.get("kubelet_version", "")
        first[key] = min(each.value, first.get(key, each.value))
    told = upgrade_by_history(first, newest, now, step=STEP_SECONDS)
    if told.upgrading is not None:
        return told
    return upgrade_by_nodes(nodes, newest, now)
