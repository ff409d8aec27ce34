"""Who owns an object: from the pod through its controllers to the workload and the entity.

It follows controller references only, never names. An object without a controller is its own.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


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
)
async def owner_chain(kit: ReadKit, params: Owned) -> OwnerChain:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
