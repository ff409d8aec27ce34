"""Pages through PagerDuty's Events API v2.

Everything said of one incident carries one `dedup_key`: the first trigger opens an alert and rings,
further ones are entered there and ring nobody, an acknowledgement stops the ringing, a resolution
closes it. So a page that is sent again after a lost answer rings once. What the agent changed goes
to PagerDuty's change events, which never ring.

PagerDuty does not take in what it answers 429; that and 5xx are tried again, 400 is final.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from pydantic import Field

from agent.model.errors import Permanent
from agent.model.on_call import Telling
from agent.ports.answers import taken
from agent.ports.kit import NotifyKit
from agent.ports.plugin import Message, Params, notifier
from agent.ports.safe_text import cut, headline, one_line, safe, utf16

SUMMARY_MOST = 1024
DEDUP_KEY_MOST = 255
KEY_CHARACTERS = 32
SEVERITIES: Mapping[str, str] = {
    "critical": "critical",
    "page": "critical",
    "error": "error",
    "high": "error",
    "major": "error",
    "warning": "warning",
    "minor": "warning",
    "info": "info",
    "none": "info",
}
UNKNOWN_SEVERITY = "error"
"""A word nobody knows must not make a page quiet."""
ACTIONS: Mapping[Telling, str] = {
    Telling.PAGE: "trigger",
    Telling.UPDATE: "trigger",
    Telling.ACKNOWLEDGED: "acknowledge",
    Telling.RESOLVED: "resolve",
}


class PagerDuty(Params):
    url: str = Field(
        default="https://events.pagerduty.com",
        min_length=1,
        description="Address of the Events API; accounts in the EU have "
        "https://events.eu.pagerduty.com",
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="Time PagerDuty has for its answer, in seconds"
    )


@notifier(
    name="pagerduty",
    params=PagerDuty,
    summary="Opens, acknowledges and resolves alerts at PagerDuty; its key is the secret "
    "`routing_key`",
    tells=tuple(Telling),
)
async def pagerduty(kit: NotifyKit, params: PagerDuty, message: Message) -> str:
    routing_key = kit.secrets.get("routing_key", "").strip()
    if len(routing_key) != KEY_CHARACTERS or not routing_key.isalnum():
        raise Permanent(
            f"pagerduty needs the secret `routing_key`: the {KEY_CHARACTERS} letters and digits of "
            "an Events API v2 integration"
        )
    page = safe(message)
    folded = dedup_key(message)
    is_change = page.telling is Telling.CHANGE
    if is_change:
        event = _change(page, kit.now())
    else:
        event = {"event_action": ACTIONS[page.telling], "dedup_key": folded}
        if event["event_action"] == "trigger":
            event |= _alert(page)
    reply = await kit.http.post(
        params.url.rstrip("/") + ("/v2/change/enqueue" if is_change else "/v2/enqueue"),
        body=msgspec.json.encode({"routing_key": routing_key, **event}),
        timeout_seconds=min(params.timeout_seconds, kit.deadline_seconds),
        headers={"Content-Type": "application/json"},
    )
    taken(reply, who="PagerDuty", now=kit.now())
    if reply.status != 202:
        raise Permanent(f"{reply.status} is not how PagerDuty takes an event: is the address its?")
    return "change taken" if is_change else f"{event['event_action']} {folded[:80]}"


def dedup_key(message: Message) -> str:
    """By what PagerDuty folds: as it is where it fits, so that people find it; else hashed."""
    topic = message.topic or message.incident_id or message.key
    if 0 < utf16(one_line(topic)) <= DEDUP_KEY_MOST:
        return one_line(topic)
    return "homeostat-" + hashlib.sha256(topic.encode("utf-8", "replace")).hexdigest()


def _alert(page: Message) -> dict[str, Any]:
    event: dict[str, Any] = {
        "payload": {
            "summary": _summary(page.title or page.text, page),
            "source": page.incident_id or "homeostat",
            "severity": SEVERITIES.get(page.severity.lower(), UNKNOWN_SEVERITY),
            "custom_details": _details(page),
        },
        "client": "Homeostat",
    }
    if page.link:
        event |= {"client_url": page.link, "links": _links(page)}
    return event


def _change(page: Message, now: float) -> dict[str, Any]:
    event: dict[str, Any] = {
        "payload": {
            "summary": _summary(page.title or page.text or headline(page), page),
            "source": "homeostat",
            "timestamp": datetime.fromtimestamp(now, tz=UTC).isoformat(timespec="milliseconds"),
            "custom_details": _details(page),
        }
    }
    return event | ({"links": _links(page)} if page.link else {})


def _summary(text: str, page: Message) -> str:
    return cut(one_line(text), SUMMARY_MOST, size=utf16, link=page.link) or "An incident"


def _details(page: Message) -> dict[str, str]:
    details = {"text": page.text, "incident": page.incident_id, "for": page.to, "by": page.who}
    return {name: value for name, value in details.items() if value}


def _links(page: Message) -> list[dict[str, str]]:
    return [{"href": page.link, "text": f"Incident {page.incident_id}".strip()}]
