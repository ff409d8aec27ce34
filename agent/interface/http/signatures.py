"""Proof by signature over the raw bytes of a body (Standard Webhooks, GitHub's and Flux's
`sha256=HEX`, and Slack's v0).

What is signed is what was on the wire: the same JSON written anew has another signature. The time
in the signature has to be within five minutes of ours; what was taken once within them is not taken
again (runtime/once.py). All that headers can tell is told before the body is read.

GitHub and Flux sign the body alone, without a time: there the signature itself is the id of the
message, since whoever sends it again may write another one beside it. What is sent again later than
once.py remembers is told apart by what it says (core/changes.py).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from agent.interface.facade import Principals
from agent.interface.http.replies import Refused
from agent.model.principal import Principal

WINDOW_SECONDS = 300.0
MOST_SIGNATURES = 8
LONGEST_ID = 256
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SLACK_TIMESTAMP, SLACK_SIGNATURE = "x-slack-request-timestamp", "x-slack-signature"


@dataclass(frozen=True)
class Claim:
    """What the headers say of a signed message. Nothing of it is proven yet."""

    id: str
    timestamp: str
    signatures: tuple[bytes, ...]

    def message(self, body: bytes) -> bytes:
        """The bytes that were signed, with this body."""
        return f"{self.id}.{self.timestamp}.".encode() + body

    def proven_by(self, principals: Principals, body: bytes) -> Principal | None:
        return principals.by_signature(self.message(body), self.signatures)


@dataclass(frozen=True)
class BodyClaim:
    """The same of a message of which the body alone is signed. `id` is the signature in small
    letters."""

    id: str

    def proven_by(self, principals: Principals, body: bytes) -> Principal | None:
        return principals.by_webhook_signature(body, bytes.fromhex(self.id))


_HEX = re.compile(r"sha256=([0-9a-fA-F]{64})", re.ASCII)


def body_claim_of(headers: Mapping[str, str], header: str) -> BodyClaim:
    """Raises Refused (401) for what no body could make good."""
    found = _HEX.fullmatch(headers[header])
    if found is None:
        raise _refused(f"the header {header} holds no signature of the form sha256=HEX")
    return BodyClaim(found[1].lower())


def message_id(headers: Mapping[str, str], header: str) -> str:
    """The id in this header; empty where there is none that could be kept."""
    text = headers.get(header, "") if header else ""
    return text if len(text) <= LONGEST_ID and _is_plain(text) else ""


def is_signed(headers: Mapping[str, str]) -> bool:
    return SIGNATURE in headers


def claim_of(headers: Mapping[str, str], *, now: float) -> Claim:
    """Raises Refused (401) for what no body could make good."""
    named = headers.get(ID, "")
    if not named or len(named) > LONGEST_ID or not _is_plain(named):
        raise _refused(f"the header {ID} is missing, or is no id")
    timestamp = headers.get(TIMESTAMP, "")
    _check_time(timestamp, TIMESTAMP, now=now)
    given = headers.get(SIGNATURE, "").split()[:MOST_SIGNATURES]
    signatures = tuple(found for each in given if (found := _v1(each)) is not None)
    if not signatures:
        raise _refused(f"the header {SIGNATURE} holds no signature of the form v1,BASE64")
    return Claim(named, timestamp, signatures)


def _v1(text: str) -> bytes | None:
    version, _, encoded = text.partition(",")
    if version != "v1":
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None


def check_slack_head(headers: Mapping[str, str], *, now: float) -> None:
    """Raises Refused (401) for what no body could make good."""
    _check_time(headers.get(SLACK_TIMESTAMP, ""), SLACK_TIMESTAMP, now=now)
    if not headers.get(SLACK_SIGNATURE, "").startswith("v0="):
        raise _refused(f"the header {SLACK_SIGNATURE} holds no signature of the form v0=HEX")


def check_slack_body(headers: Mapping[str, str], body: bytes, *, secret: str) -> None:
    """Raises Refused (401) where these bytes were not signed with this secret."""
    signed = f"v0:{headers[SLACK_TIMESTAMP]}:".encode() + body
    right = "v0=" + hmac.digest(secret.encode(), signed, "sha256").hex()
    if not hmac.compare_digest(right.encode(), headers[SLACK_SIGNATURE].encode("utf-8", "replace")):
        raise not_proven()


def not_proven() -> Refused:
    return _refused("the signature is not right for this body")


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _check_time(text: str, header: str, *, now: float) -> None:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise _refused(f"the header {header} holds no time in seconds")
    if abs(now - int(text)) > WINDOW_SECONDS:
        raise _refused(f"{header} is more than five minutes from now")


def _refused(why: str) -> Refused:
    remedy = "sign the bytes that are sent, with the key in the token file, and a right clock"
    return Refused(401, why, remedy=remedy)
