"""Deletes the pods of a workload that have ended as failed or evicted and only take up room.

Not for pods that run or wait. Their logs go with them and do not come back, so it destroys
evidence: gather it first. Pods younger than `older_than` are left. Idempotent: what is gone is
gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster import Conflict, Json
from agent.ports.cluster_acting import (
    ROLLED_OUT,
    controller_of,
    rights_of,
    to_change,
    touchable,
    uid_of,
)
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_selectors import asked_as
from agent.ports.cluster_walking import items, moment, name_of, text, walk
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action
from agent.ports.span import Span

MOST = 200
"""Of one call: the rest are left for the next."""


class DeleteFailed(Params):
    target: str = Field(
        description=(
            "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity "
            "that is one workload."
        ),
    )
    older_than: Span = Field(
        default=timedelta(hours=1), description="Only those that ended longer ago than this."
    )


@action(
    name="kubernetes.delete_failed_pods",
    params=DeleteFailed,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NONE,
    availability=Availability.KEEPS,
    summary="Deletes pods that have ended as failed, with their logs",
    needs="kubernetes",
    rights=(
        *rights_of(ROLLED_OUT, "get"),
        Right(kind="replicaset", verbs=("list",)),
        Right(kind="pod", verbs=("list", "delete")),
    ),
)
async def delete_failed_pods(kit: ActKit, params: DeleteFailed) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=ROLLED_OUT)
    workload = await to_change(kit.cluster, ref)
    selector = asked_as(walk(workload, "spec", "selector"))
    if selector is None:
        raise Permanent(f"{ref.text} does not say which pods are its own")
    makers = await _makers(kit, ref, workload, selector)
    until = kit.cluster.now() - params.older_than.total_seconds()
    failed = await kit.cluster.list(
        "pod", namespace=ref.namespace, labels=selector, fields="status.phase=Failed", most=5000
    )
    own = [pod for pod in failed if (controller_of(pod) or {}).get("uid") in makers]
    old = [pod for pod in own if (ended := _ended_at(pod)) is not None and ended < until]
    deleted = []
    for pod in old[:MOST]:
        aim = Ref("pod", name_of(pod), ref.namespace)
        if not _is_free(kit, pod, aim):
            continue
        try:
            await kit.cluster.delete(aim, uid=uid_of(pod))
        except Conflict:
            continue  # another one under its name, which has not failed
        deleted.append(aim.name)
    kit.log.info("failed_pods_deleted", target=ref.text, deleted=len(deleted))
    return {"deleted": len(deleted), "left": len(own) - len(deleted), "names": deleted[:20]}


def _is_free(kit: ActKit, pod: Json, aim: Ref) -> bool:
    """One that its owners want kept is no reason to keep the others."""
    try:
        touchable(kit.cluster, pod, aim)
    except Permanent as why:
        kit.log.info("failed_pod_kept", pod=aim.text, why=str(why))
        return False
    return True


async def _makers(kit: ActKit, ref: Ref, workload: Json, selector: str) -> set[Any]:
    """UIDs of what makes its pods."""
    uid = uid_of(workload)
    if ref.kind != "deployment":
        return {uid}
    sets = await kit.cluster.list("replicaset", namespace=ref.namespace, labels=selector)
    return {uid_of(each) for each in sets if (controller_of(each) or {}).get("uid") == uid}


def _ended_at(pod: Json) -> float | None:
    """When the last of it ended; None: it does not say."""
    times = [moment(c, "lastTransitionTime") for c in items(pod, "status", "conditions")]
    for kind in ("initContainerStatuses", "containerStatuses"):
        ends = items(pod, "status", kind)
        times += [moment(container, "state", "terminated", "finishedAt") for container in ends]
    known = [at for at in times if at is not None]
    return max(known) if known and text(pod, "status", "phase") == "Failed" else None
