"""Evicts one pod, so that its controller makes a new one, on another node where need be.

Never a deletion: an eviction asks the disruption budget, and where that says no, the answer is no.
A pod without a controller is refused, because nothing would make it again. Not for pods that fail
on every node alike; a new one would fail as well.

The target is the pod or its workload. With a workload, guards count what is done to the workload,
whose name stays while those of pods come and go; `pod` has to be one of its pods.

Conditional on the UID of the pod: one replaced meanwhile under the same name is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster import Busy, Gone, Json
from agent.ports.cluster_acting import (
    ROLLED_OUT,
    controller_of,
    judged,
    rights_of,
    touchable,
    uid_of,
)
from agent.ports.cluster_kinds import BY_TITLE, Ref
from agent.ports.cluster_walking import moment, text, walk
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action

OWNERS = (*ROLLED_OUT, "replicaset", "job")
SECOND = 1.0
"""Times of the API server are whole seconds."""
BUDGET_SECONDS = 60.0
"""A disruption budget lets go when other pods are ready: three more tries within 5 minutes."""


class Evict(Params):
    target: str = Field(description="Pod of the inventory, or the workload it belongs to.")
    pod: str | None = Field(
        default=None,
        min_length=1,
        max_length=600,
        description="The pod, where the target is a workload, as in `prod-a/pod/web-1`.",
    )


@action(
    name="kubernetes.evict_pod",
    params=Evict,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.NOTHING,
    availability=Availability.REMOVES,
    summary="Asks the cluster to move one pod away, its disruption budget respected",
    needs="kubernetes",
    rights=(
        Right(kind="pod", verbs=("get",)),
        Right(kind="pod", part="eviction", verbs=("create",)),
        *rights_of(OWNERS, "get"),
    ),
)
async def evict(kit: ActKit, params: Evict) -> Mapping[str, Any]:
    pod, workload = await _named(kit, params)
    try:
        result = await judged(kit.cluster, pod, lambda found: _evict(kit, pod, workload, found))
    except Gone:
        result = {"evicted": False, "pod": pod.text, "detail": "it is gone already"}
    kit.log.info("evicted", pod=pod.text, evicted=result["evicted"])
    return result


async def _evict(kit: ActKit, pod: Ref, workload: Ref | None, found: Json) -> Mapping[str, Any]:
    told = {"evicted": False, "pod": pod.text}
    if walk(found, "metadata", "deletionTimestamp") is not None:
        return {**told, "detail": "it is being removed already"}
    made_at, decided_at = (
        moment(found, "metadata", "creationTimestamp"),
        kit.cluster.asked.decided_at,
    )
    if decided_at is not None and (made_at is None or made_at + SECOND > decided_at):
        # Another one under the same name, maybe after an eviction whose answer was lost.
        return {**told, "detail": "it was replaced since this was decided"}
    owners = await _owners(kit, pod, found)
    if not owners:
        raise Permanent(f"{pod.text} has no controller: nothing would make it again")
    if workload is not None and workload not in owners:
        raise Permanent(f"{pod.text} is no pod of {workload.text}")
    try:
        await kit.cluster.evict(pod, uid=uid_of(found))
    except Busy as busy:
        after = busy.after_seconds or BUDGET_SECONDS
        raise Busy(str(busy), after_seconds=after) from busy
    return {"evicted": True, "pod": pod.text, "uid": uid_of(found)}


async def _named(kit: ActKit, params: Evict) -> tuple[Ref, Ref | None]:
    """The pod, and the workload it has to be of."""
    if params.pod is None:
        ref = await kit.cluster.find(params.target, kinds=("pod", *ROLLED_OUT))
        if ref.kind != "pod":
            raise Permanent(f"{params.target} is a workload: say which pod by `pod`")
        return ref, None
    pod = await kit.cluster.find(params.pod, kinds=("pod",))
    ref = await kit.cluster.find(params.target, kinds=("pod", *ROLLED_OUT))
    if ref.kind == "pod" and ref != pod:
        raise Permanent(f"the target is {ref.text}, and the pod is {pod.text}")
    return pod, ref if ref.kind != "pod" else None


async def _owners(kit: ActKit, pod: Ref, found: Json) -> list[Ref]:
    """What made it, what made that, and so on. Raises Permanent where one of them is to be left
    alone."""
    owners: list[Ref] = []
    thing = found
    while (owner := controller_of(thing)) is not None:
        kind = BY_TITLE.get(text(owner, "kind"))
        if kind is not None and kind.word == "node":
            raise Permanent(f"{pod.text} is a static pod: only its node can end it")
        if kind is None or kind.word not in OWNERS or len(owners) > 3:
            # Something else made it: it will make it again, and is not to be judged here.
            return owners or [Ref(text(owner, "kind").lower(), text(owner, "name"), pod.namespace)]
        ref = Ref(kind.word, text(owner, "name"), pod.namespace)
        above = await kit.cluster.get(ref)
        if above is None or walk(above, "metadata", "uid") != owner.get("uid"):
            break  # it is gone: what it made goes with it
        touchable(kit.cluster, above, ref)
        owners.append(ref)
        thing = above
    return owners
