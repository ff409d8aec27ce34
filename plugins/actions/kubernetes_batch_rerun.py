"""Runs a Kubernetes Job again that failed, or the one of a CronJob now, from the same template.

Not for one whose owners do not declare that running it twice does no harm (the annotation
`homeostat/may-rerun`); it is refused. The one that failed stays as evidence and is marked to be
cleaned up by the cluster after `keep_failed`, which ends the alert about it.

Idempotent: the name of the new one is made of the key of the step, so that it exists once however
often this is done. There is nothing to take back: what a run does is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster import Conflict, How, Json
from agent.ports.cluster_acting import (
    MAY_RERUN,
    RERUN_BY,
    RERUN_OF,
    controller_of,
    hashed_name,
    judged,
    merged,
    note_of,
    touchable,
    uid_of,
)
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_walking import condition_of, mapping, moment, text, walk, whole
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action
from agent.ports.span import Span

ADDED_LABELS = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)
"""The API server puts them on each Job and its pods, and would refuse those of another one."""


class Rerun(Params):
    target: str = Field(
        description="Job or CronJob of the inventory, or a registered entity that is one."
    )
    keep_failed: Span = Field(
        default=timedelta(hours=1), description="How long the failed one is kept after this."
    )


@action(
    name="kubernetes.rerun_job",
    params=Rerun,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NOTHING,
    availability=Availability.KEEPS,
    summary="Runs a failed Kubernetes Job again, or that of a CronJob now",
    needs="kubernetes",
    rights=(
        Right(kind="job", verbs=("get", "list", "create", "patch")),
        Right(kind="cronjob", verbs=("get",)),
    ),
)
async def rerun(kit: ActKit, params: Rerun) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=("job", "cronjob"))

    async def act(found: Json) -> Mapping[str, Any]:
        cron = found if ref.kind == "cronjob" else await _cron_of(kit, ref, found)
        _may_be_rerun(ref, found, cron)
        name = hashed_name(ref.name, kit.key)
        await _made(kit, ref, found, cron, name)
        if ref.kind == "job":
            await _clean_up_later(kit, ref, found, params.keep_failed.total_seconds())
        return {"changed": True, "job": Ref("job", name, ref.namespace).text}

    result = await judged(kit.cluster, ref, act)
    kit.log.info("rerun", target=ref.text, job=result["job"])
    return result


async def _cron_of(kit: ActKit, ref: Ref, batch: Json) -> Json | None:
    owner = controller_of(batch)
    if owner is None or owner.get("kind") != "CronJob":
        return None
    aim = Ref("cronjob", text(owner, "name"), ref.namespace)
    found = await kit.cluster.get(aim)
    if found is None or walk(found, "metadata", "uid") != owner.get("uid"):
        return None
    touchable(kit.cluster, found, aim)
    return found


def _may_be_rerun(ref: Ref, found: Json, cron: Json | None) -> None:
    """Raises Permanent where nobody said so, or where it has not failed."""
    told = [note_of(each, MAY_RERUN) for each in (found, cron) if each is not None]
    if "true" not in told or "false" in told:
        raise Permanent(
            f"{ref.text}: its owners do not declare that running it twice does no harm "
            f'(annotation {MAY_RERUN}: "true")'
        )
    if cron is not None and walk(cron, "spec", "suspend") is True:
        raise Permanent(f"{ref.text}: somebody suspended it")
    if ref.kind == "job" and text(condition_of(found, "Failed"), "status") != "True":
        raise Permanent(f"{ref.text} has not failed: it goes on, or came to its end")


async def _made(kit: ActKit, ref: Ref, found: Json, cron: Json | None, name: str) -> None:
    """Creates it, unless an attempt before this one did."""
    again = Ref("job", name, ref.namespace)
    there = await kit.cluster.get(again)
    if there is None:
        await _nothing_runs(kit, ref, cron)
        source = mapping(found, "spec", "jobTemplate") if ref.kind == "cronjob" else found
        try:
            await kit.cluster.create("job", ref.namespace, _body(kit.key, ref, source, cron, name))
        except Conflict:
            there = await kit.cluster.get(again)
    if there is not None and note_of(there, RERUN_BY) != kit.key:
        raise Permanent(f"{again.text} is there and was made by somebody else")


async def _nothing_runs(kit: ActKit, ref: Ref, cron: Json | None) -> None:
    """Where runs may not overlap, none of them may be under way."""
    if cron is None or text(cron, "spec", "concurrencyPolicy") == "Allow":
        return
    for each in await kit.cluster.list("job", namespace=ref.namespace, most=5000):
        if (controller_of(each) or {}).get("uid") != uid_of(cron):
            continue
        if whole(each, "status", "active"):
            raise Permanent(f"{ref.text}: {text(each, 'metadata', 'name')} of it runs now")


def _body(key: str, ref: Ref, source: Json, cron: Json | None, name: str) -> dict[str, Any]:
    spec = {k: v for k, v in mapping(source, "spec").items() if k not in ("selector", "suspend")}
    spec.pop("manualSelector", None)
    spec.pop("ttlSecondsAfterFinished", None)
    template = mapping(spec, "template")
    meta = mapping(template, "metadata")
    labels = {k: v for k, v in mapping(meta, "labels").items() if k not in ADDED_LABELS}
    spec["template"] = {**template, "metadata": {**meta, "labels": labels}}
    own = mapping(source, "metadata")
    made: dict[str, Any] = {
        "name": name,
        "namespace": ref.namespace,
        "labels": {k: v for k, v in mapping(own, "labels").items() if k not in ADDED_LABELS},
        "annotations": {RERUN_BY: key, RERUN_OF: ref.name, MAY_RERUN: "true"},
    }
    if cron is not None:
        # As `kubectl create job --from` does it: the history limits of the CronJob hold for it.
        made["annotations"]["cronjob.kubernetes.io/instantiate"] = "manual"
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "controller": True}
        owner |= {"name": text(cron, "metadata", "name"), "uid": uid_of(cron)}
        made["ownerReferences"] = [owner]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": made, "spec": spec}


async def _clean_up_later(kit: ActKit, ref: Ref, found: Json, keep_seconds: float) -> None:
    """The cluster deletes it when that time is over; it counts from the end of the Job."""
    if whole(found, "spec", "ttlSecondsAfterFinished") is not None:
        return
    ended = moment(condition_of(found, "Failed"), "lastTransitionTime")
    now = kit.cluster.now()
    kept = int(max(0.0, now - (now if ended is None else ended)) + keep_seconds)
    body = merged(found, {"spec": {"ttlSecondsAfterFinished": kept}})
    await kit.cluster.patch(ref, body, how=How.MERGE)
