"""Pages as JSON by HTTP, for whatever a team already runs.

The body is `{key, telling, topic, to, title, text, severity, incident, link, who}`. The key is
equal for repeats of one message and is sent as `Idempotency-Key` too, so that a receiver can fold
them; the topic is equal for everything said about one incident. 2xx is delivered; what may pass
(408, 425, 429, 5xx, no answer in time) is tried again, not before the receiver's `Retry-After`;
every other answer, a redirect among them, is final.

With the secret `signing_key` the body is signed as Standard Webhooks say: HMAC-SHA256 over
id.timestamp.body. A repeat has the same id and its own timestamp.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec
from pydantic import Field

from agent.model.errors import Permanent
from agent.model.on_call import Telling
from agent.ports.answers import taken
from agent.ports.kit import NotifyKit
from agent.ports.plugin import Message, Params, notifier
from agent.ports.safe_text import safe

PREFIX = "whsec_"
"""What follows it is the key in base64; a key without it is used as it is written."""
KEY_BYTES = 24
"""The least a signing key may have."""


class Webhook(Params):
    url: str | None = Field(
        default=None, description="Address to post to; the secret `url` is used where it is absent"
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="Time the receiver has for its answer, in seconds"
    )


@notifier(
    name="webhook",
    params=Webhook,
    summary="Posts the page as JSON to an address, signed where the secret `signing_key` is given",
    tells=tuple(Telling),
)
async def webhook(kit: NotifyKit, params: Webhook, message: Message) -> str:
    url = params.url or kit.secrets.get("url")
    if not url:
        raise Permanent("webhook needs an address: `with: {url: ...}` or a secret `url`")
    page = safe(message)
    body = msgspec.json.encode(
        {
            "key": page.key,
            "telling": page.telling.value,
            "topic": page.topic,
            "to": page.to,
            "title": page.title,
            "text": page.text,
            "severity": page.severity,
            "incident": page.incident_id,
            "link": page.link,
            "who": page.who,
        }
    )
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": page.key.encode("ascii", "backslashreplace").decode(),
    }
    if token := kit.secrets.get("token"):
        headers["Authorization"] = f"Bearer {token}"
    if key := kit.secrets.get("signing_key"):
        headers |= signed(body, key=key, message_key=page.key, now=kit.now())
    reply = await kit.http.post(
        url,
        body=body,
        timeout_seconds=min(params.timeout_seconds, kit.deadline_seconds),
        headers=headers,
    )
    taken(reply, who="the receiver", now=kit.now())
    return f"answered {reply.status}"


def signed(body: bytes, *, key: str, message_key: str, now: float) -> dict[str, str]:
    """The headers that prove the body. Raises Permanent for a key that is none; never shows it."""
    secret = _secret(key.strip())
    # hashed, because an id with a full stop in it could be read in two ways
    name = "msg_" + hashlib.sha256(message_key.encode("utf-8", "replace")).hexdigest()[:32]
    moment = str(int(now))
    proof = hmac.new(secret, f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": "v1," + base64.b64encode(proof).decode(),
    }


def _secret(key: str) -> bytes:
    try:
        coded = key.startswith(PREFIX)
        secret = base64.b64decode(key[len(PREFIX) :], validate=True) if coded else key.encode()
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < KEY_BYTES:
        raise Permanent(
            f"the secret `signing_key` has to be {KEY_BYTES} bytes or more, or {PREFIX} and base64"
        ) from None
    return secret
