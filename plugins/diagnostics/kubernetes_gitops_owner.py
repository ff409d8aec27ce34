"""Whether an object is kept as it stands in a repository, by Argo CD or Flux.

What is declared there wins: a remedy that writes such an object is undone minutes later, or fights.
Restarts and evictions change nothing that is declared and are free of this.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


class Synced(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )


class GitopsOwner(Result):
    owned: bool | None = Field(default=None, description="Something keeps it as declared.")
    by: str | None = Field(
        default=None, description="`argocd` or `flux`; left out where nothing does."
    )
    application: str | None = Field(
        default=None, description="Name of the application or Kustomization."
    )
    in_sync: bool | None = Field(default=None, description="It is as declared now.")
    syncs_itself: bool | None = Field(
        default=None, description="A difference is taken back without a person."
    )


@diagnostic(
    name="kubernetes.gitops_owner",
    params=Synced,
    result=GitopsOwner,
    summary="Whether Argo CD or Flux keeps an object as a repository declares it",
    needs="kubernetes",
)
async def gitops_owner(kit: ReadKit, params: Synced) -> GitopsOwner:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
