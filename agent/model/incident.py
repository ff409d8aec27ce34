"""The incident: what is broken, what was found, what was tried, who was told."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.model.alert import AlertStatus, Layer
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.learning import StoppedAct, WouldHave
from agent.model.on_call import Climb, Telling
from agent.model.reason import Reason


class State(StrEnum):
    """CONTRACT.md, Incident. The legal moves between them stand in core/lifecycle.py."""

    OPEN = "open"
    DIAGNOSING = "diagnosing"
    AWAITING_APPROVAL = "awaiting_approval"
    ACTING = "acting"
    VERIFYING = "verifying"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Radius(StrEnum):
    """Blast radius (DESIGN.md section 4): how far it reaches, and so who is told."""

    ROUTINE = "routine"
    PRODUCT = "product"
    SYSTEMIC = "systemic"


class Ending(StrEnum):
    """CONTRACT.md `outcome`: how the incident ended for people."""

    HEALED = "healed"
    SETTLED = "settled"
    ROUTED = "routed"


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of an incident, folded over all its messages (order does not matter)."""

    identity: str
    name: str
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = {}
    starts_at: float
    ends_at: float | None = None
    expires_at: float | None = None
    generator_url: str = ""
    inferred: bool = False
    expired: bool = False
    """Its end was inferred from silence alone: the source promised to repeat it and did not."""
    messages: int = 1
    seen_at: float = 0.0


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One message to a person or team. `delivered` is None while nobody knows yet."""

    id: str
    to: str
    channel: str
    at: float
    text: str
    delivered: bool | None = None
    detail: str = ""
    telling: Telling = Telling.PAGE
    wave: int = 1
    """Which call for people it belongs to: a page and its fallbacks are one."""
    passed_on: bool = False
    """It did not get through in time, and the next channel was told as well."""


class StepRun(msgspec.Struct, frozen=True, kw_only=True):
    """One step that was tried, by the agent or through it by a person."""

    id: str
    use: str
    params: Mapping[str, Any]
    target: str | None
    by: str
    """`agent`, or the proven principal who asked for it."""
    plan: str = ""
    status: OutcomeStatus | None = None
    """None while it is under way."""
    detail: str = ""
    started_at: float = 0.0
    ended_at: float | None = None
    undo: Mapping[str, Any] | None = None
    is_undo_lost: bool = False
    """It happened, and the agent died before it was told what had been there before."""
    is_rollback: bool = False
    verify_until: float | None = None
    """Of a step by a person: by when the alert has to be over (core/persons_proof.py)."""
    verdict: Verdict | None = None
    """Of a step by a person: whether it was."""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """What exactly a person let run: one plan of one version of a runbook, and of each of its steps
    the plugin with the parameters as they were then (core/approval.py)."""

    digest: str
    plan: str
    by: str = ""
    at: float = 0.0
    steps: Mapping[str, str]
    """Fingerprint by id of the step. One whose parameters could not be worked out is not here, and
    so not approved."""


class AskedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step a person is asked to approve, as it would run."""

    id: str
    use: str
    params: Mapping[str, Any] = {}
    target: str | None = None
    unknown: str = ""
    """Why its parameters could not be worked out yet: approving does not cover it."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is shown when they are asked to approve: one plan, exactly."""

    digest: str
    plan: str
    at: float
    risk: str
    steps: tuple[AskedStep, ...]
    fingerprints: Mapping[str, str] = {}
    """Of each step that could be worked out, by its id: what is approved must be what was shown."""
    approvals: int = 1
    """How many people have to approve."""
    good_seconds: float = 900.0
    """So long after it was given an approval is good."""


class PlanRun(msgspec.Struct, frozen=True, kw_only=True):
    """One plan of the ladder that was tried, and its verdict."""

    plan: str
    verdict: Verdict | None = None
    reason: Reason | None = None
    """Why the verdict is what it is."""
    attempt: int = 0
    """Number of the incident's attempt it was. One more is the next plan of the same ladder."""
    runbook: str = ""
    digest: str = ""
    at: float = 0.0
    """When the verdict was given."""
    rolled_back: bool = False
    rollback_verdict: Verdict | None = None
    """Whether the way back led back; None where nothing was taken back."""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """State row of one incident. Changed only by `core.advance`, which returns a new one."""

    id: str
    key: str
    """Group key: alerts with the same one join this incident while it is open."""
    title: str
    state: State
    layer: Layer
    product: str | None
    entity: str | None
    """Name of the entity in the registry, or None where the alert names none that is known."""
    target: str | None = None
    """Name of the inventory object the runbook's `match.entity` found; None where it asks for none
    or none was found."""
    severity: str
    radius: Radius | None = None
    suspect: str | None = None
    radius_path: tuple[str, ...] = ()
    """Names from the symptom to the suspect: the path in the graph that caused the class."""
    runbook: str | None = None
    digest: str | None = None
    plan: str | None = None
    step: int = 0
    attempt: int = 0
    rollback_step: int | None = None
    """Index in the way back, while it is being walked."""
    verdict: Verdict | None = None
    outcome: Ending | None = None
    routed_to: str | None = None
    reason: Reason | None = None
    """The latest deciding reason: what stopped it, closed it or routed it."""
    reason_text: str = ""
    opened_at: float
    updated_at: float
    resolved_at: float | None = None
    acknowledged_by: str | None = None
    approved_by: str | None = None
    """Who approved the plan in hand; None again where another one is chosen."""
    approval: Approval | None = None
    """What that approval is for."""
    second_approval: Approval | None = None
    """The same by somebody else, where the risk asks for two."""
    asked: Asked | None = None
    """What people are asked to approve, or were last asked."""
    risk: str | None = None
    """Risk tier of the change in hand (core/risk.py)."""
    caused_by: str | None = None
    """Id of the incident whose act is taken for the cause of this one."""
    chain: int = 0
    """How many acts of the agent led here, one by the other."""
    is_flapping: bool = False
    waits_since: float | None = None
    """Since when the next step waits for a rail that lets go by itself, without the time of the
    dwell; None while it does not wait, and while it waits for that alone."""
    waits_for: tuple[Reason, ...] = ()
    """What it waited for so far, the latest last; empty while it does not wait."""
    chosen_at: float | None = None
    """When the plan in hand was chosen: how old the facts are it was chosen by."""
    storm: str | None = None
    """Scope of the storm it is part of; its page is that of the storm's root."""
    inhibited_by: str | None = None
    """Identity of the alert that speaks for this one."""
    climb: Climb | None = None
    """Its escalation, once people were told."""
    radius_doubt: tuple[str, ...] = ()
    """What in `radius_path` is in doubt, one sentence each: a stale or doubtful dependency."""
    resolved_by: str | None = None
    cause: str = ""
    held_by: str | None = None
    """Id of the systemic incident whose page covers this one."""
    was_under: str = ""
    """Id of the incident it was held under until that ended."""
    silenced_by: str | None = None
    alerts: Mapping[str, AlertState] = {}
    matched: str | None = None
    """Identity of the alert its runbook was chosen for: the one that expressions go on reading,
    whatever the other alerts do meanwhile."""
    findings: Mapping[str, Mapping[str, Any]] = {}
    waiting: tuple[str, ...] = ()
    """Ids of commands under way that the present state waits for."""
    before: Mapping[str, Mapping[str, Any]] = {}
    """What the plan's observations showed before its first step, by their ids."""
    is_taken_back: bool = False
    """The proof under way is that of the way back: whether it is as it was before."""
    settle_seconds: float | None = None
    """How long an incident that is expected to settle was given; None: the policy's time."""
    decays_until: float | None = None
    """Set where it ended well while its alert still fired: until then its expression looks back at
    the fault, and a repeat of the alert says nothing new."""
    good_looks: int = 0
    looks: int = 0
    last_look: str = ""
    """What the latest look of the verification showed: a `Truth` word; empty before the first."""
    last_look_at: float | None = None
    after_diagnosis: str = ""
    """What the running diagnosis is for: `decide`, or `route` where a page only wants findings."""
    page_held_until: float | None = None
    verify_started_at: float | None = None
    verify_until: float | None = None
    """The deadline of the proof under way, fixed when it begins: no later alert moves it."""
    is_extended: bool = False
    """That deadline was put off; it is so once at most."""
    firing_until: float | None = None
    """So long the alert may fire on after a good fix; fixed when the proof begins."""
    is_decay_cut: bool = False
    """Its alert looks back longer than the policy waits: what still fires then may be well."""
    entity_before: Mapping[str, Any] = {}
    """What was known of the entity before the first step of the plan: its way back is about that,
    whatever the entity became since."""
    steps: tuple[StepRun, ...] = ()
    plans: tuple[PlanRun, ...] = ()
    pages: tuple[Page, ...] = ()
    stopped: tuple[StoppedAct, ...] = ()
    """Automatic acts that a guard stopped, oldest first."""
    shadow: WouldHave | None = None
    """What its runbook in shadow would have done, where it was one (core/agreeing.py)."""
    version: int = 0

    @property
    def is_open(self) -> bool:
        return self.state is not State.RESOLVED

    @property
    def is_firing(self) -> bool:
        return any(a.status is AlertStatus.FIRING for a in self.alerts.values())

    @property
    def is_gone_silent(self) -> bool:
        """Nothing fires, but of one alert nobody said that it ended: no data, not health."""
        return not self.is_firing and any(a.expired for a in self.alerts.values())
