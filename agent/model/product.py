"""Products, the things they are made of, and who owns them. Read from catalog-info.yaml files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.model.cluster import ClusterPlace
from agent.model.signals import Member, Motion


class EntityKind(StrEnum):
    SERVICE = "service"
    AGENT = "agent"
    """A sub-agent or proxy: it heart-beats, and its owner is told when it falls silent."""
    SUBSTRATE = "substrate"
    """Shared by products; what hits it is systemic."""
    RESOURCE = "resource"
    """Belongs to one product."""


class LeadershipMetric(msgspec.Struct, frozen=True, kw_only=True):
    """The number that says the product does its job for its users (outcome layer)."""

    name: str
    flat_for_seconds: float | None = None
    """Standing still for so long while all is green below is an incident for the builder."""
    motion: Motion | None = None
    """How it is expected to move; None: any change is good enough."""
    query: str = ""
    """PromQL that reads it; empty: it is reported."""


class Sli(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted: PromQL with `$window` where the range stands. Of all there was (`total`)
    either what was bad or what was good; or a share by itself."""

    bad: str = ""
    good: str = ""
    total: str = ""
    share: str = ""
    """Share of bad ones, from 0 to 1, over `$window`."""


class Slo(msgspec.Struct, frozen=True, kw_only=True):
    """A service level objective, stated as what its users do."""

    name: str
    journey: str = ""
    """What works for them where it is kept, in one sentence."""
    objective: float = 0.99
    """Share of good events from 0 to 1."""
    window_seconds: float = 2_592_000.0
    sli: Sli | None = None
    """None: it is only stated, and nothing watches it."""
    least_events: float = 0.0
    """So many bad events at least have to be in a window before anybody is told of them; 0: two,
    so that one alone pages nobody (core/burn.py)."""
    path: str = ""
    """File it was read from."""


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what does one job stays up whatever is done: at least `count`, and at least
    `share` (0 to 1) of what is wanted of it."""

    count: int = 1
    share: float = 0.51


class EdgeKind(StrEnum):
    """How it is known that one thing depends on another."""

    DECLARED = "declared"
    """Somebody wrote it down. It is never stale."""
    OBSERVED = "observed"
    """Seen in traces or traffic."""
    LEARNED = "learned"
    """They fire together."""


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """One dependency, from the entity or product it is on to `to`."""

    to: str
    kind: EdgeKind = EdgeKind.DECLARED
    confidence: float = 1.0
    """From 0 to 1. Doubt widens a blast radius, it never narrows one."""
    seen_at: float | None = None
    """When it was last seen, seconds since the epoch; None: it does not age."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: EntityKind
    product: str | None
    """None for substrate."""
    owner: str
    depends_on: tuple[str, ...] = ()
    health_url: str | None = None
    heartbeat_seconds: float | None = None
    """Expected beat of an agent; silent after `policy.missed_heartbeats` of them."""
    member: Member | None = None
    """What else an agent declares."""
    process: Mapping[str, Any] | None = None
    """How the embedded substrate runs it; read by runtime/processes.py."""
    edges: tuple[Edge, ...] = ()
    """Dependencies of which more is known than that they are declared. Each is one of
    `depends_on` too."""
    failure_domain: str | None = None
    """What fails together: a zone, a rack, a cluster. Two acts of one kind are never under way in
    one at a time. None: it is not known, and everything of its product counts as one."""
    replica_of: str | None = None
    """Name of what this is one instance of; those with the same one do one job, and the floor is
    theirs together. None: it does its job alone."""
    floor: Floor | None = None
    """None: the product's, else the policy's."""
    labels: Mapping[str, tuple[str, ...]] = {}
    """Labels by which alerts speak of it without its name, as in {namespace: (prod-a,)}: an alert
    with one of the values for each of them is about this entity."""
    slugs: tuple[str, ...] = ()
    """Names that delivery tools know it by, as in `acme/checkout`: from its annotations."""
    places: tuple[ClusterPlace, ...] = ()
    """Where it runs in a cluster."""
    watch_releases_seconds: float = 3600.0
    """So long after a rollout of it began, what breaks is held against that."""


class InventoryObject(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that runs, as the inventory knows it: a deployment, a pod, a node.

    `entity` is the registered entity it belongs to; what belongs to none is never acted on.
    """

    name: str
    """Unique, and the target of actions on it, as in `prod-a/deployment/web`."""
    kind: str
    entity: str | None
    keys: Mapping[str, tuple[str, ...]] = {}
    """What it is found by, as in {namespace: (prod-a,), pod: (web-1, web-2)}."""
    facts: Mapping[str, Any] = {}
    """What expressions may read of it as `entity`, declared by kind (catalog/entity_kinds.py)."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    builder: str
    tier: str
    description: str = ""
    depends_on: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    leadership_metric: LeadershipMetric | None = None
    regulated: bool = False
    owner: str = ""
    """Team that answers for it besides its builder: `spec.owner`."""
    lifecycle: str = ""
    """Backstage's `spec.lifecycle`, as written: experimental, production, deprecated, ..."""
    slos: tuple[Slo, ...] = ()
    runbooks: tuple[str, ...] = ()
    """Folders with its own runbooks, absolute."""
    floor: Floor | None = None
    path: str = ""


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """All products and entities by name. A name is unique across both kinds of row."""

    products: Mapping[str, Product] = {}
    entities: Mapping[str, Entity] = {}

    def entities_of(self, product: str) -> tuple[Entity, ...]:
        return tuple(e for e in self.entities.values() if e.product == product)
