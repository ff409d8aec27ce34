"""Reading certificates that cert-manager keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_walking import (
    condition_of,
    holds,
    items,
    mapping,
    moment,
    name_of,
    text,
    walk,
    whole,
)

Json = Mapping[str, Any]
GROUP = "cert-manager.io"
MOST_NAMES = 20
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class CertificateSeen(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    ends_at: float | None
    """Of the one in the secret. None: it was never issued."""
    renews_at: float | None
    is_renewing: bool | None
    failures: int
    last_failure: str | None
    issuer: Ref | None
    """None: not one of cert-manager's own."""
    hosts: tuple[str, ...]


def certificate_seen(certificate: Json) -> CertificateSeen:
    issuing = condition_of(certificate, "Issuing")
    failures = whole(certificate, "status", "failedIssuanceAttempts") or 0
    why = text(issuing, "message") if text(issuing, "status") == "False" else ""
    return CertificateSeen(
        name=name_of(certificate),
        ends_at=moment(certificate, "status", "notAfter"),
        renews_at=moment(certificate, "status", "renewalTime"),
        # It takes the condition away once nothing is under way.
        is_renewing=holds(certificate, "Issuing") if issuing is not None else False,
        failures=failures,
        last_failure=why or None if failures else None,
        issuer=_issuer(certificate),
        hosts=_hosts(certificate),
    )


def _issuer(certificate: Json) -> Ref | None:
    named = mapping(certificate, "spec", "issuerRef")
    if text(named, "group") not in ("", GROUP):
        return None
    name = text(named, "name", most=253)
    match text(named, "kind") or "Issuer":
        case "Issuer":
            return Ref("issuer", name, text(certificate, "metadata", "namespace", most=63))
        case "ClusterIssuer":
            return Ref("clusterissuer", name)
    return None


def _hosts(certificate: Json) -> tuple[str, ...]:
    """Names it holds for, without those with a star: nobody can ask for these."""
    found = walk(certificate, "spec", "dnsNames")
    names = found if isinstance(found, list) else []
    common = walk(certificate, "spec", "commonName")
    plain = [n for n in (*names, common) if isinstance(n, str) and _HOST.fullmatch(n)]
    return tuple(dict.fromkeys(plain))[:MOST_NAMES]


def addresses_of(hosts: Iterable[str]) -> str:
    """A pattern of the addresses a probe asks where it asks one of these hosts."""
    named = "|".join(host.replace(".", "[.]") for host in hosts)
    return f"([a-z]+://)?({named})(:[0-9]+)?(/.*)?"


def first_to_end(certificates: Iterable[Json]) -> Json | None:
    """One that was never issued comes before all others."""
    return min(
        certificates,
        key=lambda c: (moment(c, "status", "notAfter") or 0.0, name_of(c)),
        default=None,
    )


def secrets_used(template: Json) -> frozenset[str]:
    """Names of the secrets that pods of a template mount."""
    names = set()
    for volume in items(template, "spec", "volumes"):
        names.add(text(volume, "secret", "secretName", most=253))
        for source in items(volume, "projected", "sources"):
            names.add(text(source, "secret", "name", most=253))
    return frozenset(names - {""})


def of_secrets(certificates: Iterable[Json], secrets: frozenset[str]) -> tuple[Json, ...]:
    return tuple(c for c in certificates if text(c, "spec", "secretName", most=253) in secrets)
