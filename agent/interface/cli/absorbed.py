"""`homeostat absorbed`: how much needs nobody any more, and what would absorb most next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit, table

app = typer.Typer()

GRADES = ("healed", "settled", "diagnosed", "routed", "cleared", "suppressed", "open")
MARK = "* the week is not whole: it is not over, or the agent's memory begins in it"


@app.command()
def absorbed(
    weeks: Annotated[
        int, typer.Option(min=1, max=104, help="The latest so many, with the one under way.")
    ] = 12,
    product: Annotated[str, typer.Option(help="Of this product only.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """The absorbed share by week and product: what was healed or settled, of all that needed
    anything; its trend, and the families of alerts that still call for people most.

    Example: homeostat absorbed --weeks 26 --product shop
    """
    path = path_of("api", "v1", "absorbed", weeks=str(weeks), product=product)
    found = ask("GET", path)
    emit(found, style, lambda: text_of(found))


def text_of(found: Mapping[str, Any]) -> str:
    whole = found["incidents"]
    parts = [
        f"absorbed {percent(whole['share'])}: {whole['healed'] + whole['settled']} of "
        f"{whole['needed']} incidents that needed anything; of alerts "
        f"{percent(found['alerts']['share'])}\n"
        f"trend: {_trend(found['trend'])}\n{found['formula']}",
        table(
            [(_name(w), *_cells(w["incidents"]), w["pages"]) for w in found["weeks"]],
            head=("WEEK", "ABSORBED", *(g.upper() for g in GRADES), "PAGES"),
        ),
    ]
    if any(week["is_partial"] for week in found["weeks"]):
        parts[-1] += f"\n{MARK}"
    if found["products"]:
        rows = [
            (p["product"] or "no product", *_cells(p["incidents"]), _trend(p["trend"]))
            for p in found["products"]
        ]
        parts.append(
            table(rows, head=("PRODUCT", "ABSORBED", *(g.upper() for g in GRADES), "TREND"))
        )
    parts.append(_families(found["families"]))
    return "\n\n".join(parts)


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _name(week: Mapping[str, Any]) -> str:
    return f"{week['week']}{'*' if week['is_partial'] else ''}"


def _cells(counts: Mapping[str, Any]) -> tuple[object, ...]:
    return percent(counts["share"]), *(counts[grade] for grade in GRADES)


def _trend(trend: Mapping[str, Any]) -> str:
    return clean(f"{trend['direction']} ({trend['why']})")


def _families(families: list[Mapping[str, Any]]) -> str:
    if not families:
        return "nobody was called in the last 8 weeks"
    rows = [
        (
            f["alertname"], f["kind"] or "-", ", ".join(f["products"]) or "-",
            f"{f['minutes']:.0f}", f["pages"], f["incidents"], f["why"],
        )
        for f in families
    ]  # fmt: skip
    head = ("ALERT", "KIND", "PRODUCTS", "MINUTES", "PAGES", "INCIDENTS", "NOT ABSORBED BECAUSE")
    return "would absorb most next (last 8 weeks)\n" + table(rows, head=head)
