"""How an incident was resolved, as people tell it: read, bounded, and put into the event."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from agent.catalog.faults import suggest
from agent.core.told import MOST_MINUTES, MOST_TOLD, MOST_WORDS, done_by_people
from agent.core.view import View
from agent.interface.http.desk import require_on, words
from agent.interface.http.replies import Refused
from agent.interface.times import from_rfc3339
from agent.model.event import ResolvedByPerson
from agent.model.incident import Incident
from agent.model.learning import CauseKind, ToldCall
from agent.model.principal import Principal, Role

KINDS = tuple(kind.value for kind in CauseKind)


class Told(msgspec.Struct, forbid_unknown_fields=True):
    """An action that was done elsewhere, as the call that would do it. `at`: RFC 3339."""

    use: str
    params: dict[str, Any] = msgspec.field(name="with", default_factory=dict)
    at: str | None = None


class Resolve(msgspec.Struct, forbid_unknown_fields=True):
    cause: str = ""
    kind: str = ""
    steps: list[str] | None = None
    """Ids of the steps by people that mattered; None: all that were done."""
    told: list[Told] = []
    actions: list[str] = []
    minutes: float | None = None
    page_useful: bool | None = None


def resolution(
    asked: Resolve, incident: Incident, view: View, who: Principal, at: float
) -> ResolvedByPerson:
    """Raises Refused (400) for what makes no sense, (403) for what was done to things of others."""
    if len(asked.told) > MOST_TOLD:
        raise Refused(400, f"more than {MOST_TOLD} actions told", remedy="tell those that mattered")
    if not asked.cause.strip():
        # What was recorded once cannot be told again.
        raise Refused(400, "no cause is told", remedy='a few words, or "not known"')
    return ResolvedByPerson(
        at=at,
        subject=incident.id,
        who=who.name,
        cause=words(asked.cause),
        actions=tuple(words(a) for a in asked.actions[:MOST_WORDS]),
        cause_kind=_kind(asked.kind),
        told=tuple(_told(told, view, who, at) for told in asked.told),
        mattered=_mattered(asked.steps, incident),
        minutes=_minutes(asked.minutes),
        page_useful=asked.page_useful,
    )


def actions_of(view: View) -> list[str]:
    return sorted(p.name for p in view.plugins.values() if p.kind == "action")


def require_aim(view: View, who: Principal, params: Mapping[str, Any]) -> None:
    """The incident is theirs; what they aim at has to be as well."""
    if who.products and "target" in params:
        found = view.registry.entities.get(str(params["target"]))
        require_on(who, Role.RESPONDER, found.product if found is not None else None)


def _kind(word: str) -> CauseKind | None:
    if not word:
        return None
    if word not in KINDS:
        near = suggest(word, KINDS)
        told = "" if near.startswith("known") else f"{near} "
        raise Refused(
            400, f"no kind of cause {words(word, most=60)!r}", remedy=f"{told}{', '.join(KINDS)}"
        )
    return CauseKind(word)


def _told(told: Told, view: View, who: Principal, now: float) -> ToldCall:
    known = actions_of(view)
    if told.use not in known:
        raise Refused(
            400,
            f"no action {words(told.use, most=60)!r} is loaded",
            remedy=suggest(told.use, known)
            or "say it in words of your own (actions, --action) instead",
        )
    require_aim(view, who, told.params)
    return ToldCall(use=told.use, params=told.params, at=_at(told, now))


def _at(told: Told, now: float) -> float | None:
    if told.at is None:
        return None
    try:
        at = from_rfc3339(told.at)
    except ValueError as error:
        raise Refused(400, f"{told.use}: {error}", remedy="like 2026-01-31T09:41:00Z") from None
    if at > now:
        raise Refused(400, f"{told.use}: {told.at} is still to come", remedy="when was it done?")
    return at


def _mattered(steps: list[str] | None, incident: Incident) -> tuple[str, ...] | None:
    if steps is None:
        return None
    return tuple(dict.fromkeys(_step(word, incident) for word in steps))


def _step(word: str, incident: Incident) -> str:
    """The whole id: its end is enough, as in `person/1` or `1`."""
    known = [step.id for step in done_by_people(incident)]
    for one in known:
        if word and (one == word or one.endswith(f"/{word}")):
            return one
    raise Refused(
        400,
        f"nobody did a step {words(word, most=60)!r} in {incident.id}",
        remedy=suggest(word, known, what="done by people"),
    )


def _minutes(minutes: float | None) -> float | None:
    if minutes is None:
        return None
    if not isfinite(minutes) or not 0 <= minutes <= MOST_MINUTES:
        raise Refused(400, f"{minutes:g} minutes", remedy=f"from 0 to {MOST_MINUTES:.0f}")
    return minutes
