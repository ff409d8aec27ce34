"""Whether an object is kept as it stands in a repository, by Argo CD or Flux.

What is declared there wins: a remedy that writes such an object is undone minutes later, or fights.
Restarts and evictions change nothing that is declared and are free of this.

It is known by the marks and field managers of the object itself. Whether it is in sync stands in
the Application, Kustomization or HelmRelease that keeps it: unknown where that may not be read. An
Application that does not say in which namespace it is, is looked for in `argocd`.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import ClusterReader, Gone
from agent.ports.cluster_acting import words
from agent.ports.cluster_edits import writers_of
from agent.ports.cluster_gitops import state_of
from agent.ports.cluster_kinds import WORKLOADS, Ref, ref_of
from agent.ports.cluster_questions import got_if_may
from agent.ports.cluster_workloads import GETS_WORKLOADS, got
from agent.ports.cluster_writers import Gitops, gitops_of, gitops_owner
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic

KEEPERS = ("application", "kustomization", "helmrelease")
ARGO_NAMESPACE = "argocd"


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
    rights=(
        *GETS_WORKLOADS,
        *(Right(kind=kind, verbs=("get",), optional=True) for kind in KEEPERS),
    ),
)
async def read_owner(kit: ReadKit, params: Synced) -> GitopsOwner:
    ref = ref_of(params.target) or await kit.cluster.find(params.target)
    keeper = await _keeper(kit.cluster, ref)
    if keeper is None:
        return GitopsOwner(owned=False)
    name = f"{keeper.namespace}/{keeper.name}" if keeper.namespace else keeper.name
    if not keeper.name:
        return GitopsOwner(owned=True, by=keeper.by)
    space = keeper.namespace or (ARGO_NAMESPACE if keeper.by == "argocd" else ref.namespace)
    found = await got_if_may(kit.cluster, Ref(keeper.kind, keeper.name, space))
    state = state_of(keeper.kind, found, ref) if found is not None else None
    return GitopsOwner(
        owned=True,
        by=keeper.by,
        application=name,
        in_sync=state.in_sync if state is not None else None,
        syncs_itself=state.syncs_itself if state is not None else None,
    )


async def _keeper(cluster: ClusterReader, ref: Ref) -> Gitops | None:
    if ref.kind in WORKLOADS:
        thing = await got(cluster, ref)
        managers = (writer.manager for writer in writers_of(thing))
        return gitops_of(words(thing, "labels"), words(thing, "annotations"), managers)
    kept = cluster.kept(ref.text)
    if kept is None:
        raise Gone(f"{ref.text} is not there, or not watched")
    return gitops_owner(kept)
