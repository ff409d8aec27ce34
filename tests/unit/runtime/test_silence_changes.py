"""A silence that a person changes counts as it is now, not as it was when an incident came."""

from __future__ import annotations

from pathlib import Path

import msgspec

from agent.model.incident import Incident, State
from agent.model.records import Silence, SilenceMatcher
from agent.runtime.daemon import Daemon
from tests.support.cases import alert
from tests.support.waiting import eventually
from tests.unit.runtime.test_daemon import started


def silence(made: Daemon, *, lasts: float, value: str = "Hung") -> Silence:
    at = made.now()
    return Silence(
        id="s",
        matchers=(SilenceMatcher(name="alertname", value=value),),
        starts_at=at - 10,
        ends_at=at + lasts,
        created_by="ann",
        comment="mine",
        updated_at=at,
    )


def only(made: Daemon) -> Incident:
    (found,) = made.view.incidents.values()
    return found


async def test_one_that_is_shortened_ends_when_it_says_now(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        await made.put_silence(silence(made, lasts=3600))
        await made.receive([alert("Hung")])
        assert only(made).silenced_by == "s"
        await made.put_silence(silence(made, lasts=0.5))
        await eventually(
            lambda: only(made).silenced_by is None, within=10, what="the incident is looked at anew"
        )
        assert only(made).state is not State.RESOLVED


async def test_one_that_means_something_else_now_lets_go_at_once(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        await made.put_silence(silence(made, lasts=3600))
        await made.receive([alert("Hung")])
        await made.put_silence(silence(made, lasts=3600, value="Other"))
        await eventually(
            lambda: only(made).silenced_by is None, within=10, what="the incident is looked at anew"
        )


async def test_one_that_is_prolonged_goes_on(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        short = silence(made, lasts=3600)
        await made.put_silence(short)
        await made.receive([alert("Hung")])
        longer = msgspec.structs.replace(short, ends_at=short.ends_at + 3600)
        await made.put_silence(longer)
        due = (only(made).id, "silence_end")
        await eventually(
            lambda: made._state.timers.get(due) == longer.ends_at,
            within=10,
            what="the incident is looked at anew",
        )
        assert only(made).silenced_by == "s"
