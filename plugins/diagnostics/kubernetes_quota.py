"""How much of a namespace's quota is used, and whether anything was refused for it.

A quota that is full hurts nobody as long as nobody asks for more: what was refused is what counts.
It is read from events, which are kept for an hour.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import Gone
from agent.ports.cluster_quotas import (
    Refusals,
    fullest,
    lacks,
    lacks_by_condition,
    named,
    refusals,
)
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


class Quotas(Params):
    namespace: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="The namespace."
    )
    name: str | None = Field(
        default=None, description="One quota; all of the namespace where absent."
    )


class Quota(Result):
    used: float | None = Field(
        default=None, description="Share of the fullest resource that is used: 1.0 is full."
    )
    resource: str | None = Field(
        default=None, description="The fullest resource, as in `requests.cpu`."
    )
    refused: int | None = Field(
        default=None, description="Creations refused for a quota within the last hour."
    )
    short: int | None = Field(
        default=None, description="Replicas that workloads of the namespace lack because of it."
    )


@diagnostic(
    name="kubernetes.quota",
    params=Quotas,
    result=Quota,
    summary="How full the quota of a namespace is, and what was refused for it",
    needs="kubernetes",
    rights=(
        Right(kind="resourcequota", verbs=("list",)),
        Right(kind="event", verbs=("list",)),
        Right(kind="replicaset", verbs=("list",)),
        Right(kind="statefulset", verbs=("get",), any_name=True),
        Right(kind="daemonset", verbs=("get",), any_name=True),
    ),
)
async def quota(kit: ReadKit, params: Quotas) -> Quota:
    space = params.namespace
    quotas = named(await kit.cluster.list("resourcequota", namespace=space), params.name)
    if params.name is not None and not quotas:
        raise Gone(f"{space} has no quota {params.name[:80]!r}")
    full = fullest(quotas)
    events = await kit.cluster.list(
        "event", namespace=space, fields="reason=FailedCreate", most=5000
    )
    found = refusals(events, kit.cluster.now(), quota=params.name)
    return Quota(
        used=full.used,
        resource=full.resource,
        refused=found.count,
        short=await _short(kit, params, found),
    )


async def _short(kit: ReadKit, params: Quotas, found: Refusals) -> int | None:
    """Replica sets say it themselves; of the others it is those whose pods were refused and that
    still have too few."""
    sets = await kit.cluster.list("replicaset", namespace=params.namespace, most=5000)
    short = lacks_by_condition(sets, quota=params.name)
    for ref in sorted(found.of):
        if ref.kind not in ("statefulset", "daemonset"):
            continue
        lacking = await kit.cluster.get(ref)
        if lacking is None:
            continue  # it is gone, and lacks nothing any more
        told = lacks(lacking)
        if told is None:
            return None
        short += told
    return short
