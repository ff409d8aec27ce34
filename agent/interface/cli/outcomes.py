"""`homeostat outcomes`: whether the leadership metrics of products move as they should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import FOUND_WRONG, Format, FormatOption, clean, emit, table
from agent.interface.record_words import moment

app = typer.Typer()

HEAD = ("PRODUCT", "METRIC", "VERDICT", "LAST", "READ", "WHY")
BARS = " ▁▂▃▄▅▆▇█"
MOST_BARS = 72


@app.command()
def outcomes(
    product: Annotated[str, typer.Argument(help="Only this product, with its series.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Leadership metrics: what was read last, and whether they move as they are expected to. Ends
    with 1 where one stalls.

    Example: homeostat outcomes shop
    """
    found = ask("GET", path_of("api", "v1", "outcomes", product=product))
    emit(found, style, lambda: _one(found[0]) if product and found else _all(found))
    if any(one.get("verdict") == "stalled" for one in found):
        raise typer.Exit(FOUND_WRONG)


def _all(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return "no products are registered"
    return table([_row(one) for one in found], head=HEAD)


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    if one["metric"] is None:
        return (one["product"], "-", "-", "-", "-", "declares no leadership metric")
    last = one["last"]
    value = f"{last['value']:g}" if last else "-"
    when = moment(last["at"]) if last else "never"
    return (one["product"], one["metric"], one["verdict"], value, when, one["gap"] or one["text"])


def _one(one: Mapping[str, Any]) -> str:
    if one["metric"] is None:
        return f"{one['product']} declares no leadership metric"
    return clean_lines([*_told(one), *_drawn(one["series"])])


def clean_lines(lines: Sequence[str]) -> str:
    return "\n".join(clean(line) for line in lines)


def _told(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['product']}: {one['metric']} ({one['verdict']}), builder {one['builder']}"
    yield one["text"]
    if one["gap"]:
        yield f"not known now: {one['gap']}"
    last = one["last"]
    if last:
        moved = moment(last["moved_at"])
        yield f"last {last['value']:g} at {moment(last['at'])}, other than before at {moved}"
    if one["since"] and one["verdict"] == "stalled":
        yield f"stalls since {moment(one['since'])}"
    if one["incident"]:
        yield f"incident {one['incident']} since {moment(one['alert_since'])}"
    elif one["waits_for_what_burns_below"]:
        yield "no incident: something burns below it, or did shortly before"
    for rank, suspect in enumerate(one["suspects"], start=1):
        yield f"{'first suspect' if rank == 1 else f'suspect {rank}'}: {suspect['text']}"


def _drawn(series: Mapping[str, Any] | None) -> Iterator[str]:
    """The latest bins as bars between the least and the most of them; a dot is a gap."""
    values = series["values"][-MOST_BARS:] if series else []
    known = [value for value in values if value is not None]
    if series is None or not known:
        return
    low, high = min(0.0, *known), max(known)
    room = (high - low) or 1.0
    top = len(BARS) - 1
    bars = "".join("·" if v is None else BARS[round((v - low) / room * top)] for v in values)
    yield f"[{bars}] bins of {series['bin_seconds']:g} s, the most {high:g}"
