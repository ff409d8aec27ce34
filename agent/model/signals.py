"""Words of the three layers: what members of the machinery, products and the agent itself are
expected to do, and what is known of how they do it. Durations are seconds, times are seconds since
the epoch."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Aspect(StrEnum):
    """What of a member's work may drift."""

    ERRORS = "errors"
    """Share of its tasks that fail, from 0 to 1."""
    LATENCY = "latency"
    """Seconds for each task."""
    TOKENS = "tokens"
    """Tokens of language models for each task: what it costs."""
    WORK = "work"
    """Tasks in an hour."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """How one aspect of a member is when it is well."""

    aspect: Aspect
    mean: float
    spread: float | None = None
    """Standard deviation between windows; None: it is learned from the first of them."""
    shift: float | None = None
    """Change of the mean that matters, in its unit; None: as much as `drift.SHIFT` spreads."""
    within_seconds: float = 86_400.0
    """A change has to be found within so long: the cadence of the check."""
    season_seconds: float | None = None
    """Period in which it comes and goes by itself, as a day; None: it does not."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The work expected of a member: its counter moves by `least` within `within_seconds`."""

    within_seconds: float
    least: float = 1.0


class ReferenceProbe(msgspec.Struct, frozen=True, kw_only=True):
    """A question with a known answer, asked of a member over and over."""

    name: str
    url: str
    body: str | None = None
    """JSON to post; None: it is fetched."""
    expect: str = ""
    """What the answer has to hold: a regular expression (core/bounded_regex.py)."""
    path: str = ""
    """Where in a JSON answer it stands, dotted; empty: anywhere in the body."""
    every_seconds: float = 300.0
    timeout_seconds: float = 10.0


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """What a sub-agent or proxy declares besides its heartbeat."""

    version: str = ""
    """The version it is pinned to; empty: any."""
    config_hash: str = ""
    work: Work | None = None
    baselines: tuple[Baseline, ...] = ()
    probes: tuple[ReferenceProbe, ...] = ()
    control_url: str | None = None
    """Where it takes its mode by HTTP (docs/machinery.md); None: from the topic `control/NAME`."""
    gen_ai: str = ""
    """Its `gen_ai.agent.name` in metrics of OpenTelemetry; empty: its own name."""
    review_by: float | None = None
    retire: float | None = None
    """When it is to be taken out."""


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"
    ANY = "any"


class Motion(msgspec.Struct, frozen=True, kw_only=True):
    """How a leadership metric is expected to move."""

    cadence_seconds: float
    """Within so long it has to have moved so that it shows."""
    direction: Direction = Direction.UP
    is_count: bool = True
    """It counts what was done, and goes on growing (`orders_total`), as against a level
    (`active_teams`)."""
    season_seconds: float | None = None
    """Period in which it comes and goes by itself: a day or a week."""
    least: float | None = None
    """Of a count: share of what is usual at that time, from 0 to 1. Of a level: relative change in
    one cadence. None: learned."""


class Mode(StrEnum):
    ACT = "act"
    OBSERVE = "observe"
    """In quarantine: it goes on observing and does nothing."""


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Running totals of a member's work; None: it does not tell. They start at 0 with it."""

    tasks: float | None = None
    errors: float | None = None
    seconds: float | None = None
    """Time spent on tasks."""
    tokens: float | None = None


class Trouble(StrEnum):
    """What a member can be in, each an alert of its own."""

    SILENT = "silent"
    HUNG = "hung"
    PINNED = "pinned"
    """It runs another version or configuration than declared."""
    PROBE = "probe"
    DRIFT = "drift"


class MemberSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A member at one look: for diagnostics and pages."""

    name: str
    is_known: bool
    """Whether it was ever heard of."""
    alive: bool = False
    heard_seconds_ago: float | None = None
    worked_seconds_ago: float | None = None
    success_seconds_ago: float | None = None
    version: str = ""
    config_hash: str = ""
    mode: Mode | None = None
    drifting: tuple[Aspect, ...] = ()
    probes_wrong: tuple[str, ...] = ()
    text: str = ""


class ChangeKind(StrEnum):
    RELEASE = "release"
    """A version of a product or service was put in place."""
    CONFIGURATION = "configuration"
    MACHINERY = "machinery"
    """A sub-agent or proxy: its version, model, prompt or configuration."""
    SCALE = "scale"
    OTHER = "other"


class ChangePhase(StrEnum):
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


class ChangeSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A change at one look: for diagnostics and pages."""

    product: str
    entity: str
    kind: ChangeKind
    phase: ChangePhase
    what: str
    by: str
    version: str
    is_manual: bool
    seconds_ago: float
    before: str = ""
    link: str = ""
    late_seconds: float = 0.0
    """How long after it happened it was told, by its sender's clock."""
    id: str = ""
    """Its sender's name for it."""


class BlindSpotKind(StrEnum):
    UNSEEN_ALERT = "unseen_alert"
    """An alert that nobody ever acted on."""
    METRIC_VANISHED = "metric_vanished"
    """A rule, objective or leadership metric reads what nothing reports any more."""
    RULE_BROKEN = "rule_broken"
    TARGET_WITHOUT_DATA = "target_without_data"
    UNCOVERED = "uncovered"
    """A product without any signal of a layer."""
    RUNBOOK_NEVER_RAN = "runbook_never_ran"
    SOURCE_SILENT = "source_silent"
    MEMBER_UNKNOWN = "member_unknown"
    """Something beats that nobody registered."""
    MEMBER_SILENT = "member_silent"
    """Something is registered that never beat, or says nothing of what it should."""
    SIGNAL_FAULTY = "signal_faulty"
    """What comes in cannot be used as it is: wrong types, clock, sequence, not a number."""
    REGISTRY_FAULTY = "registry_faulty"
    NOT_SURVEYED = "not_surveyed"
    """A look could not be taken: what it would find is not known."""


class BlindSpot(msgspec.Struct, frozen=True, kw_only=True):
    """Something that would break unseen. Key: KIND/SUBJECT."""

    kind: BlindSpotKind
    subject: str
    """Name of what it is about: a rule, a member, a product, ..."""
    owner: str
    """Team that can mend it."""
    text: str
    remedy: str
    product: str | None = None
    since: float
    last_at: float
    """When it was last seen to be one."""
    gone_at: float | None = None
    times: int = 1
    by: str = ""
    """Which part of the survey found it, as `rules@127.0.0.1:9090`: only that part, taken again,
    ends it. Empty: a signal showed it, and the survey leaves it alone."""


class SurveySigns(msgspec.Struct, frozen=True, kw_only=True):
    """When it was last looked for blind spots. Key: `survey`."""

    at: float
    seconds: float = 0.0
    could_not: tuple[str, ...] = ()
    """What could not be looked at, with the reason."""
    told: dict[str, float] = {}
    """When each team was last told of new ones."""
    runbooks: dict[str, float] = {}
    """When a survey first saw each runbook, by name."""


class SloSigns(msgspec.Struct, frozen=True, kw_only=True):
    """The error budget of one objective. Key: PRODUCT/SLO."""

    product: str
    slo: str
    last_at: float
    bad: float | None = None
    """Share of bad events over the window of the objective."""
    events: float | None = None
    burn: dict[str, float] = {}
    spent: float | None = None
    """Of the budget, from 0; above 1 it is overspent."""
    spent_since: float | None = None
    """Since when nothing of it is left."""
    unknown_since: float | None = None
    """Since when its readings say nothing: the figures above are older."""


class ProbeSigns(msgspec.Struct, frozen=True, kw_only=True):
    """A reference probe of one member. Key: AGENT/PROBE."""

    agent: str
    probe: str
    last_at: float
    results: tuple[bool, ...] = ()
    """Its latest answers, oldest first: whether each was right. Those that did not come are left
    out."""
    said: str = ""
    firing_since: float | None = None
    unanswered: int = 0
    """So many questions in a row had no answer."""


class TelemetrySigns(msgspec.Struct, frozen=True, kw_only=True):
    """The running totals of one member, and the window that is open. Key: its name."""

    agent: str
    last_at: float
    boot: str = ""
    counters: Counters = Counters()
    began_at: float = 0.0
    """Start of the window."""
    window: Counters = Counters()
    """What was counted in it so far."""
    source: str = ""
    """Who counts; empty: the member itself."""
    faulty_at: float | None = None
    """When something of it could not be used last, until that is over."""
