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
    INHIBITED = "inhibited"
    MAINTENANCE = "maintenance"
    WATCHDOG = "watchdog"
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
    RUNBOOK_OF_ANOTHER_TEAM = "runbook_of_another_team"
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
    HALT_UNREADABLE = "halt_unreadable"
    DOMAIN_BUSY = "domain_busy"
    PRODUCT_CONCURRENCY = "product_concurrency"
    FLEET_CONCURRENCY = "fleet_concurrency"
    SHARE_EXHAUSTED = "share_exhausted"
    RATE_EXHAUSTED = "rate_exhausted"
    BELOW_FLOOR = "below_floor"
    TOO_MANY_TARGETS = "too_many_targets"
    DWELL = "dwell"
    SIGNAL_STALE = "signal_stale"
    HUMAN_CHANGE = "human_change"
    BREAKER_OPEN = "breaker_open"
    BREAKER_LOCKED = "breaker_locked"
    FLAPPING = "flapping"
    CAUSE_CHAIN = "cause_chain"
    REVERSAL = "reversal"
    STORM_PRODUCT = "storm_product"
    STORM_FLEET = "storm_fleet"
    BLIND = "blind"
    FREEZE = "freeze"
    RISK_WINDOW = "risk_window"
    RISK_NEEDS_APPROVAL = "risk_needs_approval"
    SECOND_APPROVAL_NEEDED = "second_approval_needed"
    APPROVAL_EXPIRED = "approval_expired"
    APPROVAL_OUTDATED = "approval_outdated"
    WIP_PRODUCT = "wip_product"
    WIP_FLEET = "wip_fleet"
    WAITING_FOR_RAIL = "waiting_for_rail"
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
    RELAPSED = "relapsed"
    BREAKER_OPENED = "breaker_opened"
    BREAKER_RESET = "breaker_reset"

    # routing
    ROUTED_TO_BUILDER = "routed_to_builder"
    ROUTED_TO_PLATFORM = "routed_to_platform"
    RADIUS_PRODUCT = "radius_product"
    RELEASED_FROM_ROOT = "released_from_root"
    PAGE_SENT = "page_sent"
    PAGE_DELIVERED = "page_delivered"
    PAGE_FAILED = "page_failed"
    PAGE_HELD = "page_held"
    RADIUS_CROSSES = "radius_crosses"
    HELD_IN_STORM = "held_in_storm"
    WIDENED = "widened"
    LADDER_STARTED = "ladder_started"
    RUNG_CLIMBED = "rung_climbed"
    LADDER_ENDED = "ladder_ended"
    NOBODY_REACHED = "nobody_reached"
    CHANNEL_SWITCHED = "channel_switched"
    ESCALATION_MENDED = "escalation_mended"
    TOLD_OF_END = "told_of_end"

    # people
    ACKNOWLEDGED = "acknowledged"
    RESOLVED_BY_PERSON = "resolved_by_person"
    ACTION_BY_PERSON = "action_by_person"
    APPROVED = "approved"
    REJECTED = "rejected"
    NOT_ALLOWED = "not_allowed"
    MOVE_REFUSED = "move_refused"
    HALT_SET = "halt_set"
    HALT_LIFTED = "halt_lifted"

    # the other two layers
    AGENT_SILENT = "agent_silent"
    AGENT_DEAD = "agent_dead"
    AGENT_BACK = "agent_back"
    METRIC_FLAT = "metric_flat"
    METRIC_MOVING = "metric_moving"
    SOURCE_SILENT = "source_silent"
    SOURCE_BACK = "source_back"
    SILENCE_UNUSABLE = "silence_unusable"

    # learning
    RESOLUTION_RECORDED = "resolution_recorded"
    PROMOTION_PROPOSED = "promotion_proposed"
    PROMOTION_APPROVED = "promotion_approved"
    PROMOTION_REJECTED = "promotion_rejected"
    RESOLUTION_CREDITED = "resolution_credited"
    NOT_CREDITED = "not_credited"
    PROMOTION_TRYING = "promotion_trying"
    PROMOTION_REFUSED = "promotion_refused"
    PROMOTION_FAULTY = "promotion_faulty"
    RESOLUTIONS_CONTRADICT = "resolutions_contradict"
    RESOLVED_WITHOUT_ACT = "resolved_without_act"
    TOO_FEW_PEOPLE = "too_few_people"
    PARAMETER_WITHOUT_ORIGIN = "parameter_without_origin"
    PROMOTION_ANSWERED = "promotion_answered"
    PROMOTION_DELIVERED = "promotion_delivered"
    PROMOTION_NOT_DELIVERED = "promotion_not_delivered"
    TRIALS_MISSING = "trials_missing"
    TRIAL_AGREED = "trial_agreed"
    TRIAL_DISAGREED = "trial_disagreed"
    PROVEN = "proven"
    RUNBOOK_SUSPENDED = "runbook_suspended"
    RUNBOOK_RESUMED = "runbook_resumed"
    RUNS_FAIL = "runs_fail"
    REVIEW_OVERDUE = "review_overdue"
    PLUGIN_CHANGED = "plugin_changed"
    METRIC_CHANGED = "metric_changed"
    SUSPENDED_BY_PERSON = "suspended_by_person"
    ANNOUNCED = "announced"
    FOLLOW_UP = "follow_up"
    NEAR_MISS = "near_miss"

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
    Reason.INHIBITED: "another alert that fires speaks for it",
    Reason.MAINTENANCE: "it falls into planned maintenance",
    Reason.WATCHDOG: "it always fires, to show that its source lives",
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
    Reason.RUNBOOK_OF_ANOTHER_TEAM: "the runbook belongs to a team that builds other products",
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
    Reason.HALT_UNREADABLE: "the kill switch cannot be read, which counts as on",
    Reason.DOMAIN_BUSY: "something like it is under way in the same failure domain",
    Reason.PRODUCT_CONCURRENCY: "enough is under way in this product",
    Reason.FLEET_CONCURRENCY: "enough is under way in all",
    Reason.SHARE_EXHAUSTED: "enough of this product was acted on in the last hour",
    Reason.RATE_EXHAUSTED: "enough was done in the last minutes",
    Reason.BELOW_FLOOR: "too little would stay up",
    Reason.TOO_MANY_TARGETS: "the step is about more targets than one step may have",
    Reason.DWELL: "it has not fired for long enough",
    Reason.SIGNAL_STALE: "nobody has said for a while that it still fires",
    Reason.HUMAN_CHANGE: "a person changed it a moment ago",
    Reason.BREAKER_OPEN: "this remedy has failed too often lately",
    Reason.BREAKER_LOCKED: "this remedy is locked until a person lets it go",
    Reason.FLAPPING: "it comes and goes",
    Reason.CAUSE_CHAIN: "the agent's own acts led here, one by the other",
    Reason.REVERSAL: "two runbooks pull it in opposite ways",
    Reason.STORM_PRODUCT: "too much of this product is sick at once",
    Reason.STORM_FLEET: "too much is sick at once: perhaps the signal is",
    Reason.BLIND: "the source of this alert has fallen silent",
    Reason.FREEZE: "a freeze is in force",
    Reason.RISK_WINDOW: "a change of this risk waits for its window",
    Reason.RISK_NEEDS_APPROVAL: "a change of this risk needs a person's approval",
    Reason.SECOND_APPROVAL_NEEDED: "a change of this risk needs a second person's approval",
    Reason.APPROVAL_EXPIRED: "the approval is too old",
    Reason.APPROVAL_OUTDATED: "what was approved is not what would run now",
    Reason.WIP_PRODUCT: "enough plans are in hand in this product",
    Reason.WIP_FLEET: "enough plans are in hand in all",
    Reason.WAITING_FOR_RAIL: "the step waits for a limit that lets go by itself",
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
    Reason.RELAPSED: "what was healed fires again",
    Reason.BREAKER_OPENED: "the circuit breaker of the remedy opened",
    Reason.BREAKER_RESET: "a person closed the circuit breaker",
    Reason.ROUTED_TO_BUILDER: "new within one product: its builder is told",
    Reason.ROUTED_TO_PLATFORM: "crosses products or touches the substrate: platform is told",
    Reason.RADIUS_PRODUCT: "contained in one product",
    Reason.RELEASED_FROM_ROOT: "the systemic incident ended but this still burns",
    Reason.PAGE_SENT: "a page was handed to the notifier",
    Reason.PAGE_DELIVERED: "the page was delivered",
    Reason.PAGE_FAILED: "the page could not be delivered",
    Reason.PAGE_HELD: "the page waits a moment for a common cause",
    Reason.RADIUS_CROSSES: "more than one product is hit",
    Reason.HELD_IN_STORM: "part of a storm whose people were told",
    Reason.WIDENED: "it reaches further than was thought",
    Reason.LADDER_STARTED: "the escalation began",
    Reason.RUNG_CLIMBED: "nobody acknowledged in time, so the next ones were told",
    Reason.LADDER_ENDED: "everybody on the ladder was told and nobody acknowledged",
    Reason.NOBODY_REACHED: "no channel reached anybody",
    Reason.CHANNEL_SWITCHED: "another channel was tried",
    Reason.ESCALATION_MENDED: "an escalation that had stopped was taken up again",
    Reason.TOLD_OF_END: "the channels were told that it is taken or over",
    Reason.ACKNOWLEDGED: "a person took it",
    Reason.RESOLVED_BY_PERSON: "a person resolved it",
    Reason.ACTION_BY_PERSON: "a person asked for an action",
    Reason.APPROVED: "a person approved",
    Reason.REJECTED: "a person rejected",
    Reason.NOT_ALLOWED: "this principal may not do that",
    Reason.MOVE_REFUSED: "not possible in the incident's present state",
    Reason.HALT_SET: "the kill switch was set",
    Reason.HALT_LIFTED: "the kill switch was lifted",
    Reason.AGENT_SILENT: "no heartbeat within its deadline",
    Reason.AGENT_DEAD: "its last will says it is gone",
    Reason.AGENT_BACK: "it beats again",
    Reason.METRIC_FLAT: "the leadership metric stopped moving while all is green below",
    Reason.METRIC_MOVING: "the leadership metric moves again",
    Reason.SOURCE_SILENT: "a source of alerts has fallen silent",
    Reason.SOURCE_BACK: "the source speaks again",
    Reason.SILENCE_UNUSABLE: "a silence of an Alertmanager cannot be held against alerts here",
    Reason.RESOLUTION_RECORDED: "the resolution was recorded",
    Reason.PROMOTION_PROPOSED: "the third like resolution became a runbook proposal",
    Reason.PROMOTION_APPROVED: "the proposal was approved",
    Reason.PROMOTION_REJECTED: "the proposal was rejected",
    Reason.RESOLUTION_CREDITED: "the symptom went away because of what was done",
    Reason.NOT_CREDITED: "what was done is not what made the symptom go away",
    Reason.PROMOTION_TRYING: "a runbook was written from like resolutions and is tried out",
    Reason.PROMOTION_REFUSED: "three like resolutions, and still nothing to propose",
    Reason.PROMOTION_FAULTY: "the written runbook does not pass its own tests",
    Reason.RESOLUTIONS_CONTRADICT: "incidents that look alike were resolved in different ways",
    Reason.RESOLVED_WITHOUT_ACT: "incidents that look alike went away with nothing done",
    Reason.TOO_FEW_PEOPLE: "all of it was done by one person",
    Reason.PARAMETER_WITHOUT_ORIGIN: "nothing in the incidents says where a parameter comes from",
    Reason.PROMOTION_ANSWERED: "a person answered what the proposal asked",
    Reason.PROMOTION_DELIVERED: "the approved runbook was written into its folder",
    Reason.PROMOTION_NOT_DELIVERED: "the approved runbook could not be written into its folder",
    Reason.TRIALS_MISSING: "it has not proven itself often enough",
    Reason.TRIAL_AGREED: "it would have done what people did",
    Reason.TRIAL_DISAGREED: "it would have done something else than people did",
    Reason.PROVEN: "it has proven itself as often as its tier asks",
    Reason.RUNBOOK_SUSPENDED: "the runbook is suspended",
    Reason.RUNBOOK_RESUMED: "a person let the runbook run again",
    Reason.RUNS_FAIL: "its runs fail more often than its tier allows",
    Reason.REVIEW_OVERDUE: "nobody has read it again by its date",
    Reason.PLUGIN_CHANGED: "a plugin it relies on is not what it was",
    Reason.METRIC_CHANGED: "its alert is made of other metrics than before",
    Reason.SUSPENDED_BY_PERSON: "a person suspended it",
    Reason.ANNOUNCED: "the team was told, and nobody was woken",
    Reason.FOLLOW_UP: "something to do after the incident",
    Reason.NEAR_MISS: "harm that did not come about",
}
