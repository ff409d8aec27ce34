"""Small durable aggregates that are neither incidents nor ledger rows."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.model.effect import OutcomeStatus, Verdict
from agent.model.series import OpenBin
from agent.model.signals import ChangeKind, ChangePhase, Mode


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One automatic act on one target: what cooldowns, attempts and budgets count.

    Written with the intent (so a crash cannot lose it) and completed with the outcome.
    Key: the command's idempotency key.
    """

    key: str
    target: str
    product: str | None
    incident_id: str
    runbook: str
    plan: str
    step: str
    use: str
    by: str
    at: float
    status: OutcomeStatus | None = None
    verdict: Verdict | None = None
    params: str = ""
    """Fingerprint of the parameters: the same action with others may be its reversal."""
    domain: str = ""
    """Failure domain of the target; empty: not known."""
    entity: str = ""
    """Registered entity the target belongs to."""
    relapsed: bool = False
    """It held, and what it healed fired again soon after."""
    is_rollback: bool = False
    ended_at: float | None = None
    judged_at: float | None = None
    """When its verdict was given."""
    chain: int = 0
    """How many acts of the agent led to its incident, one by the other."""


class AgentSigns(msgspec.Struct, frozen=True, kw_only=True):
    """Last sign of life of one sub-agent or proxy. Key: its name."""

    agent: str
    last_at: float
    alive: bool
    firing_since: float | None = None
    """Start of the alert that says it is silent, while that alert is firing."""
    beats: int = 0
    detail: Mapping[str, str | int | float | bool | None] = {}
    boot: str = ""
    """Names one life of it: sequences and counters begin anew with each."""
    seq: int | None = None
    work: float | None = None
    """Running total of what it did."""
    worked_at: float | None = None
    """When that moved last."""
    hung_since: float | None = None
    """Start of the alert that says it hangs, while that alert is firing."""
    last_success: float | None = None
    """When it last did something well, by its own clock."""
    version: str = ""
    config_hash: str = ""
    mode: Mode | None = None
    """As it said itself."""
    unpinned_since: float | None = None
    """Start of the alert that says it runs something else than declared, while that is firing."""
    unpinned_beats: int = 0
    """So many beats in a row said so."""
    work_from: float | None = None
    """What `work` was when it moved last: small steps add up from there."""
    lives: Mapping[str, int] = {}
    """Last sequence of its latest lives, by boot: what was recorded of one is told from it."""
    sent_at: float | None = None
    """When its latest beat was sent, by its own clock."""
    faulty_at: float | None = None
    """When something of a beat could not be used last, until that is over."""


class MeasureSigns(msgspec.Struct, frozen=True, kw_only=True):
    """Last readings of a product's leadership metric. Key: product."""

    product: str
    metric: str
    value: float
    moved_at: float
    """When the value last differed from the one before."""
    last_at: float
    firing_since: float | None = None
    """Start of the alert that says it stands still, while that alert is firing."""
    open: OpenBin | None = None
    """What was read since the last bin of its series was closed (model/series.py)."""
    pace: float | None = None
    """Seconds between two readings, rather too many than too few; None: there was only one."""
    burned_at: float | None = None
    """When something burned below it last: it gets its time to move again from then on."""
    read_as: str = ""
    """Whether `open` and its series hold what was done or where it stood, and by which query."""


class ChangeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something changed on purpose. Key: entity/at (core/changes.py)."""

    product: str
    entity: str
    what: str
    by: str
    at: float
    is_manual: bool = False
    """By hand, and not by a delivery."""
    kind: ChangeKind = ChangeKind.OTHER
    version: str = ""
    before: str = ""
    phase: ChangePhase = ChangePhase.DONE
    link: str = ""
    id: str = ""
    """Names it at its sender."""
    began_at: float | None = None
    """When it was first heard of, where it has gone on since; `at` is its latest phase."""
    sent_at: float | None = None
    """Of its latest phase, by its sender's clock. It orders nothing."""
    last_at: float | None = None
    """When it was told again last, where it was."""
    undone_for: str = ""
    """Incident for which the agent rolled it back, or a person through the agent."""


class SilenceMatcher(msgspec.Struct, frozen=True, kw_only=True):
    """One matcher, with Alertmanager's four operators folded into two flags."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that matching alerts need nobody. Key: id."""

    id: str
    matchers: tuple[SilenceMatcher, ...]
    starts_at: float
    ends_at: float
    created_by: str
    comment: str
    updated_at: float
    source: str = "homeostat"
    """Where it was set: here, or the Alertmanager it was read from."""


class RunbookText(msgspec.Struct, frozen=True, kw_only=True):
    """The text a digest stands for, kept while an incident is pinned to it. Key: digest."""

    digest: str
    name: str
    path: str
    text: str


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """The kill switch is on. Key: `halt`."""

    at: float
    who: str
    """A person, or `file:PATH`."""
    why: str
    is_unreadable: bool = False
    """Nobody set it: what would say so could not be read."""


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """So much is sick at once that acting on single things makes it worse. Key: scope."""

    scope: str
    """Name of a product, or `the fleet`, which no product can be called."""
    began_at: float
    last_at: float
    """When it was last seen to be one; the way out begins here."""
    why: str = ""
    root: str = ""
    """Id of the incident whose page speaks for it."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """Circuit breaker of one action in one runbook. Key: `RUNBOOK ACTION`."""

    runbook: str
    use: str
    results: tuple[bool, ...] = ()
    """Its latest runs, oldest first: whether the proof held and nothing came back."""
    opened_at: float | None = None
    """None: closed."""
    opens: tuple[float, ...] = ()
    """Times it opened within a day."""
    trying: str = ""
    """Id of the incident that has its one try while it is half open."""
    locked: bool = False
    """Only a person closes it."""


class Flap(msgspec.Struct, frozen=True, kw_only=True):
    """How often what one incident is about came and went. Key: group key of the incident."""

    key: str
    turns: tuple[float, ...] = ()
    """Times it stopped firing, oldest first."""
    told_at: float | None = None
    """When what people had been told of went away last, or they were told that it flaps."""


class SourceSigns(msgspec.Struct, frozen=True, kw_only=True):
    """Last sign of life of one source. Key: its name."""

    source: str
    last_at: float
    firing_since: float | None = None
    """Start of the alert that says it is silent, while that alert is firing."""
    detail: str = ""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A signed message that was taken, so that it is taken once. Key: sender and message id."""

    at: float


class AnnouncedOnce(msgspec.Struct, frozen=True, kw_only=True):
    """A team was told of this. Key: what it was about, and its title (core/announcing.py)."""

    at: float
    subject: str
    team: str
    title: str
