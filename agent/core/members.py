"""Members of the machinery: what is said of sub-agents and proxies alike, whatever was found.

Each trouble a member can be in is an alert of its own with its own end (core/own_alert.py), so that
it has an owner, runbooks and a page like any other. What is not known of a member, or cannot be
used, is a blind spot and never a trouble.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agent.core import blind_spots
from agent.core.own_alert import own_alert
from agent.core.view import View
from agent.model.alert import Layer
from agent.model.decision import Decision, JournalEntry
from agent.model.event import AlertReceived
from agent.model.product import Entity, EntityKind
from agent.model.reason import Reason
from agent.model.records import AgentSigns
from agent.model.signals import Aspect, BlindSpotKind, Member, Trouble

ALERTS: Mapping[Trouble, str] = {
    Trouble.SILENT: "AgentSilent",
    Trouble.HUNG: "AgentHung",
    Trouble.PINNED: "AgentNotAsPinned",
    Trouble.PROBE: "AgentProbeWrong",
    Trouble.DRIFT: "AgentDrifting",
}
TROUBLE_OF: Mapping[str, Trouble] = {name: trouble for trouble, name in ALERTS.items()}
PROBE, ASPECT = "probe", "aspect"
"""Labels that tell several alerts of one kind about one member apart."""

QUIET_SECONDS = 60.0
"""What could not be used is over when it has not come again for so long, or for as long as the
member may be silent: two senders under one name take turns."""
NOTHING = Decision()
NO_MEMBER = Member()


def subject_of(agent: str) -> str:
    return f"agent:{agent}"


def declared(view: View, agent: str) -> Member:
    """What it declares besides its heartbeat; nothing where it is not registered."""
    entity = view.registry.entities.get(agent)
    return entity.member or NO_MEMBER if entity is not None else NO_MEMBER


def allowed_silence(view: View, agent: str) -> float | None:
    """Seconds without a sign of life until it counts as silent; None: it promises none."""
    entity = view.registry.entities.get(agent)
    if entity is None or entity.heartbeat_seconds is None:
        return None
    return entity.heartbeat_seconds * view.policy.missed_heartbeats


def labels_of(trouble: Trouble, agent: str, view: View, *, about: str = "") -> dict[str, str]:
    """Labels of its alert; `about` names the probe or the aspect."""
    labels = {
        "alertname": ALERTS[trouble],
        "agent": agent,
        "layer": Layer.MACHINERY.value,
        "severity": "warning",
    }
    if trouble is Trouble.PROBE:
        labels[PROBE] = about
    elif trouble is Trouble.DRIFT:
        labels[ASPECT] = about
    entity = view.registry.entities.get(agent)
    if entity is not None and entity.product:
        labels["product"] = entity.product
    return labels


def begins(
    trouble: Trouble, agent: str, view: View, *, at: float, why: str, about: str = ""
) -> AlertReceived:
    labels = labels_of(trouble, agent, view, about=about)
    said = {"summary": f"{agent}: {why}"}
    return own_alert(labels, at=at, since=at, ended=False, annotations=said)


def ends(
    trouble: Trouble, agent: str, view: View, *, at: float, since: float, about: str = ""
) -> AlertReceived:
    labels = labels_of(trouble, agent, view, about=about)
    return own_alert(labels, at=at, since=since, ended=True)


def line(kind: str, agent: str, at: float, reason: Reason, text: str = "") -> JournalEntry:
    return JournalEntry(at=at, subject=subject_of(agent), kind=kind, reason=reason, text=text)


class Unusable(msgspec.Struct, frozen=True):
    """What came of looking at whether everything could be used."""

    decision: Decision
    at: float | None
    """When something could not be last; None: that is over."""


USABLE = Unusable(NOTHING, None)


def unusable(
    view: View,
    agent: str,
    faults: Sequence[str],
    *,
    before: float | None,
    at: float,
    about: str = "",
    remedy: str,
) -> Unusable:
    """A blind spot where something could not be used; and its end once it has not come again for a
    while. `before` is when it was so last; `about` is what of the member it concerns, as a path."""
    if not faults and before is None:
        return USABLE
    subject = f"{agent}/{about}" if about else agent
    kind = BlindSpotKind.SIGNAL_FAULTY
    if faults:
        entity = view.registry.entities.get(agent)
        spot = blind_spots.found(
            view,
            kind=kind,
            subject=subject,
            text="; ".join(faults),
            remedy=remedy,
            at=at,
            product=entity.product if entity is not None else None,
            owner=owner_of(view, agent),
        )
        return Unusable(spot, at)
    quiet = max(QUIET_SECONDS, allowed_silence(view, agent) or 0.0)
    if before is not None and 0.0 <= at - before < quiet:
        return Unusable(NOTHING, before)
    return Unusable(blind_spots.gone(view, kind=kind, subject=subject, at=at), None)


def owner_of(view: View, agent: str) -> str:
    entity = view.registry.entities.get(agent)
    product = entity.product if entity is not None else None
    return blind_spots.owner_of(view, product=product, entity=agent)


# what is known of one, for whoever looks


class InTrouble(msgspec.Struct, frozen=True, kw_only=True):
    trouble: Trouble
    since: float
    text: str
    about: str = ""
    """The probe, or the aspect."""


def troubles(view: View, agent: str) -> tuple[InTrouble, ...]:
    """Everything it is in now, gravest first."""
    found: list[InTrouble] = []
    signs, wanted = view.agents.get(agent), declared(view, agent)
    if signs is not None:
        found += _of_beats(signs, wanted)
    for probe in wanted.probes:
        known = view.probes.get(f"{agent}/{probe.name}")
        if known is not None and known.firing_since is not None:
            text = f"probe {probe.name} is answered wrongly"
            found.append(_in(Trouble.PROBE, known.firing_since, text, probe.name))
    for baseline in wanted.baselines:
        drifted = view.drifts.get(f"{agent}/{baseline.aspect.value}")
        if drifted is not None and drifted.firing_since is not None:
            text = f"{baseline.aspect.value} drifted from the baseline"
            found.append(_in(Trouble.DRIFT, drifted.firing_since, text, baseline.aspect.value))
    return tuple(found)


def _of_beats(signs: AgentSigns, wanted: Member) -> list[InTrouble]:
    found = []
    if signs.firing_since is not None:
        found.append(_in(Trouble.SILENT, signs.firing_since, "it is silent"))
    elif not signs.alive:
        found.append(_in(Trouble.SILENT, signs.last_at, "its last will says that it is gone"))
    if signs.hung_since is not None:
        found.append(_in(Trouble.HUNG, signs.hung_since, Reason.AGENT_HUNG.sentence))
    if signs.unpinned_since is not None:
        text = "; ".join(differs(signs.version, signs.config_hash, wanted))
        text = text or Reason.AGENT_NOT_AS_PINNED.sentence
        found.append(_in(Trouble.PINNED, signs.unpinned_since, text))
    return found


def _in(trouble: Trouble, since: float, text: str, about: str = "") -> InTrouble:
    return InTrouble(trouble=trouble, since=since, text=text, about=about)


def differs(version: str, config_hash: str, wanted: Member) -> tuple[str, ...]:
    """What it runs otherwise than declared, as sentences. What it does not say does not differ."""
    pairs = (
        ("version", version, wanted.version),
        ("config hash", config_hash, wanted.config_hash),
    )
    return tuple(
        f"{what} is {said[:80]}, and {pinned} is declared"
        for what, said, pinned in pairs
        if said and pinned and said != pinned
    )


def drifting(view: View, agent: str) -> tuple[Aspect, ...]:
    return tuple(Aspect(t.about) for t in troubles(view, agent) if t.trouble is Trouble.DRIFT)


def is_watched(entity: Entity) -> bool:
    """Whether anything would notice that it does not do what it should."""
    wanted = entity.member or NO_MEMBER
    return entity.heartbeat_seconds is not None or bool(wanted.baselines or wanted.probes)


def undeclared(entity: Entity) -> tuple[str, ...]:
    """What of a registration it leaves out."""
    wanted = entity.member or NO_MEMBER
    parts = {
        "heartbeat": entity.heartbeat_seconds,
        "version": wanted.version,
        "config_hash": wanted.config_hash,
        "work": wanted.work,
    }
    return tuple(name for name, value in parts.items() if not value)


def names(view: View) -> tuple[str, ...]:
    """All that are registered, and others that the registry knows and that beat."""
    listed = [e.name for e in view.registry.entities.values() if e.kind is EntityKind.AGENT]
    beating = [name for name in view.agents if name in view.registry.entities]
    return tuple(sorted({*listed, *beating}))
