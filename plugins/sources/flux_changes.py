"""Events of Flux, as its notification-controller posts them (`generic` and `generic-hmac`).

What a Kustomization or a HelmRelease puts in place is a release of `NAMESPACE/NAME`: of the entity
NAME, or of whoever declares that (core/changed.py). Other objects, as sources, change nothing that
runs. An error is a release that failed, but for one that only waits for another.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.model.alert import Change, Signal
from agent.model.errors import Unparseable
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.change_words import is_elsewhere, short
from agent.ports.plugin import push_source
from agent.ports.wire import Moment, moment, read

KINDS = frozenset({"Kustomization", "HelmRelease"})
WAITS = frozenset({"DependencyNotReady"})
PHASES = {
    "Progressing": ChangePhase.STARTED,
    "ReconciliationSucceeded": ChangePhase.DONE,
    "InstallSucceeded": ChangePhase.DONE,
    "UpgradeSucceeded": ChangePhase.DONE,
    "UninstallSucceeded": ChangePhase.DONE,
    "RollbackSucceeded": ChangePhase.ROLLED_BACK,
}


class Involved(msgspec.Struct, kw_only=True):
    kind: str
    name: str
    namespace: str = ""


class FluxEvent(msgspec.Struct, kw_only=True, rename="camel"):
    involved_object: Involved
    severity: str = "info"
    reason: str = ""
    message: str = ""
    metadata: dict[str, str] | None = None
    reporting_controller: str = ""
    timestamp: Moment | None = None


EVENTS = msgspec.json.Decoder(FluxEvent)


@push_source(
    name="flux",
    path="/webhook/changes/flux",
    summary="Flux notification-controller: what Kustomizations and HelmReleases put in place",
    signature="x-signature",
)
def receive(body: bytes) -> Sequence[Signal]:
    told = read(EVENTS, body)
    involved = told.involved_object
    if not involved.name:
        raise Unparseable("must not be empty", where="$.involvedObject.name")
    phase = _phase(told)
    if phase is None or involved.kind not in KINDS:
        return []
    name = f"{involved.namespace}/{involved.name}" if involved.namespace else involved.name
    change = Change(
        product="",
        entity=name,
        what=f"{involved.kind} {told.reason}: {short(told.message)}",
        by=told.reporting_controller or "flux",
        kind=ChangeKind.RELEASE,
        version=_revision(told.metadata or {}),
        phase=phase,
        sent_at=moment(told.timestamp),
        id=f"flux:{name}:{told.timestamp.isoformat()}" if told.timestamp is not None else "",
        is_elsewhere=is_elsewhere(involved.namespace),
    )
    return [change]


def _phase(told: FluxEvent) -> ChangePhase | None:
    if told.severity == "error":
        return None if told.reason in WAITS else ChangePhase.FAILED
    return PHASES.get(told.reason)


def _revision(metadata: dict[str, str]) -> str:
    """`revision`, with or without the group of its object before it."""
    keys = (key for key in metadata if key == "revision" or key.endswith("/revision"))
    return short(metadata.get(min(keys, default=""), ""))
