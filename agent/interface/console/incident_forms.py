"""What the forms of an incident's page say, read: lines of parameters, and how it was resolved."""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.told import MOST_TOLD
from agent.interface.http.desk import words
from agent.interface.http.replies import Refused
from agent.interface.http.resolving import Resolve, Told
from agent.interface.times import rfc3339_or_none
from agent.interface.told import TOLD_FORM, parameters, told_call

MOST_FIELDS = 80
"""A box for each step that people did, and the rest of the form."""
MOST_LINES = 50
USEFUL = {"yes": True, "no": False}


def lines(text: str) -> list[str]:
    found = [line.strip() for line in text.splitlines()]
    return [line for line in found if line][:MOST_LINES]


def parameters_of(text: str) -> dict[str, object]:
    """`name=value`, one a line. Raises Refused (400)."""
    try:
        return parameters(lines(text))
    except ValueError as error:
        raise Refused(
            400, str(error), remedy="one parameter a line: name=text, or name:=json"
        ) from None


def resolve_of(given: Mapping[str, str], now: float) -> Resolve:
    """The form, as the API takes it. Raises Refused (400)."""
    told = [_told(line, now) for line in lines(given.get("told", ""))[: MOST_TOLD + 1]]
    actions = lines(given.get("action", ""))
    steps = None
    if "steps_shown" in given:
        steps = [name.removeprefix("step-") for name in given if name.startswith("step-")]
    return Resolve(
        cause=given.get("cause", ""),
        kind=given.get("kind", ""),
        steps=steps,
        told=told,
        actions=actions,
        minutes=_minutes(given.get("minutes", "").strip()),
        page_useful=USEFUL.get(given.get("page_useful", "")),
    )


def _told(line: str, now: float) -> Told:
    try:
        call = told_call(line, now)
    except ValueError as error:
        raise Refused(400, str(error), remedy=f"one action a line: {TOLD_FORM}") from None
    return Told(use=call.use, params=dict(call.params), at=rfc3339_or_none(call.at))


def _minutes(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise Refused(
            400, f"{words(text, most=60)!r} minutes", remedy="a number, like 12"
        ) from None
