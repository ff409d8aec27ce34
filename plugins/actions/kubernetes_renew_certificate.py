"""Asks cert-manager to issue a certificate anew, now and not when it is due.

Not where the issuer is not ready, nor for certificates of nodes, which the kubelet renews itself.
The old certificate goes on to hold, so there is nothing to take back.

Probed: issuers count how often they are asked and refuse the rest of the week, so after a crash it
is looked at first. The number of the certificate's issue tells whether it happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Probed, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit, ReadKit
from agent.ports.plugin import Params, action


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
)
async def renew(kit: ActKit, params: Renew) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )


@renew.probe
async def happened(kit: ReadKit, params: Renew, key: str) -> Probed:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
