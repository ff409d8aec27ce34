from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.model.alert import Alert, AlertStatus, Alive, Heartbeat, Telemetry
from agent.model.errors import Permanent, Temporary, Unparseable
from agent.model.signals import Counters
from agent.ports.kit import SourceKit
from agent.ports.member_wire import Forged
from agent.ports.mqtt_topics import shown_by, signal_of
from agent.ports.pauses import wait_seconds
from plugins.sources.mqtt import (
    Back,
    Batches,
    Mqtt,
    NotAllTaken,
    inner_client,
    receive,
    show_life,
)
from tests.support.hostile import ANY_JSON, readable_or_refused
from tests.support.source_kit import collecting
from tests.support.waiting import eventually


def said(topic: str, payload: Any, *, retained: bool = False) -> Any:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return signal_of(topic, data, retained=retained)


def test_alert_takes_layer_and_product_from_the_topic() -> None:
    assert said(
        "alerts/product/shop",
        {"labels": {"alertname": "Down"}, "status": "firing", "startsAt": "2026-03-01T10:00:00Z"},
    ) == Alert(
        source="mqtt",
        fingerprint="",
        status=AlertStatus.FIRING,
        labels={"alertname": "Down", "layer": "product", "product": "shop"},
        starts_at=1772359200.0,
    )


@pytest.mark.parametrize("label", ["product", "layer"])
def test_topic_and_payload_disagree(label: str) -> None:
    with pytest.raises(Unparseable, match="topic and payload disagree") as caught:
        said("alerts/product/shop", {"labels": {"alertname": "Down", label: "other"}})
    assert caught.value.where == f"$.labels.{label}"


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("alerts/nowhere/shop", {"labels": {"a": "b"}}),
        ("alerts/product/", {"labels": {"a": "b"}}),
        ("alerts/product/shop", b"not json"),
        ("alerts/product/shop", b"[" * 200),
        ("alerts/product/shop", {"labels": {"a": 1}}),
        ("alerts/product/shop", {"labels": {"a": "b"}, "status": "open"}),
        ("heartbeats/", {}),
        ("heartbeats/a", b"online"),
        ("heartbeats/a", []),
        ("heartbeats/a", {"agent": "b"}),
        ("telemetry/a", b'{"n": NaN}'),
    ],
)
def test_unreadable(topic: str, payload: Any) -> None:
    with pytest.raises(Unparseable) as caught:
        said(topic, payload)
    assert caught.value.where


def test_heartbeat_and_telemetry() -> None:
    assert said("heartbeats/a", {"agent": "a", "seq": 1, "on": "x"}) == Heartbeat(
        agent="a", seq=1, detail={"on": "x"}
    )
    assert said("telemetry/a", {"tasks": 2, "done": 3}) == Telemetry(
        agent="a", counters=Counters(tasks=2.0), detail={"done": 3}
    )
    assert said("heartbeats/a", {"alive": False}) == Heartbeat(agent="a", alive=False)


def test_retained_beat_says_nothing_of_now_but_a_retained_will_does() -> None:
    assert said("heartbeats/a", {"seq": 1}, retained=True) is None
    assert said("heartbeats/a", {"alive": False}, retained=True) == Heartbeat(
        agent="a", alive=False
    )


def test_retained_telemetry_says_nothing_of_now() -> None:
    assert said("telemetry/a", {"tasks": 1}, retained=True) is None


UNREAD = Unparseable("not JSON", where="$")


@pytest.mark.parametrize(
    ("topic", "error", "retained", "shows"),
    [
        ("heartbeats/a", UNREAD, False, True),
        ("heartbeats/a", UNREAD, True, False),
        ("heartbeats/", UNREAD, False, False),
        ("telemetry/a", UNREAD, False, False),
        ("alerts/product/shop", UNREAD, False, False),
    ],
)
def test_a_beat_that_cannot_be_read_is_one_all_the_same(
    topic: str, error: Unparseable, *, retained: bool, shows: bool
) -> None:
    beat = shown_by(topic, error, retained=retained)
    assert (beat is not None) is shows
    if beat is not None:
        assert beat == Heartbeat(
            agent="a", faults=("the body is no flat JSON object: $: not JSON",)
        )


def test_a_beat_under_another_name_is_no_sign_of_life_and_a_fault() -> None:
    """F-ING-21: what the broker's access list let through is told all the same."""
    beat = shown_by("heartbeats/a", Forged("names another agent", where="$.agent"), retained=False)
    assert beat == Heartbeat(agent="a", faults=("$.agent: names another agent",), is_sign=False)


@pytest.mark.parametrize("topic", ["heartbeats/a", "alerts/product/shop", "telemetry/a"])
def test_empty_payload_only_clears_a_retained_message(topic: str) -> None:
    assert said(topic, b"") is None


@given(st.binary(max_size=60), st.sampled_from(["alerts/product/shop", "heartbeats/a"]))
def test_any_bytes(data: bytes, topic: str) -> None:
    readable_or_refused(lambda body: said(topic, body), data)


@given(ANY_JSON, st.sampled_from(["alerts/product/shop", "heartbeats/a", "telemetry/a"]))
def test_any_json(value: Any, topic: str) -> None:
    readable_or_refused(lambda body: said(topic, body), json.dumps(value).encode())


def test_wait_grows_to_a_cap_and_differs_between_clients() -> None:
    waits = [wait_seconds("a", n) for n in range(20)]
    assert waits[0] <= 0.5
    assert all(w <= 30.0 for w in waits)
    assert min(waits[8:]) >= 15.0
    assert wait_seconds("a", 8) != wait_seconds("b", 8)


def test_refuses_a_client_without_the_hook() -> None:
    class Other:
        pass

    with pytest.raises(Permanent, match="aiomqtt>=2"):
        inner_client(Other())  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"root": "home"}, {"root": "a/#/"}, {"client_id": ""}, {"x": 1}])
def test_parameters(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Mqtt(host="h", **wrong)


@dataclass
class Told:
    """As much of an MQTT message as the source looks at."""

    n: int
    qos: int = 1
    retain: bool = False
    topic: str = "homeostat/alerts/product/shop"

    @property
    def payload(self) -> bytes:
        return json.dumps({"labels": {"alertname": f"A{self.n}"}}).encode()


class OverfullClient:
    """A connection on which a broker sent five messages at once, where two fit."""

    def __init__(self) -> None:
        self.queue = Batches(2)
        for n in range(4):
            self.queue.put_nowait(Told(n))
        self.queue.put_nowait(Told(4, qos=0))
        self.acknowledged: list[Told] = []

    async def subscribe(self, topics: list[str]) -> None:
        pass

    async def take(self) -> list[Told]:
        return await self.queue.get()

    def acknowledge(self, messages: list[Told]) -> None:
        self.acknowledged += messages

    @property
    def dropped(self) -> int:
        return self.queue.dropped

    @property
    def refused(self) -> int:
        return self.queue.refused

    @property
    def is_drained(self) -> bool:
        return self.queue.empty()


async def test_what_did_not_fit_is_asked_for_on_a_new_connection() -> None:
    client: Any = OverfullClient()
    async with collecting() as emitted:
        with pytest.raises(NotAllTaken, match="2 messages did not fit"):
            await receive(emitted.kit, client, root="homeostat/")
        assert [a.name for a in emitted.alerts] == ["A0", "A1"]
    assert [m.n for m in client.acknowledged] == [0, 1]
    assert client.dropped == 1, "nobody sends a message at QoS 0 again"


class LoopingClient:
    """A connection to a broker that gives back what is sent to it, or keeps it."""

    def __init__(self, back: Back, *, gives_back: bool = True, refuses: int = 0) -> None:
        self.back, self.gives_back, self.refuses = back, gives_back, refuses
        self.sent: list[str] = []

    async def subscribe(self, _topics: list[str]) -> None:
        if self.refuses:
            self.refuses -= 1
            raise Temporary("the broker refuses the subscription")

    async def send(self, topic: str, payload: bytes, *, expiry_seconds: int) -> None:
        assert expiry_seconds > 0
        self.sent.append(topic)
        if self.gives_back and not self.back.full():
            self.back.put_nowait(b"of an earlier life")
            self.back.put_nowait(payload)


async def test_a_connection_says_that_it_lives_though_nothing_comes() -> None:
    """F-STORM-07"""
    async with collecting() as emitted:
        emitted.failures = 1
        emitted.kit = Hasty(emitted.kit)  # type: ignore[assignment]
        back = Back(10)
        client: Any = LoopingClient(back, refuses=1)
        signs = asyncio.create_task(show_life(emitted.kit, client, back, "homeostat/loop/me"))
        try:
            await eventually(lambda: len(emitted.signals) > 2, within=3, what="signs", every=0.005)
        finally:
            signs.cancel()
    assert set(emitted.signals) == {Alive(source="")}
    assert set(client.sent) == {"homeostat/loop/me"}


async def test_a_broker_that_takes_everything_and_delivers_nothing_gives_no_sign_of_life() -> None:
    """F-NW-03"""
    async with collecting() as emitted:
        emitted.kit = Hasty(emitted.kit)  # type: ignore[assignment]
        back = Back(10)
        client: Any = LoopingClient(back, gives_back=False)
        signs = asyncio.create_task(
            show_life(emitted.kit, client, back, "homeostat/loop/me", every=0.01)
        )
        try:
            await eventually(lambda: len(client.sent) > 3, within=3, what="tries", every=0.005)
            assert emitted.signals == []
            client.gives_back = True
            await eventually(lambda: emitted.signals, within=3, what="a sign", every=0.005)
        finally:
            signs.cancel()
    assert set(emitted.signals) == {Alive(source="")}


class Hasty:
    """A kit whose pauses are hardly kept."""

    def __init__(self, kit: SourceKit) -> None:
        self._kit = kit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kit, name)

    async def sleep(self, _seconds: float) -> None:
        await asyncio.sleep(0.001)
