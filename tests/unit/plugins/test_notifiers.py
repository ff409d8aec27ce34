"""Pages arrive, and what is in them can do no harm where they arrive."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from email.header import decode_header, make_header
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from pydantic import ValidationError

from agent.model.errors import Permanent, Temporary
from agent.ports.plugin import Message
from agent.ports.safe_text import TEXT_CHARACTERS, safe
from tests.support.kits import lent
from tests.support.loopback import never, serving, status
from tests.support.receivers import smtp
from tests.support.running import free_port
from tests.support.shipped import plugin, run

PAGE = Message(
    key="page/inc-1/1",
    to="team-pay",
    title="pay-api hangs",
    text="What: pay-api does not answer.\nTried: restart, failed.\nNext: look at its log.",
    severity="critical",
    incident_id="inc-1",
    link="http://127.0.0.1:8420/incidents/inc-1",
)
HOSTILE = replace(
    PAGE,
    title="\x1b[31mred\r\nBcc: all@evil.test @everyone\x00",
    text="\x1b]0;title\x07 a\u202eb\u2028c \ud800 @here <!channel> <@U1>\r\nnext\x9b31m"
    + "x" * 3000,
    severity="crit\nical",
    to="team\n\x1b[2Jpay",
)


async def notify(
    name: str, message: Message = PAGE, secrets: dict[str, str] | None = None, **params: Any
) -> str:
    async with lent() as kits:
        kit = kits.notify(secrets=secrets or {}, deadline_seconds=5)
        receipt: str = await run(name, kit, message, **params)
        return receipt


def test_safe_text_is_bounded_cleaned_and_idempotent() -> None:
    page = safe(HOSTILE)
    assert len(page.text) == TEXT_CHARACTERS
    assert page.text.endswith(" […cut]")
    assert page.title == "[31mred Bcc: all@evil.test @\u200beveryone"
    assert page.severity == "crit ical"
    first, rest = page.text.split("\n", 1)
    assert first == "]0;title ab c  @\u200bhere <\u200b!channel> <\u200b@U1>"
    assert rest.startswith("next31mxxx")
    assert safe(page) == page
    assert safe(PAGE) == PAGE


def test_ordinary_addresses_and_words_stay() -> None:
    text = "mail ops@example.org, a < b, @alice, #12 → ok"
    assert safe(replace(PAGE, text=text)).text == text


async def test_terminal_prints_one_block(capsys: pytest.CaptureFixture[str]) -> None:
    assert await notify("terminal") == "printed"
    assert capsys.readouterr().out.splitlines() == [
        "── critical → team-pay ── pay-api hangs",
        "   What: pay-api does not answer.",
        "   Tried: restart, failed.",
        "   Next: look at its log.",
        "   http://127.0.0.1:8420/incidents/inc-1",
    ]


async def test_terminal_lets_no_control_character_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await notify("terminal", HOSTILE)
    printed = capsys.readouterr().out
    assert not [c for c in printed if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]


async def test_file_appends_a_line_of_json_a_page(tmp_path: Path) -> None:
    path = tmp_path / "new" / "pages.jsonl"
    await asyncio.gather(
        *(notify("file", replace(PAGE, key=f"k{n}"), path=str(path)) for n in range(5))
    )
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(line["key"] for line in lines) == ["k0", "k1", "k2", "k3", "k4"]
    assert lines[0]["text"] == PAGE.text
    assert lines[0]["incident"] == "inc-1"
    assert lines[0]["at"] > 1_700_000_000
    assert path.stat().st_mode & 0o077 == 0


async def test_file_closes_a_line_that_a_crash_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text('{"key":"cut sho')
    await notify("file", path=str(path))
    broken, whole = path.read_text().splitlines()
    assert broken == '{"key":"cut sho'
    assert json.loads(whole)["key"] == PAGE.key


async def test_file_that_is_a_folder_is_permanent(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="cannot be written"):
        await notify("file", path=str(tmp_path))


async def test_file_on_a_full_disk_is_temporary() -> None:
    with pytest.raises(Temporary, match="No space left"):
        await notify("file", path="/dev/full")


async def test_webhook_posts_json() -> None:
    async with serving(status(202)) as receiver:
        receipt = await notify("webhook", secrets={"token": "t0p"}, url=receiver.url + "/in")
    assert receipt == "answered 202"
    (got,) = receiver.received
    assert (got.method, got.path) == ("POST", "/in")
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Idempotency-Key"] == PAGE.key
    assert got.headers["Authorization"] == "Bearer t0p"
    assert json.loads(got.body) == {
        "key": PAGE.key,
        "to": "team-pay",
        "title": PAGE.title,
        "text": PAGE.text,
        "severity": "critical",
        "incident": "inc-1",
        "link": PAGE.link,
    }


async def test_webhook_takes_its_address_from_a_secret_and_needs_one() -> None:
    async with serving(status(200)) as receiver:
        await notify("webhook", secrets={"url": receiver.url})
        assert len(receiver.received) == 1
    with pytest.raises(Permanent, match="needs an address"):
        await notify("webhook")


async def test_webhook_sends_hostile_text_as_safe_json() -> None:
    async with serving(status(200)) as receiver:
        await notify("webhook", HOSTILE, url=receiver.url)
    body = json.loads(receiver.received[0].body)
    assert "@everyone" not in body["title"]
    assert len(body["text"]) == TEXT_CHARACTERS


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503])
async def test_webhook_answers_that_pass_are_temporary(code: int) -> None:
    async with serving(status(code)) as receiver:
        with pytest.raises(Temporary, match=str(code)) as caught:
            await notify("webhook", url=receiver.url)
    assert caught.value.after_seconds is None
    assert len(receiver.received) == 1


@pytest.mark.parametrize("code", [301, 400, 401, 404, 410, 413, 422])
async def test_webhook_answers_that_stay_are_permanent(code: int) -> None:
    answer = status(code, headers={"Location": "/elsewhere"})
    async with serving(answer) as receiver:
        with pytest.raises(Permanent, match=str(code)):
            await notify("webhook", url=receiver.url)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("7", 7, 7),
        ("999999999", 3600, 3600),
        (formatdate(0, usegmt=True), 0, 0),
        (formatdate(4_000_000_000, usegmt=True), 3600, 3600),
    ],
)
async def test_webhook_honours_retry_after(text: str, least: float, most: float) -> None:
    async with serving(status(503, headers={"Retry-After": text})) as receiver:
        with pytest.raises(Temporary) as caught:
            await notify("webhook", url=receiver.url)
    assert caught.value.after_seconds is not None
    assert least <= caught.value.after_seconds <= most


async def test_webhook_ignores_a_retry_after_nobody_can_read() -> None:
    async with serving(status(429, headers={"Retry-After": "soon"})) as receiver:
        with pytest.raises(Temporary) as caught:
            await notify("webhook", url=receiver.url)
    assert caught.value.after_seconds is None


async def test_webhook_that_hangs_or_is_not_there_is_temporary() -> None:
    async with serving(never) as receiver:
        with pytest.raises(Temporary, match="did not answer"):
            await notify("webhook", url=receiver.url, timeout_seconds=0.2)
    with pytest.raises(Temporary, match="refuses the connection"):
        await notify("webhook", url=f"http://127.0.0.1:{free_port()}/T0KEN")


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


# its e-mail service imports a module that Python 3.13 has no more, where it brings its own
of_apprise = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@of_apprise
async def test_apprise_delivers_through_a_real_service() -> None:
    async with serving(status(200)) as receiver:
        url = receiver.url.replace("http", "json")
        assert await notify("apprise", secrets={"urls": url}) == "delivered to 1 services"
    body = json.loads(receiver.received[0].body)
    assert body["title"] == PAGE.title
    assert "Next: look at its log." in body["message"]
    assert body["type"] == "failure"


@of_apprise
async def test_apprise_that_is_refused_is_temporary() -> None:
    async with serving(status(500)) as receiver:
        url = receiver.url.replace("http", "json")
        with pytest.raises(Temporary):
            await notify("apprise", secrets={"urls": url})


@of_apprise
async def test_apprise_addresses_are_secrets_and_checked() -> None:
    with pytest.raises(Permanent, match="secret `urls`"):
        await notify("apprise")
    with pytest.raises(Permanent) as caught:
        await notify("apprise", secrets={"urls": "nosuch://T0KEN@host"})
    assert "T0KEN" not in str(caught.value)


async def test_apprise_that_is_missing_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Permanent, match=r"homeostat\[apprise\]"):
        await notify("apprise", secrets={"urls": "json://127.0.0.1"})
