"""`homeostat promotions`: what the rule of three proposes, and what people say to it."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import (
    WRONG_USAGE,
    Format,
    FormatOption,
    clean,
    emit,
    stop,
    table,
)
from agent.interface.cli.promotion_words import evidence, one
from agent.interface.told import parameters

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
    """All proposals, newest first, with who decides and what speaks for them.

    Example: homeostat promotions list --format json
    """
    found = ask("GET", _path())
    rows = [
        (p["name"], p["state"], p["lifecycle"], p["product"] or "-", p["decider"] or "-",
         ", ".join(p["resolvers"]), evidence(p))
        for p in found
    ]  # fmt: skip
    head = ("NAME", "STATE", "LIFECYCLE", "PRODUCT", "DECIDES", "RESOLVED BY", "EVIDENCE")
    emit(found, style, lambda: table(rows, head=head) if rows else "nothing is proposed")


@app.command()
def show(name: Name, style: FormatOption = Format.TEXT) -> None:
    """One proposal: its incidents, its back-test, who may decide, and the runbook it writes.

    Example: homeostat promotions show learned-shop-slow
    """
    found: dict[str, Any] = ask("GET", _path(name))
    emit(found, style, lambda: one(found))


@app.command()
def answer(
    name: Name,
    given: Annotated[
        str,
        typer.Argument(metavar="STEP.PARAM=VALUE", help="STEP.PARAM:=JSON where it is no text."),
    ],
    style: FormatOption = Format.TEXT,
) -> None:
    """Say what a parameter has to be that nothing in the incidents explains.

    It is checked, tested and tried against the journal once more, and nothing is approved before
    each of them is answered.

    Example: homeostat promotions answer learned-shop-slow scale.replicas:=4
    """
    try:
        ((param, value),) = parameters([given]).items()
    except ValueError as error:
        stop(f"{error}: as in scale.replicas:=4", code=WRONG_USAGE)
    answered = ask("POST", _path(name, "answer"), {"param": param, "value": value})
    left = ", ".join(answered["unanswered"]) or "nothing"
    text = f"{name}: {param} is {json.dumps(value)}; still to answer: {left}"
    emit(answered, style, lambda: clean(text))


@app.command()
def approve(
    name: Name,
    state: Annotated[State, typer.Option(help="Lifecycle state it gets.")] = State.ASSISTED,
    why: Annotated[str, typer.Option(help="For the record.")] = "",
    fingerprint: Annotated[
        str, typer.Option(help="Only what `promotions show` told with this; else what it is now.")
    ] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Approve it. Nobody who resolved one of its incidents may.

    Example: homeostat promotions approve learned-shop-slow --state active --why "three of three"
    """
    body = {"state": state.value, "why": why, "fingerprint": fingerprint}
    _decided(ask("POST", _path(name, "approve"), body), style)


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
    approvals, needed = promotion["approvals"], promotion["needed"]
    text = f"{promotion['name']}: {promotion['state']} ({promotion['lifecycle']})"
    if promotion["state"] == "proposed" and approvals:
        text += f"; {len(approvals)} of {needed} people approved: {', '.join(approvals)}"
    emit(promotion, style, lambda: clean(text))
