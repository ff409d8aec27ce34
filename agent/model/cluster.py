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
