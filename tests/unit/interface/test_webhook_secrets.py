"""GitHub and Flux sign the body alone: who that proves, what it is taken for, and how often."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from agent.model.alert import Change, Signal
from agent.model.errors import Unparseable
from agent.model.principal import Principal, Role
from agent.ports.plugin import PushSource
from tests.support.caller import Reply, calling
from tests.support.facade import FakeFacade, FakePrincipals, everyone, plain_source, running

SECRET = b"a secret of any length"
PATH = "/webhook/changes/hub"
BODY = b'{"entity": "till", "what": "deployed"}'
SIGNATURE, DELIVERY = "x-hub-signature-256", "x-github-delivery"


def hub(seen: list[Mapping[str, str]] | None = None) -> PushSource:
    def decode(body: bytes, headers: Mapping[str, str]) -> Sequence[Signal]:
        if seen is not None:
            seen.append(headers)
        try:
            data = msgspec.json.decode(body, type=dict[str, str])
        except msgspec.DecodeError as error:
            raise Unparseable(str(error), where="$") from None
        return [Change(product="", entity=data.get("entity", ""), what=data.get("what", ""))]

    return PushSource(
        name="hub",
        path=PATH,
        summary="test",
        decode=decode,
        headers=("x-github-event",),
        signature=SIGNATURE,
        delivery=DELIVERY,
    )


def facade(**fields: object) -> FakeFacade:
    given = {"name": "github", "roles": frozenset({Role.SENDER}), **fields}
    known = Principal(**given)  # type: ignore[arg-type]
    principals = FakePrincipals(everyone().tokens, webhook_secrets={SECRET: known})
    return FakeFacade(principals=principals)


def signed(body: bytes = BODY, *, secret: bytes = SECRET, delivery: str = "d-1") -> dict[str, str]:
    right = hmac.digest(secret, body, "sha256").hex()
    return {SIGNATURE: f"sha256={right}", DELIVERY: delivery, "x-github-event": "deployment"}


async def post(url: str, headers: Mapping[str, str], body: bytes = BODY, path: str = PATH) -> Reply:
    async with calling(url) as caller:
        return await caller.post(path, data=body, headers=dict(headers))


async def test_a_signed_body_is_as_good_as_a_token() -> None:
    seen: list[Mapping[str, str]] = []
    told = facade()
    async with running(told, hub(seen)) as (_, url):
        assert (await post(url, signed())).status == 200
        upper = signed(b"{}")
        upper[SIGNATURE] = "sha256=" + upper[SIGNATURE].removeprefix("sha256=").upper()
        assert (await post(url, upper, b"{}")).status == 200
    assert len(told.received) == 2
    assert seen[0] == {"x-github-event": "deployment"}, "what proves and names it stays outside"


@pytest.mark.parametrize("body", [BODY + b"\n", BODY[:-1], b"", b"\x00 not json"])
async def test_other_bytes_are_refused_before_they_are_read(body: bytes) -> None:
    """F-SEC-03: nothing is decoded, and nothing is kept of it."""
    seen: list[Mapping[str, str]] = []
    told = facade()
    async with running(told, hub(seen)) as (_, url):
        reply = await post(url, signed(), body)
        assert reply.status == 401
        assert await told.store.quarantined() == ()
    assert (seen, told.received, told.refusals) == ([], [], [("hub", 401)])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 63,
        "sha256=" + "0" * 65,
        "sha256=" + "g" * 64,
        "sha1=" + "0" * 40,
        "sha512=" + "0" * 128,
        signed()[SIGNATURE].removeprefix("sha256="),
        signed(secret=b"another")[SIGNATURE],
        signed(b"another")[SIGNATURE],
    ],
)
async def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    """F-SEC-01: a token beside it does not make it good: somebody changed the message."""
    told = facade()
    async with running(told, hub()) as (_, url):
        bad = {**signed(), SIGNATURE: signature}
        assert (await post(url, bad)).status == 401
        assert (await post(url, {**bad, "authorization": "Bearer sender-token"})).status == 401
    assert told.received == []


async def test_what_is_sent_again_is_answered_and_does_nothing() -> None:
    """F-SEC-02: also under another delivery id, which nobody signed."""
    told = facade()
    async with running(told, hub()) as (_, url):
        for delivery in ("d-1", "d-1", "d-2", ""):
            assert (await post(url, signed(delivery=delivery))).status == 200
    assert len(told.received) == 1


async def test_with_a_token_the_delivery_id_makes_it_one() -> None:
    told = facade()
    proof = {"authorization": "Bearer sender-token"}
    async with running(told, hub()) as (_, url):
        for delivery, so_far in (("d-1", 1), ("d-1", 1), ("d-2", 2), ("", 3), ("d" * 300, 4)):
            assert (await post(url, {**proof, DELIVERY: delivery})).status == 200
            assert len(told.received) == so_far


async def test_what_could_not_be_stored_may_come_again() -> None:
    told = facade()
    told.is_store_down = True
    async with running(told, hub()) as (_, url):
        assert (await post(url, signed())).status == 503
        told.is_store_down = False
        assert (await post(url, signed())).status == 200
    assert len(told.received) == 1


@pytest.mark.parametrize(
    ("products", "entity", "status"),
    [
        (["shop"], "picker", 200),
        (["pay"], "picker", 403),
        (["shop"], "acme/picker", 200),
        (["pay"], "acme/picker", 403),
        (["pay"], "acme/unknown", 403),
        (["pay"], "pay", 200),
        ([], "acme/unknown", 200),
    ],
)
async def test_who_signs_is_limited_like_everybody(
    products: list[str], entity: str, status: int
) -> None:
    """F-SEC-11: by the name a delivery tool gives it, too."""
    told = facade(products=frozenset(products))
    body = msgspec.json.encode({"entity": entity, "what": "deployed"})
    async with running(told, hub()) as (_, url):
        assert (await post(url, signed(body), body)).status == status
    assert len(told.received) == (status == 200)


async def test_who_signs_has_to_be_a_sender() -> None:
    told = facade(roles=frozenset({Role.VIEWER}))
    async with running(told, hub()) as (_, url):
        assert (await post(url, signed())).status == 403


async def test_such_a_signature_opens_no_other_address() -> None:
    """F-SEC-01: only sources whose senders sign so take it; others ask for what they always do."""
    told = facade()
    async with running(told, hub(), plain_source()) as (_, url):
        assert (await post(url, signed(), path="/webhook/plain")).status == 401
    assert told.received == []


async def test_without_proof_nothing_is_read() -> None:
    told = facade()
    async with running(told, hub()) as (_, url):
        assert (await post(url, {"x-github-event": "deployment"})).status == 401
    assert told.received == []


async def test_without_tokens_loopback_is_served_as_ever() -> None:
    told = FakeFacade()
    async with running(told, hub()) as (_, url):
        assert (await post(url, signed(secret=b"x"))).status == 200
        assert (await post(url, signed(secret=b"x"))).status == 200
    assert len(told.received) == 1, "the delivery is the same"
