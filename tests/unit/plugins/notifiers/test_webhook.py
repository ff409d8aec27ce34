"""Pages as JSON by HTTP."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from email.utils import formatdate

import pytest

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from agent.ports.safe_text import TEXT_CHARACTERS
from tests.support.loopback import never, serving, status
from tests.support.notifying import HOSTILE, PAGE, notify
from tests.support.recording import recording
from tests.support.running import free_port


async def test_webhook_posts_json() -> None:
    async with serving(status(202)) as receiver:
        receipt = await notify("webhook", secrets={"token": "t0p"}, url=receiver.url + "/in")
    assert receipt == "answered 202"
    (got,) = receiver.received
    assert (got.method, got.path) == ("POST", "/in")
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Idempotency-Key"] == PAGE.key
    assert got.headers["Authorization"] == "Bearer t0p"
    assert json.loads(got.body) == {
        "key": PAGE.key,
        "telling": "page",
        "topic": "inc-1/topic",
        "to": "team-pay",
        "title": PAGE.title,
        "text": PAGE.text,
        "severity": "critical",
        "incident": "inc-1",
        "link": PAGE.link,
        "who": "",
    }


async def test_webhook_takes_its_address_from_a_secret_and_needs_one() -> None:
    async with serving(status(200)) as receiver:
        await notify("webhook", secrets={"url": receiver.url})
        assert len(receiver.received) == 1
    with pytest.raises(Permanent, match="needs an address"):
        await notify("webhook")


async def test_webhook_sends_hostile_text_as_safe_json() -> None:
    async with serving(status(200)) as receiver:
        await notify("webhook", HOSTILE, url=receiver.url)
    body = json.loads(receiver.received[0].body)
    assert "@everyone" not in body["title"]
    assert len(body["text"]) == TEXT_CHARACTERS


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503])
async def test_webhook_answers_that_pass_are_temporary(code: int) -> None:
    async with serving(status(code)) as receiver:
        with pytest.raises(Temporary, match=str(code)) as caught:
            await notify("webhook", url=receiver.url)
    assert caught.value.after_seconds is None
    assert len(receiver.received) == 1


@pytest.mark.parametrize("code", [301, 400, 401, 404, 410, 413, 422])
async def test_webhook_answers_that_stay_are_permanent(code: int) -> None:
    answer = status(code, headers={"Location": "/elsewhere"})
    async with serving(answer) as receiver:
        with pytest.raises(Permanent, match=str(code)):
            await notify("webhook", url=receiver.url)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("7", 7, 7),
        ("999999999", 3600, 3600),
        (formatdate(0, usegmt=True), 0, 0),
        (formatdate(4_000_000_000, usegmt=True), 3600, 3600),
    ],
)
async def test_webhook_honours_retry_after(text: str, least: float, most: float) -> None:
    async with serving(status(503, headers={"Retry-After": text})) as receiver:
        with pytest.raises(Temporary) as caught:
            await notify("webhook", url=receiver.url)
    assert caught.value.after_seconds is not None
    assert least <= caught.value.after_seconds <= most


async def test_webhook_ignores_a_retry_after_nobody_can_read() -> None:
    async with serving(status(429, headers={"Retry-After": "soon"})) as receiver:
        with pytest.raises(Temporary) as caught:
            await notify("webhook", url=receiver.url)
    assert caught.value.after_seconds is None


async def test_webhook_that_hangs_or_is_not_there_is_temporary() -> None:
    async with serving(never) as receiver:
        with pytest.raises(Temporary, match="did not answer"):
            await notify("webhook", url=receiver.url, timeout_seconds=0.2)
    with pytest.raises(Temporary, match="refuses the connection"):
        await notify("webhook", url=f"http://127.0.0.1:{free_port()}/T0KEN")


async def test_webhook_signs_the_bytes_it_sends() -> None:
    key = b"k" * 32
    async with recording() as r:
        r.webhook.signing_key = key
        secrets = {"signing_key": "whsec_" + base64.b64encode(key).decode()}
        await notify("webhook", HOSTILE, secrets, url=r.webhook.url)
        await notify("webhook", HOSTILE, {"signing_key": key.decode()}, url=r.webhook.url)
        assert len(r.webhook.messages) == 1, "the same key is the same message"
        first, again = r.webhook.received
        assert first.headers["webhook-id"] == again.headers["webhook-id"]
        with pytest.raises(Permanent, match="401"):
            await notify("webhook", PAGE, {"signing_key": "another key " * 3}, url=r.webhook.url)


@pytest.mark.parametrize("key", ["sh0rt", "whsec_sh0rt", "whsec_not base64 sh0rt at all!"])
async def test_webhook_wants_a_signing_key_that_is_one_and_does_not_show_it(key: str) -> None:
    async with recording() as r:
        with pytest.raises(Permanent, match="signing_key") as caught:
            await notify("webhook", PAGE, {"signing_key": key}, url=r.webhook.url)
        assert r.webhook.received == []
    assert "sh0rt" not in str(caught.value)


@pytest.mark.parametrize("telling", list(Telling))
async def test_webhook_says_what_is_told_and_by_whom(telling: Telling) -> None:
    async with recording() as r:
        await notify("webhook", replace(PAGE, telling=telling, who="ada"), url=r.webhook.url)
        (got,) = r.webhook.messages
    assert (got["telling"], got["who"], got["topic"]) == (telling.value, "ada", "inc-1/topic")


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://[::ffff:a9fe:a9fe]/x"])
async def test_webhook_goes_to_no_metadata_service_whoever_wrote_it(url: str) -> None:
    """F-SEC-07"""
    with pytest.raises(Permanent, match="never asked"):
        await notify("webhook", url=url)
