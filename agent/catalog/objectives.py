"""Objectives of products, put together: those of the registry, and those of OpenSLO files.

OpenSLO files lie anywhere in the folders of `products`. Such an objective belongs to the product
that its `service` names, or to the product of the entity it names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from agent.catalog.document import Document, fault_in
from agent.catalog.document import Path as Steps
from agent.catalog.faults import FaultsError, shown, suggest
from agent.catalog.files import read_bytes
from agent.catalog.openslo import DUPLICATE, UNKNOWN, Stated, read_objectives
from agent.catalog.product_compile import Row
from agent.core.burn import duration, shortest
from agent.core.slo_rules import is_guarded
from agent.model.fault import Fault, FaultSeverity
from agent.model.product import Product, Registry, Slo

UNGUARDED = "HS322"
"""Nobody knows how many bad events there are, so a single one may wake somebody."""
SHORT_WINDOWS = "HS323"
NO_JOURNEY = "HS324"
LEAST_SECONDS = 60
"""Two scrapes have to fit into a window, or nothing is known of it."""
SUFFIXES = (".yaml", ".yml")
SKIPPED = frozenset({".git", ".venv", "node_modules", "var"})
_OPENSLO = re.compile(rb"^[-\s]*[\"']?apiVersion[\"']?\s*:\s*[\"']?openslo/", re.MULTILINE)


def openslo_files(folder: Path) -> Iterator[Path]:
    """YAML files at any depth that say they are OpenSLO."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        for name in sorted(names):
            path = Path(here) / name
            if name.endswith(SUFFIXES) and _is_openslo(path):
                yield path


def _is_openslo(path: Path) -> bool:
    try:
        return bool(_OPENSLO.search(read_bytes(path)))
    except FaultsError:
        return False  # whatever else lies there is none of our business


def with_objectives(
    registry: Registry, rows: Sequence[Row], documents: Sequence[Document]
) -> tuple[Registry, tuple[Fault, ...]]:
    """The registry with the objectives of these OpenSLO documents, and everything that is wrong
    with any objective, or worth a word."""
    stated, told = read_objectives(documents)
    faults = list(told)
    products = dict(registry.products)
    places: dict[tuple[str, str], tuple[Document, Steps]] = {
        (row.name, slo.name): (row.document, ("spec", "homeostat", "slos", number))
        for row in rows
        for number, slo in _written_in(row, registry)
    }
    faults += _doubled(rows, registry)
    for one in stated:
        product = _product_of(one, registry, faults)
        if product is None:
            continue
        key = (product.name, one.slo.name)
        if key in places:
            faults.append(_twice(one, key, *places[key]))
            continue
        places[key] = (one.document, one.at)
        slos = (*products[product.name].slos, one.slo)
        products[product.name] = msgspec.structs.replace(products[product.name], slos=slos)
    for product in products.values():
        for slo in product.slos:
            document, path = places[product.name, slo.name]
            for code, message, remedy in _doubts(product, slo):
                faults.append(
                    fault_in(document, path, code, message, remedy, FaultSeverity.WARNING)
                )
    return msgspec.structs.replace(registry, products=products), tuple(faults)


def _written_in(row: Row, registry: Registry) -> Iterator[tuple[int, Slo]]:
    """Those of the document itself, by the product it became."""
    product = registry.products.get(row.name)
    if product is not None and product.path == row.document.file:
        yield from enumerate(product.slos)


def _doubled(rows: Sequence[Row], registry: Registry) -> Iterator[Fault]:
    for row in rows:
        seen: set[str] = set()
        for number, slo in _written_in(row, registry):
            if slo.name in seen:
                path = ("spec", "homeostat", "slos", number)
                message = f"there are two objectives {shown(slo.name)}"
                yield fault_in(row.document, path, DUPLICATE, message, "rename one")
            seen.add(slo.name)


def _product_of(one: Stated, registry: Registry, faults: list[Fault]) -> Product | None:
    product = registry.products.get(one.service)
    entity = registry.entities.get(one.service)
    if product is None and entity is not None:
        product = registry.products.get(entity.product or "")
    if product is None:
        path = ("spec", "service")
        if entity is not None:
            message = f"{shown(one.service)} belongs to no product"
            remedy = "name a product: its builder is told where the objective is missed"
        else:
            message = f"no product and no entity is called {shown(one.service)}"
            remedy = suggest(
                one.service, {*registry.products, *registry.entities}, what="declared"
            ) or "check it together with its catalog-info.yaml"  # fmt: skip
        # By itself the file may be right: whose it is stands elsewhere.
        is_alone = not registry.products
        severity = FaultSeverity.WARNING if is_alone else FaultSeverity.ERROR
        fault = fault_in(one.document, path, UNKNOWN, message, remedy, severity)
        if fault not in faults:
            faults.append(fault)
    return product


def _twice(one: Stated, key: tuple[str, str], document: Document, path: Steps) -> Fault:
    line, column = document.mark(path)
    message = f"the objective {shown(key[1])} of {key[0]} stands at {document.file}:{line}:{column}"
    return fault_in(one.document, one.at, DUPLICATE, message, "rename one, or take one away")


def _doubts(product: Product, slo: Slo) -> Iterator[tuple[str, str, str]]:
    """What may be meant and is worth a word: code, message, remedy."""
    if slo.sli is not None and not is_guarded(slo.sli):
        message = "it is not known how many bad events there are, so a single one may wake somebody"
        remedy = "count them: bad and total with rate() or increase(); else leave it so on purpose"
        yield UNGUARDED, message, remedy
    if slo.sli is not None and shortest(slo) < LEAST_SECONDS:
        message = f"over so short a time an alert looks at windows of {duration(shortest(slo))}"
        remedy = "see that its metrics are scraped at least twice as often, or take 6d or more"
        yield SHORT_WINDOWS, message, remedy
    if product.tier == "high" and not slo.journey.strip():
        message = f"{shown(slo.name)} does not say what works for users where it is kept"
        yield NO_JOURNEY, message, 'add journey, as in "a customer pays and gets a receipt"'
