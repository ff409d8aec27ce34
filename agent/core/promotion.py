"""Rule of three: the third like resolution of a like incident becomes a runbook proposal.

Incidents are alike where layer, product and alert name agree. Resolutions are alike where the
people's actions, in order and with the incident's own entity generalised, are the same. Three that
differ promote nothing. The proposal is in shadow; somebody who resolved none of the three decides.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.core.facts import first_alert
from agent.core.release import let_go_of_all
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import PromotionDecided
from agent.model.incident import Incident, StepRun
from agent.model.reason import Reason
from agent.model.records import Promotion, PromotionState, Resolution
from agent.model.runbook import Lifecycle

ENTITY = "=entity.name"


def signature_of(incident: Incident, alertname: str) -> str:
    return "|".join((incident.layer.value, incident.product or "", alertname))


def generalise(steps: Sequence[StepRun], entity: str | None) -> tuple[dict[str, Any], ...]:
    """The actions as a recipe: where a parameter is the incident's entity, it says so."""
    return tuple(
        {
            "use": step.use,
            "with": {
                name: ENTITY if entity is not None and value == entity else value
                for name, value in sorted(step.params.items())
            },
        }
        for step in steps
    )


def record_resolution(turn: Turn, done: Sequence[StepRun], *, who: str) -> Turn:
    """Keeps what people did, and proposes a runbook where it is the third time."""
    case = turn.case
    alert = first_alert(turn)
    actions = generalise(done, case.entity)
    resolution = Resolution(
        incident_id=case.id,
        signature=signature_of(case, alert.name),
        recipe=json.dumps(actions, sort_keys=True),
        at=turn.at,
        who=who,
        alertname=alert.name,
        layer=case.layer.value,
        product=case.product,
        entity=case.entity,
        labels=alert.labels,
        actions=actions,
        by=tuple(sorted({who, *(s.by for s in done)})),
        cause=case.cause,
    )
    turn = turn.record("resolution", case.id, resolution)
    like = [
        r
        for r in turn.view.resolutions.values()
        if r.signature == resolution.signature
        and r.recipe == resolution.recipe
        and r.incident_id != case.id
    ]
    like = [*sorted(like, key=lambda r: r.at), resolution]
    if len(like) < turn.view.policy.resolutions_needed or not _can_become_one(turn, resolution):
        return turn
    promotion = propose(like, at=turn.at)
    if promotion.name in turn.view.promotions:
        return turn
    text = f"{promotion.name}, from {', '.join(promotion.incidents)}"
    turn = turn.record("promotion", promotion.name, promotion)
    return turn.note("promotion", Reason.PROMOTION_PROPOSED, text)


def _can_become_one(turn: Turn, resolution: Resolution) -> bool:
    """A runbook needs a name to match on, an entity to act on, and repeatable actions."""
    plugins = turn.view.plugins
    return (
        bool(resolution.alertname)
        and resolution.entity is not None
        and all(
            a["use"] in plugins and plugins[a["use"]].effect != "opaque" for a in resolution.actions
        )
        and not any(_reads_like_code(v) for a in resolution.actions for v in a["with"].values())
    )


def _reads_like_code(value: object) -> bool:
    """A text somebody typed that the language would take for an expression."""
    return isinstance(value, str) and value.startswith("=") and value != ENTITY


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "incident"


def propose(like: Sequence[Resolution], *, at: float) -> Promotion:
    """The proposal: generalised from the like resolutions, tested by each of them."""
    last = like[-1]
    digest = hashlib.blake2b(f"{last.signature}{last.recipe}".encode(), digest_size=3).hexdigest()
    name = f"learned-{_slug(last.alertname)}-{digest}"
    resolvers = tuple(sorted({person for r in like for person in r.by}))
    return Promotion(
        name=name,
        state=PromotionState.PROPOSED,
        lifecycle=Lifecycle.SHADOW.value,
        signature=last.signature,
        recipe=last.recipe,
        product=last.product,
        alertname=last.alertname,
        incidents=tuple(r.incident_id for r in like),
        resolvers=resolvers,
        document=document_of(name, like),
        proposed_at=at,
    )


def document_of(name: str, like: Sequence[Resolution]) -> Mapping[str, Any]:
    """The runbook as data, in the order of sections of the language."""
    last = like[-1]
    steps = [
        {"id": f"step-{n}", "use": action["use"], "with": dict(action["with"])}
        for n, action in enumerate(last.actions, start=1)
    ]
    match: dict[str, Any] = {"alert": last.alertname}
    if last.product:
        match["product"] = last.product
    causes = "; ".join(dict.fromkeys(r.cause for r in like if r.cause))
    return {
        "apiVersion": "homeostat/v1",
        "kind": "Runbook",
        "metadata": {
            "name": name,
            "owner": last.product or "platform",
            "layer": last.layer,
            "tier": "low",
        },
        "about": {
            "meaning": f"Learned from {len(like)} like resolutions of {last.alertname}.",
            "impact": causes[:300] or "see the incidents it was learned from",
        },
        "match": match,
        "plans": {
            "as-resolved": {
                "steps": steps,
                "verify": {"success": "alert_cleared", "within": "5m"},
            }
        },
        "lifecycle": {"state": Lifecycle.SHADOW.value},
        "tests": [
            {
                "name": f"as resolved in {r.incident_id}",
                "given": {"alert": {"labels": dict(r.labels)}},
                "expect": {
                    "plan": "as-resolved",
                    "actions": [a["use"] for a in last.actions],
                    "verdict": "held",
                },
            }
            for r in like
        ],
    }


def learn(turn: Turn) -> Turn:
    """The stage at the end of an incident: those held back under it are let go."""
    if turn.todo is not Todo.LEARN:
        return turn
    return let_go_of_all(turn).then(Todo.REST)


DECIDABLE = (Lifecycle.ASSISTED.value, Lifecycle.ACTIVE.value)


def decide_promotion(event: PromotionDecided, view: View) -> Decision:
    """A person decides about a proposal: somebody else than those who resolved."""
    promotion = view.promotions.get(event.subject)
    if promotion is None:
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=f"no proposal {event.subject}")
    if promotion.state is PromotionState.REJECTED or promotion.lifecycle == event.state:
        text = f"{promotion.name} is {promotion.state.value} ({promotion.lifecycle})"
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=text)
    if event.who in (*promotion.resolvers, "agent", "local"):
        text = (
            f"{event.who} resolved one of {', '.join(promotion.incidents)}; somebody else decides"
        )
        return Decision(refused=Reason.NOT_ALLOWED, refused_text=text)
    approve = event.state in DECIDABLE
    if not approve and event.state != PromotionState.REJECTED.value:
        text = f"state must be one of {', '.join(DECIDABLE)}"
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=text)
    document = dict(promotion.document)
    if approve:
        document["lifecycle"] = {"state": event.state}
    decided = msgspec.structs.replace(
        promotion,
        state=PromotionState.APPROVED if approve else PromotionState.REJECTED,
        lifecycle=event.state if approve else Lifecycle.RETIRED.value,
        document=document,
        decided_at=event.at,
        decided_by=event.who,
        why=event.why[:300],
    )
    reason = Reason.PROMOTION_APPROVED if approve else Reason.PROMOTION_REJECTED
    entry = JournalEntry(
        at=event.at,
        subject=promotion.name,
        kind="promotion",
        reason=reason,
        text=f"{event.state} {event.why}".strip()[:300],
        who=event.who,
    )
    record = Record(kind="promotion", key=promotion.name, body=decided)
    return Decision(journal=(entry,), records=(record,))
