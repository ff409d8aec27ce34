"""`homeostat drivers`: what people are called for most, and what takes their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, emit, table
from agent.interface.record_words import moment

app = typer.Typer()


class By(StrEnum):
    PAGES = "pages"
    MINUTES = "minutes"


@app.command()
def drivers(
    since: Annotated[str, typer.Option(help="How far to look back, as in 7d or 90d.")] = "90d",
    by: Annotated[By, typer.Option(help="What the order of the lines is by.")] = By.PAGES,
    style: FormatOption = Format.TEXT,
) -> None:
    """Families of incidents and causes, ranked by pages and by minutes of people's time, beside
    the period as long before, with what is proposed or in force against each.

    Example: homeostat drivers --since 30d --by minutes
    """
    found = ask("GET", path_of("api", "v1", "drivers", since=since))
    emit(found, style, lambda: as_text(found, by))


def as_text(found: Mapping[str, Any], by: By) -> str:
    if not found["families"]:
        return "nobody was called in that time"
    before = found["pages_before"]
    beside = f"; pages in the time before {before}: {found['change']}" if before is not None else ""
    parts = [
        f"from {moment(found['since'])} to {moment(found['until'])}: "
        f"{found['incidents']} incidents that people were called for, pages {found['pages']}, "
        f"minutes {found['minutes']:.0f}{beside}"
    ]
    if not found["is_whole"]:
        parts.append("there is more than was read: look back less far")
    families = [
        (f"{d['alertname'] or '(no name)'} {d['kind'] or ''}".strip(), *_numbers(d),
         ", ".join(d["products"]) or "-", d["last_at"][:10], d["why"])
        for d in _ordered(found["families"], by)
    ]  # fmt: skip
    counts = ("PAGES", "SHARE", "MINUTES", "SHARE", "BEFORE", "TREND")
    parts.append(table(families, head=("FAMILY", *counts, "PRODUCTS", "LAST", "STATE")))
    causes = [
        (d["cause"].replace("_", " "), *_numbers(d), d["last_at"][:10])
        for d in _ordered(found["causes"], by)
    ]
    parts.append(table(causes, head=("CAUSE", *counts, "LAST")))
    return "\n\n".join(parts)


def _numbers(driver: Mapping[str, Any]) -> tuple[str, ...]:
    before = driver["pages_before"]
    return (
        str(driver["pages"]),
        f"{driver['share_of_pages']:.0%}",
        f"{driver['minutes']:.0f}",
        f"{driver['share_of_minutes']:.0%}",
        "-" if before is None else str(before),
        driver["change"],
    )


def _ordered(rows: Sequence[Mapping[str, Any]], by: By) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: -row[by.value])
