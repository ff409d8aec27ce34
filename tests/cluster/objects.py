"""Objects of the tests' cluster, as dictionaries, and where each kind stands in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

KINDS = {
    # kind: (prefix of its path, plural, does it stand in a namespace)
    "Namespace": ("api/v1", "namespaces", False),
    "Node": ("api/v1", "nodes", False),
    "Pod": ("api/v1", "pods", True),
    "Event": ("api/v1", "events", True),
    "Service": ("api/v1", "services", True),
    "ConfigMap": ("api/v1", "configmaps", True),
    "Secret": ("api/v1", "secrets", True),
    "ServiceAccount": ("api/v1", "serviceaccounts", True),
    "ResourceQuota": ("api/v1", "resourcequotas", True),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims", True),
    "Deployment": ("apis/apps/v1", "deployments", True),
    "ReplicaSet": ("apis/apps/v1", "replicasets", True),
    "StatefulSet": ("apis/apps/v1", "statefulsets", True),
    "DaemonSet": ("apis/apps/v1", "daemonsets", True),
    "Job": ("apis/batch/v1", "jobs", True),
    "CronJob": ("apis/batch/v1", "cronjobs", True),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets", True),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers", True),
    "Role": ("apis/rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
    "ClusterRole": ("apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "CustomResourceDefinition": (
        "apis/apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        False,
    ),
}


def path_of(kind: str, namespace: str = "", name: str = "", *, sub: str = "") -> str:
    """`/apis/apps/v1/namespaces/shop/deployments/web/scale`. Without a name: the collection."""
    prefix, plural, is_namespaced = KINDS[kind]
    inside = f"namespaces/{namespace}/" if is_namespaced and namespace else ""
    path = f"/{prefix}/{inside}{plural}"
    if name:
        path += f"/{name}"
    return f"{path}/{sub}" if sub else path


def api_version(kind: str) -> str:
    return KINDS[kind][0].removeprefix("apis/").removeprefix("api/")


def of_kind(
    kind: str,
    name: str,
    *,
    namespace: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **rest: Any,
) -> Object:
    """Any object; `rest` are its other top keys (spec, data, rules, ...)."""
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version(kind), "kind": kind, "metadata": metadata, **rest}


def pod_spec(image: str = "shop:1", **more: Any) -> Object:
    """One container `app`. What becomes of it follows from the end of the image: stages.yaml."""
    return {"containers": [{"name": "app", "image": image}], **more}


def pod(
    name: str = "web",
    *,
    namespace: str,
    image: str = "shop:1",
    labels: Mapping[str, str] | None = None,
    **more: Any,
) -> Object:
    """`more` goes into its spec (nodeName, restartPolicy, ...)."""
    labels = labels or {"app": name}
    return of_kind("Pod", name, namespace=namespace, labels=labels, spec=pod_spec(image, **more))


def deployment(
    name: str = "web",
    *,
    namespace: str,
    image: str = "shop:1",
    replicas: int = 3,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **more: Any,
) -> Object:
    """`more` goes into its spec (minReadySeconds, progressDeadlineSeconds, ...)."""
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name, **(labels or {})}},
            "spec": pod_spec(image),
        },
        **more,
    }
    return of_kind(
        "Deployment", name, namespace=namespace, labels=labels, annotations=annotations, spec=spec
    )


def batch_run(
    name: str = "nightly",
    *,
    namespace: str,
    image: str = "shop:ok-job",
    backoff_limit: int = 0,
    **more: Any,
) -> Object:
    """A Job of one pod. `shop:failing-job` fails."""
    template = {"spec": pod_spec(image, restartPolicy="Never")}
    spec = {"backoffLimit": backoff_limit, "template": template, **more}
    return of_kind("Job", name, namespace=namespace, spec=spec)


def disruption_budget(
    name: str = "web", *, namespace: str, min_available: int | str, app: str | None = None
) -> Object:
    spec = {"minAvailable": min_available, "selector": {"matchLabels": {"app": app or name}}}
    return of_kind("PodDisruptionBudget", name, namespace=namespace, spec=spec)


def rule(groups: str, resources: str, verbs: str, *, names: str = "") -> Object:
    """A rule of a Role, as words: `rule("apps", "deployments deployments/scale", "get patch")`.

    The core group is `""`.
    """
    written: Object = {
        "apiGroups": groups.split() or [""],
        "resources": resources.split(),
        "verbs": verbs.split(),
    }
    return {**written, "resourceNames": names.split()} if names else written
