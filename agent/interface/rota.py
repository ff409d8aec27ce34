"""Who is on call and until when, the ladders, and where nobody would be: for people, as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.core.escalation import receiver_of
from agent.core.reaching import PERSON
from agent.core.view import View
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.on_call import Rotation, Rung, RungKind

AHEAD_SECONDS = 14 * 86_400.0
MOST_SHIFTS = 2_000
"""Handovers looked at; more in two weeks are no rotation of people."""


def rota(view: View, at: float) -> dict[str, Any]:
    """Everything about who is told, at this time."""
    on_call = view.on_call
    return {
        "at": rfc3339(at),
        "rotations": [
            _rotation(name, rotation, view, at)
            for name, rotation in sorted(on_call.rotations.items())
        ],
        "ladders": [
            {
                "team": team,
                "repeat": on_call.repeats.get(team, 0),
                "rungs": [_rung(rung, view, at) for rung in rungs],
            }
            for team, rungs in sorted(on_call.ladders.items())
        ],
    }


def _rotation(name: str, rotation: Rotation, view: View, at: float) -> dict[str, Any]:
    return {
        "name": name,
        "text": rotation.text,
        "on_call": rotation.on_call(at),
        "until": rfc3339_or_none(rotation.until(at)),
        "gaps": [
            {"from": rfc3339(begin), "to": rfc3339(end), "why": why}
            for begin, end, why in gaps(name, rotation, view, at, at + AHEAD_SECONDS)
        ],
    }


def gaps(
    name: str, rotation: Rotation, view: View, begin: float, end: float
) -> Iterator[tuple[float, float, str]]:
    """Spans in which this rotation leads to nobody who can be told, and why."""
    at = begin
    open_since, why = begin, ""
    for _ in range(MOST_SHIFTS):
        _, found = receiver_of(view, Rung(kind=RungKind.ON_CALL, to=name), at)
        if found != why:
            if why:
                yield open_since, at, why
            open_since, why = at, found
        after = rotation.until(at)
        if after is None or after >= end or after <= at:
            break
        at = after
    if why:
        yield open_since, end, why


def _rung(rung: Rung, view: View, at: float) -> dict[str, Any]:
    key, why = receiver_of(view, rung, at)
    return {
        rung.kind.value: rung.to,
        "tells": key.removeprefix(PERSON) or None,
        "channels": [c.use for c in view.channels.get(key, ())],
        "ack_within_seconds": rung.ack_seconds,
        "why_nobody": why,
    }
