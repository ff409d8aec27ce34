"""`homeostat follow-ups`: what is to be done after incidents, by whom and by when."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit, table

app = typer.Typer()
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the follow-up, as in f-4f2c-1.")]
DUE = "A date (the end of that day, UTC) or a time, as in 2026-01-31T09:00:00Z."


def _path(*more: str, **query: str | None) -> str:
    return path_of("api", "v1", "follow-ups", *more, **query)


@app.callback(invoke_without_command=True)
def follow_ups(context: typer.Context, style: FormatOption = Format.TEXT) -> None:
    """What is to be done after incidents: whoever owns it is told once it is overdue.

    Example: homeostat follow-ups list --overdue
    """
    if context.invoked_subcommand is None:
        show_list(style=style)


@app.command("list")
def show_list(
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is overdue.")] = False,
    with_done: Annotated[bool, typer.Option("--done", help="With what is done.")] = False,
    incident: Annotated[str, typer.Option(help="Only of this incident.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Overdue ones first, then what is due next.

    Example: homeostat follow-ups list --overdue
    """
    path = _path(
        overdue="true" if overdue else None,
        done=None if with_done else "false",
        incident=incident,
    )
    found = ask("GET", path)
    rows = [
        (f["id"], _state(f), f["due_at"][:10], f["owner"], f["product"] or "-", f["incident"],
         f["what"])
        for f in found
    ]  # fmt: skip
    head = ("ID", "STATE", "DUE", "OWNER", "PRODUCT", "INCIDENT", "WHAT")
    emit(found, style, lambda: table(rows, head=head) if rows else "nothing is to be done")


@app.command()
def add(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Id of the incident.")],
    what: Annotated[str, typer.Option(help="What is to be done.")],
    owner: Annotated[str, typer.Option(help="The team or person that will do it.")],
    due: Annotated[str, typer.Option(help=DUE)],
    style: FormatOption = Format.TEXT,
) -> None:
    """Write one down.

    Example: homeostat follow-ups add i-4f2c --what "alert on age" --owner ann --due 2031-01-31
    """
    body = {"incident": incident, "what": what, "owner": owner, "due": due}
    _told(ask("POST", _path(), body), style)


@app.command()
def change(
    follow_up_id: Id,
    what: Annotated[str | None, typer.Option(help="What is to be done.")] = None,
    owner: Annotated[str | None, typer.Option(help="The team or person that will do it.")] = None,
    due: Annotated[str | None, typer.Option(help=DUE)] = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Change what it says, whose it is, or by when. What is not given stays.

    Example: homeostat follow-ups change f-4f2c-1 --due 2031-02-15
    """
    given = {"what": what, "owner": owner, "due": due}
    body = {name: value for name, value in given.items() if value is not None}
    _told(ask("POST", _path(follow_up_id), body), style)


@app.command()
def done(follow_up_id: Id, style: FormatOption = Format.TEXT) -> None:
    """Say that it is done.

    Example: homeostat follow-ups done f-4f2c-1
    """
    _told(ask("POST", _path(follow_up_id, "done"), {}), style)


@app.command()
def reopen(follow_up_id: Id, style: FormatOption = Format.TEXT) -> None:
    """Say that it is not done after all.

    Example: homeostat follow-ups reopen f-4f2c-1
    """
    _told(ask("POST", _path(follow_up_id, "reopen"), {}), style)


def _state(one: dict[str, Any]) -> str:
    if one["is_done"]:
        return "done"
    return "OVERDUE" if one["is_overdue"] else "to do"


def _told(one: dict[str, Any], style: Format) -> None:
    text = f"{one['id']} {_state(one)}: {one['what']} (owner {one['owner']}, due {one['due_at']})"
    if not one["owner_is_known"] and not one["is_done"]:
        text += f"; nobody called {one['owner']} is known here: {one['tells']} is told if overdue"
    emit(one, style, lambda: clean(text))
