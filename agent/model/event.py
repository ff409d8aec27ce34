"""Everything that happens. Events enter at the top, carry their own time, and are never changed.

`at` is seconds since the epoch, UTC, stamped where the event entered; `subject` names whom it is
about: an incident id, `agent:NAME` or `product:NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.model.alert import (
    Alert,
    Change,
    Heartbeat,
    Measure,
    ReferenceAnswer,
    SloReading,
    Telemetry,
)
from agent.model.command import Command
from agent.model.effect import Outcome
from agent.model.learning import Backtested, CauseKind, Delivered, FollowUp, ToldCall
from agent.model.own import OwnExample, OwnTerms
from agent.model.records import Silence
from agent.model.signals import BlindSpot


class AlertReceived(msgspec.Struct, frozen=True, kw_only=True, tag="alert_received"):
    at: float
    alert: Alert
    key: str
    """Exact identity of the message: the unique index of the ledger (core/fingerprint.py)."""


class HeartbeatReceived(msgspec.Struct, frozen=True, kw_only=True, tag="heartbeat_received"):
    at: float
    heartbeat: Heartbeat


class TelemetryReceived(msgspec.Struct, frozen=True, kw_only=True, tag="telemetry_received"):
    at: float
    telemetry: Telemetry


class ReferenceAnswered(msgspec.Struct, frozen=True, kw_only=True, tag="reference_answered"):
    at: float
    answer: ReferenceAnswer


class SloRead(msgspec.Struct, frozen=True, kw_only=True, tag="slo_read"):
    at: float
    reading: SloReading


class SurveyTaken(msgspec.Struct, frozen=True, kw_only=True, tag="survey_taken"):
    """It was looked for blind spots. Each of `found` names in `by` the part of the survey that
    found it. What an earlier survey found in one of the parts `looked`, and is not among `found`,
    is not there any more; so is what it found in a part that is in neither list: there is no such
    part now. What was found in one of the parts `missed` stays as it was."""

    at: float
    seconds: float
    looked: tuple[str, ...]
    missed: tuple[str, ...] = ()
    found: tuple[BlindSpot, ...] = ()
    could_not: tuple[str, ...] = ()
    """Why parts were missed, as sentences."""
    runbooks: tuple[str, ...] = ()
    """Names of all that are loaded."""


class OwnRead(msgspec.Struct, frozen=True, kw_only=True, tag="own_read"):
    """What the agent measured of itself since it did so last."""

    at: float
    terms: OwnTerms
    decisions: int = 0
    late: int = 0
    """Of these, how many took longer than its objective allows."""
    late_minutes: int = 0
    """Minutes in which any did, each counted once."""
    verdicts: int = 0
    wrong: int = 0
    """Of these, how many the same trouble proved wrong."""
    lost: int = 0
    """Alerts that were taken and could not be decided about."""
    unbalanced: int | None = None
    """By how many alerts the ledger is out of balance; None: it was not looked at."""
    examples: tuple[OwnExample, ...] = ()


class OwnReviewed(msgspec.Struct, frozen=True, kw_only=True, tag="own_reviewed"):
    """A person looked at what the agent did wrong, and lets it act again."""

    at: float
    who: str
    why: str


class MeasureReceived(msgspec.Struct, frozen=True, kw_only=True, tag="measure_received"):
    at: float
    measure: Measure


class ChangeReceived(msgspec.Struct, frozen=True, kw_only=True, tag="change_received"):
    at: float
    change: Change


class CommandFinished(msgspec.Struct, frozen=True, kw_only=True, tag="command_finished"):
    """A command came back; with status UNKNOWN also after a restart that found it unfinished."""

    at: float
    command: Command
    outcome: Outcome

    @property
    def subject(self) -> str:
        return self.command.subject


class TimerFired(msgspec.Struct, frozen=True, kw_only=True, tag="timer_fired"):
    at: float
    subject: str
    name: str


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, tag="acknowledged"):
    at: float
    subject: str
    who: str


class ActionRequested(msgspec.Struct, frozen=True, kw_only=True, tag="action_requested"):
    """A person asks for one action through the agent (`homeostat incidents run`)."""

    at: float
    subject: str
    who: str
    use: str
    params: Mapping[str, Any] = {}


class ResolvedByPerson(msgspec.Struct, frozen=True, kw_only=True, tag="resolved_by_person"):
    at: float
    subject: str
    who: str
    cause: str
    actions: tuple[str, ...] = ()
    """Actions taken outside the agent, in the person's words: kept as evidence, never run."""
    cause_kind: CauseKind | None = None
    told: tuple[ToldCall, ...] = ()
    """The same told as calls of actions: those can be compared, and run again."""
    mattered: tuple[str, ...] | None = None
    """Ids of the steps by people that mattered; None: all that were done."""
    minutes: float | None = None
    """Of people's time."""
    page_useful: bool | None = None
    """Whether whoever was paged was needed."""


class Approved(msgspec.Struct, frozen=True, kw_only=True, tag="approved"):
    at: float
    subject: str
    who: str
    shown: str = ""
    """Fingerprint of what this person was shown (core/approval.py): only that is approved. Empty:
    whatever is asked for now."""


class AskedAnew(msgspec.Struct, frozen=True, kw_only=True, tag="asked_anew"):
    """Somebody approved what would not run like that any more: people are shown what would."""

    at: float
    subject: str
    who: str


class Rejected(msgspec.Struct, frozen=True, kw_only=True, tag="rejected"):
    at: float
    subject: str
    who: str
    why: str = ""


class Held(msgspec.Struct, frozen=True, kw_only=True, tag="held"):
    """A systemic incident was opened above this one: its page covers this one."""

    at: float
    subject: str
    root: str


class Released(msgspec.Struct, frozen=True, kw_only=True, tag="released"):
    """The systemic incident above this one ended, or the storm both are part of."""

    at: float
    subject: str
    root: str
    after: float = 0.0
    """Seconds by which it comes later than the first of those that were let go together."""


class Widened(msgspec.Struct, frozen=True, kw_only=True, tag="widened"):
    """What this incident is about turned out to hit other products too: `by` is the one of them
    that showed it."""

    at: float
    subject: str
    by: str


class SourceChecked(msgspec.Struct, frozen=True, kw_only=True, tag="source_checked"):
    """A source gave a sign of life."""

    at: float
    source: str
    detail: str = ""


class SilencesRead(msgspec.Struct, frozen=True, kw_only=True, tag="silences_read"):
    """The whole list of silences of one Alertmanager, as it is now."""

    at: float
    source: str
    silences: tuple[Silence, ...]


class BreakerReset(msgspec.Struct, frozen=True, kw_only=True, tag="breaker_reset"):
    """A person closes a circuit breaker; `subject` is its key."""

    at: float
    subject: str
    who: str
    why: str


class HaltAsked(msgspec.Struct, frozen=True, kw_only=True, tag="halt_asked"):
    """Somebody, or a file that says so (`who` is then `file:PATH`), sets the kill switch."""

    at: float
    who: str
    why: str
    is_unreadable: bool = False
    """Nobody set it: what would say so cannot be read."""


class HaltLifted(msgspec.Struct, frozen=True, kw_only=True, tag="halt_lifted"):
    """A person lifts the kill switch."""

    at: float
    who: str
    why: str


class PromotionTried(msgspec.Struct, frozen=True, kw_only=True, tag="promotion_tried"):
    """A proposal was checked, tested and tried against the journal. `subject` is its name."""

    at: float
    subject: str
    faults: tuple[str, ...] = ()
    """What `check` and `test` say against it; nothing is proposed that has any."""
    backtest: Backtested | None = None
    document: Mapping[str, Any] = {}
    """What was tried: it says nothing of what the proposal became meanwhile."""


class PromotionAnswered(msgspec.Struct, frozen=True, kw_only=True, tag="promotion_answered"):
    """A person says what a parameter without origin has to be; `param` as in `restart.replicas`."""

    at: float
    subject: str
    who: str
    param: str
    answer: Any


class PromotionDelivered(msgspec.Struct, frozen=True, kw_only=True, tag="promotion_delivered"):
    """The approved runbook was written into its folder, or could not be."""

    at: float
    subject: str
    delivered: Delivered


class Announced(msgspec.Struct, frozen=True, kw_only=True, tag="announced"):
    """Something a team should know and nobody is woken for. `subject` is the incident it came of,
    which may be over."""

    at: float
    subject: str
    team: str
    title: str
    text: str


class RunbooksRead(msgspec.Struct, frozen=True, kw_only=True, tag="runbooks_read"):
    """The set of runbooks, or what they use, was read anew: what each relies on is as it is now."""

    at: float


class StandingAsked(msgspec.Struct, frozen=True, kw_only=True, tag="standing_asked"):
    """A person suspends a runbook, or lets it run again; `subject` is `runbook:NAME`."""

    at: float
    subject: str
    who: str
    suspend: bool
    why: str


class FollowUpPut(msgspec.Struct, frozen=True, kw_only=True, tag="follow_up_put"):
    """Something to do after an incident: new, or changed by somebody. `subject` is the incident."""

    at: float
    subject: str
    who: str
    follow_up: FollowUp


class PromotionDecided(msgspec.Struct, frozen=True, kw_only=True, tag="promotion_decided"):
    """A person approves (as `assisted` or `active`) or rejects what the rule of three proposes."""

    at: float
    subject: str
    who: str
    state: str
    why: str = ""
    is_platform: bool = False
    """Whether this person is of the platform, and so may decide what crosses products."""
    shown: str = ""
    """Fingerprint of the text they approve (core/promotion.py); empty: what it is now."""


Event = (
    AlertReceived
    | HeartbeatReceived
    | TelemetryReceived
    | ReferenceAnswered
    | MeasureReceived
    | SloRead
    | SurveyTaken
    | OwnRead
    | OwnReviewed
    | ChangeReceived
    | CommandFinished
    | TimerFired
    | Acknowledged
    | ActionRequested
    | ResolvedByPerson
    | Approved
    | AskedAnew
    | Rejected
    | Held
    | Released
    | PromotionDecided
    | PromotionTried
    | PromotionAnswered
    | PromotionDelivered
    | Announced
    | RunbooksRead
    | StandingAsked
    | FollowUpPut
    | Widened
    | SourceChecked
    | SilencesRead
    | BreakerReset
    | HaltAsked
    | HaltLifted
)
