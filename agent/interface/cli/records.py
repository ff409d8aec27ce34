"""`homeostat record` and `near-misses`: what is kept of an incident for whoever was not there."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit, emit_json, table
from agent.interface.record_words import as_markdown, as_text, moment

app = typer.Typer()


class RecordFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MD = "md"


@app.command()
def record(
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the incident.")],
    style: Annotated[
        RecordFormat, typer.Option("--format", help="md: Markdown that can be pasted.")
    ] = RecordFormat.TEXT,
) -> None:
    """The post-incident record: impact, detection, what was found, done and tried in vain, the
    cause, what is not known, follow-ups and near misses. Of an open incident it is preliminary.

    Example: homeostat record i-4f2c --format md > record.md
    """
    found = ask("GET", path_of("api", "v1", "incidents", incident_id, "record"))
    if style is RecordFormat.JSON:
        emit_json(found)
    elif style is RecordFormat.MD:
        print(as_markdown(found), end="")
    else:
        print(as_text(found))


@app.command("near-misses")
def near_misses(style: FormatOption = Format.TEXT) -> None:
    """Harm that did not come about: a guard stopped an act that was not needed, or a runbook in
    shadow would have done what people did not. Newest first.

    Example: homeostat near-misses --format json
    """
    found = ask("GET", path_of("api", "v1", "near-misses"))
    rows = [
        (moment(n["at"])[:16], n["incident"], n["product"] or "-", clean(n["text"])) for n in found
    ]
    head = ("AT", "INCIDENT", "PRODUCT", "WHAT")
    emit(found, style, lambda: table(rows, head=head) if rows else "none are known")
