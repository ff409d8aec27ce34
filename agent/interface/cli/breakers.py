"""`homeostat breakers`: which remedies are left alone because they did not help."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit, table

app = typer.Typer()


@app.callback(invoke_without_command=True)
def breakers(context: typer.Context, style: FormatOption = Format.TEXT) -> None:
    """Circuit breakers of remedies: each action in each runbook has one.

    Example: homeostat breakers list
    """
    if context.invoked_subcommand is None:
        show_list(style=style)


@app.command("list")
def show_list(style: FormatOption = Format.TEXT) -> None:
    """All that have seen a plan end, with its latest results: + held, - did not.

    Example: homeostat breakers list --format json
    """
    found = ask("GET", path_of("api", "v1", "breakers"))
    rows = [(b["runbook"], b["action"], b["state"], _results(b), _until(b)) for b in found]
    head = ("RUNBOOK", "ACTION", "STATE", "RESULTS", "ONE MAY TRY")
    emit(found, style, lambda: table(rows, head=head) if rows else "nothing was tried yet")


def _results(breaker: dict[str, Any]) -> str:
    return "".join("+" if result == "held" else "-" for result in breaker["results"]) or "none"


def _until(breaker: dict[str, Any]) -> str:
    if breaker["trying"]:
        return f"{breaker['trying']} tries"
    if breaker["state"] == "locked":
        return "after a reset"
    return breaker["one_may_try_at"] or "-"


@app.command()
def reset(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Runbook and action: 'NAME ACTION'.")],
    why: Annotated[str, typer.Option(help="What was looked at, and why it may run again.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """Close a breaker: the remedy may run again, and what it remembers is forgotten.

    Example: homeostat breakers reset "web-hung process.restart" --why "image fixed"
    """
    found = ask("POST", path_of("api", "v1", "breakers", "reset"), {"key": key, "why": why})
    emit(found, style, lambda: clean(f"{found['key']}: {found['state']}"))
