"""Incidents of the past, as a history holds them, with plain values where a test does not care."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.core.fingerprint import fingerprint, group_key
from agent.core.hindsight import Hindsight
from agent.core.history import Would
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import AlertStatus, Layer
from agent.model.decision import JournalEntry
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import AlertState, Ending, Incident, PlanRun, Radius, State, StepRun
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.model.reason import Reason
from agent.model.records import RunbookText
from agent.model.runbook import Branch, Runbook
from tests.support.cases import PLUGINS, REGISTRY, START, STATUS, fact, plan, runbook, step

MINUTE, HOUR = 60.0, 3600.0


def past(
    number: int = 1,
    name: str = "Hung",
    *,
    entity: str | None = "shop-worker",
    product: str | None = "shop",
    at: float = 0.0,
    minutes: float = 10.0,
    labels: Mapping[str, str] | None = None,
    alerts: int = 1,
    url: str = "",
    **fields: Any,
) -> Incident:
    """It opened `at` seconds after the start and was over so many minutes later, without anybody
    having been told."""
    opened_at = START + at
    own = {"alertname": name, "severity": "critical", **({"entity": entity} if entity else {})}
    states = [
        state({**own, **(labels or {}), **({"n": str(n)} if n else {})}, opened_at + n, url)
        for n in range(alerts)
    ]
    told: dict[str, Any] = {
        "key": group_key(layer="product", product=product, name=name, entity=entity),
        "title": f"{name}: of the past",
        "state": State.RESOLVED,
        "layer": Layer.PRODUCT,
        "product": product,
        "entity": entity,
        "severity": "critical",
        "opened_at": opened_at,
        "updated_at": opened_at + minutes * MINUTE,
        "resolved_at": opened_at + minutes * MINUTE,
        "reason": Reason.CLEARED_BY_ITSELF,
        "alerts": {each.identity: each for each in states},
        **fields,
    }
    return Incident(id=f"i-{number:06d}", **told)


def state(labels: Mapping[str, str], at: float, url: str = "") -> AlertState:
    return AlertState(
        identity=f"am/{fingerprint(labels)}",
        name=labels["alertname"],
        status=AlertStatus.RESOLVED,
        labels=labels,
        annotations={"summary": f"{labels['alertname']} of the past"},
        starts_at=at,
        ends_at=at + MINUTE,
        generator_url=url,
        seen_at=at,
    )


def ran(
    incident: Incident,
    use: str = "process.restart",
    *,
    by: str = "agent",
    target: str = "shop-worker",
    after: float = 5.0,
    plan: str = "",
    status: OutcomeStatus | None = OutcomeStatus.DONE,
) -> Incident:
    """With one more step in its record."""
    number = len(incident.steps)
    step = StepRun(
        id=f"{incident.id}/{plan or by}/{number}",
        use=use,
        params={"target": target},
        target=target,
        by=by,
        plan=plan,
        status=status,
        started_at=incident.opened_at + after,
        ended_at=incident.opened_at + after + 1 if status is not None else None,
    )
    return msgspec.structs.replace(incident, steps=(*incident.steps, step))


def healed(incident: Incident, runbook: str = "hung", plan: str = "restart") -> Incident:
    """The agent did it, by one step."""
    acted = ran(incident, plan=plan, target=incident.entity or "")
    return msgspec.structs.replace(
        acted,
        runbook=runbook,
        digest=f"digest-{runbook}",
        plan=plan,
        plans=(PlanRun(plan=plan, verdict=Verdict.HELD),),
        outcome=Ending.HEALED,
        verdict=Verdict.HELD,
        radius=Radius.ROUTINE,
        reason=Reason.HEALED,
    )


def routed(
    incident: Incident, to: str = "team-shop", *uses: str, cause: str = "", who: str = "anna"
) -> Incident:
    """People were told, did this through the agent, and resolved it."""
    for number, use in enumerate(uses):
        incident = ran(
            incident, use, by=who, target=incident.entity or "", after=60.0 * (number + 1)
        )
    return msgspec.structs.replace(
        incident,
        outcome=Ending.ROUTED,
        routed_to=to,
        radius=Radius.PRODUCT,
        resolved_by=who,
        cause=cause,
        reason=Reason.RESOLVED_BY_PERSON,
    )


def said_outside(incident: Incident, *told: str) -> JournalEntry:
    """The line of the journal in which a person says what was done outside of the agent."""
    return JournalEntry(
        at=incident.resolved_at or incident.opened_at,
        subject=incident.id,
        kind="resolution",
        reason=Reason.RESOLUTION_RECORDED,
        who=incident.resolved_by or "",
        data={"actions": [], "outside": list(told)},
    )


def line(incident: Incident, *timeline: JournalEntry) -> bytes:
    """A line of an exported history."""
    return msgspec.json.encode({"incident": incident, "timeline": timeline})


def version(runbook: Runbook) -> RunbookText:
    return RunbookText(
        digest=runbook.digest, name=runbook.name, path=runbook.path, text=runbook.text
    )


def ids(rows: Sequence[Any]) -> list[int]:
    """Numbers of the incidents these rows are about."""
    return [int(row.incident.removeprefix("i-")) for row in rows]


def view(*runbooks: Runbook, registry: Registry = REGISTRY, policy: Policy | None = None) -> View:
    return View(
        policy=policy or Policy(),
        registry=registry,
        runbooks=MatchIndex(runbooks),
        plugins=dict(PLUGINS),
    )


def now(*pasts: Incident, of: View, old: tuple[Runbook, ...] = (), **told: Any) -> list[Would]:
    """What is decided about each."""
    known = {r.digest: r for r in old}
    seen = Hindsight(of, version=lambda d: known.get(d) or of.runbooks.by_digest(d), **told)
    decided = [seen.decide(each) for each in pasts]
    assert all(isinstance(each, Would) for each in decided)
    return [each for each in decided if isinstance(each, Would)]


def deciding() -> Runbook:
    return runbook(
        plans=(plan("restart"), plan("back", step("process.rollback", id="back"))),
        diagnose=(STATUS,),
        decide=(
            Branch(when=fact("status.alive", False), plan="restart", why="it is gone"),
            Branch(when=None, plan=None, why="it lives"),
        ),
    )
