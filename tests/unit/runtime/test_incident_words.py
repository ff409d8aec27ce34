"""What is said of incidents at the broker, and when it is taken away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import Layer
from agent.model.decision import Decision
from agent.model.errors import Temporary
from agent.model.incident import Incident, State
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.runtime import incident_words
from agent.runtime.broker import Connection
from agent.runtime.incident_words import KEPT_SECONDS, IncidentWords
from tests.support.waiting import eventually

NOW = 1_000_000.0


class ToldBroker:
    """Holds what is sent, as a broker with retained messages does."""

    def __init__(self) -> None:
        self.at = Connection(host="h", client_id="me")
        self.held: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.failures = 0
        self.came_up: Callable[[], None] = lambda: None

    def start(self) -> None:
        pass

    async def up(self) -> None:
        pass

    async def send(self, topic: str, body: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise Temporary("the broker does not answer")
        self.sent.append(topic)
        if body:
            self.held[topic] = body
        else:
            self.held.pop(topic, None)

    def said(self, incident_id: str) -> dict[str, Any]:
        return dict(json.loads(self.held[f"incidents/{incident_id}"]))


class HastyClock:
    """Pauses are hardly kept; the time is the test's."""

    at = NOW

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, _seconds: float) -> None:
        await asyncio.sleep(0.005)


def incident(name: str = "i-1", **fields: Any) -> Incident:
    given = {
        "key": name,
        "title": "Broken at shop",
        "state": State.OPEN,
        "layer": Layer.MACHINERY,
        "product": "shop",
        "entity": "indexer",
        "severity": "warning",
        "opened_at": NOW,
        "updated_at": NOW,
    }
    return Incident(id=name, **{**given, **fields})


class Told:
    def __init__(self) -> None:
        self.broker, self.clock = ToldBroker(), HastyClock()
        self.view = View(
            policy=Policy(),
            registry=Registry(),
            runbooks=MatchIndex(()),
            plugins={},
            link="http://agent",
        )
        self.words = IncidentWords(self.broker, view=self.view, clock=self.clock)  # type: ignore[arg-type]

    def decide(self, *cases: Incident) -> None:
        self.words.committed([Decision(incident=case) for case in cases])

    async def until(self, look: Callable[[], Any], what: str) -> None:
        await eventually(look, within=5, what=what, every=0.005)


@asynccontextmanager
async def saying() -> AsyncIterator[Told]:
    told = Told()
    try:
        yield told
    finally:
        await told.words.close()


async def test_an_incident_is_said_when_it_changes_and_not_otherwise() -> None:
    async with saying() as told:
        case = incident()
        told.decide(case)
        await told.until(lambda: told.broker.sent, "said")
        said = told.broker.said("i-1")
        assert (said["state"], said["product"], said["layer"]) == ("open", "shop", "machinery")
        assert said["link"] == "http://agent/incidents/i-1"
        assert said["opened_at"].endswith("Z")
        told.decide(msgspec.structs.replace(case, updated_at=NOW + 9, version=3))
        told.decide(msgspec.structs.replace(case, state=State.ESCALATED, routed_to="team-shop"))
        await told.until(lambda: told.broker.said("i-1")["state"] == "escalated", "said anew")
        assert told.broker.sent == ["incidents/i-1"] * 2


async def test_what_ended_is_taken_away_an_hour_later() -> None:
    async with saying() as told:
        told.decide(incident(state=State.RESOLVED, resolved_at=NOW))
        await told.until(lambda: "incidents/i-1" in told.broker.held, "said")
        told.clock.at = NOW + KEPT_SECONDS - 1
        await asyncio.sleep(0.05)
        assert told.broker.said("i-1")["state"] == "resolved"
        told.clock.at = NOW + KEPT_SECONDS
        await told.until(lambda: told.broker.held == {}, "taken away")


async def test_after_a_connection_what_stands_there_is_put_right() -> None:
    async with saying() as told:
        told.broker.held = {
            "incidents/gone": b'{"id": "gone", "by": "me", "state": "open"}',
            "incidents/other": b'{"id": "other", "by": "somebody-else", "state": "open"}',
            "incidents/odd": b"no json",
        }
        told.view.incidents = {"i-1": incident()}
        told.words.committed([])
        told.broker.came_up()
        await told.until(lambda: "incidents/i-1" in told.broker.held, "what is open")
        await told.until(lambda: "incidents/gone" not in told.broker.held, "what is not")
        assert {"incidents/other", "incidents/odd"} <= set(told.broker.held)


async def test_a_broker_that_fails_is_told_the_latest_once_it_works() -> None:
    async with saying() as told:
        told.broker.failures = 3
        told.decide(incident())
        told.decide(incident(state=State.ACKNOWLEDGED))
        await told.until(lambda: told.broker.sent, "said in the end")
        assert told.broker.said("i-1")["state"] == "acknowledged"
        assert told.broker.sent == ["incidents/i-1"]


async def test_a_storm_without_a_broker_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_words, "MOST_WAITING", 5)
    async with saying() as told:
        told.broker.failures = 1
        told.decide(*(incident(f"i-{n}") for n in range(50)))
        await told.until(lambda: "incidents/i-49" in told.broker.held, "the latest")
        assert len(told.broker.sent) <= 6
