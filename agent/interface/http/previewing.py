"""What an action by a person would be, as the API, the command line and the console show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.catalog.faults import suggest
from agent.core.preview import preview
from agent.interface.http.desk import Desk
from agent.interface.http.replies import Refused
from agent.interface.http.resolving import actions_of
from agent.interface.times import rfc3339
from agent.model.incident import Incident
from agent.model.principal import Principal

WAYS_BACK = {
    "snapshot": "it keeps what it found, and can be taken back",
    "nothing": "there is nothing to take back",
    "none": "none: no later step brings back what it destroys",
}


def previewed(
    desk: Desk, incident: Incident, who: Principal, use: str, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Nothing is done for it."""
    view, at = desk.facade.view, desk.facade.now()
    found = preview(incident, view, use=use, params=params, who=who.name, at=at)
    wrong = desk.facade.unfit(use, found.params) if found.is_known else ""
    return {
        "incident": found.incident,
        "use": found.use,
        "with": dict(found.params),
        "target": found.target,
        "is_known": found.is_known,
        "remedy": "" if found.is_known else suggest(use, actions_of(view), what="loaded"),
        "effect": found.effect,
        "availability": found.availability,
        "reversal": found.reversal,
        "way_back": WAYS_BACK.get(found.reversal, found.reversal),
        "not_undone": found.not_undone,
        "risk": found.risk,
        "would_run": found.stops is None and not wrong,
        "wrong": wrong,
        "stops": found.stops.value if found.stops is not None else None,
        "stops_why": found.stops_why or wrong,
        "ask_again_after_seconds": found.after_seconds,
        "verified_by": found.verified_by,
        "verified_until": rfc3339(found.verified_until),
        "fingerprint": found.fingerprint,
        "key": found.key,
        "changes": [],
    }


async def foreseen(desk: Desk, shown: dict[str, Any]) -> dict[str, Any]:
    """With what the API server of the cluster says that it would change; it is asked by dry runs,
    which change nothing. An action on anything else is shown as it was."""
    if not shown["is_known"] or shown["wrong"]:
        return shown
    found = await desk.facade.would_change(shown["use"], shown["with"], key=shown["key"])
    if found is None:
        return shown
    more: dict[str, Any] = {"changes": list(found.lines)}
    if found.fails and shown["would_run"]:
        more |= {"would_run": False, "stops_why": found.fails}
    return {**shown, **more}


def require_shown(
    desk: Desk,
    incident: Incident,
    who: Principal,
    use: str,
    params: Mapping[str, Any],
    fingerprint: str,
) -> None:
    """Raises Refused where the action cannot take its parameters (400), and where something else
    would run now than what this person was shown (409)."""
    found = previewed(desk, incident, who, use, params)
    if found["wrong"]:
        raise Refused(400, found["wrong"], remedy="see `homeostat plugins` for its parameters")
    if fingerprint and found["fingerprint"] != fingerprint:
        raise Refused(
            409,
            "something else would run now than what was shown",
            remedy="look at the preview again",
        )
