"""A small world for stories about decisions: two products on one substrate, an agent, runbooks.

Nothing of the decision is imitated. `World` hands events to the same batch the decision lane uses,
keeps the view by the same rules, and remembers what was asked of the outside, so that a test can
answer it, or not, and in what order it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.core.advance import advance
from agent.core.fingerprint import fingerprint, message_key
from agent.core.matching import MatchIndex
from agent.core.view import Channel, View
from agent.model.alert import Alert, AlertStatus, Heartbeat, Layer, Measure
from agent.model.command import Command, CommandKind
from agent.model.decision import Decision, Record
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import (
    AlertReceived,
    CommandFinished,
    Event,
    HeartbeatReceived,
    MeasureReceived,
    TimerFired,
)
from agent.model.incident import Incident
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, LeadershipMetric, Product, Registry
from agent.model.reason import Reason
from agent.model.runbook import (
    Branch,
    Call,
    Expression,
    Facts,
    Guard,
    Lifecycle,
    Match,
    Plan,
    Predicate,
    Runbook,
    Truth,
    Verify,
)
from agent.runtime.folding import Recalled
from agent.runtime.lane import Batch
from agent.runtime.view_state import ViewState
from agent.store.memory import MemoryStore
from tests.support.plugin_facts import PLUGINS
from tests.support.policies import at_ease

START = 1_750_000_000.0

REGISTRY = Registry(
    products={
        "shop": Product(
            name="shop",
            builder="team-shop",
            tier="high",
            leadership_metric=LeadershipMetric(name="orders", flat_for_seconds=600.0),
        ),
        "pay": Product(name="pay", builder="team-pay", tier="low"),
    },
    entities={
        e.name: e
        for e in (
            Entity(name="cache", kind=EntityKind.SUBSTRATE, product=None, owner="platform"),
            Entity(
                name="shop-web",
                kind=EntityKind.SERVICE,
                product="shop",
                owner="team-shop",
                depends_on=("cache",),
            ),
            Entity(name="shop-worker", kind=EntityKind.SERVICE, product="shop", owner="team-shop"),
            Entity(
                name="pay-api",
                kind=EntityKind.SERVICE,
                product="pay",
                owner="team-pay",
                depends_on=("cache",),
            ),
            Entity(
                name="scout",
                kind=EntityKind.AGENT,
                product=None,
                owner="team-agents",
                heartbeat_seconds=5.0,
            ),
        )
    },
)

CHANNELS = {
    "team-shop": (Channel(id="shop-hook", use="webhook"),),
    "default": (Channel(id="terminal", use="terminal"),),
    "fallback": (Channel(id="file", use="file"),),
}


@dataclass(frozen=True)
class When:
    """A condition in plain Python. A fact that is missing makes it unknown."""

    text: str
    rule: Callable[[Facts], bool]

    def __call__(self, facts: Facts) -> Truth:
        try:
            return Truth.TRUE if self.rule(facts) else Truth.FALSE
        except LookupError:
            return Truth.UNKNOWN


@dataclass(frozen=True)
class Value:
    """The fact under a dotted path."""

    text: str

    def evaluate(self, facts: Facts) -> Any:
        value: Any = facts
        for name in self.text.split("."):
            value = value[name]
        return value


def fact(path: str, wanted: Any = True) -> Predicate:
    value: Expression = Value(path)
    return When(f"{path} == {wanted}", lambda facts: bool(value.evaluate(facts) == wanted))


NAME = Value("entity.name")
STATUS = Call(id="status", use="process.status", params={"target": NAME})
CLEARED = Verify(alert_cleared=True, within_seconds=300.0)
WATCHED = Verify(
    settle_seconds=5.0,
    within_seconds=60.0,
    every_seconds=10.0,
    consecutive=2,
    observe=(Call(id="after", use="process.status", params={"target": NAME}),),
    success=(fact("after.alive"),),
    fail=(fact("after.lost"),),
)


def step(use: str = "process.restart", *, id: str = "restart", **params: Any) -> Call:
    return Call(id=id, use=use, params={"target": NAME, **params})


def plan(name: str = "restart", *steps: Call, verify: Verify = CLEARED, **fields: Any) -> Plan:
    return Plan(name=name, steps=steps or (step(),), verify=verify, **fields)


def runbook(name: str = "hung", *plans: Plan, alert: str = "Hung", **fields: Any) -> Runbook:
    told: dict[str, Any] = {
        "name": name,
        "digest": f"digest-{name}",
        "path": f"{name}.yaml",
        "text": f"text of {name}",
        "owner": "team-shop",
        "layer": Layer.PRODUCT,
        "tier": "low",
        "lifecycle": Lifecycle.ACTIVE,
        "match": Match(alert=(alert,)),
        "plans": plans or (plan(),),
        "author": "anna",
        **fields,
    }
    return Runbook(**told)


def settle() -> tuple[Branch, ...]:
    return (Branch(when=None, plan=None, why="nightly batch", settle=True),)


def requiring(*conditions: Predicate) -> Guard:
    return Guard(require=conditions)


def alert(
    name: str = "Hung",
    entity: str = "shop-worker",
    *,
    status: AlertStatus = AlertStatus.FIRING,
    starts_at: float = START,
    ends_at: float | None = None,
    source: str = "am",
    labels: Mapping[str, str] | None = None,
    **fields: Any,
) -> Alert:
    all_labels = {"alertname": name, "entity": entity, "severity": "critical", **(labels or {})}
    return Alert(
        source=source,
        fingerprint=fingerprint(all_labels),
        status=status,
        labels=all_labels,
        starts_at=starts_at,
        ends_at=ends_at,
        **fields,
    )


def received(alert: Alert, at: float) -> AlertReceived:
    return AlertReceived(at=at, alert=alert, key=message_key(alert))


def resolved(alert: Alert, at: float, **fields: Any) -> Alert:
    return msgspec.structs.replace(
        alert, status=AlertStatus.RESOLVED, ends_at=at, expires_at=None, **fields
    )


class World:
    """Applies what is decided, and keeps what was asked of the outside until it is answered."""

    def __init__(
        self, *runbooks: Runbook, policy: Policy | None = None, registry: Registry = REGISTRY
    ) -> None:
        self.now = START
        self.view = View(
            policy=at_ease(policy),
            registry=registry,
            runbooks=MatchIndex(runbooks),
            plugins=dict(PLUGINS),
            channels=dict(CHANNELS),
            link="http://127.0.0.1:8420",
        )
        self.state = ViewState(self.view)
        self._closed: dict[str, Incident] = {}
        self.batch = Batch(self.state, Recalled(entries={}, episodes={}, closed=self._closed))
        self.under_way: dict[str, Command] = {}
        self.commands: list[Command] = []
        self.last = ""

    # what happens

    def tell(self, event: Event | Decision) -> Decision:
        """Decides one event and everything it leads to."""
        before = len(self.batch.decisions)
        decision = self.batch.decide(event)
        for made in self.batch.decisions[before:]:
            for command_id in made.finished:
                self.under_way.pop(command_id, None)
            for command in made.commands:
                self.under_way[command.id] = command
                self.commands.append(command)
        about = [m.incident.id for m in self.batch.decisions[before:] if m.incident is not None]
        self.last = about[0] if about else self.last
        return decision

    def fire(self, what: Alert | None = None, **told: Any) -> Incident:
        """An alert fires; returns the incident it ended up in."""
        told = {"starts_at": self.now, **told} if what is None else told
        what = what or alert(**told)
        self.tell(received(what, self.now))
        return self.incident(self.state.live.get(what.identity) or self.last)

    def clear(self, what: Alert | None = None) -> None:
        """The alert (or every firing alert of the last incident) is over."""
        if what is not None:
            self.tell(received(resolved(what, self.now), self.now))
            return
        for identity, state in self.case.alerts.items():
            if state.status is AlertStatus.FIRING:
                source, _, print_ = identity.rpartition("/")
                over = Alert(
                    source=source,
                    fingerprint=print_,
                    status=AlertStatus.RESOLVED,
                    labels=state.labels,
                    starts_at=state.starts_at,
                    ends_at=self.now,
                )
                self.tell(received(over, self.now))

    def answer(
        self,
        command: Command,
        status: OutcomeStatus = OutcomeStatus.DONE,
        *,
        detail: str = "",
        reason: Reason = Reason.STEP_DONE,
        **value: Any,
    ) -> Decision:
        outcome = Outcome(status=status, reason=reason, detail=detail, value=value)
        return self.tell(CommandFinished(at=self.now, command=command, outcome=outcome))

    def act(self, status: OutcomeStatus = OutcomeStatus.DONE, **value: Any) -> Command:
        """Answers the one action under way."""
        command = self.only(CommandKind.ACT)
        self.answer(command, status, **value)
        return command

    def find(self, status: OutcomeStatus = OutcomeStatus.DONE, **value: Any) -> None:
        """Answers every diagnostic and observation under way alike."""
        for command in [*self.asked(CommandKind.DIAGNOSE), *self.asked(CommandKind.OBSERVE)]:
            self.answer(command, status, **value)

    def wait(self, seconds: float) -> None:
        """Time passes; timers that fall due fire in order."""
        until = self.now + seconds
        while due := sorted((d, k) for k, d in self.state.timers.items() if d <= until):
            self.now = max(self.now, due[0][0])
            subject, name = due[0][1]
            self.tell(TimerFired(at=self.now, subject=subject, name=name))
        self.now = until

    def beat(self, agent: str = "scout", *, alive: bool = True) -> Decision:
        beat = Heartbeat(agent=agent, alive=alive)
        return self.tell(HeartbeatReceived(at=self.now, heartbeat=beat))

    def measure(self, value: float, product: str = "shop") -> Decision:
        read = Measure(product=product, metric="orders", value=value)
        return self.tell(MeasureReceived(at=self.now, measure=read))

    def late(self, name: str, subject: str | None = None, *, after: float = 0.0) -> Decision:
        """What the core alone says to a timer that has been moved or taken away meanwhile."""
        fired = TimerFired(at=self.now + after, subject=subject or self.last, name=name)
        known = subject is None and self.last
        return advance(self.case if known else None, fired, self.view)

    def keep(self, kind: str, key: str, body: msgspec.Struct | None) -> None:
        self.tell(Decision(records=(Record(kind=kind, key=key, body=body),)))

    # what there is

    def incident(self, incident_id: str) -> Incident:
        return self.state.incidents.get(incident_id) or self._closed[incident_id]

    @property
    def case(self) -> Incident:
        """The incident the last event was about."""
        return self.incident(self.last)

    @property
    def incidents(self) -> list[Incident]:
        return [*self.state.incidents.values(), *self._closed.values()]

    def asked(self, kind: CommandKind) -> list[Command]:
        return [c for c in self.under_way.values() if c.kind is kind]

    def only(self, kind: CommandKind) -> Command:
        (command,) = self.asked(kind)
        return command

    @property
    def pages(self) -> list[Command]:
        return [c for c in self.commands if c.kind is CommandKind.NOTIFY]

    @property
    def paged(self) -> list[str]:
        """The teams that were paged, in order."""
        return [str(c.params["to"]) for c in self.pages]

    @property
    def reasons(self) -> list[Reason]:
        return [entry.reason for d in self.batch.decisions for entry in d.journal]

    def timer(self, name: str, subject: str | None = None) -> float | None:
        """Seconds until the timer is due."""
        due = self.state.timers.get((subject or self.last, name))
        return None if due is None else due - self.now

    async def stored(self) -> MemoryStore:
        """Everything decided so far, in a store."""
        store = MemoryStore()
        await store.open(now=self.now)
        await store.commit(self.batch.decisions, tuple(self.batch.repeats.values()))
        return store

    async def ledger(self) -> dict[str, list[str]]:
        """States of the ledger entries of each incident, oldest first; checks the sum."""
        store = await self.stored()
        assert (await store.totals()).balanced
        found: dict[str, list[str]] = {}
        for entry in reversed(await store.ledger(limit=1000)):
            found.setdefault(entry.incident_id or "", []).append(entry.state.value)
        return found


def on(kind: EntityKind) -> Policy:
    """A policy whose default diagnostics look at this kind of entity."""
    return Policy(default_diagnostics={kind.value: ("process.status",)})
