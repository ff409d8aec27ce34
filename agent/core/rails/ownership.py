"""Who wrote the runbook, and for what: nobody heals another team's product unasked."""

from __future__ import annotations

from agent.core.ownership import speaks_for
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.model.reason import Reason


@rail(
    id="runbook_of_its_team",
    reads=("registry", "policy"),
    reasons=(Reason.RUNBOOK_OF_ANOTHER_TEAM,),
)
def runbook_of_its_team(q: Question) -> Stop | None:
    """A runbook runs for products its owner builds; the platform's run for all."""
    if q.runbook is None:
        return None
    registry, owner = q.view.registry, q.runbook.owner
    entity = registry.entities.get(q.incident.entity or "")
    platform = q.view.policy.platform
    if speaks_for(owner, q.incident.product, registry=registry, platform=platform, entity=entity):
        return None
    text = f"{q.runbook.name} is {owner}'s, and {q.incident.product} is not"
    return Stop(reason=Reason.RUNBOOK_OF_ANOTHER_TEAM, text=text)
