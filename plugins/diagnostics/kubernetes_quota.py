"""How much of a namespace's quota is used, and whether anything was refused for it.

A quota that is full hurts nobody as long as nobody asks for more: what was refused is what counts.
It is read from events, which are kept for an hour.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
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
)
async def quota(kit: ReadKit, params: Quotas) -> Quota:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
