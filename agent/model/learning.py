"""What is learned of incidents: how each ended, what is proposed from it, how runbooks do since.

All of it is kept as records (model/decision.py, `Record`) and journaled like everything else. What
makes incidents and resolutions alike says core/likeness.py, when a resolution counts
core/credit.py, how a runbook is trusted core/standing.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.model.effect import Verdict
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle


class CauseKind(StrEnum):
    """What it was, from a short list, so that causes can be counted."""

    RELEASE = "release"
    CONFIGURATION = "configuration"
    CODE = "code"
    """A fault that was there before the last release."""
    CAPACITY = "capacity"
    DATA = "data"
    DEPENDENCY = "dependency"
    INFRASTRUCTURE = "infrastructure"
    CREDENTIALS = "credentials"
    EXTERNAL = "external"
    HUMAN = "human"
    """Something a person did by hand."""
    EXPECTED = "expected"
    """Nothing was broken, and nothing had to be done."""
    FALSE_ALERT = "false_alert"
    UNKNOWN = "unknown"


class Mark(StrEnum):
    SEEN = "seen"
    """It ran through the agent."""
    TOLD = "told"
    """A person says that it was done elsewhere. Nobody saw it."""


class ToldCall(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did outside of the agent, told as the call of an action that would do it."""

    use: str
    params: Mapping[str, Any] = {}
    at: float | None = None
    """When it was done (seconds since the epoch); None: it is not known."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One action that mattered in a resolution."""

    use: str
    params: Mapping[str, Any]
    target: str | None
    by: str
    mark: Mark
    began_at: float | None
    """None: told, and nobody said when."""
    ended_at: float | None
    origins: Mapping[str, tuple[str, ...]] = {}
    """By name of the parameter: every expression that had just this value in the incident, the
    preferred one first (core/origins.py)."""


class Credit(StrEnum):
    """Whether the symptom went away because of what people did."""

    PENDING = "pending"
    """It is too early to say: what went away may come back."""
    CREDITED = "credited"
    NOTHING_DONE = "nothing_done"
    """Nobody did anything that could be run again."""
    BEFORE = "before"
    """The recovery began before the act."""
    TOO_LATE = "too_late"
    """It did not go away within the act's verification time."""
    NOT_CLEARED = "not_cleared"
    RELAPSED = "relapsed"
    HARMED = "harmed"
    """Other incidents followed on the act."""
    UNTIMED = "untimed"
    """Nobody said when it was done, or a part of it was told in words only."""


class WouldHave(msgspec.Struct, frozen=True, kw_only=True):
    """What a runbook in shadow would have done, as it decided at the time."""

    runbook: str
    digest: str
    plan: str | None
    """None: it would have called people."""
    deeds: tuple[tuple[str, str | None], ...] = ()
    """Action and target of each step, in order."""
    at: float = 0.0
    settles: bool = False


class StoppedAct(msgspec.Struct, frozen=True, kw_only=True):
    """An automatic act that a guard did not let happen."""

    at: float
    reason: Reason
    """Which guard, and why."""
    text: str = ""
    runbook: str
    plan: str
    use: str
    target: str | None


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """How one incident ended that no runbook healed, as what can be compared and run again. Also
    kept where nobody did anything: that is what an act has to be compared with. Key: incident id.
    """

    incident_id: str
    signature: str
    """What makes incidents alike (core/likeness.py)."""
    recipe: str
    """What makes resolutions alike; empty where nothing was done."""
    at: float
    """When the resolution was recorded."""
    opened_at: float = 0.0
    fired_at: float = 0.0
    """When the first of its alerts started."""
    cleared_at: float | None = None
    """When the last of its alerts ended, by its source; None: it still fires, or nobody said."""
    who: str = ""
    """Who resolved it; empty where nobody did."""
    alertname: str
    alertnames: tuple[str, ...] = ()
    layer: str
    kind: str = ""
    """Kind of its entity; empty where the registry knows none."""
    product: str | None
    entity: str | None
    labels: Mapping[str, str]
    expression: str = ""
    """PromQL of its alert, where it came with one."""
    findings: Mapping[str, Mapping[str, Any]] = {}
    diagnostics: Mapping[str, tuple[str, Mapping[str, Any]]] = {}
    """By id of the finding: the diagnostic that gave it and its parameters."""
    deeds: tuple[Deed, ...] = ()
    outside: tuple[str, ...] = ()
    """What people say they did besides, in words of their own: evidence, and no deed."""
    besides: tuple[str, ...] = ()
    """Acts that people or the agent did after the last one said to have mattered began, and before
    it was over: nobody knows which of them ended it."""
    by: tuple[str, ...] = ()
    """Everybody who ran an action or resolved: none of them may approve the promotion."""
    cause: str = ""
    cause_kind: CauseKind = CauseKind.UNKNOWN
    minutes: float | None = None
    """Of people's time, as they said, else from the first page to the end."""
    page_useful: bool | None = None
    pages: int = 0
    root: str = ""
    """Id of the incident it was part of (a storm, a systemic incident): siblings count as one."""
    key: str = ""
    """Group key of its incident."""
    credit: Credit = Credit.PENDING
    credit_why: str = ""
    shadow: WouldHave | None = None
    stopped: tuple[StoppedAct, ...] = ()
    """What a guard stopped, and nobody did before it ended (core/near_misses.py)."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a proposal that nothing in the incidents explains: a person has to say."""

    step: str
    param: str
    seen: tuple[Any, ...]
    """What it was in each incident."""
    answer: Any = None
    answered_by: str | None = None


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """An incident of the past in which the proposal would have acted and people did not do that."""

    incident: str
    at: float
    would: str
    people: str


class Backtested(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal against the journal."""

    at: float
    incidents: int
    """How many there were to try it on."""
    matched: int
    would_act: int
    agreed: int
    agreement: Mapping[str, int]
    harm: tuple[Harm, ...] = ()
    harm_count: int = 0
    """Also where the list above is cut."""
    unknown: int = 0
    """The journal does not hold what the decision hangs on."""


class PromotionState(StrEnum):
    TRYING = "trying"
    """Written and not yet shown: it is checked, tested and tried against the journal."""
    PROPOSED = "proposed"
    REFUSED = "refused"
    """Nothing is proposed, and the reason says why; three like resolutions were not enough."""
    APPROVED = "approved"
    REJECTED = "rejected"


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """Where the approved runbook was written."""

    path: str
    at: float
    branch: str = ""
    commit: str = ""
    pushed: bool = False
    error: str = ""
    """What went wrong; it is tried again."""


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook proposed by the rule of three. Key: its name."""

    name: str
    state: PromotionState
    lifecycle: str
    """Lifecycle state of the runbook it became: shadow, then assisted or active."""
    signature: str
    recipe: str
    product: str | None
    """None where its incidents are of several."""
    products: tuple[str, ...] = ()
    alertname: str
    incidents: tuple[str, ...]
    contrast: tuple[str, ...] = ()
    """Ids of like-named incidents that ended otherwise, and that it must leave alone."""
    resolvers: tuple[str, ...]
    document: Mapping[str, Any]
    """The runbook as data; `catalog.draft` writes it as YAML with its tests."""
    separated_by: str = ""
    """The condition that tells its incidents from the others."""
    asks: tuple[Ask, ...] = ()
    reason: Reason | None = None
    reason_text: str = ""
    """Why it is refused, or not clean."""
    faults: tuple[str, ...] = ()
    """What `check` and `test` say against it."""
    backtest: Backtested | None = None
    chance: float = 1.0
    """How likely recoveries so soon after the acts were if the acts had nothing to do with them
    (core/chance.py)."""
    is_clean: bool = False
    """Whether its approver may make it active at once."""
    not_clean: tuple[str, ...] = ()
    """Why not, a sentence each."""
    decider: str = ""
    """Team that decides: the builder, or the platform."""
    decider_why: str = ""
    needed: int = 1
    """How many people have to approve."""
    approvals: tuple[str, ...] = ()
    wanted: str = ""
    """Lifecycle state the first of two approvers asked for."""
    proposed_at: float
    decided_at: float | None = None
    decided_by: str | None = None
    why: str = ""
    delivered: Delivered | None = None
    replaces: str = ""
    """Name of the learned runbook that it adds a branch to, and that retires when it is
    approved."""

    @property
    def unanswered(self) -> tuple[Ask, ...]:
        return tuple(a for a in self.asks if a.answered_by is None)


class Agreement(StrEnum):
    """What a runbook in shadow would have done, beside what people did."""

    SAME_ACT = "same_act"
    OTHER_ACT = "other_act"
    AGENT_ALONE = "agent_alone"
    """It would have acted, and nobody did."""
    PERSON_ALONE = "person_alone"
    """People acted, and it would have called them only."""
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    BOTH_LEFT = "both_left"
    """It would have called people, and nobody had to act."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a runbook, or one incident in which it looked on."""

    incident: str
    at: float
    state: Lifecycle
    """What it was then."""
    digest: str
    plan: str | None = None
    agreement: Agreement | None = None
    """In shadow."""
    verdict: Verdict | None = None
    """Where it ran; in shadow, what came of the same act where people did it."""
    relapsed: bool = False
    rejected: bool = False
    """Assisted, and a person said no."""
    by: str = ""
    """Who clicked."""
    is_rung: bool = False
    """A plan of a ladder after which another one was still to come: it says something of the plan,
    and nothing of the runbook."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one runbook does, and what follows from it. Key: name of the runbook."""

    runbook: str
    trials: tuple[Trial, ...] = ()
    """The latest, oldest first."""
    suspended_at: float | None = None
    """None: it may do what its file says."""
    reason: Reason | None = None
    why: str = ""
    brings_back: str = ""
    """What would let it run again, for its owner to read."""
    resumed_at: float | None = None
    resumed_by: str | None = None
    counts_from: float = 0.0
    """Trials before this moment do not count any more: it was resumed."""
    relies: Mapping[str, str] = {}
    """Fingerprint of each plugin it uses, as first seen (core/relying.py)."""
    metrics: Mapping[str, tuple[str, ...]] = {}
    """Metrics behind each of its alerts, as first seen."""
    told_ready_at: float | None = None
    """When its owner was told that it has proven itself."""
    told_review_at: float | None = None
    """When its owner was told that it has to be read again soon."""
    digest: str = ""
    """Version of the runbook that relied on what stands above."""
    review_at: float = 0.0
    """When the timer of its review is due; 0: there is none."""

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do after an incident. Key: its id."""

    id: str
    incident: str
    product: str | None
    what: str
    owner: str
    due_at: float
    made_by: str
    made_at: float
    done_at: float | None = None
    done_by: str | None = None
    told_at: float | None = None
    """When its owner was told that it is overdue."""


class NearMissKind(StrEnum):
    GUARD_STOPPED = "guard_stopped"
    """A guard stopped an act that turned out to be wrong."""
    SHADOW_WOULD_HARM = "shadow_would_harm"
    """A runbook in shadow would have done what people deliberately did not."""


class NearMissRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Harm that did not come about. Key: incident id and runbook."""

    incident: str
    runbook: str
    kind: NearMissKind
    product: str | None
    at: float
    would: str
    stopped_by: Reason | None = None
    instead: str = ""
    """What was done, or that nothing was."""
