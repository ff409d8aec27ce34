"""A small world with one member of the machinery that declares everything: `drafter`, of the
product `shop`, owned by team-agents."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.model.alert import Heartbeat, ReferenceAnswer, Telemetry
from agent.model.decision import Decision, Timer
from agent.model.event import HeartbeatReceived, ReferenceAnswered, TelemetryReceived
from agent.model.incident import Incident
from agent.model.product import Entity, EntityKind, Registry
from agent.model.records import AgentSigns
from agent.model.signals import (
    Aspect,
    Baseline,
    BlindSpot,
    Counters,
    Member,
    ReferenceProbe,
    Work,
)
from tests.support.cases import REGISTRY, World

BEAT_SECONDS = 5.0
WITHIN = 60.0
MEMBER = Member(
    version="1.4.2",
    config_hash="ab12",
    work=Work(within_seconds=WITHIN),
    baselines=(Baseline(aspect=Aspect.ERRORS, mean=0.01, spread=0.005, within_seconds=28_800.0),),
    probes=(ReferenceProbe(name="capital", url="http://127.0.0.1:9/", expect="Paris"),),
)


def drafter(member: Member | None = MEMBER, **fields: Any) -> Entity:
    told: dict[str, Any] = {
        "name": "drafter",
        "kind": EntityKind.AGENT,
        "product": "shop",
        "owner": "team-agents",
        "heartbeat_seconds": BEAT_SECONDS,
        "member": member,
        **fields,
    }
    return Entity(**told)


def registry(*entities: Entity) -> Registry:
    named = {entity.name: entity for entity in entities}
    return Registry(products=REGISTRY.products, entities={**REGISTRY.entities, **named})


class Machinery(World):
    """Beats say what is declared, and one more task each, unless a test says otherwise."""

    def __init__(self, member: Member | None = MEMBER, **fields: Any) -> None:
        super().__init__(registry=registry(drafter(member, **fields)))
        self.seq = 0
        self.work = 0.0

    def says(self, agent: str = "drafter", **fields: Any) -> Decision:
        self.seq += 1
        told: dict[str, Any] = {
            "agent": agent,
            "boot": "b1",
            "seq": self.seq,
            "version": "1.4.2",
            "config_hash": "ab12",
            **fields,
        }
        if "work" not in told:
            self.work += 1.0
            told["work"] = self.work
        return self.tell(HeartbeatReceived(at=self.now, heartbeat=Heartbeat(**told)))

    def beats_for(self, seconds: float, **fields: Any) -> None:
        until = self.now + seconds
        while self.now < until:
            self.wait(min(BEAT_SECONDS, until - self.now))
            self.says(**fields)

    def counts(self, agent: str = "drafter", **fields: Any) -> Decision:
        told = {k: fields.pop(k) for k in ("tasks", "errors", "seconds", "tokens") if k in fields}
        said = Telemetry(agent=agent, counters=Counters(**told), **fields)
        return self.tell(TelemetryReceived(at=self.now, telemetry=said))

    def answers(self, is_right: bool | None, *, probe: str = "capital", said: str = "") -> None:
        answer = ReferenceAnswer(agent="drafter", probe=probe, is_right=is_right, said=said)
        self.tell(ReferenceAnswered(at=self.now, answer=answer))

    def keep_timer(self, timer: Timer) -> None:
        self.tell(Decision(timers=(timer,)))

    @property
    def signs(self) -> AgentSigns:
        found: AgentSigns = self.state.single["agent"]["drafter"]
        return found

    def firing(self, name: str) -> list[Incident]:
        return [
            incident
            for incident in self.state.incidents.values()
            if any(a.name == name and a.status == "firing" for a in incident.alerts.values())
        ]

    def spots(self, *, gone: bool = False) -> dict[str, BlindSpot]:
        """By KIND/SUBJECT, those that stand (or that are gone)."""
        found: dict[str, BlindSpot] = self.state.single["blind_spot"]
        return {key: s for key, s in found.items() if (s.gone_at is not None) is gone}

    def declare(self, *entities: Entity) -> None:
        """The registry is read anew, with these besides those of `cases.REGISTRY`."""
        self.view.registry = registry(*entities)


def changed(**fields: Any) -> Member:
    return msgspec.structs.replace(MEMBER, **fields)
