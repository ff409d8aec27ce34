"""Kinds of Kubernetes objects by the word they go by here, and how objects are named.

An object of the inventory is named `NAMESPACE/KIND/NAME`, one without a namespace `KIND/NAME`: that
is the target of what is done to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_letters, digits
from types import MappingProxyType
from typing import NamedTuple

import msgspec


class Kind(NamedTuple):
    word: str
    group: str
    """Empty: the core of the API."""
    version: str
    plural: str
    title: str
    """As in `kind:` of a manifest."""
    is_namespaced: bool = True

    @property
    def resource(self) -> str:
        """As RBAC and people write it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


_ALL = (
    Kind("pod", "", "v1", "pods", "Pod"),
    Kind("deployment", "apps", "v1", "deployments", "Deployment"),
    Kind("replicaset", "apps", "v1", "replicasets", "ReplicaSet"),
    Kind("statefulset", "apps", "v1", "statefulsets", "StatefulSet"),
    Kind("daemonset", "apps", "v1", "daemonsets", "DaemonSet"),
    Kind("controllerrevision", "apps", "v1", "controllerrevisions", "ControllerRevision"),
    Kind("job", "batch", "v1", "jobs", "Job"),
    Kind("cronjob", "batch", "v1", "cronjobs", "CronJob"),
    Kind("node", "", "v1", "nodes", "Node", False),
    Kind("event", "", "v1", "events", "Event"),
    Kind("service", "", "v1", "services", "Service"),
    Kind("endpointslice", "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Kind("configmap", "", "v1", "configmaps", "ConfigMap"),
    Kind("secret", "", "v1", "secrets", "Secret"),
    Kind("resourcequota", "", "v1", "resourcequotas", "ResourceQuota"),
    Kind("persistentvolumeclaim", "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    Kind("storageclass", "storage.k8s.io", "v1", "storageclasses", "StorageClass", False),
    Kind(
        "horizontalpodautoscaler",
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
    ),
    Kind("poddisruptionbudget", "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Kind("lease", "coordination.k8s.io", "v1", "leases", "Lease"),
    Kind("apiservice", "apiregistration.k8s.io", "v1", "apiservices", "APIService", False),
    Kind("podmetrics", "metrics.k8s.io", "v1beta1", "pods", "PodMetrics"),
    Kind("rollout", "argoproj.io", "v1alpha1", "rollouts", "Rollout"),
    Kind("application", "argoproj.io", "v1alpha1", "applications", "Application"),
    Kind(
        "kustomization",
        "kustomize.toolkit.fluxcd.io",
        "v1",
        "kustomizations",
        "Kustomization",
    ),
    Kind("helmrelease", "helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease"),
    Kind("certificate", "cert-manager.io", "v1", "certificates", "Certificate"),
    Kind("issuer", "cert-manager.io", "v1", "issuers", "Issuer"),
    Kind("clusterissuer", "cert-manager.io", "v1", "clusterissuers", "ClusterIssuer", False),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.word: kind for kind in _ALL})
BY_TITLE: Mapping[str, Kind] = MappingProxyType({kind.title: kind for kind in _ALL})
WORKLOADS = ("deployment", "statefulset", "daemonset", "rollout")
"""Kinds that keep a number of pods and roll out what is declared."""


class Ref(msgspec.Struct, frozen=True, order=True):
    """Names one object."""

    kind: str
    name: str
    namespace: str = ""

    @property
    def text(self) -> str:
        """Its name in the inventory."""
        if not self.namespace:
            return f"{self.kind}/{self.name}"
        return f"{self.namespace}/{self.kind}/{self.name}"


def ref_of(text: str) -> Ref | None:
    """The object of that name of the inventory; None where it is no such name."""
    parts = text.split("/")
    if not all(parts):
        return None
    if len(parts) == 3 and parts[1] in KINDS and KINDS[parts[1]].is_namespaced:
        return Ref(parts[1], parts[2], parts[0])
    if len(parts) == 2 and parts[0] in KINDS and not KINDS[parts[0]].is_namespaced:
        return Ref(parts[0], parts[1])
    return None


_PLAIN = frozenset(ascii_letters + digits + "-._:")


def path_of(kind: str, namespace: str = "", name: str = "", part: str = "") -> str:
    """Where the API server serves it. Every name is quoted: none can lead anywhere else."""
    known = KINDS[kind]
    root = f"/apis/{known.group}/{known.version}" if known.group else f"/api/{known.version}"
    steps = [root]
    if namespace:
        steps.append(f"namespaces/{_quoted(namespace)}")
    steps.append(known.plural)
    if name:
        steps.append(_quoted(name))
    if part:
        steps.append(part)
    return "/".join(steps)


def _quoted(name: str) -> str:
    # A dot segment would survive quoting, and no object can be called that.
    if name in (".", ".."):
        return "%2E"
    return "".join(chr(b) if chr(b) in _PLAIN else f"%{b:02X}" for b in name.encode())
