"""The certificate of an entity or a node: until when it holds, and who renews it.

Of several the one that ends first is told. What clients are shown and what lies in the secret may
differ: then somebody has not loaded the new one.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Certified(Params):
    target: str = Field(
        description="Certificate, workload or node, or a registered entity that is one workload."
    )


class CertificateState(Result):
    name: str | None = Field(default=None, description="Name of the certificate in the inventory.")
    expires_in: Span | None = Field(
        default=None,
        description="Time left of the one that is shown to clients; negative: it has ended.",
    )
    issued_expires_in: Span | None = Field(
        default=None, description="Time left of the one in the secret."
    )
    managed: bool | None = Field(default=None, description="cert-manager or the kubelet renews it.")
    renews_in: Span | None = Field(
        default=None, description="When that is due; negative: it is overdue."
    )
    renewing: bool | None = Field(default=None, description="A renewal is under way.")
    issuer_ready: bool | None = Field(default=None, description="Who issues it can issue.")
    failures: int | None = Field(
        default=None, description="Renewals that failed since the last that did not."
    )
    last_failure: str | None = Field(default=None, description="Why the last one failed.")


@diagnostic(
    name="kubernetes.certificate",
    params=Certified,
    result=CertificateState,
    summary="A certificate: when it ends, who renews it, and what is shown to clients",
    needs="kubernetes",
)
async def certificate(kit: ReadKit, params: Certified) -> CertificateState:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
