"""What several diagnostics ask of a cluster in the same way: the workload a target names, its pods,
the node behind a name or an address, and what Prometheus knows beside the API server.

What is asked only to know more is unknown where it may not be asked or is not served; what a
diagnostic is about raises.
"""

from __future__ import annotations

from math import isfinite

from agent.model.cluster import Right
from agent.model.errors import Permanent, Temporary
from agent.ports.cluster import ClusterReader, Gone, Json, Rejected, RightsMissing
from agent.ports.cluster_kinds import WORKLOADS, Ref, ref_of
from agent.ports.cluster_objects import Node
from agent.ports.cluster_walking import mapping, text
from agent.ports.cluster_workloads import GETS_WORKLOADS as GETS_WORKLOADS
from agent.ports.cluster_workloads import got, selected_as
from agent.ports.kit import ReadKit, Sample
from agent.ports.series_question import quoted, selector

PROMETHEUS_SECONDS = 5.0
LISTS_PODS = Right(kind="pod", verbs=("list",))


class Workload:
    """A workload as it is declared now."""

    def __init__(self, ref: Ref, thing: Json) -> None:
        self.ref, self.thing = ref, thing

    @property
    def template(self) -> Json:
        return mapping(self.thing, "spec", "template")

    @property
    def labels(self) -> Json:
        """Of its pods."""
        return mapping(self.template, "metadata", "labels")

    async def pods(self, cluster: ClusterReader) -> tuple[Json, ...]:
        """Those it has, without those that have ended. Raises Permanent where it does not say
        which are its own."""
        asked = selected_as(self.thing, self.ref)
        found = await cluster.list("pod", namespace=self.ref.namespace, labels=asked, most=5000)
        return tuple(p for p in found if text(p, "status", "phase") not in ("Succeeded", "Failed"))


async def workload(cluster: ClusterReader, target: str) -> Workload:
    """Raises Gone where it is not there, Permanent where the target is no one workload."""
    ref = await cluster.find(target, kinds=WORKLOADS)
    return Workload(ref, await got(cluster, ref))


async def listed_if_may(
    cluster: ClusterReader, kind: str, *, namespace: str = "", fields: str = ""
) -> tuple[Json, ...] | None:
    """None: it may not be asked here, or is not served."""
    try:
        return await cluster.list(kind, namespace=namespace, fields=fields, most=20_000)
    except (RightsMissing, Gone, Rejected):
        return None


async def got_if_may(cluster: ClusterReader, ref: Ref) -> Json | None:
    try:
        return await cluster.get(ref)
    except (RightsMissing, Rejected):
        return None


def node_named(cluster: ClusterReader, target: str) -> str | None:
    """The node a target means: by its name in the inventory, its own name, or the address its
    exporters are scraped at (`10.0.0.7:9100`). None: no node that is watched."""
    ref = ref_of(target)
    if ref is not None:
        return ref.name if ref.kind == "node" else None
    host = target.rpartition(":")[0].strip("[]") if ":" in target else target
    for kept in cluster.all_kept("node"):
        thing = kept.thing
        addresses = {a.address for a in thing.status.addresses} if isinstance(thing, Node) else ()
        if target in (kept.ref.name, *addresses) or host in (kept.ref.name, *addresses):
            return kept.ref.name
    return None


async def prometheus(kit: ReadKit, expression: str) -> tuple[Sample, ...] | None:
    """None: nobody can be asked, or it did not answer. Empty: it has no data, which is unknown to
    whoever asks as well."""
    try:
        return await kit.promql.query(
            expression,
            url=None,
            timeout_seconds=min(PROMETHEUS_SECONDS, kit.deadline_seconds / 8),
        )
    except (Temporary, Permanent) as error:
        kit.log.info("prometheus_not_asked", why=str(error)[:200])
        return None


async def number(kit: ReadKit, expression: str) -> float | None:
    """Of an expression with one answer that is a number; None: it has none, or several."""
    found = await prometheus(kit, expression)
    if found is None or len(found) != 1 or not isfinite(found[0].value):
        return None
    return found[0].value


def series(metric: str, **labels: str) -> str:
    """A selector; every value is quoted."""
    return selector(metric, labels)


def one_of(metric: str, label: str, values: list[str], **labels: str) -> str:
    """A selector of series with one of these values, which are names of Kubernetes objects: a dot
    is all in them that means something in a pattern."""
    pattern = "|".join(value.replace(".", "[.]") for value in values)
    return f"{selector(metric, labels)[:-1]},{label}=~{quoted(pattern)}}}"
