"""`homeostat promotions`: what the rule of three proposes, and what people say to it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from agent.catalog.draft import draft
from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit, pairs, table

app = typer.Typer()
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the proposed runbook.")]


class State(StrEnum):
    ASSISTED = "assisted"
    ACTIVE = "active"


def _path(*more: str) -> str:
    return path_of("api", "v1", "promotions", *more)


@app.callback(invoke_without_command=True)
def promotions(context: typer.Context, style: FormatOption = Format.TEXT) -> None:
    """Runbooks proposed by the rule of three.

    Example: homeostat promotions list
    """
    if context.invoked_subcommand is None:
        show_list(style=style)


@app.command("list")
def show_list(style: FormatOption = Format.TEXT) -> None:
    """All proposals.

    Example: homeostat promotions list --format json
    """
    found = ask("GET", _path())
    rows = [
        (p["name"], p["state"], p["lifecycle"], p["product"] or "-", p["alertname"],
         ", ".join(p["resolvers"]))
        for p in found
    ]  # fmt: skip
    head = ("NAME", "STATE", "LIFECYCLE", "PRODUCT", "ALERT", "RESOLVED BY")
    emit(found, style, lambda: table(rows, head=head) if rows else "nothing is proposed")


@app.command()
def show(name: Name, style: FormatOption = Format.TEXT) -> None:
    """One proposal, with the runbook it writes.

    Example: homeostat promotions show learned-shop-slow
    """
    found: dict[str, Any] = ask("GET", _path(name))
    facts = {k: v for k, v in found.items() if k not in ("document", "recipe") and v}
    emit(found, style, lambda: f"{pairs(facts)}\n\n{draft(found['document'])}".rstrip())


@app.command()
def approve(
    name: Name,
    state: Annotated[State, typer.Option(help="Lifecycle state it gets.")] = State.ASSISTED,
    why: Annotated[str, typer.Option(help="For the record.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Approve it. Nobody who resolved one of its incidents may.

    Example: homeostat promotions approve learned-shop-slow --state active
    """
    _decided(ask("POST", _path(name, "approve"), {"state": state.value, "why": why}), style)


@app.command()
def reject(
    name: Name,
    why: Annotated[str, typer.Option(help="Why not.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Reject it.

    Example: homeostat promotions reject learned-shop-slow --why "treats a symptom"
    """
    _decided(ask("POST", _path(name, "reject"), {"why": why}), style)


def _decided(promotion: dict[str, Any], style: Format) -> None:
    text = f"{promotion['name']}: {promotion['state']} ({promotion['lifecycle']})"
    emit(promotion, style, lambda: clean(text))
