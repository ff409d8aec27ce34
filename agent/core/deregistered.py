"""What is over with members once the registry was read anew.

Who is not registered any more, or does not declare any more what it was held against, is not
watched for it, so that nothing would ever end its alerts. They end here, with the labels they fired
with. One whose product is another now fires on under that one: its trouble is not over.

Looked at where the registry was read, since everything is scanned for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from agent.core import blind_spots, strangers
from agent.core import telemetry as totals
from agent.core.heartbeat import TIMER
from agent.core.members import (
    ASPECT,
    NOTHING,
    PROBE,
    TROUBLE_OF,
    allowed_silence,
    declared,
    is_watched,
    labels_of,
    owner_of,
    subject_of,
)
from agent.core.own_alert import OURSELVES, own_alert
from agent.core.view import View
from agent.model.decision import Decision, Record, Timer
from agent.model.event import AlertReceived
from agent.model.incident import AlertState
from agent.model.product import Entity, EntityKind
from agent.model.signals import BlindSpotKind, Trouble

BY_SIGNALS = (BlindSpotKind.SIGNAL_FAULTY, BlindSpotKind.MEMBER_SILENT)
"""Kinds of blind spots that beats, telemetry and answers to probes find."""


def settled(view: View, *, at: float) -> Decision:
    """Empty where nothing is over. Where no registry could be read, nothing is: that is a fault of
    its own, and must not end what burns."""
    if not view.registry.entities:
        return NOTHING
    decision = Decision(
        records=tuple(_records(view)),
        timers=tuple(_timers(view)),
        emits=tuple(_alerts(view, at=at)),
    )
    for spot in _blind_spots(view, at=at):
        decision = decision.also(spot)
    return decision


def _records(view: View) -> Iterator[Record]:
    entities = view.registry.entities
    yield from _signs(view)
    for agent in view.telemetry:
        if agent not in entities:
            yield Record(kind="telemetry", key=agent, body=None)
    wanted = _things(view)
    for kind, standing in (("drift", view.drifts), ("probe", view.probes)):
        for key in standing:
            if (kind, key) not in wanted:
                yield Record(kind=kind, key=key, body=None)


def _signs(view: View) -> Iterator[Record]:
    """What is remembered of beats."""
    for agent, known in view.agents.items():
        is_missed_no_more = _is_missed_no_more(agent, view)
        was_never_heard = is_missed_no_more and not known.last_at
        if agent not in view.registry.entities or was_never_heard:
            yield Record(kind="agent", key=agent, body=None)
            continue
        changed: dict[str, bool | None] = {}
        if is_missed_no_more:
            changed |= {"firing_since": None, "alive": True}
        if known.hung_since is not None and declared(view, agent).work is None:
            changed["hung_since"] = None
        if known.unpinned_since is not None and not _is_pinned(view, agent):
            changed["unpinned_since"] = None
        if changed:
            body = msgspec.structs.replace(known, **changed)
            yield Record(kind="agent", key=agent, body=body)


def _is_missed_no_more(agent: str, view: View) -> bool:
    """It fell silent, and promises no beat any more. What its last will said stands."""
    known = view.agents.get(agent)
    since = known.firing_since if known is not None else None
    by_timer = known is not None and since is not None and since > known.last_at
    return by_timer and allowed_silence(view, agent) is None


def _is_pinned(view: View, agent: str) -> bool:
    wanted = declared(view, agent)
    return bool(wanted.version or wanted.config_hash)


def _things(view: View) -> set[tuple[str, str]]:
    """Kind and key of everything that members are held against."""
    found = set()
    for name, entity in view.registry.entities.items():
        if entity.member is not None:
            found |= {("drift", f"{name}/{b.aspect.value}") for b in entity.member.baselines}
            found |= {("probe", f"{name}/{p.name}") for p in entity.member.probes}
    return found


def _timers(view: View) -> Iterator[Timer]:
    for agent in view.agents:
        if agent not in view.registry.entities:
            for name in (TIMER, totals.TIMER):
                yield Timer(subject=subject_of(agent), name=name, due=None)


def _alerts(view: View, *, at: float) -> Iterator[AlertReceived]:
    for identity, incident_id in view.live.items():
        if not identity.startswith(f"{OURSELVES}/"):
            continue
        incident = view.incidents.get(incident_id)
        alert = incident.alerts.get(identity) if incident is not None else None
        if alert is None or alert.labels.get("alertname") not in TROUBLE_OF:
            continue
        said, labels = alert.annotations, _labels_now(alert, view)
        if labels == alert.labels:
            continue
        yield own_alert(alert.labels, at=at, since=alert.starts_at, ended=True)
        if labels is not None:
            since = alert.starts_at
            yield own_alert(labels, at=at, since=since, ended=False, annotations=said)


def _labels_now(alert: AlertState, view: View) -> Mapping[str, str] | None:
    """As it would fire today; None: it would not."""
    trouble, agent = TROUBLE_OF[alert.labels["alertname"]], alert.labels.get("agent", "")
    if agent not in view.registry.entities:
        return None
    about = alert.labels.get(ASPECT if trouble is Trouble.DRIFT else PROBE, "")
    wanted = declared(view, agent)
    stands = {
        Trouble.SILENT: not _is_missed_no_more(agent, view),
        Trouble.HUNG: wanted.work is not None,
        Trouble.PINNED: bool(wanted.version or wanted.config_hash),
        Trouble.PROBE: about in {p.name for p in wanted.probes},
        Trouble.DRIFT: about in {b.aspect.value for b in wanted.baselines},
    }[trouble]
    return labels_of(trouble, agent, view, about=about) if stands else None


def _blind_spots(view: View, *, at: float) -> Iterator[Decision]:
    entities = view.registry.entities
    things = {key for _, key in _things(view)}
    for spot in view.blind_spots.values():
        if spot.gone_at is not None:
            continue
        agent, _, about = spot.subject.partition("/")
        if spot.kind is strangers.KIND and spot.subject in entities:
            yield strangers.registered(spot.subject, view, at=at)
        elif spot.kind in BY_SIGNALS and not spot.by and _is_over(agent, about, view, things):
            yield blind_spots.gone(view, kind=spot.kind, subject=spot.subject, at=at)
    for name, entity in entities.items():
        if entity.kind is EntityKind.AGENT:
            yield _watched(name, entity, view, at=at)


def _is_over(agent: str, about: str, view: View, things: set[str]) -> bool:
    """Of a member that is gone, or of what it does not declare any more. What is about no member
    is somebody else's."""
    is_probe = f"{agent}/{about}" in view.probes
    if agent not in view.registry.entities:
        was_one = agent in view.agents or agent in view.telemetry
        return was_one or is_probe or about == totals.KIND
    if about == totals.KIND:
        return not declared(view, agent).baselines
    return is_probe and f"{agent}/{about}" not in things


def _watched(name: str, entity: Entity, view: View, *, at: float) -> Decision:
    kind = BlindSpotKind.REGISTRY_FAULTY
    if is_watched(entity):
        return blind_spots.gone(view, kind=kind, subject=name, at=at)
    return blind_spots.found(
        view,
        kind=kind,
        subject=name,
        text="nothing would show that it is gone: it declares no heartbeat, baseline or probe",
        remedy="add `heartbeat: 10s` below spec.homeostat, and let it beat",
        at=at,
        product=entity.product,
        owner=owner_of(view, name),
    )
