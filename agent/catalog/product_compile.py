"""Checked Backstage documents become the registry of `model.product`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.catalog.cluster_document import compile_place
from agent.catalog.document import Document, Step
from agent.catalog.leadership_document import leadership_metric
from agent.catalog.member_document import compile_member
from agent.catalog.process_block import compile_process
from agent.catalog.product_document import (
    AgentDocument,
    DependencyKeys,
    FloorKeys,
    ProductDocument,
    ProductKeys,
    ServiceDocument,
    Spec,
    SystemDocument,
    WholeProductDocument,
    parse_reference,
)
from agent.catalog.slo_document import compile_slo
from agent.model.product import (
    Edge,
    EdgeKind,
    Entity,
    EntityKind,
    Floor,
    Product,
    Registry,
)

WATCH_RELEASES_SECONDS = 3600.0
"""So long after its rollout began, what breaks is held against a release, where its owners say
nothing else."""
REFERABLE = frozenset({"", "system", "component", "resource"})
"""Kinds of what something may depend on; others (`api:orders`) say nothing about what is run."""


@dataclass(frozen=True)
class Row:
    """One document that describes something."""

    document: Document
    kind: str
    parsed: ProductDocument

    @property
    def name(self) -> str:
        return self.parsed.metadata.name

    @property
    def spec(self) -> Spec:
        return self.parsed.spec

    @property
    def references(self) -> Iterator[tuple[tuple[Step, ...], str]]:
        """What it says it depends on, each with its place."""
        for at, text in enumerate(self.spec.dependsOn):
            yield ("spec", "dependsOn", at), text
        for at, known in enumerate(self.dependencies):
            yield ("spec", "homeostat", "dependencies", at, "on"), known.on

    @property
    def dependencies(self) -> Sequence[DependencyKeys]:
        return self.parsed.spec.homeostat.dependencies

    @property
    def depends_on(self) -> tuple[str, ...]:
        references = (parse_reference(text) for _, text in self.references)
        return tuple(dict.fromkeys(r.name for r in references if r.kind in REFERABLE))

    @property
    def folder(self) -> Path:
        """What its relative paths are relative to."""
        return Path(os.path.abspath(self.document.file)).parent

    @property
    def runbook_folders(self) -> tuple[Path, ...]:
        keys = self.parsed.spec.homeostat
        named = keys.runbooks if isinstance(keys, ProductKeys) else ()
        return tuple(Path(os.path.abspath(self.folder / text)) for text in named)


def compiled(rows: Iterable[Row]) -> Registry:
    products: dict[str, Product] = {}
    entities: dict[str, Entity] = {}
    for row in rows:
        if isinstance(row.parsed, SystemDocument | WholeProductDocument):
            products[row.name] = _product(row, row.parsed.spec.homeostat)
        if not isinstance(row.parsed, SystemDocument):
            entities[row.name] = _entity(row, row.parsed)
    return Registry(products=products, entities=entities)


def _product(row: Row, keys: ProductKeys) -> Product:
    owner = row.spec.owner or ""
    return Product(
        name=row.name,
        builder=keys.builder or owner,
        tier=keys.tier,
        description=row.parsed.metadata.description,
        depends_on=row.depends_on,
        edges=_edges(row),
        leadership_metric=leadership_metric(keys.leadership_metric),
        regulated=keys.regulated,
        owner=owner,
        lifecycle=row.spec.lifecycle,
        slos=tuple(compile_slo(slo, path=row.document.file) for slo in keys.slos),
        runbooks=tuple(map(str, row.runbook_folders)),
        floor=_floor(keys.min_available),
        path=row.document.file,
    )


def _entity(row: Row, parsed: ServiceDocument | AgentDocument | WholeProductDocument) -> Entity:
    keys = parsed.spec.homeostat
    agent = parsed.spec.homeostat if isinstance(parsed, AgentDocument) else None
    system = row.spec.system
    product = parse_reference(system).name if system is not None else None
    if isinstance(parsed, AgentDocument):
        kind = EntityKind.AGENT
    elif row.kind == "resource":
        kind = EntityKind.SUBSTRATE if product is None else EntityKind.RESOURCE
    else:
        kind = EntityKind.SERVICE
        product = product or row.name
    return Entity(
        name=row.name,
        kind=kind,
        product=product,
        owner=row.spec.owner or "",
        depends_on=row.depends_on,
        edges=_edges(row),
        failure_domain=keys.failure_domain,
        replica_of=keys.replica_of,
        floor=_floor(keys.min_available),
        health_url=keys.health_url,
        heartbeat_seconds=agent.heartbeat if agent is not None else None,
        member=compile_member(agent) if agent is not None else None,
        process=compile_process(keys.process, row.folder) if keys.process else None,
        labels=dict(keys.labels),
        slugs=row.parsed.metadata.slugs,
        places=tuple(compile_place(p) for p in keys.kubernetes) or row.parsed.metadata.places,
        watch_releases_seconds=keys.watch_releases or WATCH_RELEASES_SECONDS,
    )


def _edges(row: Row) -> tuple[Edge, ...]:
    """What somebody declares is declared, whatever else is known of it."""
    declared = {parse_reference(text).name for text in row.spec.dependsOn}
    edges = {}
    for known in row.dependencies:
        to = parse_reference(known.on)
        if to.kind in REFERABLE and to.name not in declared:
            edges[to.name] = Edge(
                to=to.name,
                kind=EdgeKind(known.kind),
                confidence=known.confidence,
                seen_at=known.seen,
            )
    return tuple(edges.values())


def _floor(keys: FloorKeys | None) -> Floor | None:
    return Floor(count=keys.count, share=keys.share) if keys is not None else None
