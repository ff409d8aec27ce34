"""The certificate of an entity or a node: until when it holds, and who renews it.

Of several the one that ends first is told. What clients are shown and what lies in the secret may
differ: then somebody has not loaded the new one.

What cert-manager keeps is asked of the API server: a certificate that is named, or those whose
secrets a workload mounts (of an Ingress nothing is known). Secrets are not read. What is shown to
clients comes from the blackbox exporter's probes of the hosts the certificate is for, and that of a
node from the metrics of its kubelet: unknown where Prometheus does not scrape these.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import Gone, Json
from agent.ports.cluster_certificates import (
    CertificateSeen,
    addresses_of,
    certificate_seen,
    first_to_end,
    of_secrets,
    secrets_used,
)
from agent.ports.cluster_kinds import Ref, ref_of
from agent.ports.cluster_questions import (
    GETS_WORKLOADS,
    got_if_may,
    node_named,
    number,
    series,
    workload,
)
from agent.ports.cluster_walking import ahead, holds, span
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.series_question import quoted
from agent.ports.span import Span

CERTIFICATE = "certificate"
ENDS = "min(SERIES)"
ENDING = (
    "kubelet_certificate_manager_client_ttl_seconds|kubelet_certificate_manager_server_ttl_seconds"
)
FAILED = "sum(increase(SERIES[1d]))"
CLIENT_FAILS = "kubelet_certificate_manager_client_expiration_renew_errors"
SERVER_FAILS = "kubelet_server_expiration_renew_errors"


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
    rights=(
        *GETS_WORKLOADS,
        Right(kind=CERTIFICATE, verbs=("get", "list")),
        Right(kind="issuer", verbs=("get",), optional=True),
        Right(kind="clusterissuer", verbs=("get",), optional=True),
    ),
)
async def certificate(kit: ReadKit, params: Certified) -> CertificateState:
    node = _node(kit, params.target)
    if node is not None:
        return await _of_node(kit, node)
    found = await _certificate(kit, params.target)
    if found is None:
        return CertificateState()
    ref, seen = found
    now = kit.cluster.now()
    issuer = None if seen.issuer is None else await got_if_may(kit.cluster, seen.issuer)
    return CertificateState(
        name=ref.text,
        expires_in=await _shown(kit, seen),
        issued_expires_in=ahead(now, seen.ends_at),
        managed=True,
        renews_in=ahead(now, seen.renews_at),
        renewing=seen.is_renewing,
        issuer_ready=None if issuer is None else holds(issuer, "Ready"),
        failures=seen.failures,
        last_failure=seen.last_failure,
    )


async def _certificate(kit: ReadKit, target: str) -> tuple[Ref, CertificateSeen] | None:
    """None: no certificate of cert-manager's is known to be the target's."""
    named = ref_of(target) or _declared(kit, target)
    if named is not None and named.kind == CERTIFICATE:
        found = await kit.cluster.get(named)
        if found is None:
            raise Gone(f"{named.text} is not there")
        return named, certificate_seen(found)
    owner = await workload(kit.cluster, target)
    first = first_to_end(of_secrets(await _all(kit, owner.ref), secrets_used(owner.template)))
    if first is None:
        return None
    seen = certificate_seen(first)
    return Ref(CERTIFICATE, seen.name, owner.ref.namespace), seen


def _declared(kit: ReadKit, target: str) -> Ref | None:
    """The one certificate the catalog names as part of an entity."""
    entity = kit.registry.entities.get(target)
    named = [p for p in entity.places if p.kind == CERTIFICATE] if entity is not None else []
    if len(named) != 1:
        return None
    return Ref(CERTIFICATE, named[0].name, named[0].namespace)


async def _all(kit: ReadKit, ref: Ref) -> tuple[Json, ...]:
    try:
        return await kit.cluster.list(CERTIFICATE, namespace=ref.namespace)
    except Gone as error:
        raise Gone("cert-manager is not installed: no certificates are served") from error


async def _shown(kit: ReadKit, seen: CertificateSeen) -> timedelta | None:
    """By the probes that ask one of its hosts; whose last answer ends first counts."""
    if not seen.hosts:
        return None
    pattern = quoted(addresses_of(seen.hosts))
    probes = f"probe_ssl_earliest_cert_expiry{{instance=~{pattern}}}"
    left = await number(kit, f"min({probes} - time())")
    return None if left is None else span(left)


def _node(kit: ReadKit, target: str) -> str | None:
    """A name that is nothing else is taken for that of a node: an alert names it so."""
    named = ref_of(target)
    if named is not None:
        return named.name if named.kind == "node" else None
    entity = kit.registry.entities.get(target)
    if entity is not None:
        nodes = [place.name for place in entity.places if place.kind == "node" and place.name]
        return nodes[0] if len(nodes) == 1 == len(entity.places) else None
    return node_named(kit.cluster, target) or target


async def _of_node(kit: ReadKit, node: str) -> CertificateState:
    """By what its kubelet tells Prometheus: it does so of those it renews itself."""
    ends = f"{series('', node=node)[:-1]},__name__=~{quoted(ENDING)}}}"
    left = await number(kit, ENDS.replace("SERIES", ends))
    failed = await number(kit, FAILED.replace("SERIES", series(CLIENT_FAILS, node=node)))
    # A kubelet whose own certificate is not renewed has no such series.
    server = await number(kit, FAILED.replace("SERIES", series(SERVER_FAILS, node=node)))
    return CertificateState(
        name=f"node/{node}",
        expires_in=None if left is None else span(left),
        issued_expires_in=None if left is None else span(left),
        managed=None if left is None else True,
        failures=None if failed is None else round(failed + (server or 0.0)),
    )
