"""The contract of notifiers: whatever a page says, the service it is sent to takes it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.catalog.settings import load_settings
from agent.model.errors import Permanent, Temporary
from agent.model.fault import FaultSeverity
from agent.model.on_call import Telling
from agent.ports.plugin import Message, Notifier
from agent.runtime.uses import faults_of_uses
from tests.support.kits import lent
from tests.support.notifying import HOSTILE, PAGE, notify
from tests.support.receivers import Mailbox, smtp
from tests.support.recording import Recording, recording
from tests.support.shipped import run, shipped
from tests.support.tree import ROOT

SECRET = "pl4nt3dS3cr3t"
KEY = "pl4nt3dS3cr3t" + "k" * 19

LONG = '🎉é<&>"\\*_`~[x](http://evil.test) @everyone <!here> ' * 1000
TEXTS: Mapping[str, Message] = {
    "plain": PAGE,
    "hostile": HOSTILE,
    "empty": Message(key="k", to="", title="", text="", severity="", incident_id=""),
    "long": replace(PAGE, title=LONG, text=LONG, to=LONG, severity=LONG, who=LONG, topic=LONG),
    "megabyte": replace(PAGE, title="x" * 2**20, text="\x00\u202e🎉" * 2**19, who="@all" * 2**18),
    "emoji": replace(PAGE, title="👩‍👩‍👧‍👦" * 200, text="👍🏽🇩🇪" * 2000, who="é" * 2000),
    "markdown": replace(PAGE, title="# *x* [a](b)", text="```\n> <https://evil.test|Approve>\n"),
    "control": replace(PAGE, title="\x1b[2J\r\n", text="".join(map(chr, range(32))) * 20),
    "halves": replace(PAGE, title="\ud83c" * 300, text="a\udf89" * 3000, topic="\ud83c"),
    "quotes": replace(PAGE, title='"\\' * 500, text='"\\' * 3000),
    "newlines": replace(PAGE, title="\n" * 500, text="a\n" * 3000),
}


@dataclass
class Services:
    recording: Recording
    mailbox: Mailbox
    folder: Path

    def use(self, name: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Parameters and secrets of a channel of that notifier."""
        r = self.recording
        uses: dict[str, Callable[[], tuple[dict[str, Any], dict[str, str]]]] = {
            "pagerduty": lambda: ({"url": r.pagerduty.url}, {"routing_key": KEY}),
            "slack": lambda: ({}, {"url": r.slack.url}),
            "ntfy": lambda: ({"url": r.ntfy.url, "topic": "pages"}, {"token": SECRET}),
            "webhook": lambda: ({"url": r.webhook.url}, {"signing_key": KEY, "token": SECRET}),
            "email": lambda: (
                {
                    "host": "127.0.0.1",
                    "port": self.mailbox.port,
                    "sender": "homeostat@house.test",
                    "to": ["pay@house.test"],
                },
                {},
            ),
            "file": lambda: ({"path": str(self.folder / "pages.jsonl")}, {}),
            "terminal": lambda: ({}, {}),
            "apprise": lambda: ({}, {"urls": r.webhook.url.replace("http", "json") + "-apprise"}),
        }
        return uses[name]()


@asynccontextmanager
async def services(folder: Path) -> AsyncIterator[Services]:
    async with recording() as r, smtp() as mailbox:
        r.webhook.signing_key = KEY.encode()
        for provider in (r.pagerduty, r.slack, r.ntfy):
            provider.rate.most = 10_000
        yield Services(r, mailbox, folder)


NAMES = sorted(notifier.name for notifier in shipped().notifiers())
OURS = [name for name in NAMES if name != "apprise"]


def test_every_shipped_notifier_stands_in_this_contract(tmp_path: Path) -> None:
    assert set(NAMES) == {
        "apprise", "email", "file", "ntfy", "pagerduty", "slack", "terminal", "webhook",
    }  # fmt: skip


@pytest.mark.parametrize("name", OURS)
async def test_whatever_a_page_says_its_service_takes_it(name: str, tmp_path: Path) -> None:
    """F-NT-07: every notifier × every telling × every hostile text: nothing is refused."""
    notifier = shipped().get(name)
    assert isinstance(notifier, Notifier)
    async with services(tmp_path) as these, lent() as kits:
        params, secrets = these.use(name)
        for text, message in TEXTS.items():
            for telling in Telling:
                kit = kits.notify(secrets=secrets, deadline_seconds=10)
                told = replace(message, telling=telling, key=f"{text}/{telling}")
                receipt = await run(name, kit, told, **params)
                assert len(receipt) < 300, (text, telling)
                assert SECRET not in receipt
        for provider in these.recording.providers.values():
            assert provider.refused == []
        assert these.recording.slack.calls == []
        if name == "email":
            assert len(these.mailbox.mails) == len(TEXTS) * len(Telling)
            assert all(mail["Bcc"] is None for mail in these.mailbox.mails)


@given(text=st.text(max_size=300), title=st.text(max_size=60), by=st.integers(1, 40))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("name", ["pagerduty", "slack", "ntfy"])
async def test_no_text_at_all_is_over_a_limit(
    name: str, text: str, title: str, by: int, tmp_path: Path
) -> None:
    """F-NT-07"""
    page = replace(PAGE, text=text * by, title=title * by)
    async with services(tmp_path) as these:
        params, secrets = these.use(name)
        await notify(name, page, secrets, **params)
        assert these.recording.providers[name].refused == []


@pytest.mark.parametrize("name", NAMES)
def test_every_notifier_can_say_a_page(name: str) -> None:
    notifier = shipped().get(name)
    assert isinstance(notifier, Notifier)
    assert Telling.PAGE in notifier.tells


FAULTS: list[dict[str, Any]] = [
    {"status": 400, "body": SECRET},
    {"status": 403, "body": SECRET},
    {"status": 500, "body": SECRET},
    {"status": 302},
    {"reset": True},
]


@pytest.mark.parametrize("name", ["pagerduty", "slack", "ntfy", "webhook"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
async def test_what_goes_wrong_is_told_without_a_secret(
    name: str, fault: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """F-SEC-08: nothing of a secret or of the path of an address, in no reason and no log."""
    async with services(tmp_path) as these, lent() as kits:
        params, secrets = these.use(name)
        these.recording.fail(name, **fault)
        kit = kits.notify(secrets=secrets, deadline_seconds=5)
        with pytest.raises((Permanent, Temporary)) as caught:
            await run(name, kit, PAGE, **params)
        hidden = [SECRET, KEY, "s3cr3tPath", these.recording.providers[name].url.split("/", 3)[3]]
        for text in (str(caught.value), repr(caught.value), repr(kit), caplog.text):
            assert not [word for word in hidden if f"/{word}" in text or SECRET in text]


async def test_a_service_that_is_down_for_a_while_gets_the_page_once_it_is_back(
    tmp_path: Path,
) -> None:
    """F-NT-01: nothing is lost by being down, and the person is rung once."""
    async with services(tmp_path) as these:
        params, secrets = these.use("pagerduty")
        these.recording.pagerduty.is_down = True
        for _ in range(3):
            with pytest.raises(Temporary):
                await notify("pagerduty", PAGE, secrets, **params)
        these.recording.pagerduty.is_down = False
        await notify("pagerduty", PAGE, secrets, **params)
        assert len(these.recording.pagerduty.rings) == 1


def test_the_example_people_are_shown_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operating" / "notifiers.md").read_text()
    shown, allowed = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    file = tmp_path / "homeostat.yaml"
    file.write_text(shown + allowed)
    read = load_settings(file, {})
    faults = faults_of_uses(read, shipped().plugins)
    assert [str(f) for f in faults if f.severity is FaultSeverity.ERROR] == []
    assert {use.use for uses in read.notify.values() for use in uses} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_what_each_is_told_is_right(name: str) -> None:
    page = (ROOT / "docs" / "operating" / "notifiers.md").read_text()
    row = re.search(rf"^\| `{name}` \|(.*)\|$", page, re.MULTILINE)
    assert row is not None
    cells = [cell.strip() for cell in row[1].split("|")]
    notifier = shipped().get(name)
    assert isinstance(notifier, Notifier)
    assert {t for t, cell in zip(Telling, cells, strict=True) if cell} == set(notifier.tells)
