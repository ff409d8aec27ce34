"""Kubernetes objects as the watch keeps them: only the fields that are read here, decoded straight
from the wire. Thousands of pods are held as these; whoever needs more of one object gets it anew.

Names and meanings are those of the Kubernetes API (`spec`, `status`, conditions).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from agent.ports.cluster_kinds import Ref

NOTHING: Mapping[str, str] = {}


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Unknown fields are passed over: a newer API server may say more. Nothing here can hold
    itself, so the garbage collector need not look at hundreds of thousands of them."""


class Owner(Wire, frozen=True, kw_only=True):
    kind: str
    """As in a manifest: `ReplicaSet`."""
    name: str
    uid: str = ""
    controller: bool = False


class Writer(Wire, frozen=True, kw_only=True):
    """One entry of `managedFields`: who wrote some of its fields last, and when."""

    manager: str = ""
    operation: str = ""
    time: datetime | None = None
    subresource: str = ""


class Meta(Wire, frozen=True, kw_only=True):
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    owner_references: tuple[Owner, ...] = ()


class WrittenMeta(Meta, frozen=True, kw_only=True):
    """Of what people and delivery tools declare."""

    annotations: dict[str, str] = {}
    managed_fields: tuple[Writer, ...] = ()


class Condition(Wire, frozen=True, kw_only=True):
    type: str
    status: str = "Unknown"
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None
    last_update_time: datetime | None = None


class Container(Wire, frozen=True, kw_only=True):
    name: str
    image: str = ""


class Waiting(Wire, frozen=True, kw_only=True):
    reason: str = ""
    message: str = ""


class Running(Wire, frozen=True, kw_only=True):
    started_at: datetime | None = None


class Terminated(Wire, frozen=True, kw_only=True):
    exit_code: int = 0
    reason: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(Wire, frozen=True, kw_only=True):
    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Wire, frozen=True, kw_only=True):
    name: str
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodSpec(Wire, frozen=True, kw_only=True):
    node_name: str = ""


class PodState(Wire, frozen=True, kw_only=True):
    phase: str = ""
    reason: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    start_time: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Wire, frozen=True, kw_only=True):
    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodState = PodState()


class TemplateSpec(Wire, frozen=True, kw_only=True):
    containers: tuple[Container, ...] = ()


class Template(Wire, frozen=True, kw_only=True):
    spec: TemplateSpec = TemplateSpec()


class Selector(Wire, frozen=True, kw_only=True):
    match_labels: dict[str, str] = {}


class WorkloadSpec(Wire, frozen=True, kw_only=True):
    replicas: int | None = None
    paused: bool = False
    selector: Selector = Selector()
    template: Template = Template()


class WorkloadState(Wire, frozen=True, kw_only=True):
    """Counts of a Deployment, ReplicaSet or StatefulSet; those of a DaemonSet go by other names."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    conditions: tuple[Condition, ...] = ()
    current_revision: str = ""
    update_revision: str = ""
    desired_number_scheduled: int | None = None
    number_ready: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    number_misscheduled: int = 0


class Workload(Wire, frozen=True, kw_only=True):
    metadata: WrittenMeta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadState = WorkloadState()


class BatchSpec(Wire, frozen=True, kw_only=True):
    suspend: bool = False
    backoff_limit: int = 6


class BatchState(Wire, frozen=True, kw_only=True):
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: tuple[Condition, ...] = ()


class Batch(Wire, frozen=True, kw_only=True):
    """A Job."""

    metadata: WrittenMeta
    spec: BatchSpec = BatchSpec()
    status: BatchState = BatchState()


class CronSpec(Wire, frozen=True, kw_only=True):
    suspend: bool = False
    schedule: str = ""


class Named(Wire, frozen=True, kw_only=True):
    kind: str = ""
    name: str = ""


class CronState(Wire, frozen=True, kw_only=True):
    active: tuple[Named, ...] = ()
    last_schedule_time: datetime | None = None
    last_successful_time: datetime | None = None


class Cron(Wire, frozen=True, kw_only=True):
    """A CronJob."""

    metadata: WrittenMeta
    spec: CronSpec = CronSpec()
    status: CronState = CronState()


class NodeSpec(Wire, frozen=True, kw_only=True):
    unschedulable: bool = False


class Address(Wire, frozen=True, kw_only=True):
    type: str = ""
    address: str = ""


class NodeInfo(Wire, frozen=True, kw_only=True):
    kubelet_version: str = ""


class NodeState(Wire, frozen=True, kw_only=True):
    conditions: tuple[Condition, ...] = ()
    addresses: tuple[Address, ...] = ()
    node_info: NodeInfo = NodeInfo()


class Node(Wire, frozen=True, kw_only=True):
    metadata: WrittenMeta
    spec: NodeSpec = NodeSpec()
    status: NodeState = NodeState()


class ScalerSpec(Wire, frozen=True, kw_only=True):
    min_replicas: int = 1
    max_replicas: int = 0
    scale_target_ref: Named = Named()


class ScalerState(Wire, frozen=True, kw_only=True):
    current_replicas: int = 0
    desired_replicas: int = 0


class Scaler(Wire, frozen=True, kw_only=True):
    """A HorizontalPodAutoscaler."""

    metadata: WrittenMeta
    spec: ScalerSpec = ScalerSpec()
    status: ScalerState = ScalerState()


class ClaimSpec(Wire, frozen=True, kw_only=True):
    storage_class_name: str = ""
    volume_name: str = ""


class ClaimState(Wire, frozen=True, kw_only=True):
    phase: str = ""
    capacity: dict[str, str] = {}


class Claim(Wire, frozen=True, kw_only=True):
    """A PersistentVolumeClaim."""

    metadata: WrittenMeta
    spec: ClaimSpec = ClaimSpec()
    status: ClaimState = ClaimState()


Thing = Pod | Workload | Batch | Cron | Node | Scaler | Claim

SHAPES: Mapping[str, type[Thing]] = {
    "pod": Pod,
    "deployment": Workload,
    "replicaset": Workload,
    "statefulset": Workload,
    "daemonset": Workload,
    "job": Batch,
    "cronjob": Cron,
    "node": Node,
    "horizontalpodautoscaler": Scaler,
    "persistentvolumeclaim": Claim,
}
"""Kinds that are watched, with what is kept of each."""


class Kept(msgspec.Struct, frozen=True, gc=False):
    """An object as it was seen last."""

    ref: Ref
    thing: Thing
    template: str = ""
    """Of a workload: equal where it makes equal pods (ports/cluster_templates.py)."""

    @property
    def name(self) -> str:
        """Its name in the inventory."""
        return self.ref.text

    @property
    def version(self) -> str:
        return self.thing.metadata.resource_version

    @property
    def labels(self) -> Mapping[str, str]:
        return self.thing.metadata.labels

    @property
    def annotations(self) -> Mapping[str, str]:
        meta = self.thing.metadata
        return meta.annotations if isinstance(meta, WrittenMeta) else NOTHING

    @property
    def controller(self) -> Owner | None:
        """What made it and would make it again."""
        return next((o for o in self.thing.metadata.owner_references if o.controller), None)


def condition(conditions: tuple[Condition, ...], kind: str) -> Condition | None:
    return next((c for c in conditions if c.type == kind), None)


def seconds(moment: datetime | None) -> float | None:
    """As seconds since the epoch."""
    if moment is None:
        return None
    # The API writes all its times with a zone.
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
