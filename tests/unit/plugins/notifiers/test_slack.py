"""Pages as messages of a Slack incoming webhook."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from agent.ports.plugin import Message
from tests.support.notifying import PAGE, notify
from tests.support.recording import Recording, recording
from tests.support.running import free_port

SECRET_PATH = "s3cr3tPathOfTheWebhook"


async def tell(r: Recording, message: Message = PAGE, **params: Any) -> dict[str, Any]:
    assert await notify("slack", message, {"url": r.slack.url}, **params) == "ok"
    return r.slack.messages[-1]


def kinds(message: dict[str, Any]) -> list[str]:
    return [block["type"] for block in message["blocks"]]


def buttons(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {button["action_id"]: button for button in message["blocks"][-1]["elements"]}


async def test_a_page_has_a_header_its_text_and_buttons_to_the_incident() -> None:
    async with recording() as r:
        message = await tell(r)
    assert kinds(message) == ["header", "section", "context", "actions"]
    assert message["blocks"][0]["text"]["text"] == "🚨 pay-api hangs"
    assert message["blocks"][1]["text"]["text"] == PAGE.text
    assert message["blocks"][2]["elements"][0]["text"] == "for team-pay · critical · inc-1"
    assert {name: button["url"] for name, button in buttons(message).items()} == {
        "open": PAGE.link,
        "acknowledge": PAGE.link,
    }
    assert message["text"].startswith("🚨 pay-api hangs\nWhat:")


async def test_a_site_that_hears_slack_gets_a_button_that_names_the_incident() -> None:
    async with recording() as r:
        message = await tell(r, interactive=True)
    button = buttons(message)["acknowledge"]
    assert button["value"] == "inc-1"
    assert "url" not in button


async def test_a_page_that_asks_can_be_answered_where_slack_is_heard() -> None:
    """F-GRD-12: a press says which plan was read."""
    asking = replace(PAGE, asks="0123456789abcdef")
    async with recording() as r:
        loud = buttons(await tell(r, asking, interactive=True))
        update = buttons(await tell(r, replace(asking, telling=Telling.UPDATE), interactive=True))
        deaf = buttons(await tell(r, asking))
        without = buttons(await tell(r, interactive=True))
        assert r.slack.refused == []
    assert set(loud) == {"open", "acknowledge", "approve", "reject"}
    assert set(update) == {"open", "approve", "reject"}
    assert {loud[name]["value"] for name in ("approve", "reject")} == {"inc-1 0123456789abcdef"}
    styles = {name: button.get("style") for name, button in loud.items()}
    assert styles == {"open": None, "acknowledge": None, "approve": "primary", "reject": "danger"}
    assert set(deaf) == set(without) == {"open", "acknowledge"}


@pytest.mark.parametrize(
    ("telling", "said"),
    [
        (Telling.ACKNOWLEDGED, "👀 Acknowledged by ada: pay-api hangs"),
        (Telling.RESOLVED, "✅ Resolved by ada: pay-api hangs"),
    ],
)
async def test_what_is_no_page_is_small(telling: Telling, said: str) -> None:
    async with recording() as r:
        message = await tell(r, replace(PAGE, telling=telling, who="ada"))
    assert kinds(message) == ["section", "context"]
    assert message["blocks"][0]["text"]["text"] == said


async def test_nothing_in_an_alert_calls_anybody_or_disguises_a_link() -> None:
    """F-NT-07: `@everyone`, `<!channel>`, a user, a link under another name, markup."""
    hostile = "<!channel> <@U1> <#C1> @here <https://evil.test|Approve> *b* `c` &lt;!here&gt;"
    async with recording() as r:
        message = await tell(r, replace(PAGE, title=hostile, text=hostile, to=hostile))
        assert r.slack.calls == []
    texts = [message["blocks"][0]["text"], message["blocks"][1]["text"]]
    assert {text["type"] for text in texts} == {"plain_text"}
    assert "&lt;https://evil.test|Approve&gt;" in texts[1]["text"]
    assert message["mrkdwn"] is False


async def test_lengths_are_counted_after_escaping() -> None:
    """F-NT-07"""
    async with recording() as r:
        message = await tell(r, replace(PAGE, title="<" * 250, text="&" * 3999))
        assert r.slack.refused == []
    section = message["blocks"][1]["text"]["text"]
    assert section.endswith(f" characters more: {PAGE.link}]")
    assert len(section) <= 3000


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_payload"),
        (403, "action_prohibited"),
        (404, "no_service"),
        (410, "channel_is_archived"),
    ],
)
async def test_what_slack_refuses_is_final_and_told_in_its_words(status: int, code: str) -> None:
    """F-NT-06"""
    async with recording() as r:
        r.fail("slack", status=status, body=code)
        with pytest.raises(Permanent, match=code) as caught:
            await tell(r)
    assert SECRET_PATH not in str(caught.value)


async def test_an_answer_that_repeats_the_address_is_not_told_on() -> None:
    """F-SEC-08"""
    async with recording() as r:
        r.fail("slack", status=404, body=f"no such path: /services/T0/B0/{SECRET_PATH}")
        with pytest.raises(Permanent) as caught:
            await tell(r)
    assert SECRET_PATH not in str(caught.value)


async def test_what_passes_is_temporary_with_the_time_slack_asks_for() -> None:
    """F-NT-08"""
    async with recording() as r:
        r.fail("slack", status=429, retry_after=30)
        r.fail("slack", status=503)
        with pytest.raises(Temporary) as caught:
            await tell(r)
        assert caught.value.after_seconds == 30
        with pytest.raises(Temporary, match="503"):
            await tell(r)


async def test_the_address_is_a_secret_and_shown_in_no_reason() -> None:
    """F-SEC-08"""
    with pytest.raises(Permanent, match="secret `url`"):
        await notify("slack")
    for url in (
        f"http://127.0.0.1:{free_port()}/services/{SECRET_PATH}",
        f"http://nobody.invalid/services/{SECRET_PATH}",
        f"ftp://127.0.0.1/services/{SECRET_PATH}",
        f"{SECRET_PATH}",
        f"http://[{SECRET_PATH}/",
    ):
        with pytest.raises((Temporary, Permanent)) as caught:
            await notify("slack", secrets={"url": url})
        assert SECRET_PATH not in str(caught.value)


async def test_something_else_that_answers_is_not_slack() -> None:
    async with recording() as r:
        r.fail("slack", status=200, body="<html>log in</html>")
        with pytest.raises(Permanent, match="not Slack"):
            await tell(r)
