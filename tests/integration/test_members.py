"""Members of the machinery on a real broker: wills, words, and an access list.

The sub-agent is a process (tests/support/sub_agent.py); what it says is heard by the shipped MQTT
source, what it is told goes through the shipped broker connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from agent.model.alert import Alive, Heartbeat
from agent.model.errors import Temporary
from agent.model.signals import Mode
from agent.ports.kit import MemberTold
from agent.runtime import broker as broker_module
from agent.runtime.broker import Broker, Connection
from agent.runtime.http_client import AiohttpHttp
from agent.runtime.members import Members
from plugins.sources import mqtt as mqtt_source
from plugins.sources.mqtt import Mqtt
from tests.support.kits import RealClock
from tests.support.running import program
from tests.support.servers import Mosquitto
from tests.support.source_kit import Emitted, collecting
from tests.support.sub_agent import sub_agent
from tests.support.told_members import registry
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

Start = Callable[..., Awaitable[Mosquitto]]
ACCESS = Path(__file__).parents[2] / "deploy/connect/mosquitto.acl"


@asynccontextmanager
async def listening(broker: Mosquitto, **params: Any) -> AsyncIterator[Emitted]:
    async with collecting() as emitted:
        given = Mqtt(host="127.0.0.1", port=broker.port, **params)
        task = asyncio.create_task(mqtt_source.listen.run(emitted.kit, given))
        try:
            yield emitted
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def telling(broker: Mosquitto, **params: Any) -> AsyncIterator[Members]:
    at = Connection(host="127.0.0.1", port=broker.port, **params)
    members = Members(
        products=registry, http=AiohttpHttp(RealClock()), broker=Broker(at, RealClock())
    )
    try:
        yield members
    finally:
        await members.close()


def beats(emitted: Emitted, agent: str = "indexer") -> list[Heartbeat]:
    return [s for s in emitted.signals if isinstance(s, Heartbeat) and s.agent == agent]


async def heard(emitted: Emitted, look: Callable[[list[Heartbeat]], Any], what: str) -> None:
    await eventually(lambda: look(beats(emitted)), within=20, what=what)


def works(found: list[Heartbeat]) -> bool:
    return len(found) >= 2 and found[-1].alive


def says(mode: Mode) -> Callable[[list[Heartbeat]], bool]:
    return lambda found: bool(found) and found[-1].mode is mode


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, "block"], ids=str)
async def test_a_member_that_dies_stops_or_blocks_is_reported_by_its_will(
    mosquitto: Start, tmp_path: Path, how: signal.Signals | str
) -> None:
    """Killed at once; stopped and blocked once the broker misses its pings."""
    broker = await mosquitto()
    async with (
        listening(broker) as emitted,
        sub_agent(tmp_path / "indexer", broker.port) as indexer,
    ):
        await heard(emitted, works, "it beats")
        if isinstance(how, str):
            await indexer.tell(how)
        else:
            os.kill(indexer.pid, how)
        try:
            await heard(emitted, lambda found: not found[-1].alive, "its will")
        finally:
            await indexer.kill()


async def test_a_clean_end_and_a_return_leave_no_will_behind(
    mosquitto: Start, tmp_path: Path
) -> None:
    broker = await mosquitto()
    async with (
        listening(broker) as emitted,
        sub_agent(tmp_path / "indexer", broker.port) as indexer,
    ):
        await heard(emitted, works, "it beats")
        await indexer.kill()
        await heard(emitted, lambda found: not found[-1].alive, "its will")
        await indexer.start()
        await heard(emitted, lambda found: found[-1].alive, "it is back")
        assert len({beat.boot for beat in beats(emitted) if beat.boot}) == 2


async def test_a_hung_member_beats_on_and_its_work_stands(mosquitto: Start, tmp_path: Path) -> None:
    broker = await mosquitto()
    async with (
        listening(broker) as emitted,
        sub_agent(tmp_path / "indexer", broker.port, "--every", "0.1") as indexer,
    ):
        await heard(emitted, works, "it beats")
        await indexer.tell("hang")
        await heard(
            emitted,
            lambda found: len(found) > 8 and len({b.work for b in found[-5:]}) == 1,
            "its counter stands",
        )
        assert beats(emitted)[-1].alive


async def test_a_quarantine_is_obeyed_confirmed_and_outlives_member_and_broker(
    mosquitto: Start, tmp_path: Path
) -> None:
    broker = await mosquitto(persistence=True)
    async with (
        listening(broker) as emitted,
        sub_agent(tmp_path / "indexer", broker.port) as indexer,
    ):
        async with telling(broker) as members:
            await heard(emitted, says(Mode.ACT), "it acts")
            assert await members.told("indexer") == MemberTold()
            before = await members.tell("indexer", key="i-1/1/q", mode=Mode.OBSERVE)
            assert before == MemberTold()
            await heard(emitted, says(Mode.OBSERVE), "it says so")
            worked = beats(emitted)[-1].work
            again = await members.tell("indexer", key="i-1/1/q", mode=Mode.OBSERVE)
            assert again == before

            await indexer.kill()
            await heard(emitted, lambda found: not found[-1].alive, "its will")
            await indexer.start()
            await heard(emitted, says(Mode.OBSERVE), "it is in quarantine in its next life")

            await broker.kill()
            await broker.start()
            told = await eventually(
                lambda: _told(members), within=20, what="the broker is back", every=0.3
            )
            assert (told.mode, told.key) == (Mode.OBSERVE, "i-1/1/q")
        async with telling(broker) as anew:
            assert (await anew.told("indexer")).mode is Mode.OBSERVE
            await anew.tell("indexer", key="i-1/2/r", mode=Mode.ACT)
            count = len(beats(emitted))
            await heard(
                emitted, lambda found: len(found) > count and says(Mode.ACT)(found), "it acts again"
            )
            assert worked is not None


async def _told(members: Members) -> MemberTold | None:
    try:
        return await members.told("indexer")
    except Temporary:
        return None


async def test_a_member_runs_what_it_is_told_to(mosquitto: Start, tmp_path: Path) -> None:
    broker = await mosquitto()
    async with (
        listening(broker) as emitted,
        sub_agent(tmp_path / "indexer", broker.port, "--version", "9.9"),
        telling(broker) as members,
    ):
        await heard(emitted, lambda found: found and found[-1].version == "9.9", "the wrong one")
        await members.tell("indexer", key="k", version="1.4.2", config_hash="ab12")
        await heard(
            emitted,
            lambda found: (found[-1].version, found[-1].config_hash) == ("1.4.2", "ab12"),
            "the right one",
        )


async def test_a_broker_that_is_gone_is_tried_again_and_said_in_words(
    mosquitto: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "ANSWER_SECONDS", 0.5)
    broker = await mosquitto()
    await broker.stop()
    async with telling(broker) as members:
        with pytest.raises(Temporary, match="does not answer"):
            await members.tell("indexer", key="k", mode=Mode.OBSERVE)
        await broker.start()
        await eventually(lambda: _told(members), within=20, what="it answers", every=0.3)


# the access list that is shipped


async def guarded(mosquitto: Start, folder: Path, *, access: str = "") -> Mosquitto:
    """A broker on which everybody logs in, with the access list of deploy/."""
    passwords, rules = folder / "passwords", folder / "access"
    for number, user in enumerate(("homeostat", "indexer", "ranker")):
        flags = ["-b", "-c"] if number == 0 else ["-b"]
        made = await asyncio.create_subprocess_exec(
            program("mosquitto_passwd"), *flags, str(passwords), user, f"{user}-secret"
        )
        assert await made.wait() == 0
    rules.write_text(access or ACCESS.read_text())
    for file in (passwords, rules, folder / "secret"):
        file.touch()
        file.chmod(0o600)
    (folder / "secret").write_text("homeostat-secret\n")
    settings = ["allow_anonymous false", f"password_file {passwords}", f"acl_file {rules}"]
    return await mosquitto(settings=settings)


def login(folder: Path) -> dict[str, Any]:
    return {"username": "homeostat", "password_file": os.fspath(folder / "secret")}


def as_member(broker: Mosquitto, name: str, **settings: Any) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1", broker.port, username=name, password=f"{name}-secret", **settings
    )


async def test_the_access_list_lets_a_member_speak_for_itself_only(
    mosquitto: Start, tmp_path: Path
) -> None:
    """A forged topic: neither a beat nor a word nor a will of another comes through."""
    broker = await guarded(mosquitto, tmp_path)
    forged = aiomqtt.Will("homeostat/heartbeats/ranker", b'{"alive": false}', qos=1)
    async with listening(broker, **login(tmp_path)) as emitted:
        await eventually(lambda: Alive(source="") in emitted.signals, within=10, what="it lives")
        indexer = as_member(broker, "indexer", will=forged)
        async with indexer:
            for topic in ("heartbeats/ranker", "control/ranker", "telemetry/ranker"):
                await indexer.publish(f"homeostat/{topic}", b'{"mode": "act"}', qos=1, retain=True)
            await indexer.publish("homeostat/heartbeats/indexer", b'{"seq": 1}', qos=1)
            await eventually(lambda: beats(emitted), within=5, what="its own beat")
            indexer._client._sock_close()
        await asyncio.sleep(0.5)
    assert beats(emitted, "ranker") == []
    async with telling(broker, **login(tmp_path)) as members:
        assert await members.told("indexer") == MemberTold()


async def test_a_member_hears_what_it_is_told_under_the_access_list(
    mosquitto: Start, tmp_path: Path
) -> None:
    broker = await guarded(mosquitto, tmp_path)
    async with telling(broker, **login(tmp_path)) as members, as_member(broker, "indexer") as own:
        await own.subscribe([("homeostat/control/indexer", 1), ("homeostat/control/ranker", 1)])
        await members.tell("indexer", key="k", mode=Mode.OBSERVE)
        message = await asyncio.wait_for(anext(own.messages), 5)
        assert str(message.topic) == "homeostat/control/indexer"
        assert json.loads(message.payload)["mode"] == "observe"


async def test_a_word_the_access_list_drops_is_not_said(
    mosquitto: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mosquitto acknowledges it all the same; only what stands there counts."""
    monkeypatch.setattr(broker_module, "ANSWER_SECONDS", 1.0)
    rules = "user homeostat\ntopic readwrite homeostat/loop/#\ntopic read homeostat/control/#\n"
    broker = await guarded(mosquitto, tmp_path, access=rules)
    async with telling(broker, **login(tmp_path)) as members:
        assert await members.told("indexer") == MemberTold()
        with pytest.raises(Temporary, match="does not let homeostat-says write"):
            await members.tell("indexer", key="k", mode=Mode.OBSERVE)


async def test_a_round_trip_that_is_lost_is_no_sign_of_life(
    mosquitto: Start, tmp_path: Path
) -> None:
    """F-NW-03: the broker takes everything, answers every ping, and does not deliver. Where it
    does, the first sign comes at once (the test of the access list waits for it)."""
    rules = "user homeostat\ntopic readwrite homeostat/alerts/#\ntopic write homeostat/loop/#\n"
    broker = await guarded(mosquitto, tmp_path, access=rules)
    async with listening(broker, **login(tmp_path)) as emitted:
        alert = json.dumps({"labels": {"alertname": "Down"}}).encode()
        async with as_member(broker, "homeostat") as sender:
            await eventually(
                lambda: _heard_alert(sender, emitted, alert), within=10, what="alerts come"
            )
        await asyncio.sleep(1.0)
        assert not [s for s in emitted.signals if isinstance(s, Alive)]


async def _heard_alert(sender: aiomqtt.Client, emitted: Emitted, alert: bytes) -> bool:
    await sender.publish("homeostat/alerts/product/shop", alert, qos=1)
    return bool(emitted.alerts)
