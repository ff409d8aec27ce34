"""Which pods are a target's own: those that it controls, or that a replica set or Job of it does.

Controller references are followed, by UID and never by name: labels only narrow down what is asked
for, since two workloads may select the same pods by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.model.cluster import Right
from agent.model.errors import Permanent
from agent.ports.cluster import ClusterReader, Gone, Json
from agent.ports.cluster_acting import controller_of
from agent.ports.cluster_kinds import WORKLOADS, Ref, ref_of
from agent.ports.cluster_selectors import asked_as
from agent.ports.cluster_walking import items, moment, text, walk

WITH_PODS = (*WORKLOADS, "pod", "job", "cronjob")
MOST_PODS = 5000
MOST_RUNS = 1000
GETS_WORKLOADS = tuple(
    Right(kind=kind, verbs=("get",), optional=kind == "rollout") for kind in WORKLOADS
)
READS_PODS_OF_TARGET = (
    *GETS_WORKLOADS,
    Right(kind="pod", verbs=("get", "list")),
    Right(kind="replicaset", verbs=("list",)),
)
READS_RUNS = (
    Right(kind="job", verbs=("get", "list"), optional=True),
    Right(kind="cronjob", verbs=("get",), optional=True),
)


class Own(NamedTuple):
    """A target and the pods that are its own."""

    ref: Ref
    thing: Json
    """The target itself, as it is declared now."""
    pods: tuple[Json, ...]


async def which(cluster: ClusterReader, target: str, kinds: tuple[str, ...] = WITH_PODS) -> Ref:
    """The object a target names: one of the inventory, or the workload of an entity. Raises
    Permanent where there is none, or more."""
    if ref_of(target) is not None:
        return await cluster.find(target, kinds=kinds)
    return await cluster.find(target, kinds=WORKLOADS)


async def got(cluster: ClusterReader, ref: Ref) -> Json:
    """Raises Gone where it is not there."""
    found = await cluster.get(ref)
    if found is None:
        raise Gone(f"{ref.text} is not there")
    return found


async def own_pods(cluster: ClusterReader, target: str) -> Own:
    """Also those that have ended or are ending. Raises Gone where the target is not there."""
    ref = await which(cluster, target)
    thing = await got(cluster, ref)
    return Own(ref, thing, await pods_of(cluster, ref, thing))


async def pods_of(cluster: ClusterReader, ref: Ref, thing: Json) -> tuple[Json, ...]:
    if ref.kind == "pod":
        return (thing,)
    if ref.kind == "cronjob":
        run = newest(await runs_of(cluster, ref, thing))
        return () if run is None else await _pods(cluster, ref, run, {uid_of(run)})
    if ref.kind in ("deployment", "rollout"):
        sets = await made_by(cluster, "replicaset", ref, thing)
        return await _pods(cluster, ref, thing, {uid_of(each) for each in sets})
    return await _pods(cluster, ref, thing, {uid_of(thing)})


async def made_by(
    cluster: ClusterReader, kind: str, ref: Ref, thing: Json, *, most: int = 1000
) -> tuple[Json, ...]:
    """Objects of a kind that a workload controls."""
    found = await cluster.list(
        kind, namespace=ref.namespace, labels=selected_as(thing, ref), most=most
    )
    return controlled(found, {uid_of(thing)})


async def runs_of(cluster: ClusterReader, ref: Ref, cron: Json) -> tuple[Json, ...]:
    """The Jobs a CronJob made. They have no label of it: all of the namespace are asked for."""
    found = await cluster.list("job", namespace=ref.namespace, most=MOST_RUNS)
    return controlled(found, {uid_of(cron)})


async def _pods(
    cluster: ClusterReader, ref: Ref, selecting: Json, uids: set[str]
) -> tuple[Json, ...]:
    labels = selected_as(selecting, ref)
    found = await cluster.list("pod", namespace=ref.namespace, labels=labels, most=MOST_PODS)
    return controlled(found, uids)


def selected_as(thing: Json, ref: Ref) -> str:
    asked = asked_as(walk(thing, "spec", "selector"))
    if asked is None:
        raise Permanent(f"{ref.text} does not say which pods are its own")
    return asked


def controlled(things: Iterable[Json], uids: set[str]) -> tuple[Json, ...]:
    """Those of them that one of these objects controls."""
    wanted = uids - {""}
    return tuple(t for t in things if _controller_uid(t) in wanted)


def _controller_uid(thing: Json) -> str:
    return text(controller_of(thing), "uid", most=100)


def uid_of(thing: Json) -> str:
    return text(thing, "metadata", "uid", most=100)


def newest(things: Iterable[Json]) -> Json | None:
    return max(things, key=made_at, default=None)


def made_at(thing: Json) -> float:
    return moment(thing, "metadata", "creationTimestamp") or 0.0


def container_images(template: Json) -> tuple[str, ...]:
    """Of a pod's template, in its order."""
    return tuple(text(c, "image") for c in items(template, "spec", "containers"))
