"""`homeostat backlog`: what signals cost, and what would end that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, emit, table
from agent.interface.record_words import moment

app = typer.Typer()
UNKNOWN = "unknown"


@app.command()
def backlog(
    product: Annotated[str, typer.Argument(help="Only this product.")] = "",
    since: Annotated[str, typer.Option(help="How far to look back, as in 7d or 90d.")] = "90d",
    style: FormatOption = Format.TEXT,
) -> None:
    """What the signals of each product took of people's and the agent's time, and what would end
    that: a runbook, mending the cause, an alert that nobody needs, a blind spot. Dearest first.

    Example: homeostat backlog checkout --since 30d
    """
    found = ask("GET", path_of("api", "v1", "backlog", product=product, since=since))
    emit(found, style, lambda: as_text(found))


def as_text(found: Mapping[str, Any]) -> str:
    parts = [f"from {moment(found['since'])} to {moment(found['until'])}"]
    if not found["is_whole"]:
        parts.append("there is more than was read: look back less far")
    if not found["items"]:
        parts.append("nothing to do: no signal cost people anything, and no blind spot is known")
    else:
        rows = [
            (i["product"] or "-", i["subject"], _minutes(i["minutes_per_month"]),
             f"{i['agent_minutes']:.0f}", i["incidents"], i["pages"],
             i["remedy"].replace("_", " "), i["text"])
            for i in found["items"]
        ]  # fmt: skip
        head = ("PRODUCT", "SIGNAL", "MIN/MONTH", "AGENT MIN", "INCIDENTS", "PAGES", "REMEDY", "")
        parts.append(table(rows, head=head))
    if any(i["minutes_per_month"] is None for i in found["items"]):
        parts.append("unknown: nobody said what it took (`--minutes` of `incidents resolve`)")
    return "\n\n".join(parts)


def _minutes(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f}"
