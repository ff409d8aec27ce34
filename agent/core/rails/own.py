"""Whether the agent may act by its own record: what it did wrong lately, and its own dates."""

from __future__ import annotations

from agent.core.approval import lacks_approval
from agent.core.own_health import KEY, stops
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.core.trust import RUNS, state_of
from agent.model.reason import Reason

LONGEST = 200


@rail(
    id="advise_only",
    reads=("own", "standings"),
    reasons=(Reason.ADVISE_ONLY,),
    default="its error budget is spent, or a date of its own has passed",
)
def advise_only(q: Question) -> Stop | None:
    """An agent that did too much wrong lately, or is past its review, proposes and does not act.

    A person may still let it: by asking for the act, or by approving it after it is known that it
    only advises. What was approved before was trust in an agent that acts, and is asked for anew.
    Ways back are not held: half done is worse.
    """
    known = q.view.own.get(KEY)
    if known is None:
        return None  # it was never measured
    found = stops(known, q.at)
    if found is None:
        return None
    if q.runbook is not None and state_of(q.runbook, q.view) not in RUNS:
        return None  # it may not run whoever agrees: the lifecycle says so
    since = known.advising_since if known.advising_since is not None else q.at
    approval = q.incident.approval
    if (
        q.runbook is not None
        and approval is not None
        and approval.at >= since
        and lacks_approval(q.incident, q.runbook, q.facts, q.params) is None
    ):
        return None
    return Stop(reason=Reason.ADVISE_ONLY, text=found[1][:LONGEST])
