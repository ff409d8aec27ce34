"""`homeostat incidents`: people's side of an incident, through the running daemon."""

from __future__ import annotations

import sys
import time
from math import isfinite
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.incident_words import approval_lines, as_text, preview_text
from agent.interface.cli.output import (
    FINE,
    FOUND_WRONG,
    WRONG_USAGE,
    Format,
    FormatOption,
    clean,
    emit,
    stop,
    table,
)
from agent.interface.times import from_rfc3339, rfc3339_or_none
from agent.interface.told import TOLD_FORM, parameters, told_call
from agent.model.learning import CauseKind

app = typer.Typer()
POLL_SECONDS = 0.3
WATCH_SECONDS = 2.0
KINDS = tuple(kind.value for kind in CauseKind)
IncidentId = Annotated[str, typer.Argument(metavar="ID", help="Id of the incident.")]


def _path(incident_id: str, *more: str) -> str:
    return path_of("api", "v1", "incidents", incident_id, *more)


@app.callback(invoke_without_command=True)
def incidents(context: typer.Context, style: FormatOption = Format.TEXT) -> None:
    """Look at incidents, take them, resolve them, act through the agent.

    Example: homeostat incidents list --state escalated
    """
    if context.invoked_subcommand is None:
        show_list(style=style)


@app.command("list")
def show_list(
    state: Annotated[str, typer.Option(help="Only those in this state.")] = "",
    product: Annotated[str, typer.Option(help="Only those of this product.")] = "",
    layer: Annotated[str, typer.Option(help="product, machinery or outcome.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Incidents, newest first.

    Example: homeostat incidents list --state awaiting_approval --product shop
    """
    path = path_of(
        "api", "v1", "incidents", state=state, product=product, layer=layer, timeline="false"
    )
    found = ask("GET", path)
    head = ("ID", "STATE", "SEVERITY", "LAYER", "PRODUCT", "OUTCOME", "OPENED", "TITLE")
    rows = [
        (i["id"], i["state"], i["severity"], i["layer"], i["product"] or "-",
         i["outcome"] or "-", i["opened_at"][:19], i["title"])
        for i in found
    ]  # fmt: skip
    emit(found, style, lambda: table(rows, head=head) if rows else "no incidents")


@app.command()
def show(incident_id: IncidentId, style: FormatOption = Format.TEXT) -> None:
    """One incident with its timeline.

    Example: homeostat incidents show i-4f2c --format json
    """
    found = ask("GET", _path(incident_id))
    emit(found, style, lambda: as_text(found))


def _is_a_person_there() -> bool:
    return sys.stdin.isatty()


def _tell(incident: dict[str, Any], style: Format) -> None:
    text = f"{incident['id']}: {incident['state']}"
    emit(incident, style, lambda: clean(text))


@app.command()
def ack(incident_id: IncidentId, style: FormatOption = Format.TEXT) -> None:
    """Take an incident: it is yours now.

    Example: homeostat incidents ack i-4f2c
    """
    _tell(ask("POST", _path(incident_id, "ack")), style)


@app.command()
def resolve(
    incident_id: IncidentId,
    cause: Annotated[str, typer.Option(help="What the cause was.")],
    kind: Annotated[str, typer.Option(help=f"What kind of cause: {', '.join(KINDS)}.")] = "",
    step: Annotated[
        list[str] | None,
        typer.Option(help="Id of a step by people that mattered; default: all done. Repeatable."),
    ] = None,
    told: Annotated[
        list[str] | None,
        typer.Option(help=f"What you did elsewhere, as '{TOLD_FORM}' (UTC, or RFC 3339). "
                     "Repeatable."),
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option(help="The same in words: kept, and never run. Repeatable."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Of people's time.")] = None,
    page_useful: Annotated[
        bool | None,
        typer.Option("--page-useful/--page-useless", help="Whether whoever was paged was needed."),
    ] = None,
    style: FormatOption = Format.TEXT,
) -> None:  # fmt: skip
    """Say that it is resolved, by what, and what the cause was: it is learned from.

    Example: homeostat incidents resolve i-4f2c --cause "poisoned configuration"
    --kind configuration --told "process.restart target=web @09:41" --minutes 12 --page-useful
    """
    if minutes is not None and not isfinite(minutes):
        stop(f"--minutes {minutes:g} is no number of minutes", code=WRONG_USAGE)
    body: dict[str, Any] = {
        "cause": cause,
        "kind": kind or _asked_kind(),
        "told": [_told(text) for text in told or []],
        "actions": action or [],
        "minutes": minutes,
        "page_useful": page_useful,
    }
    if step:
        body["steps"] = step
    incident = ask("POST", _path(incident_id, "resolve"), body)
    lines = [f"{incident['id']}: {incident['state']}"]
    lines += [incident["learning"]] if incident.get("learning") else []
    emit(incident, style, lambda: "\n".join(clean(line) for line in lines))


def _asked_kind() -> str:
    """On a terminal the kinds are listed, and one may be chosen; elsewhere it stays unknown."""
    if not _is_a_person_there():
        return ""
    print(f"kinds of cause: {', '.join(KINDS)}", file=sys.stderr)
    return str(typer.prompt("which was it", default="unknown", err=True))


def _told(text: str) -> dict[str, Any]:
    try:
        call = told_call(text, time.time())
    except ValueError as error:
        stop(f"--told {error}", code=WRONG_USAGE)
    return {"use": call.use, "with": dict(call.params), "at": rfc3339_or_none(call.at)}


@app.command()
def approve(
    incident_id: IncidentId,
    fingerprint: Annotated[
        str, typer.Option(help="Only this, as `incidents show` told; else what is printed now.")
    ] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Approve the plan that waits for it, exactly as this command prints it.

    On a terminal it asks once more, unless a fingerprint says what was read before. Where meanwhile
    something else would run, nothing is approved: look again. Whoever wrote the runbook, or asked
    for an action in the incident, may not; a critical change needs a second person. What runs later
    than the approval is good for is asked for again.

    Example: homeostat incidents approve i-4f2c
    """
    found = ask("GET", _path(incident_id))
    asked = found.get("approval")
    if asked is None or found["state"] != "awaiting_approval":
        stop(f"nothing of {incident_id} waits for an approval: it is {found['state']}")
    # Not on standard output, which with `--format json` is for a program.
    print("\n".join(approval_lines(found)), file=sys.stderr)
    if not fingerprint and _is_a_person_there():
        typer.confirm("approve exactly this?", abort=True, err=True)
    body = {"fingerprint": fingerprint or asked["fingerprint"]}
    _tell(ask("POST", _path(incident_id, "approve"), body), style)


@app.command()
def reject(
    incident_id: IncidentId,
    why: Annotated[str, typer.Option(help="Why not.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Reject the plan that waits for approval.

    Example: homeostat incidents reject i-4f2c --why "a release is under way"
    """
    _tell(ask("POST", _path(incident_id, "reject"), {"why": why}), style)


def _parameters(given: list[str]) -> dict[str, Any]:
    """Ends with wrong usage where a word is no parameter."""
    try:
        return parameters(given)
    except ValueError as error:
        stop(str(error), code=WRONG_USAGE)


@app.command()
def run(
    incident_id: IncidentId,
    use: Annotated[str, typer.Argument(metavar="ACTION", help="Name of the action.")],
    params: Annotated[
        list[str] | None,
        typer.Option("--with", help="A parameter: name=text, or name:=json. Repeatable."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", "--dry-run", help="Only show what would run and change.")
    ] = False,
    watch: Annotated[bool, typer.Option(help="Wait until it is clear whether it helped.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for its end; 0: do not.")] = 60.0,
    style: FormatOption = Format.TEXT,
) -> None:
    """Do an action through the agent: guarded, recorded, verified, and learned from.

    On a terminal it shows first what would run and what would stop it, and asks once.

    Example: homeostat incidents run i-4f2c process.restart --with target=web
    """
    body: dict[str, Any] = {"use": use, "with": _parameters(params or [])}
    path = _path(incident_id, "run")
    shown: dict[str, Any] | None = None
    if preview or watch or _is_a_person_there():
        shown = ask("POST", path, {**body, "preview": True})["preview"]
        body["fingerprint"] = shown["fingerprint"]
    if preview and shown is not None:
        emit(shown, style, lambda: preview_text(shown))
        raise typer.Exit(FINE if shown["would_run"] else FOUND_WRONG)
    if shown is not None and _is_a_person_there():
        print(preview_text(shown), file=sys.stderr)
        if not shown["would_run"]:
            raise typer.Exit(FOUND_WRONG)
        typer.confirm("run exactly this?", abort=True, err=True)
    incident, step = _until_it_ended(ask("POST", path, body), wait)
    if step is None:
        _tell(incident, style)
        return
    status = step["status"] or "under way"
    text = clean(f"{use} on {step['target']}: {status} {step['detail']}").rstrip()
    held = None
    if watch and shown is not None and step["status"] == "done":
        incident, held = _until_it_is_clear(incident, shown)
        text += f"\n{'held' if held else 'failed'}: {_seen(incident, shown, held=held)}"
    emit(incident, style, lambda: text)
    if step["status"] not in (None, "done") or held is False:
        raise typer.Exit(FOUND_WRONG)


def _until_it_ended(
    incident: dict[str, Any], seconds: float
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The latest step by people, once it has ended or the time is up."""
    mine = [s for s in incident["steps"] if s["by"] != "agent"][-1:]
    if not mine:
        return incident, None
    step, deadline = mine[0], time.monotonic() + seconds
    while step["status"] is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        incident = ask("GET", _path(incident["id"]))
        step = next(s for s in incident["steps"] if s["id"] == step["id"])
    return incident, step


def _until_it_is_clear(
    incident: dict[str, Any], shown: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Whether every alert of it was over before the time of verification was."""
    until = from_rfc3339(shown["verified_until"])
    while _is_firing(incident) and time.time() < until:
        time.sleep(WATCH_SECONDS)
        incident = ask("GET", _path(incident["id"]))
    return incident, not _is_firing(incident)


def _is_firing(incident: dict[str, Any]) -> bool:
    return any(alert["status"] == "firing" for alert in incident["alerts"])


def _seen(incident: dict[str, Any], shown: dict[str, Any], *, held: bool) -> str:
    if held:
        return "every alert of the incident is over"
    names = ", ".join(sorted({a["name"] for a in incident["alerts"] if a["status"] == "firing"}))
    return clean(f"{names} still fires at {shown['verified_until']}")
