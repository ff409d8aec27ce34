"""Who owns an object: from the pod through its controllers to the workload and the entity.

It follows controller references only, by UID and never by names. An object without a controller is
its own. Where the controller is gone, or of a kind that is not known here, the chain ends there and
the workload is unknown.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import ClusterReader, Json
from agent.ports.cluster_acting import controller_of
from agent.ports.cluster_kinds import BY_TITLE, WORKLOADS, Ref
from agent.ports.cluster_walking import text
from agent.ports.cluster_workloads import got, uid_of
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic

KINDS = ("pod", "replicaset", "job", "cronjob", *WORKLOADS)
OPTIONAL = ("cronjob", "rollout")
DEEPEST = 5


class Owned(Params):
    target: str = Field(description="Object of the inventory, as in `prod-a/pod/web-1`.")


class OwnerChain(Result):
    chain: list[str] | None = Field(
        default=None, description="Names in the inventory, from the object upwards."
    )
    workload: str | None = Field(default=None, description="The last of them.")
    workload_kind: str | None = Field(default=None, description="Its kind, as in `deployment`.")
    entity: str | None = Field(
        default=None,
        description="The registered entity it belongs to; left out where it belongs to none.",
    )


@diagnostic(
    name="kubernetes.owner_chain",
    params=Owned,
    result=OwnerChain,
    summary="From a pod to its workload and the registered entity it belongs to",
    needs="kubernetes",
    rights=tuple(Right(kind=kind, verbs=("get",), optional=kind in OPTIONAL) for kind in KINDS),
)
async def owner_chain(kit: ReadKit, params: Owned) -> OwnerChain:
    ref = await kit.cluster.find(params.target, kinds=KINDS)
    thing = await got(kit.cluster, ref)
    chain = [ref]
    while (owner := controller_of(thing)) is not None and len(chain) < DEEPEST:
        above = await _above(kit.cluster, ref, owner)
        if above is None:
            break
        ref, thing = above
        chain.append(ref)
    is_whole = controller_of(thing) is None
    entities = (kit.cluster.entity_of(each.text) for each in reversed(chain))
    return OwnerChain(
        chain=[each.text for each in chain],
        workload=ref.text if is_whole else None,
        workload_kind=ref.kind if is_whole else None,
        entity=next((entity for entity in entities if entity is not None), None),
    )


async def _above(cluster: ClusterReader, ref: Ref, owner: Json) -> tuple[Ref, Json] | None:
    """None: it is gone, another one has its name by now, or it is of a kind nobody knows here."""
    kind = BY_TITLE.get(text(owner, "kind", most=80))
    if kind is None or kind.word not in KINDS:
        return None
    if text(owner, "apiVersion").partition("/")[0] != kind.api_version.partition("/")[0]:
        return None
    above = Ref(kind.word, text(owner, "name"), ref.namespace)
    found = await cluster.get(above)
    uid = text(owner, "uid", most=100)
    return (above, found) if found is not None and uid and uid_of(found) == uid else None
