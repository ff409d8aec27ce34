"""What both sources of a cluster's alerts are told by the settings: they have to tell the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, get_args

from pydantic import Field

from agent.ports.cluster_troubles import Limits
from agent.ports.plugin import Params
from agent.ports.span import Span

# Spelled out for the schema of the settings; a test compares it with ALERTS of cluster_troubles.
AlertName = Literal[
    "KubePodCrashLooping",
    "KubeContainerOOMKilled",
    "KubePodImagePullBackOff",
    "KubeContainerWaiting",
    "KubePodPending",
    "KubePodNotReady",
    "KubeJobFailed",
    "KubeDeploymentRolloutStuck",
    "KubeDeploymentReplicasMismatch",
    "KubeStatefulSetReplicasMismatch",
    "KubeDaemonSetNotReady",
    "KubeNodeNotReady",
    "KubeNodePressure",
    "KubeNodeNetworkUnavailable",
]


class ClusterAlerts(Params):
    """Written for one of the two, it is meant for both (catalog/settings.py)."""

    alerts: tuple[AlertName, ...] = Field(
        default=get_args(AlertName),
        description="alerts that are told; leave out what your Prometheus tells of already",
    )
    strangers: bool = Field(
        default=False, description="tell also of what belongs to no registered product"
    )
    pending: Span = Field(
        default=timedelta(minutes=5), description="how long a pod may wait for a node"
    )
    not_ready: Span = Field(
        default=timedelta(minutes=15), description="how long a pod may be not ready"
    )
    short: Span = Field(
        default=timedelta(minutes=15),
        description="how long a workload may lack pods while nothing moves",
    )
    node: Span = Field(default=timedelta(minutes=1), description="how long a node may be not well")

    @property
    def limits(self) -> Limits:
        return Limits(
            alerts=frozenset(self.alerts),
            pending=self.pending.total_seconds(),
            not_ready=self.not_ready.total_seconds(),
            short=self.short.total_seconds(),
            node=self.node.total_seconds(),
        )
