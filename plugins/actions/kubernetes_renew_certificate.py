"""Asks cert-manager to issue a certificate anew, now and not when it is due.

Not where the issuer is not ready, nor for certificates of nodes, which the kubelet renews itself.
The old certificate goes on to hold, so there is nothing to take back.

Probed: issuers count how often they are asked and refuse the rest of the week, so after a crash it
is looked at first. The number of the certificate's issue tells whether it happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Probed, Reversal
from agent.model.errors import Permanent
from agent.model.product import Entity, Registry
from agent.ports.cluster import ClusterReader, Gone, How, Json
from agent.ports.cluster_acting import RENEWED_BY, judged, merged, note_of, rights_of
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_walking import holds, items, moment, whole
from agent.ports.kit import ActKit, ReadKit
from agent.ports.plugin import Params, action

CERTIFICATE = "certificate"
ISSUING = "Issuing"


class Renew(Params):
    target: str = Field(
        description="Certificate of the inventory, or a registered entity whose certificate it is."
    )


@action(
    name="kubernetes.renew_certificate",
    params=Renew,
    effect=Effect.PROBED,
    reversal=Reversal.NOTHING,
    availability=Availability.KEEPS,
    summary="Asks cert-manager to issue a certificate anew, now",
    needs="kubernetes",
    rights=(
        *rights_of((CERTIFICATE,), "get", "list", "patch"),
        Right(kind=CERTIFICATE, part="status", verbs=("patch",)),
    ),
)
async def renew(kit: ActKit, params: Renew) -> Mapping[str, Any]:
    ref = await _certificate(kit.cluster, kit.registry, params.target)

    async def act(found: Json) -> Mapping[str, Any]:
        if holds(found, ISSUING):
            return {"changed": False, "certificate": ref.text}
        # First who asks and at which issue; only then the wish, so that a probe can tell.
        mark = f"{kit.key} {whole(found, 'status', 'revision') or 0} {kit.cluster.now():.0f}"
        notes = merged(found, {"metadata": {"annotations": {RENEWED_BY: mark}}})
        marked = await kit.cluster.patch(ref, notes, how=How.MERGE)
        wish = {
            "type": ISSUING,
            "status": "True",
            "reason": "ManuallyTriggered",
            "message": "Certificate re-issuance manually triggered by Homeostat",
            "lastTransitionTime": _written(kit.cluster.now()),
            "observedGeneration": whole(found, "metadata", "generation"),
        }
        kept = [dict(c) for c in items(marked, "status", "conditions") if c.get("type") != ISSUING]
        body = merged(marked, {"status": {"conditions": [*kept, wish]}})
        await kit.cluster.patch(ref, body, how=How.MERGE, part="status")
        return {"changed": True, "certificate": ref.text}

    result = await judged(kit.cluster, ref, act)
    kit.log.info("renewal_asked", target=ref.text, changed=result["changed"])
    return result


@renew.probe
async def happened(kit: ReadKit, params: Renew, key: str) -> Probed:
    ref = await _certificate(kit.cluster, kit.registry, params.target)
    found = await kit.cluster.get(ref)
    if found is None:
        return Probed.UNCLEAR
    by, _, rest = note_of(found, RENEWED_BY).rpartition(" ")[0].rpartition(" ")
    if by != key or not rest.isdecimal():
        return Probed.NOT_HAPPENED
    asked_at = note_of(found, RENEWED_BY).rpartition(" ")[2]
    failed_at = moment(found, "status", "lastFailureTime")
    if holds(found, ISSUING) or (whole(found, "status", "revision") or 0) > int(rest):
        return Probed.HAPPENED
    if failed_at is not None and asked_at.isdecimal() and failed_at >= float(asked_at):
        return Probed.HAPPENED  # it was asked for, and could not be issued
    return Probed.NOT_HAPPENED


async def _certificate(cluster: ClusterReader, registry: Registry, target: str) -> Ref:
    """The one the target names; or the only one in the namespace where the entity runs."""
    entity = registry.entities.get(target)
    try:
        return await cluster.find(target, kinds=(CERTIFICATE,))
    except Gone:
        raise
    except Permanent:
        if entity is None:
            raise
    _alone(entity, registry)
    spaces = {place.namespace for place in entity.places if place.namespace}
    found = [
        Ref(CERTIFICATE, str(each["metadata"]["name"]), space)
        for space in sorted(spaces)
        for each in await cluster.list(CERTIFICATE, namespace=space)
    ]
    if len(found) != 1:
        names = ", ".join(each.text for each in found[:3]) or "none"
        raise Permanent(f"{target}: name its certificate; in its namespaces there are: {names}")
    return found[0]


def _alone(entity: Entity, registry: Registry) -> None:
    """Raises Permanent where another product runs in one of its namespaces: a certificate there may
    be that one's."""
    spaces = {place.namespace for place in entity.places if place.namespace}
    for other in registry.entities.values():
        if entity.product is not None and other.product == entity.product:
            continue
        if other.name != entity.name and spaces & {place.namespace for place in other.places}:
            raise Permanent(
                f"{entity.name}: name its certificate; in its namespace runs {other.name} of "
                f"{other.product or 'no product'} too"
            )


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
