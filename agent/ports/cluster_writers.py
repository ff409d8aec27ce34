"""Who writes an object: people, deliveries, controllers, and repositories that keep it.

The API server records the field manager of every write. Tools of people go by the name of the tool
(`kubectl-edit`, `k9s`), so whoever is in no list is taken for a person: a doubtful writer holds the
agent back for a while, and the page says how to name it (settings `kubernetes.machines`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from agent.ports.cluster_objects import Kept, Writer, WrittenMeta, seconds

OURS = "homeostat"
IGNORE = "homeostat/ignore"
"""Annotation or label with `true`: the agent does nothing to the object."""
MACHINES = (
    OURS,
    "kube-*",
    "kubelet",
    "kwok*",
    "cloud-controller-manager",
    "cluster-autoscaler",
    "vpa-*",
    "helm",
    "Helm",
    "argocd*",
    "argo-rollouts*",
    "rollouts-controller",
    "rollout-controller",
    "kustomize-controller",
    "helm-controller",
    "source-controller",
    "flux*",
    "gotk-*",
    "Terraform",
    "terraform*",
    "pulumi*",
    "Pulumi*",
    "crossplane*",
    "spinnaker*",
    "*-operator",
    "*-controller",
    "*-controller-manager",
    "cert-manager*",
    "istio*",
)
"""Field managers of controllers and deliveries, as they are called where they are installed as
documented."""
NOT_DECLARED = frozenset({"status"})
"""Writes of these subresources change nothing that is declared."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    by: str
    at: float
    is_person: bool
    part: str = ""


class Gitops(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps an object as a repository declares it."""

    by: str
    """`argocd` or `flux`."""
    kind: str
    """`application`, `kustomization`, `helmrelease`."""
    name: str
    """Empty: not told."""
    namespace: str = ""


def is_person(manager: str, machines: Iterable[str] = ()) -> bool:
    return not any(fnmatchcase(manager, glob) for glob in (*MACHINES, *machines))


def edits(
    writers: Iterable[Writer], machines: Iterable[str] = (), *, since: float = 0.0
) -> tuple[Edit, ...]:
    """Changes of what is declared, newest first."""
    known = tuple(machines)
    found = [
        Edit(
            by=writer.manager,
            at=at,
            is_person=is_person(writer.manager, known),
            part=writer.subresource,
        )
        for writer in writers
        if writer.subresource not in NOT_DECLARED
        and (at := seconds(writer.time)) is not None
        and at >= since
    ]
    return tuple(sorted(found, key=lambda edit: -edit.at))


def edits_of(kept: Kept, machines: Iterable[str] = (), *, since: float = 0.0) -> tuple[Edit, ...]:
    meta = kept.thing.metadata
    writers = meta.managed_fields if isinstance(meta, WrittenMeta) else ()
    return edits(writers, machines, since=since)


def gitops_of(
    labels: Mapping[str, str], annotations: Mapping[str, str], managers: Iterable[str] = ()
) -> Gitops | None:
    """By the marks Argo CD and Flux put on what they keep; None: nothing keeps it. Argo CD's older
    mark (`app.kubernetes.io/instance`) is used by others too: it counts where Argo CD wrote the
    object."""
    for kind, group in (("kustomization", "kustomize"), ("helmrelease", "helm")):
        name = labels.get(f"{group}.toolkit.fluxcd.io/name")
        if name is not None:
            space = labels.get(f"{group}.toolkit.fluxcd.io/namespace", "")
            return Gitops(by="flux", kind=kind, name=name, namespace=space)
    tracked = annotations.get("argocd.argoproj.io/tracking-id")
    if tracked is not None:
        return _argo(tracked.partition(":")[0])
    named = labels.get("argocd.argoproj.io/instance")
    if named is not None:
        return _argo(named)
    written = set(managers)
    if any(fnmatchcase(manager, "argocd*") for manager in written):
        return _argo(labels.get("app.kubernetes.io/instance", ""))
    for manager, kind in (
        ("kustomize-controller", "kustomization"),
        ("helm-controller", "helmrelease"),
    ):
        if manager in written:
            return Gitops(by="flux", kind=kind, name="")
    return None


def _argo(name: str) -> Gitops:
    """Applications in other namespaces than Argo CD's own are named `NAMESPACE_NAME`."""
    space, _, short = name.rpartition("_")
    return Gitops(by="argocd", kind="application", name=short, namespace=space)


def gitops_owner(kept: Kept) -> Gitops | None:
    meta = kept.thing.metadata
    writers = meta.managed_fields if isinstance(meta, WrittenMeta) else ()
    return gitops_of(kept.labels, kept.annotations, (writer.manager for writer in writers))


def is_ignored(labels: Mapping[str, str], annotations: Mapping[str, str]) -> bool:
    """Its owners told the agent to keep off."""
    return "true" in (labels.get(IGNORE), annotations.get(IGNORE))
