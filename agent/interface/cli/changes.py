"""`homeostat changes`: what was deployed, configured or changed by hand lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, emit, table
from agent.interface.record_words import moment

app = typer.Typer()


@app.command()
def changes(
    product: Annotated[str, typer.Option(help="Only of this product.")] = "",
    entity: Annotated[
        str, typer.Option(help="Only of this entity, with what is said of its whole product.")
    ] = "",
    since: Annotated[str, typer.Option(help="How far to look back, as in 30m, 24h or 7d.")] = "24h",
    style: FormatOption = Format.TEXT,
) -> None:
    """What was changed on purpose, newest first: as CloudEvents, GitHub, Argo CD and Flux told it.

    Example: homeostat changes --product checkout --since 7d
    """
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


def _phase(change: Mapping[str, Any]) -> str:
    return str(change["phase"]).replace("_", " ")


def _version(change: Mapping[str, Any]) -> str:
    if not change["version"]:
        return "-"
    return f"{change['before']} → {change['version']}" if change["before"] else change["version"]


def _by(change: Mapping[str, Any]) -> str:
    by = change["by"] or "-"
    return f"{by} (by hand)" if change["manual"] else by
