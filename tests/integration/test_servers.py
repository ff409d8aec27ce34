"""The real parts the other tests stand on work as those tests take for granted."""

from __future__ import annotations

import asyncio
import os
import signal
import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.support import running, servers
from tests.support.receivers import Received
from tests.support.waiting import eventually

QUEUE_RULE = servers.rule(
    "ShopQueueGrows",
    "breakable_queue_depth > 20",
    labels={"severity": "critical", "layer": "product", "product": "shop"},
    annotations={"summary": "the queue grows"},
)


def alert_status(received: Received, status: str) -> bool:
    return any(alert.get("status") == status for alert in received.json().get("alerts", []))


async def test_a_breakable_process_breaks_for_real_and_a_restart_heals_it(breakable: Any) -> None:
    shop = await breakable(name="shop")
    assert (await shop.json("/health"))["ok"] is True
    await eventually(shop.metrics, within=5, what="metrics")
    assert 'breakable_build_info{service="shop",version="v1"} 1' in await shop.metrics()

    await shop.break_it("errors")
    status, _ = await running.http_get(f"{shop.url}/health")
    assert status == 503
    await shop.stop()
    await shop.start()
    assert (await shop.json("/health"))["ok"] is True

    os.kill(shop.pid, signal.SIGUSR1)
    await eventually(lambda: is_hung(shop), within=5, what="it hangs")
    assert await shop.stop() == -signal.SIGTERM, "a hung process still ends on SIGTERM"


@pytest.mark.integration
async def test_prometheus_scrapes_and_a_rule_fires_straight_to_a_receiver(
    prometheus: Any, breakable: Any, recorder: Any
) -> None:
    shop = await breakable()
    receiver = await recorder(bearer="secret")
    server = await prometheus(
        targets={"shop": shop.address},
        rules=[QUEUE_RULE],
        alertmanagers=[receiver.url],
        bearer="secret",
        resend_delay="1s",
    )
    await eventually(
        lambda: server.query('breakable_work_total{result="done"} > 0'), within=15, what="a sample"
    )
    assert await server.firing() == []

    await shop.break_it("errors")
    received = await receiver.wait_for(
        lambda r: r.path == "/api/v2/alerts", within=15, what="alert from Prometheus"
    )
    [alert] = received.json()
    assert alert["labels"]["alertname"] == "ShopQueueGrows"
    assert alert["labels"]["product"] == "shop"
    assert "startsAt" in alert
    assert "endsAt" in alert
    assert len(await server.firing()) == 1

    await shop.stop()
    await shop.start()
    await eventually(lambda: is_quiet(server), within=15, what="the alert ends")


async def is_hung(shop: servers.Breakable) -> bool:
    try:
        await running.http_get(f"{shop.url}/health", timeout_seconds=0.3)
    except OSError:
        return True
    return False


async def is_quiet(server: servers.Prometheus) -> bool:
    return not await server.firing()


@pytest.mark.integration
async def test_an_alert_goes_through_alertmanager_to_a_webhook(
    prometheus: Any, alertmanager: Any, breakable: Any, recorder: Any
) -> None:
    shop = await breakable()
    receiver = await recorder(bearer="secret")
    between = await alertmanager(webhook=f"{receiver.url}/webhook/alertmanager", bearer="secret")
    await prometheus(
        targets={"shop": shop.address},
        rules=[QUEUE_RULE],
        alertmanagers=[between.url],
        resend_delay="1s",
    )
    await shop.break_it("errors")
    fired = await receiver.wait_for(
        lambda r: alert_status(r, "firing"), within=20, what="webhook, firing"
    )
    assert fired.path == "/webhook/alertmanager"
    assert fired.json()["version"] == "4"
    assert len(await between.alerts()) == 1

    await shop.stop()
    await shop.start()
    await receiver.wait_for(
        lambda r: alert_status(r, "resolved"), within=20, what="webhook, resolved"
    )


@pytest.mark.integration
async def test_amtool_can_add_an_alert(alertmanager: Any, recorder: Any) -> None:
    receiver = await recorder()
    server = await alertmanager(webhook=receiver.url)
    status = await servers.amtool(
        "alert", "add", "alertname=ByHand", "product=shop", url=server.url
    )
    assert status == 0
    await receiver.wait_for(lambda r: alert_status(r, "firing"), within=10)


@pytest.mark.integration
async def test_mosquitto_passes_messages_on(mosquitto: Any) -> None:
    broker = await mosquitto()
    async with (
        aiomqtt.Client("127.0.0.1", broker.port) as reader,
        aiomqtt.Client("127.0.0.1", broker.port) as writer,
    ):
        await reader.subscribe("homeostat/alerts/#", qos=1)
        await writer.publish("homeostat/alerts/product/shop", b"{}", qos=1)
        message = await anext(aiter(reader.messages))
        assert (str(message.topic), message.payload) == ("homeostat/alerts/product/shop", b"{}")


@pytest.mark.integration
async def test_mosquitto_keeps_its_queue_over_a_restart(mosquitto: Any) -> None:
    broker = await mosquitto(persistence=True)
    session = {"identifier": "agent", "clean_session": False}
    async with aiomqtt.Client("127.0.0.1", broker.port, **session) as reader:
        await reader.subscribe("alerts", qos=1)
    async with aiomqtt.Client("127.0.0.1", broker.port) as writer:
        await writer.publish("alerts", b"kept", qos=1)

    await broker.stop()
    await broker.start()

    async with aiomqtt.Client("127.0.0.1", broker.port, **session) as reader:
        assert (await anext(aiter(reader.messages))).payload == b"kept"


async def test_the_mail_server_keeps_and_refuses(smtp: Any) -> None:
    mailbox = await smtp()
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "shop is down", "a@test", "b@test"
    mail.set_content("what was tried")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", mailbox.port, timeout=5) as client:
            client.send_message(mail)

    await asyncio.to_thread(send)
    kept = await mailbox.wait_for(1, within=5)
    assert kept["Subject"] == "shop is down"
    assert mailbox.recipients == [("b@test",)]

    mailbox.refuse.append("451 later")
    with pytest.raises(smtplib.SMTPDataError):
        await asyncio.to_thread(send)


async def test_the_recorder_checks_the_bearer_and_answers_as_told(recorder: Any) -> None:
    receiver = await recorder(bearer="secret")
    status, _ = await running.http_get(receiver.url)
    assert status == 401
    assert receiver.requests == []

    receiver.bearer = None
    receiver.answers.append(503)
    assert (await running.http_get(receiver.url))[0] == 503
    assert (await running.http_get(receiver.url))[0] == 200
    assert len(receiver.requests) == 2


async def test_a_program_that_ends_at_once_is_an_error_with_its_output(tmp_path: Path) -> None:
    broken = running.Running(
        ["/bin/sh", "-c", "echo no such thing; exit 7"],
        folder=tmp_path,
        ready=lambda: running.accepts(1),
    )
    with pytest.raises(AssertionError, match=r"(?s)ended with 7.*no such thing"):
        await broken.start()


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(running.ProgramMissing, match="apt-get install"):
        running.program("no-such-program")
