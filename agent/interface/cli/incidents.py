"""`homeostat incidents`: people's side of an incident, through the running daemon."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.explained_incident import why_lines
from agent.interface.cli.output import (
    FOUND_WRONG,
    WRONG_USAGE,
    Format,
    FormatOption,
    clean,
    emit,
    pairs,
    stop,
    table,
)

app = typer.Typer()
POLL_SECONDS = 0.3
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


def as_text(incident: dict[str, Any]) -> str:
    names = ("id", "title", "state", "severity", "layer", "product", "entity", "radius", "runbook",
             "plan", "risk", "verdict", "outcome", "routed_to", "reason_text", "opened_at",
             "resolved_at", "acknowledged_by", "approved_by", "caused_by", "resolved_by",
             "cause")  # fmt: skip
    parts = [pairs({n: incident[n] for n in names if incident.get(n)})]
    parts += ["why", *why_lines(incident)] if "why" in incident else []
    parts += _approval_lines(incident)
    for name, found in incident["findings"].items():
        parts.append(f"finding {clean(name)}: {clean(json.dumps(found, default=str))}")
    parts += [f"step {s['use']} on {s['target']} by {s['by']}: {s['status'] or 'under way'} "
              f"{clean(s['detail'])}".rstrip() for s in incident["steps"]]  # fmt: skip
    for page in incident["pages"]:
        state = {True: "delivered", False: "not delivered", None: "on its way"}[page["delivered"]]
        parts.append(f"page to {clean(page['to'])} by {clean(page['channel'])}: {state}")
    parts.append("timeline")
    parts += [
        f"  {line['at'][11:19]}  {clean(line['kind'])} ({clean(line['reason'])}): "
        f"{clean(line['text'])}" + (f" [{clean(line['who'])}]" if line["who"] != "agent" else "")
        for line in incident["timeline"]
    ]
    return "\n".join(parts)


def _approval_lines(incident: dict[str, Any]) -> list[str]:
    """What exactly is to be approved, in full: whoever approves has read this."""
    asked = incident.get("approval")
    if asked is None:
        return []
    people = asked["people_needed"]
    good = f"{asked['good_for_seconds'] / 60:.0f} min"
    told = [
        f"{'to approve' if incident['state'] == 'awaiting_approval' else 'asked for'}: "
        f"plan {clean(asked['plan'])}, risk {asked['risk']}, {people} "
        f"{'person' if people == 1 else 'people'}, good for {good} once given"
    ]
    for step in asked["steps"]:
        shown = clean(json.dumps(step["with"], default=str))
        if step["unknown"]:
            shown = clean(f"{step['unknown']}; not covered by an approval")
        told.append(f"  {clean(step['use'])} on {clean(str(step['target']))}: {shown}")
    told.append(f"  fingerprint {clean(asked['fingerprint'])}")
    told += [f"  approved by {clean(g['by'])}, until {g['until'][:19]}" for g in asked["given"]]
    return told


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
    action: Annotated[
        list[str] | None,
        typer.Option(help="What you did outside the agent; may be given several times."),
    ] = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Say that it is resolved, by what, and what the cause was.

    Example: homeostat incidents resolve i-4f2c --cause "poisoned configuration"
    """
    body = {"cause": cause, "actions": action or []}
    _tell(ask("POST", _path(incident_id, "resolve"), body), style)


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
    print("\n".join(_approval_lines(found)), file=sys.stderr)
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


def parameters(given: list[str]) -> dict[str, Any]:
    """`name=text`, or `name:=json` where it is not text. Ends with wrong usage otherwise."""
    found: dict[str, Any] = {}
    for word in given:
        name, equals, value = word.partition("=")
        is_json = name.endswith(":")
        name = name.removesuffix(":")
        if not equals or not name:
            stop(f"{word!r} is not name=value", code=WRONG_USAGE)
        try:
            found[name] = json.loads(value) if is_json else value
        except ValueError:
            stop(f"{value!r} is no JSON (write name=value for text)", code=WRONG_USAGE)
    return found


@app.command()
def run(
    incident_id: IncidentId,
    use: Annotated[str, typer.Argument(metavar="ACTION", help="Name of the action.")],
    params: Annotated[
        list[str] | None,
        typer.Option("--with", help="A parameter: name=text, or name:=json. Repeatable."),
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for its end; 0: do not.")] = 60.0,
    style: FormatOption = Format.TEXT,
) -> None:
    """Do an action through the agent: guarded, recorded, and learned from.

    Example: homeostat incidents run i-4f2c process.restart --with target=web
    """
    body = {"use": use, "with": parameters(params or [])}
    incident = ask("POST", _path(incident_id, "run"), body)
    mine = [s for s in incident["steps"] if s["by"] != "agent"][-1:]
    if not mine:
        _tell(incident, style)
        return
    step, deadline = mine[0], time.monotonic() + wait
    while step["status"] is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        incident = ask("GET", _path(incident_id))
        step = next(s for s in incident["steps"] if s["id"] == step["id"])
    status = step["status"] or "under way"
    text = clean(f"{use} on {step['target']}: {status} {step['detail']}").rstrip()
    emit(incident, style, lambda: text)
    if step["status"] not in (None, "done"):
        raise typer.Exit(FOUND_WRONG)
