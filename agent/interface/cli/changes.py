"""`homeostat changes`: what was deployed, configured or changed by hand lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import (
    WRONG_USAGE,
    Format,
    FormatOption,
    emit,
    stop,
    table,
)
from agent.interface.record_words import moment

app = typer.Typer()


@app.command()
def changes(
    product: Annotated[str, typer.Option(help="Only of this product.")] = "",
    entity: Annotated[
        str, typer.Option(help="Only of this entity, with what is said of its whole product.")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            help="How far to look back, as in 30m, 24h or 7d; default: 24h, releases 30d."
        ),
    ] = "",
    releases: Annotated[
        bool, typer.Option("--releases", help="Count releases by product, and those that failed.")
    ] = False,
    style: FormatOption = Format.TEXT,
) -> None:
    """What was changed on purpose, newest first: as Kubernetes and delivery tools told it.

    With --releases: of each product how many releases there were, which share of them failed or
    was rolled back, and for which incident.

    Example: homeostat changes --product checkout --since 7d
    """
    if releases:
        if entity:
            stop("--entity goes without --releases: they are counted by product", code=WRONG_USAGE)
        path = path_of("api", "v1", "changes", "releases", product=product, since=since)
        counted = ask("GET", path)
        emit(counted, style, lambda: as_rates(counted))
        return
    path = path_of("api", "v1", "changes", product=product, entity=entity, since=since)
    found = ask("GET", path)
    emit(found, style, lambda: as_text(found))


def as_text(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return "no change is known in that time"
    rows = [
        (moment(c["at"]), c["entity"], c["kind"], _phase(c), _version(c), _by(c), c["what"])
        for c in found
    ]
    return table(rows, head=("AT", "ENTITY", "KIND", "PHASE", "VERSION", "BY", "WHAT"))


def as_rates(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return "no release is known in that time"
    rows = [
        (
            c["product"],
            c["since"][:10],
            c["releases"],
            c["failed"],
            c["rolled_back"],
            f"{c['change_failure_rate']:.0%}" if c["change_failure_rate"] is not None else "-",
        )
        for c in found
    ]
    told = table(rows, head=("PRODUCT", "SINCE", "RELEASES", "FAILED", "ROLLED BACK", "RATE"))
    broken = [
        (moment(b["at"]), b["entity"], _phase(b), _version(b), b["undone_for"] or "-")
        for c in found
        for b in c["broken"]
    ]
    if not broken:
        return told
    return f"{told}\n\n" + table(broken, head=("AT", "ENTITY", "PHASE", "VERSION", "INCIDENT"))


def _phase(change: Mapping[str, Any]) -> str:
    return str(change["phase"]).replace("_", " ")


def _version(change: Mapping[str, Any]) -> str:
    if not change["version"]:
        return "-"
    return f"{change['before']} → {change['version']}" if change["before"] else change["version"]


def _by(change: Mapping[str, Any]) -> str:
    by = change["by"] or "-"
    return f"{by} (by hand)" if change["manual"] else by
