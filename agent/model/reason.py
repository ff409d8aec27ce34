"""The closed list of reasons.

Every decision carries one. The same word is the log field, the metric label, the journal entry and
(through `sentence`) the line on a page, so that what a machine counts and what a person reads can
never drift apart. A new reason is added here or nowhere.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why something was decided: the machine word, and the sentence people read on a page or a
    timeline."""

    sentence: str

    def __new__(cls, word: str, sentence: str = "") -> Self:
        reason = str.__new__(cls, word)
        reason._value_ = word
        reason.sentence = sentence
        return reason

    # how an alert ended in the ledger
    NEW_ALERT = "new_alert", "a new alert"
    SAME_MESSAGE = "same_message", "the same message again"
    RESOLUTION_OF_KNOWN = "resolution_of_known", "the end of an alert already known"
    OLDER_THAN_KNOWN = "older_than_known", "older than what is already known of this alert"
    RESOLVED_BEFORE_SEEN = "resolved_before_seen", "it was over before it was first seen"
    SILENCED = "silenced", "a person silenced it"
    HELD_UNDER_ROOT = "held_under_root", "held back under a systemic incident"
    HEALED = "healed", "healed and verified"
    SETTLED = "settled", "settled: expected, explained, nothing to do"
    CLEARED_BY_ITSELF = "cleared_by_itself", "it went away before anything was done"
    ENDED_AFTER_TOLD = "ended_after_told", "the alert ended after people had been told"
    INHIBITED = "inhibited", "another alert that fires speaks for it"
    MAINTENANCE = "maintenance", "it falls into planned maintenance"
    WATCHDOG = "watchdog", "it always fires, to show that its source lives"
    UNPARSEABLE = "unparseable", "could not be read; kept in quarantine"

    # how an alert's state was learned
    TOLD_BY_SOURCE = "told_by_source", "the source said so"
    GONE_FROM_SOURCE = "gone_from_source", "the source no longer lists it"
    EXPIRED = "expired", "its end time passed without a repeat"

    # matching and deciding
    MATCHED = "matched", "a runbook matches"
    NO_RUNBOOK = "no_runbook", "no runbook knows this"
    AMBIGUOUS_RUNBOOKS = "ambiguous_runbooks", "several runbooks match equally well"
    RUNBOOK_IN_SHADOW = "runbook_in_shadow", "the runbook is in shadow: it decides but may not act"
    RUNBOOK_NEEDS_APPROVAL = "runbook_needs_approval", "the runbook needs a person's approval"
    RUNBOOK_NOT_RUNNABLE = "runbook_not_runnable", "the runbook may not run in its lifecycle state"
    PLAN_CHOSEN = "plan_chosen", "a plan was chosen"
    DECIDED_TO_ESCALATE = "decided_to_escalate", "the runbook says: a person must look"
    DECIDED_TO_SETTLE = "decided_to_settle", "the runbook says: wait, this is expected"
    FACTS_UNKNOWN = "facts_unknown", "a fact the decision needs is unknown"
    FACTS_GATHERED = "facts_gathered", "diagnosis finished"
    DIAGNOSTIC_FAILED = "diagnostic_failed", "a diagnostic failed"

    # guards
    ALLOWED = "allowed", "all guards agree"
    HALTED = "halted", "the kill switch is on"
    COOLDOWN = "cooldown", "this target was acted on too recently"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted", "all attempts for this incident are used up"
    DAILY_ATTEMPTS_EXHAUSTED = (
        "daily_attempts_exhausted",
        "all attempts for this target today are used up",
    )
    TARGET_BUSY = "target_busy", "another action is under way on this target"
    TARGET_MISSING = "target_missing", "the step names no target"
    TARGET_UNKNOWN = "target_unknown", "the target is not in the registry"
    TARGET_OF_ANOTHER_PRODUCT = "target_of_another_product", "the target belongs to another product"
    RUNBOOK_OF_ANOTHER_TEAM = (
        "runbook_of_another_team",
        "the runbook belongs to a team that builds other products",
    )
    PRODUCT_UNKNOWN = "product_unknown", "the product is not in the registry"
    OUTCOME_LAYER = "outcome_layer", "a leadership metric is never healed by machine"
    RADIUS_SYSTEMIC = "radius_systemic", "the cause lies in something several products share"
    EFFECT_OPAQUE = "effect_opaque", "the action can neither be repeated nor checked"
    PLUGIN_MISSING = "plugin_missing", "the plugin the step needs is not loaded"
    REQUIREMENT_FALSE = "requirement_false", "a requirement of the runbook does not hold"
    REQUIREMENT_UNKNOWN = "requirement_unknown", "a requirement of the runbook could not be judged"
    BUDGET_MIN_HEALTHY = "budget_min_healthy", "too much of it is unhealthy already"
    BUDGET_CONCURRENT = "budget_concurrent", "as much of it as allowed is being acted on already"
    WINDOW_CLOSED = "window_closed", "outside of the change window"
    WINDOW_UNKNOWN = "window_unknown", "the change window the runbook names is not declared"
    NOT_CONNECTED = "not_connected", "what the step needs is not connected"
    OBJECT_UNKNOWN = (
        "object_unknown",
        "what the alert is about is not in the inventory, or not just once",
    )
    GUARD_FAILED = "guard_failed", "a guard raised an error, which counts as no"
    HALT_UNREADABLE = "halt_unreadable", "the kill switch cannot be read, which counts as on"
    DOMAIN_BUSY = "domain_busy", "something like it is under way in the same failure domain"
    PRODUCT_CONCURRENCY = "product_concurrency", "enough is under way in this product"
    FLEET_CONCURRENCY = "fleet_concurrency", "enough is under way in all"
    SHARE_EXHAUSTED = "share_exhausted", "enough of this product was acted on in the last hour"
    RATE_EXHAUSTED = "rate_exhausted", "enough was done in the last minutes"
    BELOW_FLOOR = "below_floor", "too little would stay up"
    TOO_MANY_TARGETS = "too_many_targets", "the step is about more targets than one step may have"
    DWELL = "dwell", "it has not fired for long enough"
    SIGNAL_STALE = "signal_stale", "nobody has said for a while that it still fires"
    HUMAN_CHANGE = "human_change", "a person changed it a moment ago"
    BREAKER_OPEN = "breaker_open", "this remedy has failed too often lately"
    BREAKER_LOCKED = "breaker_locked", "this remedy is locked until a person lets it go"
    FLAPPING = "flapping", "it comes and goes"
    CAUSE_CHAIN = "cause_chain", "the agent's own acts led here, one by the other"
    REVERSAL = "reversal", "two runbooks pull it in opposite ways"
    STORM_PRODUCT = "storm_product", "too much of this product is sick at once"
    STORM_FLEET = "storm_fleet", "too much is sick at once: perhaps the signal is"
    BLIND = "blind", "the source of this alert has fallen silent"
    FREEZE = "freeze", "a freeze is in force"
    RISK_WINDOW = "risk_window", "a change of this risk waits for its window"
    RISK_NEEDS_APPROVAL = "risk_needs_approval", "a change of this risk needs a person's approval"
    SECOND_APPROVAL_NEEDED = (
        "second_approval_needed",
        "a change of this risk needs a second person's approval",
    )
    APPROVAL_EXPIRED = "approval_expired", "the approval is too old"
    APPROVAL_OUTDATED = "approval_outdated", "what was approved is not what would run now"
    WIP_PRODUCT = "wip_product", "enough plans are in hand in this product"
    WIP_FLEET = "wip_fleet", "enough plans are in hand in all"
    CLUSTER_UNSEEN = "cluster_unseen", "the cluster is not seen as it is now"
    LEFT_TO_OWNERS = "left_to_owners", "its owners marked it to be left alone"
    GITOPS_OWNED = "gitops_owned", "a repository keeps it as it is declared there"
    WAITING_FOR_RAIL = "waiting_for_rail", "the step waits for a limit that lets go by itself"
    PARAMETER_UNKNOWN = "parameter_unknown", "a parameter of the step could not be worked out"

    # acting
    STEP_DONE = "step_done", "the step is done"
    STEP_FAILED = "step_failed", "the step failed"
    RIGHTS_MISSING = "rights_missing", "the agent has not the right to do it"
    STEP_UNKNOWN = "step_unknown", "it is unknown whether the step happened"
    STEP_TEMPORARY = "step_temporary", "the step failed for the moment and is tried again"
    INTERRUPTED = "interrupted", "the agent stopped while the step was under way"
    TIMED_OUT = "timed_out", "the step passed its deadline"
    PROBE_SAYS_DONE = "probe_says_done", "a look at the target shows the step had happened"
    PROBE_SAYS_NOT_DONE = (
        "probe_says_not_done",
        "a look at the target shows the step had not happened",
    )
    PROBE_UNCLEAR = "probe_unclear", "a look at the target could not tell whether the step happened"
    ACTED = "acted", "an action was started"

    # verifying
    VERIFYING = "verifying", "waiting for proof"
    VERIFIED = "verified", "the proof of success held"
    VERIFICATION_FAILED = "verification_failed", "the remedy did not hold"
    VERIFICATION_INCONCLUSIVE = "verification_inconclusive", "there was no proof either way"
    WORSENED = "worsened", "it is worse than before the step"
    STILL_FIRING = "still_firing", "the alert is still firing"
    ROLLING_BACK = "rolling_back", "taking the change back"
    ROLLED_BACK = "rolled_back", "the change was taken back"
    ROLLBACK_VERIFIED = "rollback_verified", "the way back led back: it is as it was before"
    ROLLBACK_UNPROVEN = (
        "rollback_unproven",
        "the change was taken back, and nothing proves that it is as before",
    )
    ROLLBACK_FAILED = "rollback_failed", "the change could not be taken back"
    NEXT_PLAN = "next_plan", "trying the next plan"
    RELAPSED = "relapsed", "what was healed fires again"
    BREAKER_OPENED = "breaker_opened", "the circuit breaker of the remedy opened"
    BREAKER_RESET = "breaker_reset", "a person closed the circuit breaker"

    # routing
    ROUTED_TO_BUILDER = "routed_to_builder", "new within one product: its builder is told"
    ROUTED_TO_PLATFORM = (
        "routed_to_platform",
        "crosses products or touches the substrate: platform is told",
    )
    RADIUS_PRODUCT = "radius_product", "contained in one product"
    RELEASED_FROM_ROOT = "released_from_root", "the systemic incident ended but this still burns"
    PAGE_SENT = "page_sent", "a page was handed to the notifier"
    PAGE_DELIVERED = "page_delivered", "the page was delivered"
    PAGE_FAILED = "page_failed", "the page could not be delivered"
    PAGE_HELD = "page_held", "the page waits a moment for a common cause"
    RADIUS_CROSSES = "radius_crosses", "more than one product is hit"
    HELD_IN_STORM = "held_in_storm", "part of a storm whose people were told"
    WIDENED = "widened", "it reaches further than was thought"
    LADDER_STARTED = "ladder_started", "the escalation began"
    RUNG_CLIMBED = "rung_climbed", "nobody acknowledged in time, so the next ones were told"
    LADDER_ENDED = "ladder_ended", "everybody on the ladder was told and nobody acknowledged"
    NOBODY_REACHED = "nobody_reached", "no channel reached anybody"
    CHANNEL_SWITCHED = "channel_switched", "another channel was tried"
    ESCALATION_MENDED = "escalation_mended", "an escalation that had stopped was taken up again"
    TOLD_OF_END = "told_of_end", "the channels were told that it is taken or over"

    # people
    ACKNOWLEDGED = "acknowledged", "a person took it"
    RESOLVED_BY_PERSON = "resolved_by_person", "a person resolved it"
    ACTION_BY_PERSON = "action_by_person", "a person asked for an action"
    APPROVED = "approved", "a person approved"
    REJECTED = "rejected", "a person rejected"
    NOT_ALLOWED = "not_allowed", "this principal may not do that"
    MOVE_REFUSED = "move_refused", "not possible in the incident's present state"
    HALT_SET = "halt_set", "the kill switch was set"
    HALT_LIFTED = "halt_lifted", "the kill switch was lifted"

    # the other two layers
    AGENT_SILENT = "agent_silent", "no heartbeat within its deadline"
    AGENT_DEAD = "agent_dead", "its last will says it is gone"
    AGENT_BACK = "agent_back", "it beats again"
    METRIC_FLAT = "metric_flat", "the leadership metric stopped moving while all is green below"
    METRIC_MOVING = "metric_moving", "the leadership metric moves again"
    SOURCE_SILENT = "source_silent", "a source of alerts has fallen silent"
    SOURCE_BACK = "source_back", "the source speaks again"
    SILENCE_UNUSABLE = (
        "silence_unusable",
        "a silence of an Alertmanager cannot be held against alerts here",
    )

    # learning
    RESOLUTION_RECORDED = "resolution_recorded", "the resolution was recorded"
    PROMOTION_PROPOSED = "promotion_proposed", "the third like resolution became a runbook proposal"
    PROMOTION_APPROVED = "promotion_approved", "the proposal was approved"
    PROMOTION_REJECTED = "promotion_rejected", "the proposal was rejected"
    RESOLUTION_CREDITED = "resolution_credited", "the symptom went away because of what was done"
    NOT_CREDITED = "not_credited", "what was done is not what made the symptom go away"
    PROMOTION_TRYING = (
        "promotion_trying",
        "a runbook was written from like resolutions and is tried out",
    )
    PROMOTION_REFUSED = "promotion_refused", "three like resolutions, and still nothing to propose"
    PROMOTION_FAULTY = "promotion_faulty", "the written runbook does not pass its own tests"
    RESOLUTIONS_CONTRADICT = (
        "resolutions_contradict",
        "incidents that look alike were resolved in different ways",
    )
    RESOLVED_WITHOUT_ACT = (
        "resolved_without_act",
        "incidents that look alike went away with nothing done",
    )
    TOO_FEW_PEOPLE = "too_few_people", "all of it was done by one person"
    PARAMETER_WITHOUT_ORIGIN = (
        "parameter_without_origin",
        "nothing in the incidents says where a parameter comes from",
    )
    PROMOTION_ANSWERED = "promotion_answered", "a person answered what the proposal asked"
    PROMOTION_DELIVERED = "promotion_delivered", "the approved runbook was written into its folder"
    PROMOTION_NOT_DELIVERED = (
        "promotion_not_delivered",
        "the approved runbook could not be written into its folder",
    )
    TRIALS_MISSING = "trials_missing", "it has not proven itself often enough"
    TRIAL_AGREED = "trial_agreed", "it would have done what people did"
    TRIAL_DISAGREED = "trial_disagreed", "it would have done something else than people did"
    PROVEN = "proven", "it has proven itself as often as its tier asks"
    RUNBOOK_SUSPENDED = "runbook_suspended", "the runbook is suspended"
    RUNBOOK_RESUMED = "runbook_resumed", "a person let the runbook run again"
    RUNS_FAIL = "runs_fail", "its runs fail more often than its tier allows"
    REVIEW_OVERDUE = "review_overdue", "nobody has read it again by its date"
    PLUGIN_CHANGED = "plugin_changed", "a plugin it relies on is not what it was"
    METRIC_CHANGED = "metric_changed", "its alert is made of other metrics than before"
    SUSPENDED_BY_PERSON = "suspended_by_person", "a person suspended it"
    ANNOUNCED = "announced", "the team was told, and nobody was woken"
    FOLLOW_UP = "follow_up", "something to do after the incident"
    NEAR_MISS = "near_miss", "harm that did not come about"

    # what a member of the machinery does
    AGENT_HUNG = "agent_hung", "it beats and does no work"
    AGENT_WORKS = "agent_works", "it works again"
    AGENT_ERRS = "agent_errs", "more of its tasks fail than its baseline allows"
    AGENT_DRIFTS = "agent_drifts", "it has drifted from its declared baseline"
    DRIFT_OVER = "drift_over", "it is back at its baseline"
    AGENT_NOT_AS_PINNED = (
        "agent_not_as_pinned",
        "it runs another version or configuration than declared",
    )
    AGENT_AS_PINNED = "agent_as_pinned", "it runs what is declared again"
    PROBE_WRONG = "probe_wrong", "a reference probe was answered wrongly"
    PROBE_RIGHT = "probe_right", "its reference probes are answered rightly again"
    QUARANTINED = "quarantined", "it was told to observe and not to act"

    # outcomes and objectives
    METRIC_STALLED = "metric_stalled", "the leadership metric moves less than expected"
    METRIC_UNREAD = "metric_unread", "the leadership metric is not read any more"
    BUDGET_SPENT = "budget_spent", "the error budget of the objective is spent"
    BUDGET_BACK = "budget_back", "the objective has error budget again"

    # blind spots
    BLIND_SPOT_FOUND = "blind_spot_found", "something would not be seen"
    BLIND_SPOT_GONE = "blind_spot_gone", "it would be seen again"
    SURVEYED = "surveyed", "signals, rules and runbooks were looked through"

    # the agent as a member
    ADVISE_ONLY = "advise_only", "the agent only advises: its own record does not let it act"
    OWN_BUDGET_SPENT = "own_budget_spent", "the error budget of the agent itself is spent"
    OWN_REVIEW_OVERDUE = "own_review_overdue", "the agent itself has not been reviewed by its date"
    OWN_RETIRED = "own_retired", "the agent itself is past its retirement"
    OWN_BUDGET_BACK = "own_budget_back", "the agent may act by its own record again"
    OWN_REVIEWED = "own_reviewed", "a person reviewed what the agent itself did wrong"
