"""Buttons in Slack: its signature, who pressed, and what the API would have said to them."""

from __future__ import annotations

import hmac
import json
from urllib.parse import urlencode

import pytest

from agent.core.approval import NOTHING_SHOWN
from agent.interface.http.attempts import MOST_FAILED
from agent.model.event import Acknowledged, Approved, Rejected
from agent.model.principal import Principal, Role
from agent.model.reason import Reason
from tests.support.caller import Caller, Reply, calling
from tests.support.facade import (
    NOW,
    FakeAnswer,
    FakeFacade,
    FakePrincipals,
    burning,
    everyone,
    running,
)

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PATH = "/webhook/slack"


def person(name: str, *roles: Role, products: frozenset[str] = frozenset()) -> Principal:
    return Principal(name=name, roles=frozenset(roles), products=products)


def known() -> FakePrincipals:
    users = {
        "U1": person("ann", Role.RESPONDER, Role.APPROVER),
        "U2": person("ben", Role.VIEWER),
        "U3": person("cho", Role.APPROVER, products=frozenset({"pay"})),
    }
    return FakePrincipals(everyone().tokens, slack_users=users, slack_secret=SECRET)


def press(action: str = "acknowledge", *, user: str = "U1", incident: str = "inc-1") -> bytes:
    button = {"action_id": action, "value": incident, "type": "button", "action_ts": "1.2"}
    payload = {"type": "block_actions", "user": {"id": user, "name": "x"}, "actions": [button]}
    return urlencode({"payload": json.dumps(payload)}).encode()


def signed(body: bytes, *, at: float = NOW, secret: str = SECRET) -> dict[str, str]:
    content = f"v0:{at:.0f}:".encode() + body
    return {
        "X-Slack-Request-Timestamp": f"{at:.0f}",
        "X-Slack-Signature": "v0=" + hmac.digest(secret.encode(), content, "sha256").hex(),
        "Content-Type": "application/x-www-form-urlencoded",
    }


async def post(caller: Caller, body: bytes, headers: dict[str, str] | None = None) -> Reply:
    return await caller.post(PATH, data=body, headers=headers or signed(body))


@pytest.mark.parametrize(
    ("action", "event"),
    [("acknowledge", Acknowledged), ("approve", Approved), ("reject", Rejected)],
)
async def test_a_button_is_the_wish_of_the_principal_it_belongs_to(
    action: str, event: type[object]
) -> None:
    facade = FakeFacade(principals=known())
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning())
        assert (await post(caller, press(action))).status == 200
    [asked] = facade.asked
    assert isinstance(asked, Acknowledged | Approved | Rejected)
    assert type(asked) is event
    assert (asked.subject, asked.who) == ("inc-1", "ann")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("inc-1 0123456789abcdef", "0123456789abcdef"), ("inc-1", NOTHING_SHOWN)],
)
async def test_approve_is_for_what_the_message_showed(value: str, shown: str) -> None:
    """F-GRD-12: an old message, or one that showed nothing, approves nothing of today."""
    facade = FakeFacade(principals=known())
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning())
        assert (await post(caller, press("approve", incident=value))).status == 200
        assert (await post(caller, press("reject", incident=value))).status == 200
    yes, no = facade.asked
    assert isinstance(yes, Approved)
    assert (yes.subject, yes.shown) == ("inc-1", shown)
    assert isinstance(no, Rejected)
    assert no.subject == "inc-1"


async def test_a_press_that_comes_again_does_nothing_again() -> None:
    """F-SEC-02: Slack repeats what it thinks was lost, and so may whoever saw it."""
    facade = FakeFacade(principals=known())
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning())
        said = [(await post(caller, press())).json()["text"] for _ in range(2)]
    assert said[1] == "done before"
    assert len(facade.asked) == 1


@pytest.mark.parametrize(
    "headers",
    [
        signed(press(), at=NOW - 301),
        signed(press(), at=NOW + 301),
        signed(press(), secret="another"),
        signed(press("approve")),
        signed(press()) | {"X-Slack-Signature": "v1=00"},
        signed(press()) | {"X-Slack-Request-Timestamp": "x"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Authorization": "Bearer admin-token"},
    ],
)
async def test_only_slack_presses_buttons(headers: dict[str, str]) -> None:
    """F-SEC-01, F-SEC-02, F-SEC-03: forged, too old, over other bytes, or with a token instead."""
    facade = FakeFacade(principals=known())
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning())
        assert (await post(caller, press(), headers)).status == 401
    assert facade.asked == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (press(user="U9"), 403),
        (press(user="U2"), 403),
        (press(user="U3"), 404),
        (press("approve", user="U3"), 404),
        (press("approve", user="U3", incident="pay-1"), 200),
        (press("approve", incident="nope"), 404),
        (press("open"), 200),
        (press(incident=""), 200),
        (b"payload={}", 400),
        (b"", 400),
        (b"\xff", 400),
    ],
)
async def test_who_presses_may_what_the_api_would_let_them(body: bytes, status: int) -> None:
    """F-SEC-11: unknown users, missing roles and foreign products, as with a token."""
    facade = FakeFacade(principals=known())
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning())
        await facade.add(burning("pay-1", product="pay"))
        assert (await post(caller, body)).status == status
    assert len(facade.asked) == (status == 200 and b"pay-1" in body)


async def test_a_refused_wish_is_refused() -> None:
    answer = FakeAnswer(refused=Reason.NOT_ALLOWED, text="who resolved it may not approve it")
    facade = FakeFacade(principals=known(), answer=answer)
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning())
        assert (await post(caller, press("approve"))).status == 403


@pytest.mark.parametrize("principals", [None, everyone()])
async def test_without_its_secret_there_is_no_slack(principals: FakePrincipals | None) -> None:
    facade = FakeFacade(principals=principals)
    async with running(facade) as (_, url), calling(url) as caller:
        assert (await post(caller, press())).status == 404


async def test_forged_presses_are_seen_and_hold_up_nobody_else_from_there() -> None:
    """F-SEC-17: whoever forges them behind a shared address would keep people from their work."""
    facade = FakeFacade(principals=known())
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning())
        for _ in range(MOST_FAILED):
            await post(caller, press(), signed(press(), secret="another"))
        headers = {"Authorization": "Bearer viewer-token"}
        assert (await caller.get("/api/v1/ledger", headers=headers)).status == 200
        assert (await post(caller, press())).status == 200
    assert facade.refusals == [("people", 401)] * MOST_FAILED
