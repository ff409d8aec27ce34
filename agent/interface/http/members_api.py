"""Members of the machinery for people's tools: sub-agents and proxies, what they declare, what they
said last, and what is wrong with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.core import drift, members, telemetry
from agent.core.own_health import day_of
from agent.core.view import View
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.principal import Principal
from agent.model.product import Entity
from agent.model.records import AgentSigns
from agent.model.series import DriftState
from agent.model.signals import Baseline, BlindSpot, BlindSpotKind

KINDS = frozenset(
    {
        BlindSpotKind.SIGNAL_FAULTY,
        BlindSpotKind.MEMBER_SILENT,
        BlindSpotKind.REGISTRY_FAULTY,
    }
)
"""Of blind spots whose subject is a member, or something of one (NAME/WHAT)."""


async def all_members(desk: Desk, _request: Request, who: Principal) -> Response:
    view, at = desk.facade.view, desk.facade.now()
    entities = view.registry.entities
    spots = spots_of(view)
    return json_reply(
        [
            member_json(entities[name], view, at=at, spots=spots.get(name, ()))
            for name in members.names(view)
            if belongs(who, entities[name].product)
        ]
    )


async def one_member(desk: Desk, request: Request, who: Principal) -> Response:
    view, name = desk.facade.view, request.path_params["name"]
    entity = view.registry.entities.get(name)
    is_one = entity is not None and name in members.names(view)
    if entity is None or not is_one or not belongs(who, entity.product):
        raise Refused(404, f"no member {name}", remedy="see GET /api/v1/members")
    spots = spots_of(view).get(name, ())
    at = desk.facade.now()
    found = member_json(entity, view, at=at, spots=spots)
    return json_reply({**found, **_more(entity, view.agents.get(name))})


def spots_of(view: View) -> Mapping[str, list[BlindSpot]]:
    """Blind spots that stand, by the member they are about."""
    found: dict[str, list[BlindSpot]] = defaultdict(list)
    for spot in view.blind_spots.values():
        if spot.gone_at is None and spot.kind in KINDS:
            found[spot.subject.partition("/")[0]].append(spot)
    return found


def member_json(
    entity: Entity, view: View, *, at: float, spots: Iterable[BlindSpot]
) -> dict[str, Any]:
    name, wanted = entity.name, members.declared(view, entity.name)
    signs = view.agents.get(name)
    in_trouble = members.troubles(view, name)
    return {
        "name": name,
        "product": entity.product,
        "owner": entity.owner,
        "state": _state(
            signs, bool(in_trouble), at=at, allowed=members.allowed_silence(view, name)
        ),
        "version": {"declared": wanted.version, "seen": signs.version if signs else ""},
        "config_hash": {
            "declared": wanted.config_hash,
            "seen": signs.config_hash if signs else "",
        },
        "mode": signs.mode.value if signs is not None and signs.mode is not None else None,
        **_times(signs, at=at),
        "work": signs.work if signs else None,
        "drift": [_drift_json(b, state) for b, state in telemetry.readings(name, view)],
        "probes": [_probe_json(name, probe.name, view) for probe in wanted.probes],
        "troubles": [
            {
                "kind": t.trouble.value,
                "about": t.about,
                "since": rfc3339(t.since),
                "text": t.text,
            }
            for t in in_trouble
        ],
        "blind_spots": [
            {
                "kind": spot.kind.value,
                "subject": spot.subject,
                "since": rfc3339(spot.since),
                "text": spot.text,
                "remedy": spot.remedy,
            }
            for spot in spots
        ],
        "undeclared": list(members.undeclared(entity)),
        "review_by": day_of(wanted.review_by) if wanted.review_by is not None else None,
        "retire": day_of(wanted.retire) if wanted.retire is not None else None,
        "overdue": [
            what
            for what, by in (("review", wanted.review_by), ("retirement", wanted.retire))
            if by is not None and by <= at
        ],
    }


def _state(signs: AgentSigns | None, in_trouble: bool, *, at: float, allowed: float | None) -> str:
    """One word. What was never heard of, and what promises no beat and was not heard of for a day,
    is unknown and never well."""
    if in_trouble:
        return "in trouble"
    if signs is None or (allowed is None and at - signs.last_at > 86_400.0):
        return "unknown"
    return "well"


def _times(signs: AgentSigns | None, *, at: float) -> dict[str, Any]:
    if signs is None:
        return {
            "heard_at": None,
            "heard_seconds_ago": None,
            "worked_at": None,
            "last_success": None,
        }
    is_heard = signs.last_at > 0.0
    return {
        "heard_at": rfc3339(signs.last_at) if is_heard else None,
        "heard_seconds_ago": max(0.0, at - signs.last_at) if is_heard else None,
        "worked_at": rfc3339_or_none(signs.worked_at) if signs.work is not None else None,
        "last_success": rfc3339_or_none(signs.last_success),
    }


def _drift_json(baseline: Baseline, state: DriftState | None) -> dict[str, Any]:
    found = drift.judge(state, baseline)
    firing = state.firing_since if state is not None else None
    return {
        "aspect": baseline.aspect.value,
        "mean": baseline.mean,
        "spread": baseline.spread,
        "value": state.value if state is not None and state.at else None,
        "at": rfc3339(state.at) if state is not None and state.at else None,
        "learning": state is None or state.limit == 0.0,
        "drifting": firing is not None,
        "since": rfc3339_or_none(found.since) if firing is not None else None,
        "text": found.text if firing is not None else "",
    }


def _probe_json(agent: str, probe: str, view: View) -> dict[str, Any]:
    known = view.probes.get(f"{agent}/{probe}")
    return {
        "name": probe,
        "asked_at": rfc3339(known.last_at) if known else None,
        "results": ["right" if r else "wrong" for r in known.results] if known else [],
        "said": known.said if known else "",
        "unanswered": known.unanswered if known else 0,
        "wrong_since": rfc3339_or_none(known.firing_since) if known else None,
    }


def _more(entity: Entity, signs: AgentSigns | None) -> dict[str, Any]:
    """What only whoever looks at this one wants to know."""
    return {
        "heartbeat_seconds": entity.heartbeat_seconds,
        "control_url": entity.member.control_url if entity.member is not None else None,
        "beats": signs.beats if signs else 0,
        "boot": signs.boot if signs else "",
        "seq": signs.seq if signs else None,
        "detail": dict(signs.detail) if signs else {},
    }
