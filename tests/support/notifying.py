"""A page, a hostile page, and the way the outbox hands one to a shipped notifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent.ports.plugin import Message
from tests.support.kits import lent
from tests.support.shipped import run

PAGE = Message(
    key="page/inc-1/1",
    to="team-pay",
    title="pay-api hangs",
    text="What: pay-api does not answer.\nTried: restart, failed.\nNext: look at its log.",
    severity="critical",
    incident_id="inc-1",
    link="http://127.0.0.1:8420/incidents/inc-1",
    topic="inc-1/topic",
)
HOSTILE = replace(
    PAGE,
    title="\x1b[31mred\r\nBcc: all@evil.test @everyone\x00",
    text="\x1b]0;title\x07 a\u202eb\u2028c \ud800 @here <!channel> <@U1>\r\nnext\x9b31m"
    + "x" * 9000,
    severity="crit\nical",
    to="team\n\x1b[2Jpay",
)


async def notify(
    name: str, message: Message = PAGE, secrets: dict[str, str] | None = None, **params: Any
) -> str:
    """The receipt. Raises what the notifier raises."""
    async with lent() as kits:
        kit = kits.notify(secrets=secrets or {}, deadline_seconds=5)
        receipt: str = await run(name, kit, message, **params)
        return receipt
