"""Reading what runs the cluster: versions, and signs of life of its control plane."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from agent.ports.cluster_walking import holds, mapping, moment, name_of, text

Json = Mapping[str, Any]
_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})([-+].{0,100})?")
DAY, TWO_HOURS = 86_400.0, 7_200.0
Number = tuple[int, int, int]


def version_number(version: str) -> Number | None:
    found = _VERSION.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found is not None else None


class NodeVersion(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: str
    made_at: float | None


def node_versions(nodes: Iterable[Json]) -> tuple[NodeVersion, ...]:
    return tuple(
        NodeVersion(
            name=name_of(node),
            version=text(node, "status", "nodeInfo", "kubeletVersion"),
            made_at=moment(node, "metadata", "creationTimestamp"),
        )
        for node in nodes
    )


class VersionsSeen(msgspec.Struct, frozen=True, kw_only=True):
    versions: tuple[str, ...]
    skew: int | None
    behind: int | None


def versions_seen(server: str, nodes: Sequence[NodeVersion]) -> VersionsSeen:
    """Where one version cannot be read, how far they are apart is not known."""
    texts = {version for version in (server, *(n.version for n in nodes)) if version}
    numbers = {version: version_number(version) for version in texts}
    known = [number for number in numbers.values() if number is not None]
    order = sorted(texts, key=lambda v: (numbers[v] or (0, 0, 0), v), reverse=True)
    if len(known) < len(texts) or not server or any(not n.version for n in nodes):
        return VersionsSeen(versions=tuple(order), skew=None, behind=None)
    newest, oldest = max(known), min(known)
    apart = newest[1] - oldest[1] if newest[0] == oldest[0] else None
    behind = sum(1 for node in nodes if version_number(node.version) != newest)
    return VersionsSeen(versions=tuple(order), skew=apart, behind=behind)


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    upgrading: bool | None
    changed_at: float | None


def upgrade_by_nodes(nodes: Sequence[NodeVersion], newest: str, now: float) -> Upgrade:
    """By when nodes were made, for clusters that replace them. A node that is older than a day and
    has the newest version may have had it for long or since a minute: that is not known."""
    if all(node.version == newest for node in nodes):
        return Upgrade(upgrading=False, changed_at=None)
    made = [node.made_at for node in nodes if node.version == newest]
    if not made or any(at is None or at < now - DAY for at in made):
        return Upgrade(upgrading=None, changed_at=None)
    last = max(at for at in made if at is not None)
    return Upgrade(upgrading=last >= now - TWO_HOURS, changed_at=last)


def upgrade_by_history(
    first_seen: Mapping[tuple[str, str], float], newest: str, now: float, *, step: float
) -> Upgrade:
    """By when each node was first seen with each version within the last day, as Prometheus
    remembers it. Where it does not remember the whole day nothing is known."""
    if not first_seen or min(first_seen.values()) > now - DAY + 2 * step:
        return Upgrade(upgrading=None, changed_at=None)
    began = now - DAY + 2 * step
    changes = {key: at for key, at in first_seen.items() if at > began}
    news = [at for (_, version), at in first_seen.items() if version == newest]
    came = bool(news) and min(news) > began
    last = max((at for (_, version), at in changes.items() if version == newest), default=None)
    return Upgrade(
        upgrading=came and last is not None and last >= now - TWO_HOURS,
        changed_at=max(changes.values(), default=None),
    )


class ReadinessSeen(msgspec.Struct, frozen=True, kw_only=True):
    is_ready: bool | None
    failing: tuple[str, ...]


def readiness(answer: Json) -> ReadinessSeen:
    """Of `/readyz?verbose`: a line for each check, `[+]ping ok` or `[-]etcd failed: ...`."""
    said, status = answer.get("text"), answer.get("status")
    lines = said.splitlines() if isinstance(said, str) else []
    failing = tuple(
        text({"name": line[3:].partition(" ")[0]}, "name", most=100)
        for line in lines
        if line.startswith("[-]")
    )
    checked = any(line.startswith(("[+]", "[-]")) for line in lines)
    if not checked or not isinstance(status, int):
        return ReadinessSeen(is_ready=None, failing=())
    return ReadinessSeen(is_ready=status == 200 and not failing, failing=failing[:50])


def unavailable(api_services: Iterable[Json]) -> tuple[str, ...]:
    """Aggregated APIs that do not answer. What the API server serves itself always does."""
    return tuple(
        name_of(each)
        for each in api_services
        if mapping(each, "spec", "service") and holds(each, "Available") is not True
    )


def renewed_at(lease: Json | None) -> float | None:
    return moment(lease, "spec", "renewTime")
