"""Platform policy: what every runbook lives under. A runbook may tighten it, never loosen it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from agent.model.product import Floor
from agent.model.records import SilenceMatcher


class Window(Protocol):
    """A change window, compiled. `text` is what people wrote."""

    text: str

    def is_open(self, at: float) -> bool: ...

    def until(self, at: float) -> float | None:
        """When what is so at this time ends: the end of an open window, the next opening of a
        closed one. None: it is not known, or never."""
        ...


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which nothing is changed, but by the runbooks its owner lists (safety class: they
    stop the bleeding). Checked at the act, wherever the decision was made."""

    name: str
    period: Window
    """Open while the freeze is in force."""
    products: tuple[str, ...] = ()
    """Empty: everything."""
    allows: tuple[str, ...] = ()
    """Names of runbooks that may run all the same."""
    why: str = ""
    where: tuple[str, int, int] = ("policy", 1, 1)
    """File, line and column it is written at."""


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """A planned silence: while its period is open, alerts that all matchers agree with need nobody,
    and nothing is done about them."""

    name: str
    period: Window
    matchers: tuple[SilenceMatcher, ...] = ()
    products: tuple[str, ...] = ()
    """Products it covers, whatever their alerts are called; with matchers as well, only those of
    their alerts. One of the two is never empty."""
    why: str = ""
    where: tuple[str, int, int] = ("policy", 1, 1)


class InhibitRule(msgspec.Struct, frozen=True, kw_only=True):
    """Alertmanager's: while an alert fires that all `source` matchers agree with, one that all
    `target` matchers agree with needs nobody, where both have the same value of each label in
    `equal` (a missing label is an empty one). An alert that both sides agree with is inhibited by
    none that both sides agree with, itself among them."""

    source: tuple[SilenceMatcher, ...]
    target: tuple[SilenceMatcher, ...]
    equal: tuple[str, ...] = ()


class Rails(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of what the agent does by itself. Defaults and their sources: the faults study,
    section 3.5. A runbook may tighten them, never loosen them."""

    max_targets: int = 1
    """Targets of one step."""
    per_domain: int = 1
    """Acts under way per failure domain and action."""
    per_product: int = 2
    """Acts under way per product."""
    per_fleet: int = 5
    """Acts under way in all."""
    share_per_hour: float = 0.10
    """Share of a product's targets that may be acted on within an hour; one always may."""
    rate_per_minute: float = 6.0
    rate_burst: int = 10
    storm_rate_per_minute: float = 0.6
    cooldown_longest_seconds: float = 14_400.0
    """A cooldown doubles with each act on a target that was not the end of it, up to this."""
    dwell_seconds: float = 60.0
    """An alert is acted on once it has fired for so long, and over two evaluations."""
    signal_age_seconds: float = 30.0
    """The source said so long ago at most that it still fires, where it can be asked."""
    human_change_seconds: float = 600.0
    """After a person changed the target by hand, it is left alone for so long."""
    product_sick_share: float = 1 / 3
    product_sick_least: int = 3
    """So many sick targets, and so large a share of its product's, are a storm of the product."""
    fleet_sick_share: float = 0.20
    fleet_sick_least: int = 3
    """So many products, and so large a share of all, are a storm of the fleet."""
    fleet_new_per_minute: int = 100
    """More new incidents in a minute are a storm of the fleet."""
    storm_quiet_seconds: float = 300.0
    storm_half_seconds: float = 900.0
    """After a storm nothing is done until it was quiet for the first, and half as much as otherwise
    for the second after that."""
    floor: Floor = Floor()
    breaker_in_a_row: int = 3
    breaker_share: float = 0.5
    breaker_window: int = 10
    breaker_open_seconds: float = 1_800.0
    breaker_locks_after: int = 2
    """So many openings within a day, and only a person closes it."""
    relapse_seconds: float = 1_800.0
    """What was healed and fires again so soon was not healed."""
    flapping_turns: int = 5
    flapping_seconds: float = 1_800.0
    chain_depth: int = 3
    chain_seconds: float = 1_800.0
    """An act so short a time ago, on the same thing or next to it, is taken for the cause."""
    reversal_seconds: float = 1_800.0
    """Two runbooks that pull one target in opposite ways within so long are in conflict."""
    wip_per_product: int = 4
    wip_per_fleet: int = 10
    """Plans in hand: acting, or their proof still out."""
    wait_seconds: float = 300.0
    """So long a step waits for a rail that lets go by itself, before a person is told."""
    blind_seconds: float = 300.0
    """A source that said nothing for so long may have nothing to say, or may be gone."""
    cluster_age_seconds: float = 120.0
    """A cluster was seen as it is so long ago at most. A watch of a quiet one hears every
    minute that nothing changed. Infinite: it is not asked."""
    watchdog: str = "Watchdog"
    """Name of the alert that always fires, as a sign that its source lives."""
    approval_seconds: float = 900.0
    """So long an approval is good."""
    normal_window: str = ""
    """Change window in which changes of normal risk run by themselves; empty: at any time."""


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """What may be learned, and how much proof it needs. Durations are seconds."""

    proof_seconds: float = 600.0
    """An act by people is credited if the symptom goes away so soon after it (and as long as its
    alert looks back)."""
    same_seconds: float = 3_600.0
    """Like incidents on one target within so long count as one."""
    people: int = 2
    """So many different people at least resolved them or approve."""
    chance: float = 0.01
    """Made active at once only where recoveries so soon after the acts were less likely than this
    if the acts had nothing to do with them."""
    spread: float = 0.25
    """And where whole incidents differed in length by so much (coefficient of variation): what
    always lasts as long may simply end by itself then."""
    at_once: int = 8
    """And where so many incidents at least, each resolved alike or healed by it since, were one
    kind: three may have one of two causes by chance."""
    confidence: float = 0.95
    quality_low: float = 0.86
    """Share of good runs that a tier asks for with that confidence: 20 of 20."""
    quality_medium: float = 0.95
    """59 of 59."""
    failing_low: float = 0.05
    """Share of runs a tier allows to fail before its runbook is suspended."""
    failing_medium: float = 0.02
    failing_high: float = 0.01
    window: int = 20
    """So many of the latest runs are looked at for that."""
    early_seconds: float = 3_600.0
    """A runbook in shadow that would have acted so much before people did would have been too
    early."""
    review_days: int = 180
    """So long after its approval a learned runbook has to be read again."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are those of the faults study, section 3.5; durations are seconds."""

    platform: str = "platform"
    """Team paged for what is systemic, and for what nobody owns."""
    cooldown_seconds: float = 900.0
    attempts_per_incident: int = 3
    attempts_per_day: int = 5
    page_hold_seconds: float = 15.0
    """A product page waits so long for a common cause, where the product shares a substrate."""
    release_seconds: float = 60.0
    """After a systemic incident ends, what still burns for so long goes to its builder."""
    step_timeout_seconds: float = 60.0
    diagnose_timeout_seconds: float = 10.0
    verify_within_seconds: float = 300.0
    plan_age_seconds: float = 300.0
    """A step decided longer ago than this is not started any more."""
    missed_heartbeats: int = 3
    drift_window_seconds: float = 60.0
    """No window that a member's work is judged by is shorter, however soon a drift is to be
    found."""
    resolutions_needed: int = 3
    temporary_retries: int = 3
    page_retries: int = 20
    ack_seconds: float = 300.0
    """So long a team without a ladder has to acknowledge before the platform's is climbed."""
    probe_tries: int = 3
    evaluation_interval_seconds: float = 60.0
    """How often the rules behind alerts are looked at: part of how long one outlives its cause."""
    group_interval_seconds: float = 300.0
    """How long Alertmanager may wait before it tells that an alert of a group is over."""
    longest_decay_seconds: float = 21_600.0
    """At most so long is an alert waited for because of what its own expression looks back: whoever
    sends it writes that expression. What a runbook says about it may be longer."""
    rails: Rails = Rails()
    learning: Learning = Learning()
    freezes: tuple[Freeze, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    inhibit_rules: tuple[InhibitRule, ...] = ()
    group_by: tuple[str, ...] = ()
    """Labels that tell incidents apart besides what an alert is about, as Alertmanager's."""
    edge_stale_seconds: float = 2_592_000.0
    """An observed dependency that was not seen for so long is stale: it may still be there."""
    edge_confidence: float = 0.5
    """A dependency of less confidence is in doubt."""
    windows: Mapping[str, Window] = {}
    """Change windows by name, for `guard.window`."""
    files: tuple[str, ...] = ()
    """Files it was read from, besides the settings: when one changes, all is read again."""
    default_diagnostics: Mapping[str, tuple[str, ...]] = {}
    """Per kind of entity: diagnostics that run with `target: NAME` on every incident of it.
    `product`: those for an alert that names a product and none of its entities."""


class PluginFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What core must know of a plugin to decide about it."""

    name: str
    kind: str
    effect: str = "read"
    reversal: str = "nothing"
    has_probe: bool = False
    needs: str = ""
    is_connected: bool = True
    """Whether what it needs is there."""
    undone_by: str = ""
    """Action that takes it back, where that is not itself."""
    availability: str = "interrupts"
    """What it does to its target meanwhile (`model.effect.Availability`)."""
    contains: bool = False
    """It only keeps its target from doing harm: what was done to it before is no reason to wait."""
    declares: bool = False
    """It changes what is declared (ports/plugin.py)."""
    tells: tuple[str, ...] = ("page",)
    """Of a notifier: what it can say (`model.on_call.Telling`)."""
    contract: str = ""
    """What runbooks rely on, as `name=value` words: effect, reversal, parameters, result."""
