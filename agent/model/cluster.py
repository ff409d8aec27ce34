"""Words about a Kubernetes cluster: where products run in it, and what may be done there."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class ClusterPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Objects that belong to an entity: one by kind and name, or all of a namespace that have these
    labels. Without a namespace: nodes."""

    namespace: str = ""
    kind: str = ""
    """`deployment`, `statefulset`, ... or `node`; empty: found by labels."""
    name: str = ""
    labels: Mapping[str, str] = {}
    """All of them, equal. Empty, with no name: everything in the namespace, or every node."""


class Right(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin asks of the API server: one kind of object, with the verbs of RBAC."""

    kind: str
    """A word of ports/cluster_kinds.py."""
    verbs: tuple[str, ...]
    part: str = ""
    """Subresource: `log`, `eviction`, `scale`, ..."""
    namespace: str = ""
    """Asked for in this namespace and in no product's: `kube-system`."""
    optional: bool = False
    """It does without: what it would read is unknown where that is not served or not granted."""
    any_name: bool = False
    """Of whatever is in the namespace, and not only of workloads that the product names."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Under what an act on a cluster was asked for."""

    by_person: bool = False
    decided_at: float | None = None
    """When it was decided by what was seen then; equal for all attempts of it."""
    keep_off_seconds: float = 600.0
    """So long after a person's edit an object is left to people. 0: a person asks."""


BY_THE_AGENT = Asked()


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What an act would change in a cluster, as the API server itself says."""

    lines: tuple[str, ...] = ()
    fails: str = ""
    """Why it would not be done; empty: it would."""
