"""When it is looked for blind spots, and what a survey does where something cannot be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from agent.catalog.settings import Settings, load_settings
from agent.catalog.survey_document import SurveySettings
from agent.core.survey import KEY
from agent.model.decision import Decision
from agent.model.errors import StoreUnavailable
from agent.model.event import Event, SurveyTaken
from agent.model.fault import Fault
from agent.model.signals import BlindSpotKind, SurveySigns
from agent.runtime.surveying import AGAIN_SECONDS, Surveying
from tests.support.cases import START, World
from tests.support.clock import TestClock, settle
from tests.support.past import past
from tests.support.running import free_port
from tests.support.waiting import eventually

DAY = 86_400.0


@dataclass
class Files:
    settings: Settings
    faults: tuple[Fault, ...] = ()


@dataclass
class Site:
    """A world that surveys are taken of; what they find is decided as in the daemon."""

    world: World = field(default_factory=World)
    clock: TestClock = field(default_factory=lambda: TestClock(START))
    files: Files = field(default_factory=lambda: Files(load_settings(None, {})))
    taken: list[SurveyTaken] = field(default_factory=list)
    made: Surveying | None = None
    is_full: bool = False
    """The store takes nothing."""

    async def submit(self, events: Sequence[Event]) -> None:
        if self.is_full:
            raise StoreUnavailable("disk full")
        for event in events:
            assert isinstance(event, SurveyTaken)
            self.taken.append(event)
            self.world.tell(event)

    async def surveying(self) -> Surveying:
        self.made = Surveying(
            view=self.world.view,
            store=await self.world.stored(),
            clock=self.clock,
            files=self.files,
            submit=self.submit,
        )
        return self.made

    async def pass_time(self, seconds: float) -> None:
        """In steps, each to the end of the survey that was begun in it."""
        for _ in range(4):
            await self.clock.pass_time(seconds / 4)
            await settle()
            await eventually(self.is_idle, within=20, what="the end of the survey", every=0.005)
            await settle()

    def is_idle(self) -> bool:
        return self.made is None or not self.made.is_looking

    def ask(self, **keys: object) -> None:
        self.files.settings = msgspec.structs.replace(self.files.settings, **keys)


@pytest.fixture
def site() -> Site:
    return Site()


async def running(site: Site, seconds: float) -> None:
    """The loop runs for so long."""
    surveying = await site.surveying()
    loop = asyncio.create_task(surveying.run())
    await settle()
    await site.pass_time(seconds)
    loop.cancel()
    await asyncio.wait([loop])
    assert loop.cancelled()


async def test_the_first_is_five_minutes_after_the_first_start_and_then_one_a_day(
    site: Site,
) -> None:
    await running(site, 280.0)
    assert site.taken == []
    await running(site, 320.0)
    assert len(site.taken) == 1
    await running(site, DAY - 3600.0)
    assert len(site.taken) == 1
    await running(site, 7200.0)
    assert len(site.taken) == 2


async def test_a_restart_does_not_look_again(site: Site) -> None:
    site.world.keep("survey", KEY, SurveySigns(at=START - 3600.0))
    await running(site, 7200.0)
    assert site.taken == []


async def test_one_that_is_overdue_waits_until_sources_had_time_to_be_heard(site: Site) -> None:
    site.world.keep("survey", KEY, SurveySigns(at=START - 9 * DAY))
    await running(site, 280.0)
    assert site.taken == []
    await running(site, 320.0)
    assert len(site.taken) == 1


async def test_after_a_clock_that_went_back_it_is_looked_all_the_same(site: Site) -> None:
    site.world.keep("survey", KEY, SurveySigns(at=START + 400 * DAY))
    await running(site, 320.0)
    assert len(site.taken) == 1


async def test_what_cannot_be_stored_is_tried_again_and_ends_nothing_else(site: Site) -> None:
    """The loop goes on: where it ended, the whole daemon would be taken for broken."""
    site.is_full = True
    surveying = await site.surveying()
    loop = asyncio.create_task(surveying.run())
    await settle()
    await site.pass_time(400.0)
    assert not loop.done()
    site.is_full = False
    await site.pass_time(AGAIN_SECONDS)
    assert len(site.taken) == 1
    loop.cancel()
    await asyncio.wait([loop])


async def test_how_often_is_taken_from_the_files_as_they_are_now(site: Site) -> None:
    site.world.keep("survey", KEY, SurveySigns(at=START))
    site.ask(survey=SurveySettings(every=3600.0))
    await running(site, 3700.0)
    assert len(site.taken) == 1


async def test_whoever_asks_meanwhile_waits_for_the_same_survey(site: Site) -> None:
    surveying = await site.surveying()
    await asyncio.gather(surveying.look(), surveying.look(), surveying.look())
    assert len(site.taken) == 1
    await surveying.look()
    assert len(site.taken) == 2


async def test_a_prometheus_that_does_not_answer_is_said_and_the_rest_is_looked_at(
    site: Site,
) -> None:
    port = free_port()
    site.ask(prometheus_url=f"http://ann:secret@127.0.0.1:{port}/")
    await (await site.surveying()).look()
    (event,) = site.taken
    assert f"metrics@127.0.0.1:{port}" in event.missed
    assert {"past", "members", "files"} <= set(event.looked)
    assert BlindSpotKind.MEMBER_SILENT in {s.kind for s in event.found}
    assert "secret" not in str(event)


async def test_the_past_shows_what_nobody_acted_on_and_a_fault_of_a_file_is_found(
    site: Site,
) -> None:
    site.files.faults = (Fault(file="c.yaml", line=3, column=1, code="HS001", message="no"),)
    for number in range(5):
        site.world.tell(Decision(incident=past(number, "Noise", at=-DAY * (number + 1))))
    await (await site.surveying()).look()
    (event,) = site.taken
    found = {(s.kind, s.subject) for s in event.found}
    assert (BlindSpotKind.UNSEEN_ALERT, "Noise/shop") in found
    assert (BlindSpotKind.REGISTRY_FAULTY, "c.yaml:3") in found
