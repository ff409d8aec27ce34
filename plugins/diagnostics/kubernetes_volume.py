"""The volume behind a claim, or the fullest one of a workload: how full, and whether it can grow.

`next_bytes` is a quarter more than the capacity, rounded up to whole GiB, for
`kubernetes.expand_volume`: an absolute size, so that doing it twice grows it once. It is left out
where that would be more than the quota or the class of the storage allows. A workload without a
volume has `bound: false`, and nothing else is known.

How full it is comes from Prometheus, by what kubelets tell of their volumes: the API server does
not know it. Of several volumes the fullest is unknown without it. A pace is told where Prometheus
remembers the whole hour, and compared where it remembers the day. Without the right to read its
class (or a quota) it is unknown whether it can grow (or to what).
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from agent.model.cluster import Right
from agent.model.errors import Permanent
from agent.ports.cluster import Gone, Json
from agent.ports.cluster_kinds import Ref, ref_of
from agent.ports.cluster_questions import (
    GETS_WORKLOADS,
    LISTS_PODS,
    got_if_may,
    listed_if_may,
    number,
    series,
    workload,
)
from agent.ports.cluster_quotas import storage_left
from agent.ports.cluster_storage import (
    MOST_CLAIMS,
    ClaimSeen,
    claim_seen,
    claims_declared,
    claims_used,
    is_mounted,
    next_bytes,
)
from agent.ports.cluster_walking import ago, span, walk
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

CLAIM = "persistentvolumeclaim"
USED = "max(kubelet_volume_stats_used_bytesCLAIM / kubelet_volume_stats_capacity_bytesCLAIM)"
INODES = "max(kubelet_volume_stats_inodes_usedCLAIM / kubelet_volume_stats_inodesCLAIM)"
FULL_IN = (
    "min((kubelet_volume_stats_available_bytesCLAIM "
    "/ (deriv(kubelet_volume_stats_used_bytesCLAIM[1h]) > 0)) "
    "and kubelet_volume_stats_used_bytesCLAIM offset 1h)"
)
IS_NEW = (
    "max((deriv(kubelet_volume_stats_used_bytesCLAIM[1h]) "
    "> bool 2 * clamp_min(deriv(kubelet_volume_stats_used_bytesCLAIM[1d]), 0)) "
    "and kubelet_volume_stats_used_bytesCLAIM offset 1d)"
)


class Volume(Params):
    target: str = Field(
        description=(
            "Claim or workload of the inventory, or a registered entity that is one workload."
        ),
    )


class VolumeState(Result):
    claim: str | None = Field(default=None, description="Name of the claim in the inventory.")
    phase: str | None = Field(default=None, description="`Bound`, `Pending`, `Lost`, ...")
    bound: bool | None = Field(default=None, description="The claim has its volume.")
    pending_for: Span | None = Field(
        default=None, description="How long it has waited for one; left out where it is bound."
    )
    mounted: bool | None = Field(default=None, description="A pod that runs uses it.")
    storage_class: str | None = Field(default=None, description="Class of the storage.")
    expandable: bool | None = Field(
        default=None, description="That class lets volumes grow while they are in use."
    )
    resizing: bool | None = Field(default=None, description="It is growing now.")
    capacity_bytes: int | None = Field(default=None, description="Its size.")
    next_bytes: int | None = Field(default=None, description="The next size to grow to.")
    used: float | None = Field(default=None, description="Share of its space that is used.")
    inodes_used: float | None = Field(default=None, description="Share of its inodes that is used.")
    full_in: Span | None = Field(
        default=None,
        description="When it is full at the pace of the last hour; left out: not growing.",
    )
    growth_is_new: bool | None = Field(
        default=None,
        description="The pace of the last hour is more than twice that of the last day.",
    )


@diagnostic(
    name="kubernetes.volume",
    params=Volume,
    result=VolumeState,
    summary="A volume: how full, how soon full, and whether it can grow",
    needs="kubernetes",
    rights=(
        *GETS_WORKLOADS,
        LISTS_PODS,
        Right(kind=CLAIM, verbs=("get",)),
        Right(kind="resourcequota", verbs=("list",), optional=True),
        Right(kind="storageclass", verbs=("get",), optional=True),
    ),
)
async def volume(kit: ReadKit, params: Volume) -> VolumeState:
    named = ref_of(params.target)
    if named is not None and named.kind == CLAIM:
        claim = await kit.cluster.get(named)
        if claim is None:
            raise Gone(f"{params.target} is not there")
        pods = await kit.cluster.list("pod", namespace=named.namespace, most=5000)
        return await _state(kit, named, claim_seen(claim), is_mounted(pods, named.name))
    found = await workload(kit.cluster, params.target)
    pods = await found.pods(kit.cluster)
    names = [*claims_declared(found.thing, found.ref.name)]
    names += [name for pod in pods for name in claims_used(pod)]
    claims = await _claims(kit, found.ref.namespace, list(dict.fromkeys(names)))
    if not claims:
        # A claim that is declared and not there yet keeps no data either.
        return VolumeState(bound=False)
    ref = await _fullest(kit, claims)
    if ref is None:
        return VolumeState(bound=True)
    return await _state(kit, ref, claims[ref], is_mounted(pods, ref.name))


async def _claims(kit: ReadKit, namespace: str, names: list[str]) -> dict[Ref, ClaimSeen]:
    if len(names) > MOST_CLAIMS:
        raise Permanent(f"more than {MOST_CLAIMS} claims: name the one that is meant")
    found = {}
    for name in names:
        ref = Ref(CLAIM, name, namespace)
        claim = await kit.cluster.get(ref)
        if claim is not None:
            found[ref] = claim_seen(claim)
    return found


async def _fullest(kit: ReadKit, claims: Mapping[Ref, ClaimSeen]) -> Ref | None:
    """Among those that have their volume, if any has: there is where data is kept. None: which is
    the fullest is not known."""
    bound = sorted(ref for ref, claim in claims.items() if claim.is_bound)
    if not bound:
        return min(claims)
    if len(bound) == 1:
        return bound[0]
    shares = {ref: await number(kit, _used(ref)) for ref in bound}
    if any(share is None for share in shares.values()):
        return None
    return max(bound, key=lambda ref: shares[ref] or 0.0)


async def _state(kit: ReadKit, ref: Ref, claim: ClaimSeen, mounted: bool) -> VolumeState:
    expandable = await _expandable(kit, claim.storage_class)
    quotas = await listed_if_may(kit.cluster, "resourcequota", namespace=ref.namespace)
    left = None if quotas is None else storage_left(quotas, claim.storage_class)
    full = await number(kit, FULL_IN.replace("CLAIM", _of(ref)))
    news = await number(kit, IS_NEW.replace("CLAIM", _of(ref)))
    now = kit.cluster.now()
    return VolumeState(
        claim=ref.text,
        phase=claim.phase or None,
        bound=claim.is_bound,
        pending_for=ago(now, claim.made_at) if claim.phase == "Pending" else None,
        mounted=mounted,
        storage_class=claim.storage_class or None,
        expandable=expandable,
        resizing=claim.is_resizing,
        capacity_bytes=claim.capacity_bytes,
        next_bytes=next_bytes(claim, left=left, expandable=expandable),
        used=await number(kit, _used(ref)),
        inodes_used=await number(kit, INODES.replace("CLAIM", _of(ref))),
        full_in=None if full is None else span(full),
        growth_is_new=None if news is None else news > 0.0,
    )


async def _expandable(kit: ReadKit, storage_class: str) -> bool | None:
    if not storage_class:
        return False  # made by hand: nothing makes it larger
    found: Json | None = await got_if_may(kit.cluster, Ref("storageclass", storage_class))
    return None if found is None else walk(found, "allowVolumeExpansion") is True


def _of(ref: Ref) -> str:
    return series("", namespace=ref.namespace, persistentvolumeclaim=ref.name)


def _used(ref: Ref) -> str:
    return USED.replace("CLAIM", _of(ref))
