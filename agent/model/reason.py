"""The closed list of reasons.

Every decision carries one. The same word is the log field, the metric label, the journal entry and
(through `sentence`) the line on a page, so that what a machine counts and what a person reads can
never drift apart. A new reason is added here or nowhere.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why something was decided. The value is the machine word; `sentence` is for people."""

    # how an alert ended in the ledger
    NEW_ALERT = "new_alert"
    SAME_MESSAGE = "same_message"
    RESOLUTION_OF_KNOWN = "resolution_of_known"
    OLDER_THAN_KNOWN = "older_than_known"
    RESOLVED_BEFORE_SEEN = "resolved_before_seen"
    SILENCED = "silenced"
    HELD_UNDER_ROOT = "held_under_root"
    HEALED = "healed"
    SETTLED = "settled"
    CLEARED_BY_ITSELF = "cleared_by_itself"
    ENDED_AFTER_TOLD = "ended_after_told"
    UNPARSEABLE = "unparseable"

    # how an alert's state was learned
    TOLD_BY_SOURCE = "told_by_source"
    GONE_FROM_SOURCE = "gone_from_source"
    EXPIRED = "expired"

    # matching and deciding
    MATCHED = "matched"
    NO_RUNBOOK = "no_runbook"
    AMBIGUOUS_RUNBOOKS = "ambiguous_runbooks"
    RUNBOOK_IN_SHADOW = "runbook_in_shadow"
    RUNBOOK_NEEDS_APPROVAL = "runbook_needs_approval"
    RUNBOOK_NOT_RUNNABLE = "runbook_not_runnable"
    PLAN_CHOSEN = "plan_chosen"
    DECIDED_TO_ESCALATE = "decided_to_escalate"
    DECIDED_TO_SETTLE = "decided_to_settle"
    FACTS_UNKNOWN = "facts_unknown"
    FACTS_GATHERED = "facts_gathered"
    DIAGNOSTIC_FAILED = "diagnostic_failed"

    # guards
    ALLOWED = "allowed"
    HALTED = "halted"
    COOLDOWN = "cooldown"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    DAILY_ATTEMPTS_EXHAUSTED = "daily_attempts_exhausted"
    TARGET_BUSY = "target_busy"
    TARGET_MISSING = "target_missing"
    TARGET_UNKNOWN = "target_unknown"
    TARGET_OF_ANOTHER_PRODUCT = "target_of_another_product"
    PRODUCT_UNKNOWN = "product_unknown"
    OUTCOME_LAYER = "outcome_layer"
    RADIUS_SYSTEMIC = "radius_systemic"
    EFFECT_OPAQUE = "effect_opaque"
    PLUGIN_MISSING = "plugin_missing"
    REQUIREMENT_FALSE = "requirement_false"
    REQUIREMENT_UNKNOWN = "requirement_unknown"
    BUDGET_MIN_HEALTHY = "budget_min_healthy"
    BUDGET_CONCURRENT = "budget_concurrent"
    WINDOW_CLOSED = "window_closed"
    WINDOW_UNKNOWN = "window_unknown"
    NOT_CONNECTED = "not_connected"
    OBJECT_UNKNOWN = "object_unknown"
    GUARD_FAILED = "guard_failed"
    PARAMETER_UNKNOWN = "parameter_unknown"

    # acting
    STEP_DONE = "step_done"
    STEP_FAILED = "step_failed"
    STEP_UNKNOWN = "step_unknown"
    STEP_TEMPORARY = "step_temporary"
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed_out"
    PROBE_SAYS_DONE = "probe_says_done"
    PROBE_SAYS_NOT_DONE = "probe_says_not_done"
    PROBE_UNCLEAR = "probe_unclear"
    ACTED = "acted"

    # verifying
    VERIFYING = "verifying"
    VERIFIED = "verified"
    VERIFICATION_FAILED = "verification_failed"
    VERIFICATION_INCONCLUSIVE = "verification_inconclusive"
    WORSENED = "worsened"
    STILL_FIRING = "still_firing"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_VERIFIED = "rollback_verified"
    ROLLBACK_UNPROVEN = "rollback_unproven"
    ROLLBACK_FAILED = "rollback_failed"
    NEXT_PLAN = "next_plan"

    # routing
    ROUTED_TO_BUILDER = "routed_to_builder"
    ROUTED_TO_PLATFORM = "routed_to_platform"
    RADIUS_PRODUCT = "radius_product"
    RELEASED_FROM_ROOT = "released_from_root"
    PAGE_SENT = "page_sent"
    PAGE_DELIVERED = "page_delivered"
    PAGE_FAILED = "page_failed"
    PAGE_HELD = "page_held"

    # people
    ACKNOWLEDGED = "acknowledged"
    RESOLVED_BY_PERSON = "resolved_by_person"
    ACTION_BY_PERSON = "action_by_person"
    APPROVED = "approved"
    REJECTED = "rejected"
    NOT_ALLOWED = "not_allowed"
    MOVE_REFUSED = "move_refused"

    # the other two layers
    AGENT_SILENT = "agent_silent"
    AGENT_DEAD = "agent_dead"
    AGENT_BACK = "agent_back"
    METRIC_FLAT = "metric_flat"
    METRIC_MOVING = "metric_moving"

    # learning
    RESOLUTION_RECORDED = "resolution_recorded"
    PROMOTION_PROPOSED = "promotion_proposed"
    PROMOTION_APPROVED = "promotion_approved"
    PROMOTION_REJECTED = "promotion_rejected"

    @property
    def sentence(self) -> str:
        """The reason as people read it on a page or a timeline."""
        return SENTENCES[self]


SENTENCES: dict[Reason, str] = {
    Reason.NEW_ALERT: "a new alert",
    Reason.SAME_MESSAGE: "the same message again",
    Reason.RESOLUTION_OF_KNOWN: "the end of an alert already known",
    Reason.OLDER_THAN_KNOWN: "older than what is already known of this alert",
    Reason.RESOLVED_BEFORE_SEEN: "it was over before it was first seen",
    Reason.SILENCED: "a person silenced it",
    Reason.HELD_UNDER_ROOT: "held back under a systemic incident",
    Reason.HEALED: "healed and verified",
    Reason.SETTLED: "settled: expected, explained, nothing to do",
    Reason.CLEARED_BY_ITSELF: "it went away before anything was done",
    Reason.ENDED_AFTER_TOLD: "the alert ended after people had been told",
    Reason.UNPARSEABLE: "could not be read; kept in quarantine",
    Reason.TOLD_BY_SOURCE: "the source said so",
    Reason.GONE_FROM_SOURCE: "the source no longer lists it",
    Reason.EXPIRED: "its end time passed without a repeat",
    Reason.MATCHED: "a runbook matches",
    Reason.NO_RUNBOOK: "no runbook knows this",
    Reason.AMBIGUOUS_RUNBOOKS: "several runbooks match equally well",
    Reason.RUNBOOK_IN_SHADOW: "the runbook is in shadow: it decides but may not act",
    Reason.RUNBOOK_NEEDS_APPROVAL: "the runbook needs a person's approval",
    Reason.RUNBOOK_NOT_RUNNABLE: "the runbook may not run in its lifecycle state",
    Reason.PLAN_CHOSEN: "a plan was chosen",
    Reason.DECIDED_TO_ESCALATE: "the runbook says: a person must look",
    Reason.DECIDED_TO_SETTLE: "the runbook says: wait, this is expected",
    Reason.FACTS_UNKNOWN: "a fact the decision needs is unknown",
    Reason.FACTS_GATHERED: "diagnosis finished",
    Reason.DIAGNOSTIC_FAILED: "a diagnostic failed",
    Reason.ALLOWED: "all guards agree",
    Reason.HALTED: "the kill switch is on",
    Reason.COOLDOWN: "this target was acted on too recently",
    Reason.ATTEMPTS_EXHAUSTED: "all attempts for this incident are used up",
    Reason.DAILY_ATTEMPTS_EXHAUSTED: "all attempts for this target today are used up",
    Reason.TARGET_BUSY: "another action is under way on this target",
    Reason.TARGET_MISSING: "the step names no target",
    Reason.TARGET_UNKNOWN: "the target is not in the registry",
    Reason.TARGET_OF_ANOTHER_PRODUCT: "the target belongs to another product",
    Reason.PRODUCT_UNKNOWN: "the product is not in the registry",
    Reason.OUTCOME_LAYER: "a leadership metric is never healed by machine",
    Reason.RADIUS_SYSTEMIC: "the cause lies in something several products share",
    Reason.EFFECT_OPAQUE: "the action can neither be repeated nor checked",
    Reason.PLUGIN_MISSING: "the plugin the step needs is not loaded",
    Reason.REQUIREMENT_FALSE: "a requirement of the runbook does not hold",
    Reason.REQUIREMENT_UNKNOWN: "a requirement of the runbook could not be judged",
    Reason.BUDGET_MIN_HEALTHY: "too much of it is unhealthy already",
    Reason.BUDGET_CONCURRENT: "as much of it as allowed is being acted on already",
    Reason.WINDOW_CLOSED: "outside of the change window",
    Reason.WINDOW_UNKNOWN: "the change window the runbook names is not declared",
    Reason.NOT_CONNECTED: "what the step needs is not connected",
    Reason.OBJECT_UNKNOWN: "what the alert is about is not in the inventory, or not just once",
    Reason.GUARD_FAILED: "a guard raised an error, which counts as no",
    Reason.PARAMETER_UNKNOWN: "a parameter of the step could not be worked out",
    Reason.STEP_DONE: "the step is done",
    Reason.STEP_FAILED: "the step failed",
    Reason.STEP_UNKNOWN: "it is unknown whether the step happened",
    Reason.STEP_TEMPORARY: "the step failed for the moment and is tried again",
    Reason.INTERRUPTED: "the agent stopped while the step was under way",
    Reason.TIMED_OUT: "the step passed its deadline",
    Reason.PROBE_SAYS_DONE: "a look at the target shows the step had happened",
    Reason.PROBE_SAYS_NOT_DONE: "a look at the target shows the step had not happened",
    Reason.PROBE_UNCLEAR: "a look at the target could not tell whether the step happened",
    Reason.ACTED: "an action was started",
    Reason.VERIFYING: "waiting for proof",
    Reason.VERIFIED: "the proof of success held",
    Reason.VERIFICATION_FAILED: "the remedy did not hold",
    Reason.VERIFICATION_INCONCLUSIVE: "there was no proof either way",
    Reason.WORSENED: "it is worse than before the step",
    Reason.STILL_FIRING: "the alert is still firing",
    Reason.ROLLING_BACK: "taking the change back",
    Reason.ROLLED_BACK: "the change was taken back",
    Reason.ROLLBACK_VERIFIED: "the way back led back: it is as it was before",
    Reason.ROLLBACK_UNPROVEN: "the change was taken back, and nothing proves that it is as before",
    Reason.ROLLBACK_FAILED: "the change could not be taken back",
    Reason.NEXT_PLAN: "trying the next plan",
    Reason.ROUTED_TO_BUILDER: "new within one product: its builder is told",
    Reason.ROUTED_TO_PLATFORM: "crosses products or touches the substrate: platform is told",
    Reason.RADIUS_PRODUCT: "contained in one product",
    Reason.RELEASED_FROM_ROOT: "the systemic incident ended but this still burns",
    Reason.PAGE_SENT: "a page was handed to the notifier",
    Reason.PAGE_DELIVERED: "the page was delivered",
    Reason.PAGE_FAILED: "the page could not be delivered",
    Reason.PAGE_HELD: "the page waits a moment for a common cause",
    Reason.ACKNOWLEDGED: "a person took it",
    Reason.RESOLVED_BY_PERSON: "a person resolved it",
    Reason.ACTION_BY_PERSON: "a person asked for an action",
    Reason.APPROVED: "a person approved",
    Reason.REJECTED: "a person rejected",
    Reason.NOT_ALLOWED: "this principal may not do that",
    Reason.MOVE_REFUSED: "not possible in the incident's present state",
    Reason.AGENT_SILENT: "no heartbeat within its deadline",
    Reason.AGENT_DEAD: "its last will says it is gone",
    Reason.AGENT_BACK: "it beats again",
    Reason.METRIC_FLAT: "the leadership metric stopped moving while all is green below",
    Reason.METRIC_MOVING: "the leadership metric moves again",
    Reason.RESOLUTION_RECORDED: "the resolution was recorded",
    Reason.PROMOTION_PROPOSED: "the third like resolution became a runbook proposal",
    Reason.PROMOTION_APPROVED: "the proposal was approved",
    Reason.PROMOTION_REJECTED: "the proposal was rejected",
}
