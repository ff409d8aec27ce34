"""`homeostat members`: sub-agents and proxies, what they said last and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit, pairs, table
from agent.interface.record_words import moment
from agent.interface.times import ago

app = typer.Typer()

TROUBLES = {"pinned": "not as pinned", "probe": "probe wrong", "drift": "drifting"}
UNITS = {"latency": " s", "work": "/h"}
HEAD = ("MEMBER", "PRODUCT", "OWNER", "STATE", "HEARD", "VERSION", "MODE", "WHAT")


@app.callback(invoke_without_command=True)
def members(context: typer.Context, style: FormatOption = Format.TEXT) -> None:
    """Members of the machinery: sub-agents and proxies.

    Example: homeostat members list
    """
    if context.invoked_subcommand is None:
        show_list(style=style)


@app.command("list")
def show_list(style: FormatOption = Format.TEXT) -> None:
    """All that are registered: when they were heard last, and what is wrong.

    Example: homeostat members list --format json
    """
    found = ask("GET", path_of("api", "v1", "members"))
    nothing = "no sub-agents or proxies are registered (docs/machinery.md)"
    emit(found, style, lambda: table([_row(m) for m in found], head=HEAD) if found else nothing)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the sub-agent or proxy.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """One of them, with its baselines, reference probes, and what is not known of it.

    Example: homeostat members show forecaster
    """
    found = ask("GET", path_of("api", "v1", "members", name))
    emit(found, style, lambda: _one(found))


def _row(member: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        member["name"],
        member["product"] or "-",
        member["owner"],
        member["state"],
        _heard(member),
        _pinned(member["version"]),
        member["mode"] or "-",
        "; ".join(_wrong(member)) or "-",
    )


def _heard(member: Mapping[str, Any]) -> str:
    seconds = member["heard_seconds_ago"]
    return "never" if seconds is None else f"{ago(seconds)} ago"


def _pinned(pair: Mapping[str, str]) -> str:
    seen, declared = pair["seen"], pair["declared"]
    if not seen:
        return f"? ({declared})" if declared else "-"
    return seen if seen == declared or not declared else f"{seen} ({declared})"


def _wrong(member: Mapping[str, Any]) -> list[str]:
    told = [t["text"] for t in member["troubles"]]
    told += [f"{what} overdue" for what in member["overdue"]]
    if member["blind_spots"]:
        spots = len(member["blind_spots"])
        told.append("1 blind spot" if spots == 1 else f"{spots} blind spots")
    return told


def _one(member: Mapping[str, Any]) -> str:
    head = {
        "member": member["name"],
        "product": member["product"] or "-",
        "owner": member["owner"],
        "state": member["state"],
        "heard": _heard(member),
        "worked": moment(member["worked_at"]) if member["worked_at"] else "-",
        "last success": moment(member["last_success"]) if member["last_success"] else "-",
        "version": _pinned(member["version"]),
        "config hash": _pinned(member["config_hash"]),
        "mode": member["mode"] or "it does not say",
        "beats": _beats(member),
        "review by": member["review_by"] or "-",
        "retire": member["retire"] or "-",
    }
    return "\n".join([pairs(head), *(clean(line) for line in _lines(member))])


def _beats(member: Mapping[str, Any]) -> str:
    seq = "-" if member["seq"] is None else member["seq"]
    return f"{member['beats']} (boot {member['boot'] or '-'}, sequence {seq})"


def _number(value: float, unit: str) -> str:
    """As people write it: 21780, and not 2.178e+04."""
    return (f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}") + unit


def _lines(member: Mapping[str, Any]) -> Iterator[str]:
    for trouble in member["troubles"]:
        kind = TROUBLES.get(trouble["kind"], trouble["kind"])
        yield f"{kind} since {moment(trouble['since'])}: {trouble['text']}"
    for what in member["overdue"]:
        yield f"{what} is overdue"
    for one in member["drift"]:
        unit = UNITS.get(one["aspect"], "")
        value = "nothing read yet" if one["value"] is None else _number(one["value"], unit)
        tail = ", how it varies is still being learned" if one["learning"] else ""
        tail = f", {one['text']}" if one["drifting"] else tail
        yield f"{one['aspect']}: {value}, where {_number(one['mean'], unit)} is declared{tail}"
    for probe in member["probes"]:
        marks = "".join("+" if r == "right" else "-" for r in probe["results"]) or "no answer yet"
        marks += " (latest last; + right, - wrong)" if probe["results"] else ""
        missing = f", {probe['unanswered']} unanswered" if probe["unanswered"] else ""
        yield f"probe {probe['name']}: {marks}{missing}"
    for spot in member["blind_spots"]:
        yield f"not known: {spot['text']} ({spot['remedy']})"
    if member["undeclared"]:
        yield f"not declared: {', '.join(member['undeclared'])}"
