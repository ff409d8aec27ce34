"""Backstage documents, as far as they are read here: System, Component and Resource.

Backstage allows any key in `spec` and in `metadata`, so those are let be; `spec.homeostat` is ours
and strict. A key there that belongs to another kind of document is an unknown key like any other.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from agent.catalog.addresses import HttpUrl
from agent.catalog.cluster_document import PlaceKeys
from agent.catalog.faults import shown, wrong
from agent.catalog.leadership_document import LeadershipMetricKeys
from agent.catalog.member_document import MemberKeys
from agent.catalog.process_block import ProcessBlock
from agent.catalog.quantities import Percentage, PositiveDuration
from agent.catalog.runbook_words import LISTED
from agent.catalog.slo_document import SloKeys
from agent.catalog.validation import Written
from agent.model.cluster import ClusterPlace

_NAME = re.compile(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*")
_REFERENCE = re.compile(r"(?:(?P<kind>[A-Za-z]+):)?(?:(?P<space>[^:/\s]+)/)?(?P<name>[^:/\s]+)")


class Reference(NamedTuple):
    """An entity reference `[kind:][namespace/]name`; what is not said is empty."""

    kind: str
    namespace: str
    name: str


def parse_reference(text: str) -> Reference:
    """Raises PydanticCustomError, a ValueError, with a remedy."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        remedy = "write it like component:default/checkout, or only checkout"
        raise wrong(f"{shown(text)} is not an entity reference", remedy)
    return Reference((found["kind"] or "").lower(), found["space"] or "", found["name"])


def _reference(text: str) -> str:
    parse_reference(text)
    return text


def _team(text: str) -> str:
    return parse_reference(text).name


def _name(text: str) -> str:
    if len(text) > 63 or not _NAME.fullmatch(text):
        remedy = "use letters and digits, single - _ . between them, at most 63"
        raise wrong(f"{shown(text)} cannot be a name", remedy)
    return text


ReferenceText = Annotated[str, AfterValidator(_reference)]
Team = Annotated[str, AfterValidator(_team)]
"""Name of a team: of `group:default/team-pay` it is `team-pay`."""


class Open(Written):
    """A part of a document where Backstage allows further keys."""

    model_config = ConfigDict(extra="ignore")


def _slugs(value: object) -> object:
    """Annotations belong to everybody's tools: whatever else they are is none of our business."""
    if not isinstance(value, dict):
        return {}
    read = (*SLUG_ANNOTATIONS, *PLACE_ANNOTATIONS)
    return {k: v for k, v in value.items() if k in read and isinstance(v, str)}


SLUG_ANNOTATIONS = (
    "github.com/project-slug",
    "argocd/app-name",
    "homeostat/changed-as",
)
"""What delivery tools call it. The last is ours: names, parted by commas."""
PLACE_ANNOTATIONS = (
    "backstage.io/kubernetes-namespace",
    "backstage.io/kubernetes-label-selector",
    "backstage.io/kubernetes-id",
)
"""How Backstage finds what runs of it in a cluster: by these labels, else by the label
`backstage.io/kubernetes-id` with this value."""


class Metadata(Open):
    name: Annotated[str, AfterValidator(_name)]
    description: str = ""
    annotations: Annotated[dict[str, str], BeforeValidator(_slugs)] = {}

    @property
    def slugs(self) -> tuple[str, ...]:
        found = (self.annotations.get(name, "") for name in SLUG_ANNOTATIONS)
        named = (slug.strip() for text in found for slug in text.split(","))
        return tuple(dict.fromkeys(slug for slug in named if slug))

    @property
    def places(self) -> tuple[ClusterPlace, ...]:
        """Where Backstage's annotations say that it runs. A selector that is more than equal labels
        finds nothing here: half of it would find too much."""
        namespace, selector, known_as = (self.annotations.get(n, "") for n in PLACE_ANNOTATIONS)
        pairs = [pair.partition("=") for pair in selector.split(",")] if selector else []
        if known_as and not pairs:
            pairs = [(PLACE_ANNOTATIONS[-1], "=", known_as)]
        is_plain = all(key and eq and not key.endswith("!") for key, eq, _ in pairs)
        if not namespace or not pairs or not is_plain:
            return ()
        labels = {key.strip(): value.lstrip("=").strip() for key, _, value in pairs}
        return (ClusterPlace(namespace=namespace, labels=labels),)


def _day(value: object) -> float:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None:
        raise wrong("a date is expected here", "write it like 2026-11-01")
    return datetime.combine(day, time(), UTC).timestamp()


def _floor(value: object) -> object:
    """`2` and `60%` are short for the two keys."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"count": value}
    return {"share": value} if isinstance(value, str) else value


class DependencyKeys(Written):
    """A dependency of which more is known than that somebody declared it."""

    on: ReferenceText
    kind: Literal["declared", "observed", "learned"] = "observed"
    confidence: Percentage = 1.0
    seen: (
        Annotated[
            float,
            BeforeValidator(_day),
            WithJsonSchema({"type": "string", "format": "date"}),
        ]
        | None
    ) = None
    """When it was last seen."""


class FloorKeys(Written):
    """What stays up whatever is done: `2`, `60%` or `{count: 2, share: 60%}`."""

    count: Annotated[int, Field(ge=0, le=100_000)] = 1
    share: Percentage = 0.51


FloorText = Annotated[FloorKeys, BeforeValidator(_floor)]


class ProductKeys(Written):
    """`spec.homeostat` of a product."""

    builder: Team | None = None
    tier: Literal["low", "medium", "high"] = "medium"
    leadership_metric: LeadershipMetricKeys | None = None
    regulated: bool = False
    slos: tuple[SloKeys, ...] = ()
    runbooks: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], LISTED] = ()
    min_available: FloorText | None = None
    dependencies: tuple[DependencyKeys, ...] = ()


def _places(value: object) -> object:
    """One place is short for a list of one."""
    if isinstance(value, dict):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


LabelName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
LabelValues = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=1_000)], ...],
    LISTED,
    Field(min_length=1),
]


class EntityKeys(Written):
    """`spec.homeostat` of a service or a resource. `labels` are those by which alerts speak of it
    without its name: `{namespace: prod-a, deployment: [web, web-canary]}`."""

    health_url: HttpUrl | None = None
    process: ProcessBlock | None = None
    labels: dict[LabelName, LabelValues] = {}
    kubernetes: Annotated[
        tuple[PlaceKeys, ...],
        BeforeValidator(_places, json_schema_input_type=PlaceKeys | list[PlaceKeys]),
    ] = ()
    watch_releases: PositiveDuration | None = None
    dependencies: tuple[DependencyKeys, ...] = ()
    failure_domain: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    replica_of: Annotated[str, AfterValidator(_name)] | None = None
    min_available: FloorText | None = None


class AgentKeys(EntityKeys, MemberKeys):
    """`spec.homeostat` of a sub-agent or proxy."""


class WholeProductKeys(EntityKeys, ProductKeys):
    """`spec.homeostat` of a component that is a product by itself."""


class Spec(Open):
    owner: Team | None = None
    lifecycle: str = ""
    dependsOn: tuple[ReferenceText, ...] = ()
    system: ReferenceText | None = None
    type: str = ""


class SystemSpec(Spec):
    homeostat: ProductKeys = ProductKeys()


class ServiceSpec(Spec):
    homeostat: EntityKeys = EntityKeys()


class AgentSpec(Spec):
    homeostat: AgentKeys = AgentKeys()


class WholeProductSpec(Spec):
    homeostat: WholeProductKeys = WholeProductKeys()


class SystemDocument(Open):
    metadata: Metadata
    spec: SystemSpec


class ServiceDocument(Open):
    """A Component of a system, or a Resource."""

    metadata: Metadata
    spec: ServiceSpec


class AgentDocument(Open):
    metadata: Metadata
    spec: AgentSpec


class WholeProductDocument(Open):
    """A Component without a system."""

    metadata: Metadata
    spec: WholeProductSpec


ProductDocument = SystemDocument | ServiceDocument | AgentDocument | WholeProductDocument
AGENT_TYPES = frozenset({"agent", "sub-agent", "proxy"})
READ_KINDS = frozenset({"System", "Component", "Resource"})
OTHER_KINDS = frozenset({"User", "Group", "API", "Domain", "Location", "Template"})
"""Kinds of Backstage that say nothing about what is run."""
