"""`homeostat blindspots`: what would break unseen, with its owner and its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import FOUND_WRONG, Format, FormatOption, clean, emit
from agent.interface.record_words import moment

app = typer.Typer()


@app.command()
def blindspots(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are gone, for a month.")
    ] = False,
    now: Annotated[bool, typer.Option("--now", help="Look now, and wait for it.")] = False,
    product: Annotated[str, typer.Option(help="Only those of this product.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Silent signals, rules without their metric, targets without data, products that nothing
    watches, alerts that nobody acts on, runbooks that never ran. Looked for once a day. Ends with
    1 where there are any.

    Example: homeostat blindspots --now --product shop
    """
    query = {"all": "true" if everything else None, "product": product}
    way = ("api", "v1", "blindspots")
    if now:
        found = ask("POST", path_of(*way, "survey", **query), {})
    else:
        found = ask("GET", path_of(*way, **query))
    emit(found, style, lambda: as_text(found))
    if found["open"]:
        raise typer.Exit(FOUND_WRONG)


def as_text(found: Mapping[str, Any]) -> str:
    if found["at"] is None:
        head = "it was not looked for blind spots yet: `homeostat blindspots --now`"
    else:
        head = f"blind spots: {found['open']}; looked for at {moment(found['at'])}"
    parts = [head]
    if found["looking"]:
        parts.append("it is still being looked: ask again in a minute")
    parts += [f"could not look: {clean(why)}" for why in found["could_not"]]
    parts += [_paragraph(spot) for spot in found["blind_spots"]]
    return "\n\n".join(parts)


def _paragraph(spot: Mapping[str, Any]) -> str:
    kind = spot["kind"].replace("_", " ")
    until = f", gone {moment(spot['gone_at'])}" if spot["gone_at"] else ""
    lines = [
        f"{kind}: {spot['subject']}  (owner {spot['owner']}, since {moment(spot['since'])}{until})",
        f"  {spot['text']}",
    ]
    if not spot["gone_at"]:
        lines.append(f"  remedy: {spot['remedy']}")
    return "\n".join(clean(line) for line in lines)
