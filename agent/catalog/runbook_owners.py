"""Runbooks that are written against products of others are not loaded.

Which team builds a product is declared in the registry, and not in the runbook: whoever can write a
runbook file could otherwise act in every product by naming it. Where a runbook names no product, it
is asked when it runs (core/rails/ownership.py). In the folder that a product names as its own, only
its builder's (or owner's) runbooks are loaded, and only for it: what they say of themselves is not
enough there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agent.catalog.faults import in_order
from agent.catalog.runbooks import RunbookSet
from agent.core.ownership import speaks_for
from agent.model.fault import Fault
from agent.model.product import Product, Registry
from agent.model.runbook import Runbook

NOT_THEIRS = "HS229"


def of_their_owners(runbooks: RunbookSet, registry: Registry, *, platform: str) -> RunbookSet:
    """The set without them, and a fault for each."""
    homes = [(Path(f), product) for product in registry.products.values() for f in product.runbooks]
    found: dict[str, Fault] = {}
    for runbook in runbooks.runbooks:
        home = next((p for folder, p in homes if Path(runbook.path).is_relative_to(folder)), None)
        if home is not None and not _is_at_home(runbook, home):
            found[runbook.name] = _not_at_home(runbook, home, runbooks)
        elif not speaks_for(
            runbook.owner, runbook.match.product, registry=registry, platform=platform
        ):
            found[runbook.name] = _fault(runbook, runbooks, registry)
    if not found:
        return runbooks
    theirs = {r.name for r in runbooks.runbooks} - set(found)
    faults = (*runbooks.faults, *found.values())
    kept = tuple(r for r in runbooks.runbooks if r.name in theirs)
    return replace(runbooks, runbooks=kept, faults=in_order(faults))


def _is_at_home(runbook: Runbook, product: Product) -> bool:
    is_its_own = runbook.owner in (product.builder, product.owner)
    return is_its_own and runbook.match.product in (None, product.name)


def _not_at_home(runbook: Runbook, product: Product, runbooks: RunbookSet) -> Fault:
    file, line, column = runbooks.places[runbook.name]
    is_foreign = runbook.match.product not in (None, product.name)
    said = f"for {runbook.match.product}" if is_foreign else f"owned by {runbook.owner}"
    return Fault(
        file=file,
        line=line,
        column=column,
        code=NOT_THEIRS,
        message=f"{runbook.name} is {said}, and stands in the folder of {product.name}",
        path="match.product" if is_foreign else "metadata.owner",
        remedy=f"write owner: {product.builder} and no other product, or move it",
    )


def _fault(runbook: Runbook, runbooks: RunbookSet, registry: Registry) -> Fault:
    file, line, column = runbooks.places[runbook.name]
    product = str(runbook.match.product)
    builder = registry.products[product].builder
    return Fault(
        file=file,
        line=line,
        column=column,
        code=NOT_THEIRS,
        message=f"{runbook.owner} does not build {product}, which {runbook.name} is written for",
        path="match.product",
        remedy=f"let its builder own the runbook (owner: {builder}), or name another product",
    )
