"""Guessing: ten failed proofs a minute and address, for people; senders are not held up by it."""

from __future__ import annotations

import sys

from agent.interface.http.attempts import MOST_ADDRESSES, MOST_FAILED, WITHIN_SECONDS, Attempts
from agent.model.principal import Principal, Role
from tests.support.caller import calling
from tests.support.facade import FakeFacade, FakePrincipals, everyone, running

GOOD = b'{"name": "A", "product": "pay"}'


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_who_guesses_waits_and_a_short_right_guess_looks_like_a_wrong_one() -> None:
    """F-SEC-17: ten a minute, then 429 with the time to wait, at every door of people."""
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url) as caller:
        for number in range(MOST_FAILED):
            wrong = bearer(f"guess-{number}")
            assert (await caller.get("/api/v1/ledger", headers=wrong)).status == 401
        for token in ("guess", "admin-token"):
            reply = await caller.get("/api/v1/ledger", headers=bearer(token))
            assert reply.status == 429
            assert 0 < int(reply.headers["Retry-After"]) <= WITHIN_SECONDS
            assert (await caller.post("/login", data={"token": token})).status == 429
        facade.clock.at += WITHIN_SECONDS
        assert (await caller.get("/api/v1/ledger", headers=bearer("admin-token"))).status == 200
    assert facade.refusals == [("people", 401)] * MOST_FAILED


async def test_whoever_guesses_behind_a_shared_address_keeps_nobody_from_their_work() -> None:
    """F-SEC-17: a right token acknowledges, halts and signs in while wrong ones wait."""
    long = "a-token-of-sixteen-letters"
    tokens = {long: Principal(name="ann", roles=frozenset({Role.ADMIN}))}
    facade = FakeFacade(principals=FakePrincipals(tokens))
    async with running(facade) as (_, url), calling(url) as caller:
        for number in range(MOST_FAILED):
            await caller.get("/api/v1/ledger", headers=bearer(f"guess-of-many-letters-{number}"))
        wrong = "another-token-of-sixteen"
        assert (await caller.get("/api/v1/ledger", headers=bearer(wrong))).status == 429
        assert (await caller.post("/login", data={"token": wrong})).status == 429
        assert (await caller.get("/api/v1/ledger", headers=bearer(long))).status == 200
        halted = await caller.post("/api/v1/halt", data=b'{"why": "now"}', headers=bearer(long))
        assert halted.status == 200
        assert "Set-Cookie" in (await caller.post("/login", data={"token": long})).headers


async def test_guesses_at_the_login_count() -> None:
    """F-SEC-17."""
    async with running(FakeFacade(principals=everyone())) as (_, url), calling(url) as caller:
        for _ in range(MOST_FAILED):
            assert (await caller.post("/login", data={"token": "guess"})).status == 401
        reply = await caller.post("/login", data={"token": "viewer-token"})
        assert reply.status == 429
        assert "Set-Cookie" not in reply.headers


async def test_a_right_sender_is_never_held_up() -> None:
    """F-SEC-17: somebody behind the same address must not be able to silence Alertmanager."""
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url) as caller:
        for _ in range(MOST_FAILED * 2):
            reply = await caller.post("/webhook/plain", data=GOOD, headers=bearer("guess"))
            assert reply.status == 401
        reply = await caller.post("/webhook/plain", data=GOOD, headers=bearer("sender-token"))
        assert reply.status == 200
        assert (await caller.get("/-/ready", headers=bearer("sender-token"))).status == 200
        # A token of people is no sender's: here too it looks like a wrong one.
        reply = await caller.post("/webhook/plain", data=GOOD, headers=bearer("viewer-token"))
        assert reply.status == 401
    assert len(facade.received) == 1


async def test_who_is_signed_in_stays_so_and_no_token_is_no_guess() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url) as caller:
        for _ in range(MOST_FAILED * 2):
            assert (await caller.get("/api/v1/ledger")).status == 401
        cookie = (await caller.post("/login", data={"token": "viewer-token"})).headers["Set-Cookie"]
        for _ in range(MOST_FAILED):
            await caller.get("/api/v1/ledger", headers=bearer("guess"))
        session = {"Cookie": cookie.split(";")[0]}
        assert (await caller.get("/api/v1/ledger", headers=session)).status == 200


def test_failures_leave_after_a_minute() -> None:
    attempts = Attempts()
    for second in range(MOST_FAILED):
        assert attempts.wait("192.0.2.1", at=float(second)) == 0
        attempts.failed("192.0.2.1", at=float(second))
    assert attempts.wait("192.0.2.1", at=10.0) == WITHIN_SECONDS - 10
    assert attempts.wait("192.0.2.2", at=10.0) == 0
    assert attempts.wait("192.0.2.1", at=WITHIN_SECONDS) == 0
    assert attempts.wait("192.0.2.1", at=-1000.0) == 0, "the clock was set back"


def test_a_network_of_addresses_is_one_address() -> None:
    attempts = Attempts()
    for number in range(MOST_FAILED):
        attempts.failed(f"2001:db8::{number:x}", at=1.0)
        attempts.failed("::ffff:192.0.2.9", at=1.0)
    assert attempts.wait("2001:db8::ffff:1", at=2.0) > 0
    assert attempts.wait("2001:db8:0:1::1", at=2.0) == 0
    assert attempts.wait("192.0.2.9", at=2.0) > 0


def test_the_memory_is_bounded() -> None:
    attempts = Attempts()
    for number in range(MOST_ADDRESSES + 500):
        attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", at=1.0)
    assert len(attempts._failed) == MOST_ADDRESSES
    assert sys.getsizeof(attempts._failed) < 1_000_000
