"""`homeostat runbooks`: what is loaded, how far each is trusted, and what was taken out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit, pairs, table

app = typer.Typer()
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the runbook.")]
SHOWN_TRIALS = 20


def _path(*more: str) -> str:
    return path_of("api", "v1", "runbooks", *more)


@app.callback(invoke_without_command=True)
def runbooks(context: typer.Context, style: FormatOption = Format.TEXT) -> None:
    """Runbooks of the running daemon: what each may do, and how far its runs have earned that.

    Example: homeostat runbooks list
    """
    if context.invoked_subcommand is None:
        show_list(style=style)


@app.command("list")
def show_list(style: FormatOption = Format.TEXT) -> None:
    """All of them: state in force, trials that count, latest runs (+ held, - did not).

    Example: homeostat runbooks list --format json
    """
    found = ask("GET", _path())
    rows = [
        (r["name"], _state(r), r["tier"], r["owner"], _trials(r), _runs(r), _why(r)) for r in found
    ]
    head = ("NAME", "STATE", "TIER", "OWNER", "TRIALS", "RUNS", "WHY SUSPENDED")
    emit(found, style, lambda: table(rows, head=head) if rows else "no runbook is loaded")


def _state(runbook: dict[str, Any]) -> str:
    said, in_force = runbook["state"], runbook["standing"]["state"]
    return in_force if in_force == said else f"{in_force} ({said} by its file)"


def _trials(runbook: dict[str, Any]) -> str:
    trials = runbook["standing"]["trials"]
    needed = trials["needed"] or "-"
    return f"{trials['good']} of {trials['of']}, {needed} needed"


def _runs(runbook: dict[str, Any]) -> str:
    return "".join("+" if run == "held" else "-" for run in runbook["standing"]["runs"]) or "none"


def _why(runbook: dict[str, Any]) -> str:
    out = runbook["standing"]["suspended"]
    return f"{out['sentence']}: {out['why']}" if out else ""


@app.command()
def show(name: Name, style: FormatOption = Format.TEXT) -> None:
    """One of them: how it stands, why, and its latest trials.

    Example: homeostat runbooks show web-hung
    """
    found: dict[str, Any] = ask("GET", _path(name))
    emit(found, style, lambda: _shown(found))


def _shown(found: dict[str, Any]) -> str:
    standing = found["standing"]
    out = standing["suspended"]
    told = {
        "name": found["name"],
        "state": _state(found),
        "owner": found["owner"],
        "tier": found["tier"],
        "alert": ", ".join(found["alert"]) or "any",
        "trust": standing["trials"]["told"],
        "latest runs": _runs(found),
        "read again by": standing["review_by"] or "-",
        "path": found["path"],
    }
    if out:
        told |= {
            "suspended": out["at"],
            "why": f"{out['sentence']}: {out['why']}",
            "what brings it back": out["brings_back"],
        }
    if standing["resumed_by"]:
        told["resumed"] = f"{standing['resumed_at']} by {standing['resumed_by']}"
    rows = [(t["at"], t["incident"], t["plan"] or "-", _came_of(t)) for t in found["trials"]]
    head = ("TRIAL", "INCIDENT", "PLAN", "WHAT CAME OF IT")
    trials = table(rows[:SHOWN_TRIALS], head=head) if rows else "it was never tried"
    return f"{pairs(told)}\n\n{trials}"


def _came_of(trial: dict[str, Any]) -> str:
    said = [trial["agreement"], trial["verdict"]]
    said += [word for word in ("relapsed", "rejected") if trial[word]]
    if trial["is_rung"]:
        said.append("another plan followed")
    text = ", ".join(word.replace("_", " ") for word in said if word)
    return text if trial["counts"] else f"{text} (does not count)"


@app.command()
def suspend(
    name: Name,
    why: Annotated[str, typer.Option(help="Why; its owner is told.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """Take it out of service: people are told instead, and nothing else steps in for it.

    Example: homeostat runbooks suspend web-hung --why "the health address has moved"
    """
    _steered(ask("POST", _path(name, "suspend"), {"why": why}), style)


@app.command()
def resume(
    name: Name,
    why: Annotated[str, typer.Option(help="What was found, and why it may run again.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """Let a suspended one run again, as far as its file says; its count begins anew.

    Example: homeostat runbooks resume web-hung --why "the new health address is in"
    """
    _steered(ask("POST", _path(name, "resume"), {"why": why}), style)


def _steered(runbook: dict[str, Any], style: Format) -> None:
    emit(runbook, style, lambda: clean(f"{runbook['name']}: {_state(runbook)}"))
