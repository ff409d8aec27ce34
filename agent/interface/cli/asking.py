"""Commands that answer questions of authors: explain, explain-code, schema; and `init`."""

from __future__ import annotations

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.catalog import (
    on_call_document,
    people_document,
    policy,
    runbook_document,
    settings_document,
)
from agent.core.view import View
from agent.interface.cli import (
    code_pages,
    explained_incident,
    explained_text,
    explaining,
    scaffolding,
)
from agent.interface.cli.alert_files import read_alerts
from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import WRONG_USAGE, Format, FormatOption, complain, emit, stop
from agent.interface.cli.site import ConfigOption, settings_of
from agent.model.errors import Unparseable
from agent.runtime.reading import channels_of, connections, load_plugins, read

app = typer.Typer()
app.add_typer(scaffolding.app, name="init")


@app.command()
def explain(
    alert: Annotated[
        Path | None, typer.Argument(metavar="[ALERT.json]", help="`-` reads standard input.")
    ] = None,
    incident: Annotated[
        str, typer.Option(help="Explain this incident of the running daemon instead.")
    ] = "",
    config: ConfigOption = None,
    brief: Annotated[bool, typer.Option("--brief", help="One line for each alert.")] = False,
    style: FormatOption = Format.TEXT,
) -> None:
    """Say what would happen to an alert: the whole path from its labels to whoever is told.

    Which runbook and why, near misses with the clause that failed, what is looked at, each row of
    the decide table, each step with what every rail says to it, proof, way back; how far it would
    reach and by which path, what would keep it quiet, and who is told, rung by rung.

    With --incident: why an incident reached so far, went to whom it went, and what was done about
    it or stopped, from its journal.

    The file holds one alert (`{"labels": {...}}`), a list, one on each line, or what a source
    reads.

    Example: homeostat explain alert.json --config homeostat.yaml
    """
    if (alert is None) == (not incident):
        stop("name either a file with an alert or --incident ID", code=WRONG_USAGE)
    if alert is None:
        past = ask("GET", path_of("api", "v1", "incidents", incident))
        emit(past, style, lambda: explained_incident.text_of(past))
        return
    try:
        body = sys.stdin.buffer.read() if str(alert) == "-" else alert.read_bytes()
    except OSError as error:
        stop(f"{alert}: {error.strerror}", code=WRONG_USAGE)
    chosen = settings_of(config)
    registry = load_plugins(chosen)
    reading = read(chosen, registry.plugins)
    if not reading.is_good:
        complain("files with faults are left out; `homeostat check` shows them")
    view = View(
        policy=chosen.policy,
        registry=reading.registry,
        runbooks=reading.index,
        plugins=registry.facts(connections(chosen)),
        channels=channels_of(chosen, reading.staff)[0],
        on_call=reading.staff.on_call,
    )
    try:
        alerts = read_alerts(body, registry.push_sources())
    except Unparseable as error:
        stop(f"{alert}: {error}", code=WRONG_USAGE)
    found = [explaining.explain(a, view, at=time.time()) for a in alerts]
    emit(found, style, lambda: (explained_text.brief if brief else explained_text.whole)(found))


@app.command("explain-code")
def explain_code(
    code: Annotated[str, typer.Argument(metavar="CODE", help="HS... of a fault, or a reason.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """Print the page of a code of `homeostat check`, or of a reason from a timeline.

    What it means, why, a wrong example with the place marked, and the right one.

    Example: homeostat explain-code HS204
    """
    try:
        found = code_pages.page_of(code)
    except LookupError as meant:
        stop(f"there is no code {code!r} ({meant})", code=WRONG_USAGE)
    emit(found, style, lambda: str(found["text"]))


class Kind(StrEnum):
    RUNBOOK = "runbook"
    SETTINGS = "settings"
    POLICY = "policy"
    TOKENS = "tokens"
    ON_CALL = "on-call"


@app.command()
def schema(
    kind: Annotated[Kind, typer.Argument(help="Of which file.")] = Kind.RUNBOOK,
    style: FormatOption = Format.JSON,
) -> None:
    """Print the JSON Schema of a file, for editors.

    Example: homeostat schema runbook > runbook.schema.json
    """
    models: dict[Kind, Any] = {
        Kind.SETTINGS: settings_document.SettingsDocument,
        Kind.POLICY: policy.PolicyDocument,
        Kind.TOKENS: people_document.PeopleDocument,
        Kind.ON_CALL: on_call_document.OnCallDocument,
    }
    if kind is Kind.RUNBOOK:
        found = runbook_document.schema()
    else:
        found = models[kind].model_json_schema(by_alias=True, mode="validation")
    emit(found, style, lambda: json.dumps(found, indent=2))
