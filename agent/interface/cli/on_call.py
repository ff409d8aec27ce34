"""`homeostat on-call`: who is told when something breaks, read from the files."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from agent.catalog.quantities import format_duration
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.interface.cli.output import WRONG_USAGE, Format, FormatOption, clean, emit, stop, table
from agent.interface.cli.site import ConfigOption, settings_of
from agent.interface.rota import rota
from agent.interface.times import from_rfc3339
from agent.model.fault import FaultSeverity
from agent.runtime.reading import channels_of, load_plugins, read

app = typer.Typer()

NOTHING = "no rotation and no ladder is declared: teams are told, and nobody climbs"


@app.command("on-call")
def on_call(
    at: Annotated[
        str, typer.Option(help="Another time, as in 2026-01-31T09:00:00Z. Default: now.")
    ] = "",
    config: ConfigOption = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Who is on call and until when, each team's ladder with its channels, and the gaps ahead.

    A gap is a time within the next 14 days at which a rotation leads to nobody who can be told.

    Example: homeostat on-call --at 2026-12-24T20:00:00Z
    """
    try:
        moment = from_rfc3339(at) if at else time.time()
    except (ValueError, OverflowError):
        stop(f"{at!r} is no time; write it like 2026-01-31T09:00:00Z", code=WRONG_USAGE)
    settings = settings_of(config)
    reading = read(settings, load_plugins(settings).plugins)
    files = {str(path) for path in settings.on_call} | set(reading.staff.files)
    wrong = [f for f in reading.faults if f.file in files and f.severity is FaultSeverity.ERROR]
    if wrong:
        stop("\n".join(str(f) for f in wrong))
    view = View(
        policy=settings.policy,
        registry=reading.registry,
        runbooks=MatchIndex(()),
        plugins={},
        channels=channels_of(settings, reading.staff)[0],
        on_call=reading.staff.on_call,
    )
    found = rota(view, moment)
    emit(found, style, lambda: text_of(found))


def text_of(found: dict[str, Any]) -> str:
    if not found["rotations"] and not found["ladders"]:
        return NOTHING
    parts = []
    if found["rotations"]:
        rows = [
            (r["name"], r["on_call"] or "NOBODY", r["until"] or "-", r["text"])
            for r in found["rotations"]
        ]
        parts.append(table(rows, head=("ROTATION", "ON CALL", "UNTIL", "BY")))
    if found["ladders"]:
        rungs = [
            _row(ladder, number, rung)
            for ladder in found["ladders"]
            for number, rung in enumerate(ladder["rungs"], start=1)
        ]
        parts.append(table(rungs, head=("TEAM", "RUNG", "TELLS", "ACK WITHIN", "BY")))
    missing = [
        (r["name"], gap["from"], gap["to"], gap["why"])
        for r in found["rotations"]
        for gap in r["gaps"]
    ]
    if missing:
        parts.append(table(missing, head=("GAP IN", "FROM", "TO", "WHY")))
    else:
        parts.append("no gaps in the next 14 days")
    return "\n\n".join(parts)


def _row(ladder: dict[str, Any], number: int, rung: dict[str, Any]) -> tuple[str, ...]:
    repeat = f", {ladder['repeat']} times again" if ladder["repeat"] else ""
    team = f"{ladder['team']}{repeat}" if number == 1 else ""
    by = ", ".join(rung["channels"]) or clean(rung["why_nobody"])
    within = format_duration(rung["ack_within_seconds"])
    return team, str(number), rung["tells"] or "NOBODY", within, by
