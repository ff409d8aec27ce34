"""A small daemon for tests of the interface: the in-memory store, a view, and scripted answers."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.core.halting import Place
from agent.core.matching import MatchIndex
from agent.core.view import Channel, View
from agent.interface.server import Server, serve
from agent.model.alert import Alert, AlertStatus, Signal
from agent.model.cluster import Foreseen
from agent.model.cluster_state import ClusterState
from agent.model.decision import Decision, JournalEntry
from agent.model.errors import StoreUnavailable, Unparseable
from agent.model.event import Event
from agent.model.fault import Fault
from agent.model.incident import AlertState, Incident
from agent.model.policy import Policy
from agent.model.principal import Principal, Role
from agent.model.product import Entity, EntityKind, LeadershipMetric, Product, Registry, Sli, Slo
from agent.model.reason import Reason
from agent.model.records import Silence
from agent.ports.plugin import PushSource
from agent.ports.store import Quarantined
from agent.runtime.once import Once
from agent.store.memory import MemoryStore
from tests.support.clock import TestClock
from tests.support.decisions import make_incident

NOW = 1_780_000_000.0


class FakeNotice(msgspec.Struct, frozen=True):
    kind: str
    subject: str


class FakeAnswer(msgspec.Struct, frozen=True):
    refused: Reason | None = None
    text: str = ""
    incident: Incident | None = None


@dataclass
class FakePrincipals:
    tokens: Mapping[str, Principal]

    keys: Mapping[bytes, Principal] = field(default_factory=dict)
    webhook_secrets: Mapping[bytes, Principal] = field(default_factory=dict)
    slack_users: Mapping[str, Principal] = field(default_factory=dict)
    slack_secret: str | None = None

    def __iter__(self) -> Iterator[Principal]:
        return iter(self.tokens.values())

    def by_token(self, token: str, *, at: float) -> Principal | None:
        return self.tokens.get(token)

    def by_signature(self, message: bytes, signatures: Iterable[bytes]) -> Principal | None:
        given = list(signatures)
        for key, principal in self.keys.items():
            if hmac.digest(key, message, "sha256") in given:
                return principal
        return None

    def by_webhook_signature(self, body: bytes, signature: bytes) -> Principal | None:
        for secret, principal in self.webhook_secrets.items():
            if hmac.compare_digest(hmac.digest(secret, body, "sha256"), signature):
                return principal
        return None

    def by_slack_user(self, user: str, *, at: float) -> Principal | None:
        return self.slack_users.get(user)


def everyone() -> FakePrincipals:
    """One token per role (`sender-token`, ...), and `pay-*` ones limited to the product pay."""
    tokens = {
        f"{role.value}-token": Principal(name=f"the-{role.value}", roles=frozenset({role}))
        for role in Role
    }
    for role in Role:
        tokens[f"pay-{role.value}-token"] = Principal(
            name=f"pay-{role.value}", roles=frozenset({role}), products=frozenset({"pay"})
        )
    return FakePrincipals(tokens)


def _view() -> View:
    registry = Registry(
        products={
            "shop": Product(
                name="shop",
                builder="team-shop",
                tier="low",
                leadership_metric=LeadershipMetric(name="orders", flat_for_seconds=600.0),
                slos=(Slo(name="buy", sli=Sli(bad="rate(b[$window])", total="rate(t[$window])")),),
            ),
            "pay": Product(name="pay", builder="team-pay", tier="high"),
        },
        entities={
            "picker": Entity(
                name="picker", kind=EntityKind.AGENT, product="shop", owner="team-shop"
            ),
        },
    )
    return View(
        policy=Policy(),
        registry=registry,
        runbooks=MatchIndex(()),
        plugins={},
        channels={"team-shop": (Channel(id="c", use="file"),)},
        link="http://127.0.0.1:8420",
    )


@dataclass
class FakeFacade:
    principals: FakePrincipals | None = None
    view: View = field(default_factory=_view)
    store: MemoryStore = field(default_factory=MemoryStore)
    answer: FakeAnswer = field(default_factory=FakeAnswer)
    faults: tuple[Fault, ...] = ()
    places: tuple[Place, ...] = ()
    is_store_down: bool = False
    wrong: str = ""
    """Why no action can take what it is given."""
    foreseen: Foreseen | None = None
    """What any action would change in a cluster."""
    cluster: ClusterState | None = None
    clock: TestClock = field(default_factory=lambda: TestClock(NOW))
    is_on: bool = True
    unheard: str = ""
    """What is said of pages that reached nobody."""
    received: list[Signal] = field(default_factory=list)
    asked: list[Event] = field(default_factory=list)
    refusals: list[tuple[str, int]] = field(default_factory=list)
    level_checks: int = 0
    surveys: int = 0
    is_looking: bool = False
    streams: list[asyncio.Queue[FakeNotice]] = field(default_factory=list)

    @property
    def once(self) -> Once[FakeAnswer]:
        async def submit(decisions: Sequence[Event | Decision]) -> None:
            await self.store.commit([d for d in decisions if isinstance(d, Decision)])

        return Once(
            store=self.store,
            clock=self.clock,
            submit=submit,
            receive=self.receive,
            ask=self.ask,
        )

    async def receive(self, signals: Sequence[Signal]) -> None:
        if self.is_store_down:
            raise StoreUnavailable("disk full")
        self.received.extend(signals)

    async def quarantine(self, body: bytes, *, source: str, why: str) -> None:
        if self.is_store_down:
            raise StoreUnavailable("disk full")
        await self.store.quarantine(
            Quarantined(at=NOW, source=source, why=why, body=body[:65536], size=len(body))
        )

    async def ask(self, event: Event) -> FakeAnswer:
        self.asked.append(event)
        return self.answer

    @property
    def unfit(self) -> Callable[[str, Mapping[str, Any]], str]:
        return lambda _use, _params: self.wrong

    async def would_change(
        self, use: str, params: Mapping[str, Any], *, key: str
    ) -> Foreseen | None:
        return self.foreseen

    async def cluster_state(self) -> ClusterState | None:
        return self.cluster

    @property
    def surveying(self) -> FakeFacade:
        return self

    async def look(self) -> None:
        """A survey that finds nothing."""
        self.surveys += 1

    def halt_places(self) -> tuple[Place, ...]:
        return self.places

    async def put_silence(self, silence: Silence) -> None:
        self.view.silences = {**self.view.silences, silence.id: silence}

    async def expire_silence(self, silence_id: str) -> bool:
        old = self.view.silences.get(silence_id)
        if old is None or old.ends_at <= NOW:
            return False
        ended = msgspec.structs.replace(old, ends_at=NOW)
        self.view.silences = {**self.view.silences, silence_id: ended}
        return True

    def now(self) -> float:
        return self.clock.now()

    def unhealthy_because(self, *, of_pages: bool = True) -> str:
        if not self.is_on:
            return "the decision loop makes no progress"
        return self.unheard if of_pages else ""

    def is_ready(self) -> bool:
        return self.is_on

    async def reload(self) -> tuple[Fault, ...]:
        return self.faults

    async def subscribe(self) -> AsyncIterator[FakeNotice]:
        queue: asyncio.Queue[FakeNotice] = asyncio.Queue()
        self.streams.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.streams.remove(queue)

    def tell(self, kind: str, subject: str) -> None:
        for queue in self.streams:
            queue.put_nowait(FakeNotice(kind, subject))

    def request_level_check(self) -> None:
        self.level_checks += 1

    def note_refusal(self, *, source: str, status: int, why: str) -> None:
        self.refusals.append((source, status))

    def metrics(self) -> bytes:
        return b"homeostat_up 1\n"

    async def add(self, incident: Incident, *journal: JournalEntry) -> None:
        """Puts an incident into the store, and into the view while it is open."""
        await self.store.commit([Decision(incident=incident, journal=journal)])
        if incident.is_open:
            self.view.incidents = {**self.view.incidents, incident.id: incident}


def burning(incident_id: str = "inc-1", **fields: object) -> Incident:
    """An incident with one firing alert; `labels` are those of the alert."""
    labels = {"alertname": "Slow", "product": "shop", **fields.pop("labels", {})}  # type: ignore[dict-item]
    alert = AlertState(
        identity="am/f00d",
        name=labels["alertname"],
        status=AlertStatus.FIRING,
        labels=labels,
        annotations=fields.pop("annotations", {}),  # type: ignore[arg-type]
        starts_at=NOW - 60,
    )
    given = {"opened_at": NOW - 60, "updated_at": NOW - 60, "alerts": {alert.identity: alert}}
    return make_incident(incident_id, **{**given, **fields})


def plain_source(path: str = "/webhook/plain") -> PushSource:
    """Decodes {"product": ..., "entity": ..., "name": ...} into one alert; `bad` cannot be read."""

    def decode(body: bytes) -> Sequence[Signal]:
        try:
            data = msgspec.json.decode(body, type=dict[str, str])
        except msgspec.DecodeError as error:
            raise Unparseable(str(error), where="$") from None
        labels = {"alertname": data.get("name", "A")}
        labels |= {name: data[name] for name in ("product", "entity") if name in data}
        return [
            Alert(
                source="plain",
                fingerprint="f",
                status=AlertStatus.FIRING,
                labels=labels,
                starts_at=NOW,
            )
        ]

    return PushSource(name="plain", path=path, summary="test", decode=decode)


@asynccontextmanager
async def running(
    facade: FakeFacade, *sources: PushSource, body_seconds: float = 10.0
) -> AsyncIterator[tuple[Server, str]]:
    """A real server on a free port, with its address."""
    await facade.store.open(now=NOW)
    server = await serve(
        facade,
        host="127.0.0.1",
        port=0,
        push_sources=sources or (plain_source(),),
        body_seconds=body_seconds,
    )
    try:
        yield server, f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()
        await facade.store.close()
