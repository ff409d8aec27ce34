"""What would let a rail go, for whoever reads its no at night. One sentence for each reason."""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.guard import RAILS
from agent.model.reason import Reason

RAIL_OF: Mapping[Reason, str] = {reason: one.id for one in RAILS for reason in one.reasons}
"""Id of the rail that gives a reason."""

BY_ITSELF = "it lets go by itself; the step waits for it"

REMEDIES: Mapping[Reason, str] = {
    Reason.HALTED: "lift the kill switch once it is safe: homeostat unhalt REASON",
    Reason.HALT_UNREADABLE: "put the file of the kill switch back with `off` in it, then lift it",
    Reason.SILENCED: "end the silence, or let it run out",
    Reason.MAINTENANCE: "it ends with the maintenance; what still burns is looked at then",
    Reason.BLIND: "see that the source runs and can be reached; its next word ends this",
    Reason.PLUGIN_MISSING: "load the plugin, or use another action in the runbook",
    Reason.NOT_CONNECTED: "connect what the action needs; homeostat doctor says what is missing",
    Reason.EFFECT_OPAQUE: "a person has to ask for it: homeostat incidents run",
    Reason.OUTCOME_LAYER: "a person has to look: machines never heal a leadership metric",
    Reason.PRODUCT_UNKNOWN: "register the product or the entity in a catalog-info.yaml",
    Reason.OBJECT_UNKNOWN: "look at the inventory, or at what `match.entity` asks for",
    Reason.TOO_MANY_TARGETS: "name one target; more of them are more steps",
    Reason.TARGET_MISSING: "give the step a target",
    Reason.TARGET_UNKNOWN: "register the target in a catalog-info.yaml",
    Reason.TARGET_OF_ANOTHER_PRODUCT: "let the runbook of that product do it, or its people",
    Reason.RUNBOOK_OF_ANOTHER_TEAM: "let a runbook of this product's builder do it",
    Reason.TIMED_OUT: "nothing: it is decided anew where it still burns",
    Reason.STORM_PRODUCT: "find what its parts have in common; it ends once it was quiet",
    Reason.STORM_FLEET: "see whether the signal is right; it ends once it was quiet",
    Reason.RADIUS_SYSTEMIC: "heal the suspect; what several products share is a person's to heal",
    Reason.DWELL: BY_ITSELF,
    Reason.SIGNAL_STALE: f"{BY_ITSELF} at the next word of the source",
    Reason.CLUSTER_UNSEEN: f"{BY_ITSELF}; homeostat doctor says what is not seen of the cluster",
    Reason.LEFT_TO_OWNERS: "do it by hand, or take the mark homeostat/ignore away",
    Reason.GITOPS_OWNED: "change it in the repository that keeps it",
    Reason.HUMAN_CHANGE: BY_ITSELF,
    Reason.ATTEMPTS_EXHAUSTED: "a person has to look: what was tried does not help",
    Reason.DAILY_ATTEMPTS_EXHAUSTED: "a person has to look; the count ends after a day",
    Reason.BREAKER_OPEN: "find out why it does not help; one may try it again in a while",
    Reason.BREAKER_LOCKED: "find out why it does not help, then reset it with a reason",
    Reason.FLAPPING: "find out what drives it; it is looked at anew once it stands still",
    Reason.CAUSE_CHAIN: "look at the acts that led here before anything more is done",
    Reason.REVERSAL: "decide which of the two runbooks is right, and suspend the other",
    Reason.WINDOW_CLOSED: "wait for the window, or do it by hand: homeostat incidents run",
    Reason.WINDOW_UNKNOWN: "declare the window under `windows` of the policy",
    Reason.FREEZE: "wait for its end; its owner may list a runbook under `allows`",
    Reason.TARGET_BUSY: BY_ITSELF,
    Reason.BUDGET_CONCURRENT: BY_ITSELF,
    Reason.DOMAIN_BUSY: BY_ITSELF,
    Reason.PRODUCT_CONCURRENCY: BY_ITSELF,
    Reason.FLEET_CONCURRENCY: BY_ITSELF,
    Reason.WIP_PRODUCT: BY_ITSELF,
    Reason.WIP_FLEET: BY_ITSELF,
    Reason.SHARE_EXHAUSTED: "what is wrong with so much of it is not in each part: find it",
    Reason.RATE_EXHAUSTED: BY_ITSELF,
    Reason.COOLDOWN: "it did not help for long: a person has to look, or wait for it to run out",
    Reason.BUDGET_MIN_HEALTHY: "heal what else of it is unhealthy first",
    Reason.BELOW_FLOOR: "bring up others that do the same job first",
    Reason.REQUIREMENT_FALSE: "see what the runbook requires; it is not so now",
    Reason.REQUIREMENT_UNKNOWN: "see why the diagnostic behind the requirement says nothing",
    Reason.RUNBOOK_IN_SHADOW: "its builder may promote it: lifecycle assisted or active",
    Reason.RUNBOOK_NOT_RUNNABLE: "its builder has to put it back into a state that may run",
    Reason.RIGHTS_MISSING: "grant them (homeostat rbac), then: homeostat runbooks resume NAME",
    Reason.RUNBOOK_SUSPENDED: "see what brings it back: homeostat runbooks show NAME",
    Reason.ADVISE_ONLY: "approve it, exactly as it is shown; homeostat self says what ends this",
    Reason.RUNBOOK_NEEDS_APPROVAL: "approve it, exactly as it is shown",
    Reason.RISK_NEEDS_APPROVAL: "approve it, exactly as it is shown",
    Reason.SECOND_APPROVAL_NEEDED: "somebody else has to approve it as well",
    Reason.RISK_WINDOW: "approve it, or wait for the window of normal changes",
    Reason.APPROVAL_EXPIRED: "approve it anew: what was seen then may not be so any more",
    Reason.GUARD_FAILED: "tell whoever runs Homeostat: a rail raised an error",
    Reason.AMBIGUOUS_RUNBOOKS: "make one of them more specific",
    Reason.NO_RUNBOOK: "resolve it through the agent: the third like resolution is a runbook",
    Reason.REJECTED: "whoever rejected it said why; do it another way",
    Reason.PARAMETER_UNKNOWN: "see why the fact behind the parameter is not there",
    Reason.FACTS_UNKNOWN: "see why the diagnostic behind the fact says nothing",
    Reason.DECIDED_TO_ESCALATE: "nothing: its author wants a person to look",
    Reason.STEP_UNKNOWN: "check by eye whether it happened before anybody repeats it",
    Reason.VERIFICATION_FAILED: "look for another cause: this remedy did not hold",
    Reason.VERIFICATION_INCONCLUSIVE: "check by eye whether it holds",
}


def remedy_of(reason: Reason) -> str:
    """Empty where nothing can be said that the reason does not say itself."""
    return REMEDIES.get(reason, "")
