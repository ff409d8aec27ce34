"""Runbooks for people's tools: what their files say, how they stand, whose word changes it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.suspending import subject_of
from agent.core.trust import counted, is_bad, proof_of_trust, runs_of, standing_of, state_of
from agent.core.view import View
from agent.interface.http.desk import Desk, Why, belongs, may_on, words
from agent.interface.http.needs import Need, Reach
from agent.interface.http.replies import Refused, json_reply
from agent.interface.http.steering_api import loaded_runbooks, may_read
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.event import StandingAsked
from agent.model.learning import Standing, Trial
from agent.model.principal import LOCAL, Principal, Role
from agent.model.runbook import Runbook

STEERS = (Role.APPROVER, Role.PLATFORM)
STEER_RUNBOOK = Need(STEERS, Reach.OBJECT, is_for_local=True, changes=True)
"""For suspending a runbook and letting it run again: its product's approvers, or the platform."""
SHOWN_TRIALS = 50
SHOWN_RUNS = 20


def runbook_json(runbook: Runbook, view: View) -> dict[str, Any]:
    """`state` is what its file says, `standing.state` what is in force."""
    return {
        "name": runbook.name,
        "owner": runbook.owner,
        "layer": runbook.layer.value if runbook.layer is not None else None,
        "tier": runbook.tier,
        "state": runbook.lifecycle.value,
        "alert": list(runbook.match.alert),
        "plans": [p.name for p in runbook.plans],
        "meaning": runbook.meaning,
        "path": runbook.path,
        "digest": runbook.digest,
        "standing": standing_json(runbook, view),
    }


def standing_json(runbook: Runbook, view: View) -> dict[str, Any]:
    standing = standing_of(runbook.name, view)
    proof = proof_of_trust(view, runbook.name, runbook.tier, runbook.digest)
    runs = runs_of(standing, runbook.digest, most=SHOWN_RUNS)
    return {
        "state": state_of(runbook, view).value,
        "trials": {
            "good": proof.good,
            "of": proof.of,
            "needed": proof.needed,
            "is_proven": proof.is_proven,
            "told": proof.told,
        },
        "runs": ["bad" if is_bad(run) else "held" for run in runs],
        "suspended": _suspended(standing),
        "resumed_at": rfc3339_or_none(standing.resumed_at),
        "resumed_by": standing.resumed_by,
        "review_by": runbook.review_by,
    }


def _suspended(standing: Standing) -> dict[str, Any] | None:
    if standing.suspended_at is None or standing.reason is None:
        return None
    return {
        "at": rfc3339(standing.suspended_at),
        "reason": standing.reason.value,
        "sentence": standing.reason.sentence,
        "why": standing.why,
        "brings_back": standing.brings_back,
    }


def trial_json(trial: Trial, *, counts: bool) -> dict[str, Any]:
    return {
        "incident": trial.incident,
        "at": rfc3339(trial.at),
        "state": trial.state.value,
        "digest": trial.digest,
        "plan": trial.plan,
        "agreement": trial.agreement.value if trial.agreement is not None else None,
        "verdict": trial.verdict.value if trial.verdict is not None else None,
        "relapsed": trial.relapsed,
        "rejected": trial.rejected,
        "by": trial.by or None,
        "is_rung": trial.is_rung,
        "counts": counts,
    }


async def whole_json(desk: Desk, runbook: Runbook, who: Principal) -> dict[str, Any]:
    """One runbook with its trials, the latest first, and what it relies on. A runbook may be for
    everybody: which incidents of others it ran in is not told."""
    view = desk.facade.view
    standing = standing_of(runbook.name, view)
    counting: Sequence[Trial] = counted(standing, runbook.digest)
    latest = standing.trials[-SHOWN_TRIALS:][::-1]
    told = [await _as_seen(desk, trial, who) for trial in latest]
    return {
        **runbook_json(runbook, view),
        "impact": runbook.impact,
        "product": runbook.match.product,
        "trials": [
            trial_json(shown, counts=any(t is c for c in counting))
            for t, shown in zip(latest, told, strict=True)
        ],
        "relies": dict(standing.relies),
        "metrics": {alert: list(names) for alert, names in standing.metrics.items()},
    }


async def _as_seen(desk: Desk, trial: Trial, who: Principal) -> Trial:
    if not who.products:
        return trial
    found = await desk.facade.store.incident(trial.incident)
    if found is not None and belongs(who, found.product):
        return trial
    return msgspec.structs.replace(trial, incident="", by="")


def readable_runbooks(desk: Desk, who: Principal) -> list[Runbook]:
    """Those this person may read, by name."""
    found = sorted(loaded_runbooks(desk), key=lambda r: r.name)
    return [runbook for runbook in found if may_read(desk, runbook, who)]


def runbook_of(desk: Desk, name: str, who: Principal) -> Runbook:
    """One of another product is answered like one that does not exist."""
    readable = readable_runbooks(desk, who)
    found = next((r for r in readable if r.name == name), None)
    if found is None:
        near = difflib.get_close_matches(name, [r.name for r in readable], n=1)
        hint = f"did you mean {near[0]}?" if near else "see GET /api/v1/runbooks"
        raise Refused(404, f"no runbook {words(name, most=100)}", remedy=hint)
    return found


def may_steer(who: Principal, runbook: Runbook) -> bool:
    """Whether this person may suspend it or let it run again."""
    return who is LOCAL or any(may_on(who, role, runbook.match.product) for role in STEERS)


async def steer_runbook(
    desk: Desk, name: str, who: Principal, *, suspend: bool, why: str
) -> Runbook:
    """A person's word about a runbook. Raises Refused where it is not theirs to say, or said
    without a reason."""
    runbook = runbook_of(desk, name, who)
    if not may_steer(who, runbook):
        whose = runbook.match.product or "no product in particular"
        raise Refused(
            403,
            f"{who.name} is neither approver nor platform for {name}, which is about {whose}",
            remedy="ask somebody who is",
        )
    said = words(why).strip()
    if not said:
        doing = "is suspended" if suspend else "may run again"
        raise Refused(400, "no reason is given", remedy=f"say why it {doing}; it is kept")
    await desk.ask(
        StandingAsked(
            at=desk.facade.now(),
            subject=subject_of(runbook.name),
            who=who.name,
            suspend=suspend,
            why=said,
        )
    )
    return runbook


async def runbooks(desk: Desk, _request: Request, who: Principal) -> Response:
    view = desk.facade.view
    return json_reply([runbook_json(r, view) for r in readable_runbooks(desk, who)])


async def one_runbook(desk: Desk, request: Request, who: Principal) -> Response:
    found = runbook_of(desk, request.path_params["name"], who)
    return json_reply(await whole_json(desk, found, who))


async def suspend_runbook(desk: Desk, request: Request, who: Principal) -> Response:
    return await _steered(desk, request, who, suspend=True)


async def resume_runbook(desk: Desk, request: Request, who: Principal) -> Response:
    return await _steered(desk, request, who, suspend=False)


async def _steered(desk: Desk, request: Request, who: Principal, *, suspend: bool) -> Response:
    name = request.path_params["name"]
    asked = await desk.json(request, Why)
    runbook = await steer_runbook(desk, name, who, suspend=suspend, why=asked.why)
    return json_reply(runbook_json(runbook, desk.facade.view))
