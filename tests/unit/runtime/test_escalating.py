"""The last resort and the auditor in a daemon: nobody is left untold, and health says so."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.core.audit_escalation import is_at_its_end
from agent.core.reaching import LAST_RESORT
from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.errors import Temporary
from agent.model.event import Acknowledged
from agent.runtime.escalating import AUDIT_SECONDS, Escalating
from agent.runtime.last_resort import LastResort
from tests.support.cases import World, alert
from tests.support.clock import TestClock, settle
from tests.support.ladders import staffed, told
from tests.support.waiting import eventually
from tests.unit.runtime.test_daemon import started

HEAD = "apiVersion: homeostat/v1\nkind: OnCall\n"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def test_a_line_of_last_resort_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = LastResort(tmp_path / "new" / "last-resort.jsonl")
    assert str(file.path) in await file.write({"text": "a\nb", "to": "platform"})
    await file.write({"text": "c"})
    assert [line["text"] for line in lines(file.path)] == ["a\nb", "c"]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


async def test_a_disk_that_does_not_take_it_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Temporary):
        await LastResort(tmp_path / "file" / "last-resort.jsonl").write({})


async def test_where_every_channel_fails_health_does_until_somebody_acknowledges(
    tmp_path: Path,
) -> None:
    """F-NT-01: nothing listens where the only channels lead."""
    (tmp_path / "on-call.yaml").write_text(
        HEAD + "people: {alice: {notify: [{use: gone}]}}\n"
        "ladders: {platform: {rungs: [{person: alice}]}}\n"
    )
    plugin = tmp_path / "mine" / "notifiers" / "gone.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(
        "from agent.model.errors import Permanent\n"
        "from agent.ports.plugin import Params, notifier\n\n\n"
        "class Nothing(Params):\n    pass\n\n\n"
        '@notifier(name="gone", params=Nothing, summary="refuses")\n'
        "async def gone(kit, params, message):\n"
        '    raise Permanent("401")\n'
    )
    settings = "plugins: [mine]\non_call: [on-call.yaml]\nnotify: {default: [{use: gone}]}\n"
    async with started(tmp_path, settings=settings) as made:
        assert made.reading.is_good, made.reading.faults
        await made.receive([alert("Down", "nothing-known")])
        file = made.settings.data_dir / "last-resort.jsonl"
        await eventually(lambda: bool(lines(file)), within=10, what="the last resort is written")
        await eventually(lambda: not made.is_healthy(), within=10, what="health fails")
        [first, *_] = lines(file)
        assert "BROKEN" in first["text"]
        assert "last-resort.jsonl" in made.unhealthy_because()
        assert made.unhealthy_because(of_pages=False) == ""
        assert b"homeostat_pages_unheard" in made.metrics()
        for incident in list(made.view.incidents.values()):
            await made.ask(Acknowledged(at=made.now(), subject=incident.id, who="bob"))
        assert made.is_healthy()


async def test_people_and_ladders_are_taken_over_by_a_reload(tmp_path: Path) -> None:
    text = HEAD + "people: {alice: {notify: [{use: terminal}]}}\n"
    (tmp_path / "on-call.yaml").write_text(text)
    async with started(tmp_path, settings="on_call: [on-call.yaml]\n") as made:
        assert [c.use for c in made.view.channels["person:alice"]] == ["terminal"]
        assert made.view.channels[LAST_RESORT]
        (tmp_path / "on-call.yaml").write_text(text.replace("alice", "bob"))
        assert await made.reload() == ()
        assert "person:bob" in made.view.channels
        (tmp_path / "on-call.yaml").write_text(text.replace("alice", "_x"))
        assert [f.code for f in await made.reload()] == ["HS440"]
        assert "person:bob" in made.view.channels, "what was good stays"


def escalating(world: World, clock: TestClock) -> tuple[Escalating, list[Decision]]:
    submitted: list[Decision] = []

    async def submit(decisions: Any) -> None:
        submitted.extend(decisions)
        for decision in decisions:
            world.tell(decision)

    made = Escalating(view=world.view, timers=world.state.timers, clock=clock, submit=submit)
    return made, submitted


async def test_the_auditor_makes_its_rounds() -> None:
    world = staffed()
    case = world.fire()
    clock = TestClock(world.now)
    made, submitted = escalating(world, clock)
    task = asyncio.create_task(made.run())
    await clock.pass_time(AUDIT_SECONDS)
    assert submitted == []
    del world.state.timers[case.id, "climb"]
    await clock.pass_time(AUDIT_SECONDS)
    task.cancel()
    await settle()
    assert made.mended == 1
    world.wait(200)
    assert told(world) == ["person:alice", "person:bob"]


def test_that_nobody_acknowledged_is_no_illness_of_the_agent() -> None:
    world = staffed()
    case = world.fire()
    made, _ = escalating(world, TestClock(world.now))
    world.wait(10_000)
    made.load()
    assert is_at_its_end(world.incident(case.id))
    assert made.unhealthy_because() == ""
    world.tell(Acknowledged(at=world.now, subject=case.id, who="bob"))
    assert not is_at_its_end(world.incident(case.id))


def test_of_many_the_first_are_named() -> None:
    world = staffed()
    made, _ = escalating(world, TestClock(world.now))
    case = world.fire()
    for page in world.pages:
        world.answer(page, OutcomeStatus.FAILED)
    while open_pages := [c for c in world.asked(CommandKind.NOTIFY) if c.subject == case.id]:
        world.answer(open_pages[0], OutcomeStatus.FAILED)
    for number in range(30):
        name = f"i-{number:02}"
        copy = msgspec.structs.replace(world.incident(case.id), id=name)
        world.state.incidents[name] = copy
    made.load()
    assert "and 11 more" in made.unhealthy_because()
