"""Pages on phones through ntfy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from agent.ports.plugin import Message
from tests.support.notifying import PAGE, notify
from tests.support.recording import Recording, recording

TOKEN = "tk_s3cr3t"


async def tell(
    r: Recording, message: Message = PAGE, secrets: dict[str, str] | None = None, **params: Any
) -> dict[str, Any]:
    given = {"topic": "pay-pages", **params}
    assert await notify("ntfy", message, secrets or {}, url=r.ntfy.url, **given) == "published"
    return r.ntfy.messages[-1]


async def test_a_page_is_loud_and_opens_the_incident() -> None:
    async with recording() as r:
        message = await tell(r)
    assert (message["topic"], message["title"]) == ("pay-pages", "pay-api hangs")
    assert message["message"] == PAGE.text
    assert (message["priority"], message["tags"]) == (5, ["rotating_light"])
    assert message["click"] == PAGE.link
    assert [a["label"] for a in message["actions"]] == ["Open", "Acknowledge"]


@pytest.mark.parametrize("telling", [Telling.UPDATE, Telling.ACKNOWLEDGED, Telling.RESOLVED])
async def test_what_is_no_page_makes_no_sound(telling: Telling) -> None:
    async with recording() as r:
        await tell(r, replace(PAGE, key="k2", telling=telling, who="ada"))
        assert r.ntfy.rings == []


@pytest.mark.parametrize(
    ("severity", "priority"), [("critical", 5), ("warning", 4), ("", 4), ("odd", 4), ("info", 3)]
)
async def test_every_page_makes_a_sound(severity: str, priority: int) -> None:
    async with recording() as r:
        assert (await tell(r, replace(PAGE, severity=severity)))["priority"] == priority
        assert len(r.ntfy.rings) == 1


async def test_a_repeat_is_the_same_notification_and_another_page_is_not() -> None:
    """F-NT-02"""
    async with recording() as r:
        r.fail("ntfy", delay_seconds=20)
        with pytest.raises(Temporary, match="did not answer"):
            await tell(r, timeout_seconds=0.3)
        await tell(r)
        assert (len(r.ntfy.messages), len(r.ntfy.rings)) == (2, 1)
        await tell(r, replace(PAGE, key="page/inc-1/2"))
        assert len(r.ntfy.rings) == 2


@pytest.mark.parametrize("sign", ["🎉", "é", '"', "\\", "x", "\n"])
async def test_the_limits_are_counted_in_bytes_of_the_message_and_of_the_json(sign: str) -> None:
    """F-NT-07: a message of quotes is twice as long in JSON."""
    async with recording() as r:
        message = await tell(r, replace(PAGE, title=sign * 250, text="a" + sign * 3998 + "b"))
        assert r.ntfy.refused == []
        (got,) = r.ntfy.received
    assert len(got.body) <= 8192
    assert len(message["message"].encode()) <= 4096
    if sign in '🎉"\\':
        assert message["message"].endswith(f" characters more: {PAGE.link}]")


async def test_a_server_with_smaller_limits_gets_the_beginning() -> None:
    async with recording() as r:
        r.ntfy.message_most = 600
        message = await tell(r, replace(PAGE, title="t", text="x" * 3000))
        assert [got.status for got in r.ntfy.received] == [413, 200]
    assert message["message"].startswith("xxx")
    assert PAGE.link in message["message"]


async def test_the_token_is_sent_and_never_shown() -> None:
    """F-NT-06, F-SEC-08"""
    async with recording() as r:
        r.ntfy.token = TOKEN
        await tell(r, secrets={"token": TOKEN})
        r.ntfy.token = "another"
        with pytest.raises(Permanent, match="403") as caught:
            await tell(r, secrets={"token": TOKEN})
    assert TOKEN not in str(caught.value)


async def test_the_topic_may_be_a_secret_and_is_checked() -> None:
    async with recording() as r:
        await tell(r, secrets={"topic": "s3cr3t-topic"}, topic=None)
        assert r.ntfy.messages[0]["topic"] == "s3cr3t-topic"
        for topic in ("", "a/b", "a" * 65):
            with pytest.raises(Permanent, match="needs a topic") as caught:
                await tell(r, secrets={"topic": topic}, topic=None)
            assert not topic or topic not in str(caught.value)


async def test_too_many_requests_are_temporary() -> None:
    """F-NT-08"""
    async with recording() as r:
        r.ntfy.rate.most = 0
        with pytest.raises(Temporary, match="429"):
            await tell(r)


async def test_the_json_goes_to_the_root_of_the_server() -> None:
    async with recording() as r:
        await notify("ntfy", PAGE, topic="t", url=r.ntfy.url + "/")
        assert json.loads(r.ntfy.received[0].body)["topic"] == "t"
        assert r.ntfy.received[0].path == "/"
