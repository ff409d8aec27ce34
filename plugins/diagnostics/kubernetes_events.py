"""What the cluster itself told of an object: warnings, their reasons, and the last of them.

Warnings about what a workload made, its replica sets and pods, count with its own, as far as those
are watched and still there. Events are kept for an hour and dropped under load, so that none is no
proof of health.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.cluster import Right
from agent.model.errors import Permanent
from agent.ports.cluster import ClusterReader, Json, RightsMissing
from agent.ports.cluster_events import NODE_NAMESPACE, events_about, reasons_of
from agent.ports.cluster_kinds import KINDS, Ref, ref_of
from agent.ports.cluster_walking import ago
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

MOST = 5000


class Events(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )
    since: Span = Field(default=timedelta(hours=1), description="How far back they count.")


class Told(Result):
    warnings: int | None = Field(default=None, description="How many warnings, repeats counted.")
    reasons: list[str] | None = Field(
        default=None,
        description="Their reasons, most frequent first: `FailedMount`, `BackOff`, ...",
    )
    last: str | None = Field(
        default=None, description="Reason and text of the last warning, bounded and cleaned."
    )
    last_ago: Span | None = Field(default=None, description="How long ago that was.")


@diagnostic(
    name="kubernetes.events",
    params=Events,
    result=Told,
    summary="Warnings of the cluster about an object, and the last of them",
    needs="kubernetes",
    rights=(Right(kind="event", verbs=("list",)),),
)
async def events(kit: ReadKit, params: Events) -> Told:
    ref = ref_of(params.target) or await kit.cluster.find(params.target)
    now = kit.cluster.now()
    since = now - params.since.total_seconds()
    found = await _warnings(kit.cluster, ref)
    told = events_about(found, _objects(kit.cluster, ref), since=since)
    last = told[-1] if told else None
    return Told(
        warnings=sum(event.times for event in told),
        reasons=list(reasons_of(told)),
        last=last.text if last is not None else "",
        last_ago=ago(now, last.at) if last is not None else None,
    )


async def _warnings(cluster: ClusterReader, ref: Ref) -> tuple[Json, ...]:
    """All of the namespace are asked for, since what a workload made has many names; where those
    are too many, only those about itself."""
    namespace = ref.namespace if KINDS[ref.kind].is_namespaced else NODE_NAMESPACE
    itself = f"type=Warning,involvedObject.name={ref.name}"
    if ref.kind in ("pod", "node"):
        return await cluster.list("event", namespace=namespace, fields=itself, most=MOST)
    try:
        return await cluster.list("event", namespace=namespace, fields="type=Warning", most=MOST)
    except RightsMissing:
        raise
    except Permanent:
        return await cluster.list("event", namespace=namespace, fields=itself, most=MOST)


def _objects(cluster: ClusterReader, ref: Ref) -> list[tuple[Ref, str]]:
    kept = cluster.kept(ref.text)
    found = [(ref, kept.thing.metadata.uid if kept is not None else "")]
    found += [(each.ref, each.thing.metadata.uid) for each in cluster.made_by(ref.text)]
    return found
