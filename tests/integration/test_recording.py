"""The stand-in refuses what the services refuse: without that, a contract proved against it is
worth nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
import pytest

from tests.support.recording import Recording, recording

KEY = "k" * 32
ALERT = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "a",
    "payload": {"summary": "s", "source": "x", "severity": "error"},
}


async def post(url: str, body: Any) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with aiohttp.ClientSession() as session, session.post(url, data=data) as reply:
        await reply.read()
        return reply.status


def alert(**payload: Any) -> dict[str, Any]:
    return ALERT | {"payload": {**ALERT["payload"], **payload}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (ALERT, 202),
        (alert(summary="x" * 1024), 202),
        (alert(summary="x" * 1025), 400),
        (alert(summary="🎉" * 513), 400),
        (alert(summary=""), 400),
        (alert(severity="page"), 400),
        (alert(source=""), 400),
        (ALERT | {"dedup_key": "x" * 256}, 400),
        (ALERT | {"routing_key": "short"}, 400),
        (ALERT | {"event_action": "open"}, 400),
        (ALERT | {"links": [{"text": "no address"}]}, 400),
        (alert(custom_details={"text": "x" * 600_000}), 413),
        (b"{", 400),
    ],
    ids=range(13),
)
async def test_pagerduty(event: Any, status: int) -> None:
    async with recording() as r:
        assert await post(r.pagerduty.url + "/v2/enqueue", event) == status
        assert len(r.pagerduty.rings) == (status == 202)


async def test_pagerduty_drops_what_belongs_to_no_open_alert_and_says_202() -> None:
    async with recording() as r:
        url = r.pagerduty.url + "/v2/enqueue"
        over = {"routing_key": KEY, "event_action": "resolve", "dedup_key": "a"}
        other = over | {"routing_key": "o" * 32}
        for event in (over, ALERT, other, ALERT, over, over, ALERT):
            assert await post(url, event) == 202
        assert len(r.pagerduty.dropped) == 3
        assert len(r.pagerduty.rings) == 2
        assert [alert.state for alert in r.pagerduty.alerts] == ["resolved", "triggered"]


def blocks(*them: Any) -> dict[str, Any]:
    return {"text": "t", "blocks": list(them)}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (blocks(section("x" * 3000)), 200),
        (blocks(section("x" * 3001)), 400),
        (blocks(section("")), 400),
        (blocks(*[section("x")] * 50), 200),
        (blocks(*[section("x")] * 51), 400),
        (blocks({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}), 400),
        (blocks({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}), 400),
        (blocks({"type": "unheard"}), 400),
        ({"text": "x" * 40_001}, 400),
        ({}, 400),
        (b"no json", 400),
    ],
    ids=range(11),
)
async def test_slack(message: Any, status: int) -> None:
    async with recording() as r:
        assert await post(r.slack.url, message) == status
        assert len(r.slack.messages) == (status == 200)


@pytest.mark.parametrize("text", ["<!channel>", "<@U1>", "<http://evil|ok>", "hi @everyone"])
async def test_slack_notices_a_call(text: str) -> None:
    async with recording() as r:
        await post(r.slack.url, blocks(section(text)))
        assert len(r.slack.calls) == 1


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"topic": "t", "message": "x" * 4096}, 200),
        ({"topic": "t", "message": "é" * 2049}, 413),
        ({"topic": "t", "message": '"' * 4096}, 413),
        ({"topic": "a/b", "message": "x"}, 400),
        ({"topic": "t", "priority": 6}, 400),
        ({"topic": "t", "actions": [{"action": "view", "label": "x", "url": "http://h"}] * 4}, 400),
        ({"topic": "t", "click": "javascript:1"}, 400),
    ],
    ids=range(7),
)
async def test_ntfy(message: Any, status: int) -> None:
    async with recording() as r:
        assert await post(r.ntfy.url + "/", message) == status
        assert await post(r.ntfy.url + "/t", message) == 400


async def broken(r: Recording) -> int | str:
    try:
        return await post(r.webhook.url, b"{}")
    except aiohttp.ClientError:
        return "cut"


async def test_faults_come_in_order_and_end() -> None:
    async with recording() as r:
        r.fail("webhook", status=503, times=2)
        r.fail("webhook", reset=True)
        assert [await broken(r) for _ in range(4)] == [503, 503, "cut", 422]
        r.webhook.is_down = True
        assert await broken(r) == "cut"
        assert [got.status for got in r.webhook.received] == [503, 503, None, 422, None]


async def test_it_runs_as_a_process_that_tells_what_it_recorded() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.recording", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        await post(f"{url}/fail", {"service": "pagerduty", "status": 500})
        assert await post(f"{url}/pagerduty/v2/enqueue", ALERT) == 500
        assert await post(f"{url}/pagerduty/v2/enqueue", ALERT) == 202
        async with aiohttp.ClientSession() as session, session.get(f"{url}/recorded") as reply:
            told = await reply.json()
        assert told["pagerduty"]["rings"] == ["s"]
        assert [each["status"] for each in told["pagerduty"]["requests"]] == [500, 202]
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)
    assert process.returncode == 0
