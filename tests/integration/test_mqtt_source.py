"""The MQTT source on a real broker: nothing is acknowledged before it is committed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from agent.model.alert import Heartbeat, Telemetry
from agent.model.signals import Counters
from plugins.sources.mqtt import MOST, MOST_WAITING, AckingClient, Mqtt, inner_client
from plugins.sources.mqtt import listen as source
from tests.support.servers import Mosquitto
from tests.support.source_kit import Emitted, collecting
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
Broker = Callable[..., Awaitable[Mosquitto]]


@asynccontextmanager
async def listening(broker: Mosquitto, **params: Any) -> AsyncIterator[Emitted]:
    async with collecting() as emitted:
        given = Mqtt(host="127.0.0.1", port=broker.port, **params)
        task = asyncio.create_task(source.run(emitted.kit, given))
        try:
            await eventually(
                lambda: probe(broker, emitted), within=10, every=0.1, what="the source listens"
            )
            yield emitted
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def probe(broker: Mosquitto, emitted: Emitted) -> bool:
    await publish(broker, "heartbeats/probe", {})
    await asyncio.sleep(0.05)
    return bool(beats(emitted, "probe"))


def client(broker: Mosquitto, **settings: Any) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", broker.port, **settings)


def alert(name: str, **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, **labels},
        "status": "firing",
        "startsAt": "2026-03-01T10:00:00Z",
    }


async def publish(broker: Mosquitto, topic: str, *payloads: Any, retain: bool = False) -> None:
    async with client(broker) as publisher:
        for payload in payloads:
            data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
            await publisher.publish(f"homeostat/{topic}", data, qos=1, retain=retain)


def names(emitted: Emitted) -> list[str]:
    return [alert.name for alert in emitted.alerts]


def beats(emitted: Emitted, agent: str) -> list[Heartbeat]:
    return [s for s in emitted.signals if isinstance(s, Heartbeat) and s.agent == agent]


async def test_delivers_what_all_three_topics_carry(mosquitto: Broker) -> None:
    broker = await mosquitto()
    async with listening(broker) as emitted:
        await publish(broker, "alerts/product/shop", alert("Down"))
        await publish(broker, "heartbeats/indexer", {"seq": 7})
        await publish(broker, "telemetry/indexer", {"tasks": 9})
        told = Telemetry(agent="indexer", counters=Counters(tasks=9.0))
        await eventually(
            lambda: names(emitted) and beats(emitted, "indexer") and told in emitted.signals,
            within=5,
            what="all three",
        )
    [received] = emitted.alerts
    assert received.labels == {"alertname": "Down", "layer": "product", "product": "shop"}
    assert beats(emitted, "indexer") == [Heartbeat(agent="indexer", seq=7)]


async def test_a_beat_that_cannot_be_read_is_one_and_is_kept(mosquitto: Broker) -> None:
    """The broker let it on the topic of this member, so that it lives."""
    broker = await mosquitto()
    async with listening(broker) as emitted:
        await publish(broker, "heartbeats/indexer", b"online", {"agent": "other"})
        await eventually(lambda: len(emitted.quarantined) == 2, within=5, what="both are kept")
    [beat, forged] = beats(emitted, "indexer")
    assert (beat.alive, beat.is_sign, forged.is_sign) == (True, True, False)
    assert "the body is no flat JSON object" in beat.faults[0]
    assert "names another agent" in emitted.quarantined[1][1]


async def test_a_burst_is_few_commits(mosquitto: Broker) -> None:
    broker = await mosquitto()
    async with listening(broker) as emitted:
        await publish(broker, "alerts/product/shop", *(alert(f"A{i}") for i in range(10)))
        already = len(emitted.batches)
        emitted.failures = 1  # while the source is away, all of it waits in the broker
        await publish(broker, "alerts/product/shop", *(alert(f"B{i}") for i in range(700)))
        await eventually(
            lambda: {f"B{i}" for i in range(700)} <= set(names(emitted)), within=15, what="all"
        )
    assert len(emitted.batches) - already < 200
    assert max(len(batch) for batch in emitted.batches) <= MOST


async def test_store_unavailable_means_sent_again(mosquitto: Broker) -> None:
    broker = await mosquitto()
    async with listening(broker) as emitted:
        emitted.failures = 2
        await publish(broker, "alerts/product/shop", alert("Down"))
        await eventually(lambda: names(emitted), within=10, what="delivered in the end")
    assert emitted.failures == 0
    assert set(names(emitted)) == {"Down"}


async def test_what_cannot_be_read_is_kept_and_then_acknowledged(mosquitto: Broker) -> None:
    broker = await mosquitto()
    bodies = [b"not json", json.dumps(alert("X", product="other")).encode(), b"[" * 200]
    async with listening(broker, client_id="once") as emitted:
        await publish(broker, "alerts/product/shop", *bodies, alert("Good"))
        await eventually(lambda: names(emitted) == ["Good"], within=5, what="the good one")
        await eventually(lambda: len(emitted.quarantined) == 3, within=5, what="three kept")
        await asyncio.sleep(0.2)
    assert [body for body, _ in emitted.quarantined] == bodies
    assert "topic and payload disagree" in emitted.quarantined[1][1]
    assert "alerts/product/shop" in emitted.quarantined[1][1]
    async with listening(broker, client_id="once") as again:
        pass
    assert again.quarantined == []
    assert names(again) == []


async def test_quarantine_that_fails_is_not_acknowledged(mosquitto: Broker) -> None:
    broker = await mosquitto()
    async with listening(broker) as emitted:
        emitted.failures = 1
        await publish(broker, "alerts/product/shop", b"not json")
        await eventually(lambda: emitted.quarantined, within=10, what="kept in the end")
    assert emitted.failures == 0


async def test_messages_wait_while_we_are_away(mosquitto: Broker) -> None:
    broker = await mosquitto()
    async with listening(broker):
        pass
    await publish(broker, "alerts/machinery/shop", *(alert(f"A{i}") for i in range(20)))
    async with listening(broker) as emitted:
        await eventually(lambda: len(names(emitted)) >= 20, within=5, what="all 20")
    assert names(emitted) == [f"A{i}" for i in range(20)]


async def test_broker_goes_and_comes_back(mosquitto: Broker) -> None:
    broker = await mosquitto(persistence=True)
    async with listening(broker) as emitted:
        await broker.kill()
        await asyncio.sleep(0.3)
        await broker.start()
        await publish(broker, "alerts/product/shop", alert("After"))
        await eventually(lambda: "After" in names(emitted), within=15, what="after the restart")


async def test_last_will_of_a_killed_client(mosquitto: Broker) -> None:
    broker = await mosquitto()
    script = (
        "import asyncio, aiomqtt\n"
        "async def main():\n"
        "    will = aiomqtt.Will('homeostat/heartbeats/indexer', b'{\"alive\": false}', 1, True)\n"
        f"    async with aiomqtt.Client('127.0.0.1', {broker.port}, will=will) as c:\n"
        "        await c.publish('homeostat/heartbeats/indexer', b'{\"seq\": 1}', 1)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    async with listening(broker) as emitted:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        try:
            await eventually(lambda: beats(emitted, "indexer"), within=10, what="it lives")
            process.send_signal(signal.SIGKILL)
            await eventually(lambda: len(beats(emitted, "indexer")) == 2, within=5, what="its will")
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    assert [beat.alive for beat in beats(emitted, "indexer")] == [True, False]


async def test_retained_messages_come_with_a_new_session_only(mosquitto: Broker) -> None:
    broker = await mosquitto()
    await publish(broker, "heartbeats/dead", {"alive": False}, retain=True)
    await publish(broker, "heartbeats/living", {"seq": 1}, retain=True)
    async with listening(broker) as first:
        await eventually(lambda: beats(first, "dead"), within=5, what="the retained will")
    async with listening(broker) as second:
        await asyncio.sleep(0.2)
    assert beats(first, "living") == []
    assert beats(second, "dead") == []


async def test_an_empty_message_is_acknowledged_and_means_nothing(mosquitto: Broker) -> None:
    broker = await mosquitto()
    async with listening(broker) as emitted:
        await publish(broker, "heartbeats/a", b"", retain=True)
        await publish(broker, "alerts/product/shop", b"", alert("Good"))
        await eventually(lambda: names(emitted) == ["Good"], within=5, what="the good one")
    assert beats(emitted, "a") == []
    assert emitted.quarantined == []


async def run_consumer(port: int, ledger: Path, crash: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.mqtt_consumer", str(port), str(ledger), crash),
        cwd=ROOT,
    )


async def test_nothing_is_lost_at_kill_9(mosquitto: Broker, tmp_path: Path) -> None:
    broker = await mosquitto()
    ledger = tmp_path / "ledger"
    # The session exists from here on; the messages then wait for the consumer.
    async with listening(broker, client_id="consumer"):
        pass
    sent = {f"A{i}" for i in range(600)}
    await publish(broker, "alerts/product/shop", *map(alert, sorted(sent)))

    crashed = await run_consumer(broker.port, ledger, "before")
    assert await asyncio.wait_for(crashed.wait(), 20) == -signal.SIGKILL
    assert not ledger.exists()
    crashed = await run_consumer(broker.port, ledger, "after")
    assert await asyncio.wait_for(crashed.wait(), 20) == -signal.SIGKILL
    once = ledger.read_text().split()
    assert 0 < len(once) <= MOST

    living = await run_consumer(broker.port, ledger, "never")
    try:
        await eventually(
            lambda: set(ledger.read_text().split()) == sent, within=20, what="all arrived"
        )
    finally:
        living.terminate()
        await living.wait()
    seen = Counter(ledger.read_text().split())
    # What was committed and not acknowledged comes twice: the ledger folds it by its key.
    assert {name for name, times in seen.items() if times == 2} == set(once)
    assert max(seen.values()) == 2


async def test_the_private_hook_is_there_and_holds_the_acknowledgement_back(
    mosquitto: Broker,
) -> None:
    """Fails when aiomqtt or paho change under us: then alerts would be lost at a crash."""
    broker = await mosquitto()
    params = Mqtt(host="127.0.0.1", port=broker.port, client_id="hook")
    assert callable(inner_client(client(broker)).ack)
    async with AckingClient(params) as first:
        await first.subscribe(["homeostat/alerts/+/+"])
        await publish(broker, "alerts/product/shop", alert("Down"))
        assert len(await asyncio.wait_for(first.take(), 5)) == 1
        assert first.inner._manual_ack is True
    async with AckingClient(params) as second:
        again = await asyncio.wait_for(second.take(), 5)
        assert len(again) == 1
        second.acknowledge(again)
    async with AckingClient(params) as third:
        await publish(broker, "alerts/product/shop", alert("Next"))
        [message] = await asyncio.wait_for(third.take(), 5)
        assert b"Next" in bytes(message.payload)  # type: ignore[arg-type]


async def test_login_from_a_file(mosquitto: Broker, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    made = await asyncio.create_subprocess_exec(
        "mosquitto_passwd", "-b", "-c", str(passwords), "agent", "secret"
    )
    assert await made.wait() == 0
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    passwords.chmod(0o644)
    broker = await mosquitto(settings=["allow_anonymous false", f"password_file {passwords}"])
    login = Mqtt(
        host="127.0.0.1", port=broker.port, username="agent", password_file=os.fspath(secret)
    )
    async with AckingClient(login) as connected:
        await connected.subscribe(["homeostat/alerts/+/+"])
    with pytest.raises(aiomqtt.MqttError):
        async with AckingClient(login.model_copy(update={"username": "nobody"})):
            pass


async def test_a_backlog_larger_than_the_queue_comes_in_whole(mosquitto: Broker) -> None:
    """However much of it the broker sends at once."""
    broker = await mosquitto(settings=["max_queued_messages 0", "max_inflight_messages 500"])
    wanted = {f"A{n}" for n in range(3 * MOST_WAITING)}
    async with listening(broker, client_id="away") as emitted:
        emitted.failures = 1000
        await publish(broker, "alerts/product/shop", *map(alert, sorted(wanted)))
    async with listening(broker, client_id="away") as again:
        await eventually(lambda: wanted <= set(names(again)), within=30, what="all", every=0.1)
