"""What plugins ask of an API server and it does not serve: found at `doctor`, not at 3 a.m.

A kind may be missing because what brings it is not installed (cert-manager, Argo Rollouts, a
metrics server), or because the API server serves another version of it than is asked for here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from agent.model.cluster import Right
from agent.model.errors import Temporary
from agent.ports.cluster_kinds import KINDS, Kind
from agent.ports.cluster_walking import items, text
from agent.runtime.cluster_connection import Reply

SECONDS = 10.0
NOT_FOUND = 404
BRINGS = {
    "cert-manager.io": "cert-manager",
    "argoproj.io": "Argo CD or Argo Rollouts",
    "kustomize.toolkit.fluxcd.io": "Flux",
    "helm.toolkit.fluxcd.io": "Flux",
    "metrics.k8s.io": "a metrics server",
}
OTHER_WORKLOADS = frozenset({"deployment", "statefulset", "daemonset"})


class Asked(Protocol):
    """A connection, as far as it is used here."""

    async def ask(self, method: str, path: str, *, timeout_seconds: float = ...) -> Reply: ...


class Unserved(msgspec.Struct, frozen=True, kw_only=True):
    resource: str
    """`certificates.cert-manager.io`, `pods/eviction`."""
    used_by: tuple[str, ...]
    """Names of plugins, in order."""
    is_needed: bool
    """One of them cannot do without; otherwise what they would read of it is unknown."""
    is_installed: bool
    """False: nothing of what brings it is there, so nothing of it can break."""
    why: str
    """A sentence with the remedy."""


async def unserved(connection: Asked, needs: Mapping[str, Sequence[Right]]) -> tuple[Unserved, ...]:
    """`needs`: by name of a plugin what it declares. Raises Temporary where the API server does not
    say what it serves."""
    wanted: dict[tuple[str, str], dict[str, bool]] = {}
    for name, rights in needs.items():
        for right in rights:
            users = wanted.setdefault((right.kind, right.part), {})
            users[name] = users.get(name, False) or _is_needed(right, rights)
    served: dict[str, frozenset[str] | None] = {}
    found = []
    for (word, part), users in sorted(wanted.items()):
        kind = KINDS[word]
        if kind.api_version not in served:
            served[kind.api_version] = await _resources(connection, kind)
        names = served[kind.api_version]
        if names is not None and (f"{kind.plural}/{part}" if part else kind.plural) in names:
            continue
        is_installed, why = await _why(connection, kind, part, is_there=names is not None)
        found.append(
            Unserved(
                resource=f"{kind.resource}/{part}" if part else kind.resource,
                used_by=tuple(sorted(users)),
                is_needed=any(users.values()),
                is_installed=is_installed,
                why=why,
            )
        )
    return tuple(found)


def _is_needed(right: Right, rights: Sequence[Right]) -> bool:
    """Whoever takes any workload does not need those of Argo: where they are not served, there are
    none."""
    if right.optional:
        return False
    return right.kind != "rollout" or not OTHER_WORKLOADS & {other.kind for other in rights}


async def _resources(connection: Asked, kind: Kind) -> frozenset[str] | None:
    """Names of what is served of a group and version; None: nothing is."""
    root = "/apis" if kind.group else "/api"
    told = await _told(connection, f"{root}/{kind.api_version}")
    if told is None:
        return None
    return frozenset(text(each, "name") for each in items(told, "resources"))


async def _why(connection: Asked, kind: Kind, part: str, *, is_there: bool) -> tuple[bool, str]:
    """Whether what brings it is installed, and a sentence with the remedy."""
    brings = BRINGS.get(kind.group)
    if is_there:
        what = f"{kind.plural}/{part}" if part else kind.plural
        asked = f" of {brings}" if brings else ""
        return True, (
            f"the API server serves {kind.api_version} without {what}: install the version{asked} "
            "that has it"
        )
    group = await _told(connection, f"/apis/{kind.group}") if kind.group else None
    versions = [text(v, "version") for v in items(group, "versions")] if group else []
    if versions:
        return True, (
            f"the API server serves {kind.group} as {', '.join(versions[:5])}, and "
            f"{kind.version} is asked for: bring {brings or 'the cluster'} to a version that has it"
        )
    if brings:
        return False, f"{brings} is not installed: install it, or nothing, if you do not use it"
    return (
        True,
        f"the API server serves no {kind.api_version}: it is older than what is asked for here",
    )


async def _told(connection: Asked, path: str) -> Mapping[str, Any] | None:
    reply = await connection.ask("GET", path, timeout_seconds=SECONDS)
    if reply.status == NOT_FOUND:
        return None
    if not reply.is_fine:
        raise Temporary(f"the API server does not say what it serves: {path}: {reply.said}")
    told = reply.json()
    if not isinstance(told, Mapping):
        raise Temporary(f"the API server does not say what it serves: {path}")
    return told
