"""Pages by e-mail, to a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from email.header import decode_header, make_header
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from pydantic import ValidationError

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from tests.support.notifying import HOSTILE, PAGE, notify
from tests.support.receivers import smtp
from tests.support.running import free_port
from tests.support.shipped import plugin


def mail(port: int, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "sender": "homeostat@house.test",
        "to": ["pay@house.test", "boss@house.test"],
        **more,
    }


async def test_email_arrives_with_an_id_from_its_key() -> None:
    async with smtp() as mailbox:
        receipt = await notify("email", **mail(mailbox.port))
        await notify("email", **mail(mailbox.port))
        await notify("email", replace(PAGE, key="page/inc-1/2"), **mail(mailbox.port))
    first, again, second = mailbox.mails
    assert first["Message-ID"] == again["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"]
    assert first["Message-ID"] in receipt
    assert "to 2 of 2" in receipt
    assert first["Subject"] == "[critical] pay-api hangs"
    assert mailbox.recipients[0] == ("pay@house.test", "boss@house.test")
    body = first.get_payload(decode=True).decode()
    assert "Next: look at its log." in body
    assert PAGE.link in body


async def test_a_resolution_by_email_is_a_reply_in_the_thread_of_the_page() -> None:
    over = replace(PAGE, key="k2", telling=Telling.RESOLVED, who="ada", text="")
    async with smtp() as mailbox:
        await notify("email", **mail(mailbox.port))
        await notify("email", over, **mail(mailbox.port))
    page, reply = mailbox.mails
    assert reply["In-Reply-To"] == reply["References"] == page["References"]
    assert page["In-Reply-To"] is None
    assert reply["Subject"] == f"Re: {page['Subject']}"
    body = reply.get_payload(decode=True).decode()
    assert body.startswith("Resolved by ada: pay-api hangs")


async def test_email_says_the_severity_once() -> None:
    async with smtp() as mailbox:
        told = replace(PAGE, title=f"[{PAGE.severity}] pay-api hangs")
        await notify("email", told, **mail(mailbox.port))
    (got,) = mailbox.mails
    assert got["Subject"] == "[critical] pay-api hangs"


async def test_email_headers_cannot_be_injected() -> None:
    async with smtp() as mailbox:
        await notify("email", HOSTILE, **mail(mailbox.port))
    (got,) = mailbox.mails
    assert got["Bcc"] is None
    assert mailbox.recipients == [("pay@house.test", "boss@house.test")]
    subject = str(make_header(decode_header(got["Subject"])))
    assert "Bcc: all@evil.test" in subject.replace("\n", "")


@pytest.mark.parametrize(
    "address",
    ["a@b.test\nBcc: c@d.test", "a b@c.test", "<a@b.test>", "nobody", "a@b.test,c@d.test"],
)
def test_email_addresses_are_checked_when_settings_are_read(address: str) -> None:
    params = plugin("email").params
    for change in ({"sender": address}, {"to": [address]}):
        with pytest.raises(ValidationError):
            params.model_validate({**mail(25), **change})


def test_email_sends_no_password_in_the_clear() -> None:
    params = plugin("email").params
    with pytest.raises(ValidationError, match="starttls"):
        params.model_validate({**mail(25), "host": "mail.house.test", "username": "u"})


async def test_email_refused_for_now_is_temporary_and_for_good_permanent() -> None:
    async with smtp() as mailbox:
        mailbox.refuse = ["451 try later", "554 no"]
        with pytest.raises(Temporary, match="451"):
            await notify("email", **mail(mailbox.port))
        with pytest.raises(Permanent, match="554"):
            await notify("email", **mail(mailbox.port))


class Choosy:
    """A mail server that knows one password, and refuses receivers as it is told."""

    def __init__(self, refusals: dict[str, str]) -> None:
        self.refusals = refusals
        self.users: list[bytes] = []

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, how: str, data: Any) -> Any:
        self.users.append(data.login)
        return AuthResult(success=data.password == b"right", handled=False)


async def choosy_notify(choosy: Choosy, secrets: dict[str, str], **more: Any) -> str:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            choosy,
            hostname="mail.test",
            loop=loop,
            authenticator=choosy.authenticate,
            auth_require_tls=False,
        ),
        "127.0.0.1",
        0,
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await notify("email", secrets=secrets, **mail(port, **more))


async def test_email_receivers_refused_in_part_and_altogether() -> None:
    receipt = await choosy_notify(Choosy({"boss@house.test": "550 gone"}), {})
    assert "to 1 of 2" in receipt
    gone = {"boss@house.test": "550 gone", "pay@house.test": "550 gone"}
    with pytest.raises(Permanent, match="every receiver was refused"):
        await choosy_notify(Choosy(gone), {})
    busy = {"boss@house.test": "450 busy", "pay@house.test": "451 busy"}
    with pytest.raises(Temporary, match="every receiver was refused"):
        await choosy_notify(Choosy(busy), {})


async def test_email_one_receiver_that_may_pass_is_worth_another_try() -> None:
    mixed = {"boss@house.test": "450 busy", "pay@house.test": "550 gone"}
    with pytest.raises(Temporary):
        await choosy_notify(Choosy(mixed), {})


# aiosmtpd warns of logins without TLS; here the connection is loopback
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_email_logs_in_with_the_secret() -> None:
    choosy = Choosy({})
    assert "to 2 of 2" in await choosy_notify(choosy, {"password": "right"}, username="me")
    assert choosy.users == [b"me"]
    with pytest.raises(Permanent, match="535") as caught:
        await choosy_notify(Choosy({}), {"password": "wr0ng"}, username="me")
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(Permanent, match="secret `password`"):
        await choosy_notify(Choosy({}), {}, username="me")


async def test_email_without_tls_there_is_permanent_and_without_server_temporary() -> None:
    async with smtp() as mailbox:
        with pytest.raises(Permanent, match="does not support"):
            await notify("email", **mail(mailbox.port, starttls=True))
        assert mailbox.mails == []
    with pytest.raises(Temporary, match="cannot be reached"):
        await notify("email", **mail(free_port()))
