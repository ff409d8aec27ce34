"""`homeostat self`: the agent itself, and whether it acts or only advises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit

app = typer.Typer()
WORDS = {"late": "late decisions", "wrong": "wrong verdicts", "lost": "lost alerts"}


@app.callback(invoke_without_command=True)
def own(context: typer.Context, style: FormatOption = Format.TEXT) -> None:
    """The agent itself: who answers for it, its error budget, and whether it acts or only advises.

    Example: homeostat self --format json
    """
    if context.invoked_subcommand is None:
        told = ask("GET", path_of("api", "v1", "self"))
        emit(told, style, lambda: in_words(told))


@app.command()
def review(
    why: Annotated[str, typer.Option(help="What was looked at, and why it may act again.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """Say that somebody looked at what it did wrong: its count begins anew. For the role platform.

    A review date that has passed is only moved in the settings: `agent: {review_by: DATE}`.

    Example: homeostat self review --why "the disk was slow, and is replaced"
    """
    told = ask("POST", path_of("api", "v1", "self", "review"), {"why": why})
    emit(told, style, lambda: in_words(told))


def in_words(told: dict[str, Any]) -> str:
    return "\n".join(clean(line) for line in _lines(told))


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['name']} {told['version']}, configuration {told['config_digest']}"
    yield f"owner     {told['owner']}"
    yield f"runs      since {told['running_since']}"
    yield f"review    by {told['review_by'] or 'no date: set agent.review_by'}"
    yield f"retire    by {told['retire'] or 'no date: set agent.retire'}"
    reviewed = told["reviewed"]
    if reviewed is not None:
        yield f"reviewed  {reviewed['at']} by {reviewed['by']}: {reviewed['why']}"
    days = told["window_seconds"] / 86_400
    yield (
        f"objective {told['objective']:.6g} good minutes in {days:g} days, decisions within "
        f"{told['latency_seconds']:g} s"
    )
    yield from _budget(told["budget"])
    for slip, examples in told["examples"].items():
        for one in examples:
            yield f"  {WORDS[slip]}: {one['at']} {one['subject']}: {one['text']}"
    if told["mode"] == "acts":
        yield "it acts"
        return
    yield f"IT ONLY ADVISES since {told['since'] or 'now'}: {told['why']}"
    yield f"back      {told['back']}"


def _budget(budget: dict[str, Any] | None) -> Iterator[str]:
    if budget is None:
        yield "budget    cannot be told"
        return
    yield (
        f"budget    {budget['left']:.0%} left of {budget['minutes']:g} min: "
        f"{budget['late_minutes']} min with late decisions ({budget['late_decisions']} of "
        f"{budget['decisions']}), {budget['wrong_verdicts']} of {budget['verdicts']} verdicts "
        f"wrong, {budget['lost_alerts']} alerts lost"
    )
