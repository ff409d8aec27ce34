"""What a survey gathered, before anything is made of it. Texts are as others wrote them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.core.survey_rules import BlindRule, RuleSeen
from agent.model.alert import Layer


class TargetSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One target that gives no data."""

    job: str
    instance: str
    why: str


class FiringSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that a Prometheus has firing, and for how long."""

    name: str
    labels: Mapping[str, str]
    seconds: float


class PrometheusSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One Prometheus. What could not be asked is None, and `could_not` says why."""

    place: str
    rules: tuple[RuleSeen, ...] | None = None
    blind: tuple[BlindRule, ...] | None = None
    targets: tuple[TargetSeen, ...] | None = None
    firing: tuple[FiringSeen, ...] | None = None
    could_not: tuple[str, ...] = ()


class NeverActed(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that nobody ever acted on, in the time that was looked back."""

    name: str
    product: str | None
    incidents: int
    pages: int


class PastSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The incidents of the time that is looked back over."""

    days: int
    never_acted: tuple[NeverActed, ...] = ()
    names: frozenset[str] = frozenset()
    """Of all alerts that came in."""
    heard: frozenset[tuple[str, Layer]] = frozenset()
    """Products that an alert of this layer came in about."""
    runbooks: frozenset[str] = frozenset()
    """Names of those that handled an incident, or looked on."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    seconds: float
    prometheus: tuple[PrometheusSeen, ...] = ()
    past: PastSeen | None = None
    past_why: str = ""
    probed: tuple[Mapping[str, str], ...] = ()
    """Labels of what the built-in prober watches."""
    probe_alerts: frozenset[str] = frozenset()
    faults: tuple[tuple[str, str, str], ...] = ()
    """Of the files: where, what is wrong, and the remedy."""
    shipped: str = ""
    """Folder of the runbooks that come with the agent."""
