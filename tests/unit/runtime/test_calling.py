"""What a notifier is handed, and what is not sent any more at the last moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.catalog.settings import Use
from agent.core.approval import fingerprint_of_asked
from agent.core.reaching import LAST_RESORT
from agent.model.command import Command, CommandKind
from agent.model.errors import Permanent
from agent.model.event import Acknowledged
from agent.model.incident import State
from agent.model.on_call import Telling
from agent.model.runbook import Lifecycle
from agent.ports.plugin import Message, Notifier, Params
from agent.runtime.calling import Calling
from agent.runtime.last_resort import LastResort
from agent.runtime.registry import PluginRegistry
from tests.support.cases import World, runbook
from tests.support.ladders import staffed


class Nothing(Params):
    pass


class Kits:
    """Only what telling somebody needs."""

    def notify(self, **_told: Any) -> None:
        return None


def calling(world: World, folder: Path) -> tuple[Calling, list[Message]]:
    sent: list[Message] = []

    async def hook(_kit: Any, _params: Nothing, message: Message) -> str:
        sent.append(message)
        return "ok"

    plugin = Notifier(name="hook", params=Nothing, summary="keeps", run=hook)
    made = Calling(
        registry=lambda: PluginRegistry({"hook": plugin}),
        kits=Kits(),  # type: ignore[arg-type]
        channels=lambda: {"person:alice/0": Use(use="hook")},
        view=world.view,
        last_resort=LastResort(folder / "last-resort.jsonl"),
    )
    return made, sent


def page(world: World) -> Command:
    [command] = world.asked(CommandKind.NOTIFY)
    return command


async def test_a_page_says_what_about_and_what_it_is_folded_by(tmp_path: Path) -> None:
    world = staffed()
    case = world.fire()
    made, sent = calling(world, tmp_path)
    assert await made.call(page(world)) == {"receipt": "ok"}
    [message] = sent
    assert (message.telling, message.topic, message.to) == (Telling.PAGE, case.id, "alice")
    assert message.link == f"{world.view.link}/incidents/{case.id}"


async def test_a_page_that_asks_says_what_its_reader_was_shown(tmp_path: Path) -> None:
    world = staffed(runbook("hung", lifecycle=Lifecycle.ASSISTED))
    case = world.fire()
    made, sent = calling(world, tmp_path)
    await made.call(page(world))
    assert case.asked is not None
    assert [m.asks for m in sent] == [fingerprint_of_asked(case.asked)]


async def test_a_page_whose_turn_comes_after_the_acknowledgement_rings_nowhere(
    tmp_path: Path,
) -> None:
    """F-NT-03: it stood in a queue, or waited for its repeat."""
    world = staffed()
    case = world.fire()
    command = page(world)
    made, sent = calling(world, tmp_path)
    world.tell(Acknowledged(at=world.now, subject=case.id, who="bob"))
    assert await made.call(command) == {"withheld": "bob has it"}
    world.clear()
    assert await made.call(command) == {"withheld": "it is over"}
    assert sent == []


async def test_what_is_said_of_the_end_is_sent_though_it_is_over(tmp_path: Path) -> None:
    world = staffed()
    case = world.fire()
    world.tell(Acknowledged(at=world.now, subject=case.id, who="bob"))
    world.clear()
    made, sent = calling(world, tmp_path)
    for command in world.asked(CommandKind.NOTIFY):
        if command.params["telling"] != "page":
            await made.call(command)
    assert [(m.telling, m.who) for m in sent] == [
        (Telling.ACKNOWLEDGED, "bob"),
        (Telling.RESOLVED, ""),
    ]


async def test_where_it_is_unknown_whether_somebody_has_it_people_are_told(tmp_path: Path) -> None:
    world = staffed()
    case = world.fire()
    odd = msgspec.structs.replace(world.incident(case.id), state=State.VERIFYING)
    world.state.incidents[case.id] = odd
    made, sent = calling(world, tmp_path)
    await made.call(page(world))
    assert len(sent) == 1


async def test_the_last_resort_needs_no_plugin(tmp_path: Path) -> None:
    world = staffed()
    world.view.channels = {LAST_RESORT: world.view.channels[LAST_RESORT]}
    world.fire()
    made, _ = calling(world, tmp_path)
    await made.call(page(world))
    [line] = (tmp_path / "last-resort.jsonl").read_text().splitlines()
    said = json.loads(line)
    assert said["to"] == "team-shop"
    assert said["text"].startswith("BROKEN")
    assert said["at"] == world.now


async def test_a_channel_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    world = staffed()
    world.fire()
    made, _ = calling(world, tmp_path)
    gone = msgspec.structs.replace(
        page(world), params={**page(world).params, "channel": "team-x/0"}
    )
    with pytest.raises(Permanent, match="not configured any more"):
        await made.call(gone)
