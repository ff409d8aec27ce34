"""Senders that sign: raw bytes, a window of five minutes, and each message once."""

from __future__ import annotations

import base64
import hmac
import json

import pytest

from agent.model.principal import Principal, Role
from tests.support.caller import Reply, calling
from tests.support.facade import NOW, FakeFacade, FakePrincipals, everyone, running

KEY = bytes(range(32))
PATH = "/webhook/plain"
BODY = b'{"name": "A", "product": "pay"}'


def signers(**fields: object) -> FakePrincipals:
    given = {"name": "robot", "roles": frozenset({Role.SENDER}), **fields}
    tokens = everyone().tokens
    return FakePrincipals(tokens, keys={KEY: Principal(**given)})  # type: ignore[arg-type]


def signed(
    body: bytes = BODY, *, message: str = "m-1", at: float = NOW, key: bytes = KEY
) -> dict[str, str]:
    content = f"{message}.{at:.0f}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    return {
        "webhook-id": message,
        "webhook-timestamp": f"{at:.0f}",
        "webhook-signature": f"v1,{signature}",
    }


async def post(url: str, headers: dict[str, str], body: bytes = BODY) -> Reply:
    async with calling(url) as caller:
        return await caller.post(PATH, data=body, headers=headers)


async def test_a_signature_is_as_good_as_a_token() -> None:
    facade = FakeFacade(principals=signers())
    async with running(facade) as (_, url):
        assert (await post(url, signed())).status == 200
        other = signed(message="m-2")
        older = "v1,AAAA v1a,AAAA " + other["webhook-signature"]
        assert (await post(url, other | {"webhook-signature": older})).status == 200
    assert len(facade.received) == 2


async def test_a_message_that_is_sent_again_is_answered_and_does_nothing() -> None:
    """F-SEC-02: within the window the id is known; the memory of it outlives the process."""
    facade = FakeFacade(principals=signers())
    async with running(facade) as (_, url):
        for _ in range(3):
            assert (await post(url, signed())).status == 200
        assert set(await facade.store.records("signed")) == {"robot m-1"}
    assert len(facade.received) == 1


@pytest.mark.parametrize(("off", "status"), [(299, 200), (-299, 200), (301, 401), (-301, 401)])
async def test_a_signature_is_good_for_five_minutes(off: float, status: int) -> None:
    """F-SEC-02: outside the window a captured message is refused."""
    facade = FakeFacade(principals=signers())
    async with running(facade) as (_, url):
        assert (await post(url, signed(at=NOW + off))).status == status
    assert len(facade.received) == (status == 200)


@pytest.mark.parametrize(
    "body",
    [json.dumps(json.loads(BODY), separators=(",", ":")).encode(), BODY + b"\n", b"", BODY[:-1]],
)
async def test_the_same_words_in_other_bytes_are_refused(body: bytes) -> None:
    """F-SEC-03: what is signed is what was on the wire, not what it means."""
    facade = FakeFacade(principals=signers())
    async with running(facade) as (_, url):
        reply = await post(url, signed(), body)
        assert reply.status == 401
        assert "signature" in reply.json()["error"]
        assert await facade.store.quarantined() == ()
    assert facade.received == []


WRONG: list[dict[str, str]] = [
    {"webhook-signature": "v1,"},
    {"webhook-signature": "v1,not base64"},
    {"webhook-signature": signed()["webhook-signature"].replace("v1,", "v1a,")},
    {"webhook-signature": signed(key=b"x" * 32)["webhook-signature"]},
    {"webhook-id": ""},
    {"webhook-id": "m-2"},
    {"webhook-id": "m" * 300},
    {"webhook-timestamp": ""},
    {"webhook-timestamp": "soon"},
    {"webhook-timestamp": f"{NOW + 1:.0f}"},
    {"webhook-timestamp": "9" * 400},
    {"webhook-timestamp": f"-{NOW:.0f}"},
]


@pytest.mark.parametrize("changed", WRONG)
async def test_a_changed_header_is_refused(changed: dict[str, str]) -> None:
    """F-SEC-01: forged in any part."""
    facade = FakeFacade(principals=signers())
    async with running(facade) as (_, url):
        assert (await post(url, signed() | changed)).status == 401
    assert facade.received == []
    assert facade.refusals == [("plain", 401)]


async def test_who_signs_is_limited_like_everybody() -> None:
    facade = FakeFacade(principals=signers(products=frozenset({"shop"})))
    async with running(facade) as (_, url):
        assert (await post(url, signed())).status == 403
    facade = FakeFacade(principals=signers(roles=frozenset({Role.VIEWER})))
    async with running(facade) as (_, url):
        assert (await post(url, signed())).status == 403
    assert facade.received == []


async def test_what_could_not_be_stored_may_come_again() -> None:
    facade = FakeFacade(principals=signers(), is_store_down=True)
    async with running(facade) as (_, url):
        assert (await post(url, signed())).status == 503
        facade.is_store_down = False
        assert (await post(url, signed())).status == 200
    assert len(facade.received) == 1


async def test_without_tokens_a_signature_opens_nothing_more() -> None:
    """Loopback is served to `local`; a header cannot make it more or less than that."""
    facade = FakeFacade()
    async with running(facade) as (_, url):
        assert (await post(url, signed(key=b"x" * 32))).status == 200
        assert (await post(url, signed() | {"Host": "evil.example"})).status == 403
