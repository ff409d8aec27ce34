"""People on call, over real notifiers and services that keep to what theirs document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.model.alert import Alert
from agent.model.event import Acknowledged
from agent.model.incident import Incident
from agent.runtime.daemon import Daemon
from agent.store.memory import MemoryStore
from tests.support.cases import alert, resolved
from tests.support.recording import Recording, recording
from tests.support.waiting import eventually
from tests.unit.runtime.test_daemon import started

pytestmark = pytest.mark.integration

KEY = "k" * 32
FILE = """\
apiVersion: homeostat/v1
kind: OnCall
people:
  alice:
    notify:
      - {{use: pagerduty, with: {{url: "{pagerduty}", timeout_seconds: 0.5}},
         secrets: {{routing_key: {{file: key}}}}}}
  bob: {{notify: [{{use: ntfy, with: {{url: "{ntfy}", topic: bob}}}}]}}
ladders:
  platform: {{rungs: [{{person: alice, ack_within: {ack}}}, {{person: bob, ack_within: 1h}}]}}
"""


@asynccontextmanager
async def staffed(folder: Path, services: Recording, ack: str = "1h") -> AsyncIterator[Daemon]:
    (folder / "key").write_text(KEY)
    (folder / "key").chmod(0o600)
    text = FILE.format(pagerduty=services.pagerduty.url, ntfy=services.ntfy.url, ack=ack)
    (folder / "on-call.yaml").write_text(text)
    spare = (
        f'notify: {{platform: [{{use: ntfy, with: {{url: "{services.ntfy.url}", topic: ops}}}}]}}'
    )
    settings = f"on_call: [on-call.yaml]\n{spare}\n"
    async with started(folder, MemoryStore(), settings) as made:
        assert made.reading.is_good, made.reading.faults
        yield made


DOWN: Alert = alert("Down", "nothing-known")


async def fire(made: Daemon) -> Incident:
    await made.receive([DOWN])
    return next(i for i in made.view.incidents.values() if i.title.startswith("Down"))


def topics(services: Recording) -> list[str]:
    return [str(m["topic"]) for m in services.ntfy.messages]


async def test_it_climbs_to_the_next_person_and_whoever_was_called_hears_the_end(
    tmp_path: Path,
) -> None:
    """F-NT-03"""
    async with recording() as services, staffed(tmp_path, services, ack="2s") as made:
        case = await fire(made)
        await eventually(lambda: services.pagerduty.rings, within=5, what="alice is called")
        assert topics(services) == []
        await eventually(lambda: topics(services) == ["bob"], within=10, what="bob is called")
        await made.ask(Acknowledged(at=made.now(), subject=case.id, who="bob"))
        [known] = services.pagerduty.alerts
        await eventually(lambda: known.state == "acknowledged", within=5, what="alice hears of it")
        await made.receive([resolved(DOWN, made.now())])
        await eventually(lambda: known.state == "resolved", within=5, what="and of the end")
        assert len(services.pagerduty.rings) == 1
        assert services.pagerduty.refused + services.ntfy.refused == []


async def test_a_page_whose_answer_was_lost_rings_once(tmp_path: Path) -> None:
    """F-NT-02"""
    async with recording() as services, staffed(tmp_path, services) as made:
        services.pagerduty.fail(delay_seconds=2.0)
        case = await fire(made)

        def first() -> bool | None:
            return made.view.incidents[case.id].pages[0].delivered

        await eventually(first, within=15, what="a repeat gets through")
        assert len(services.pagerduty.received) >= 2
        assert len(services.pagerduty.rings) == 1


async def test_a_service_that_wants_an_hour_is_not_waited_for(tmp_path: Path) -> None:
    """F-NT-08"""
    async with recording() as services, staffed(tmp_path, services) as made:
        services.pagerduty.fail(status=429, retry_after=3600.0, times=9)
        await fire(made)
        await eventually(lambda: topics(services) == ["ops"], within=10, what="the team is told")
        assert len(services.pagerduty.received) == 1, "nor is it asked again meanwhile"


async def test_a_token_that_is_refused_is_told_by_other_channels(tmp_path: Path) -> None:
    """F-NT-06"""
    async with recording() as services, staffed(tmp_path, services) as made:
        services.pagerduty.routing_keys = {"x" * 32}
        await fire(made)

        def told() -> list[str]:
            return [str(m.get("title", "")) for m in services.ntfy.messages]

        await eventually(
            lambda: any("NotifierBroken" in title for title in told()),
            within=10,
            what="the platform hears of the channel",
        )
        assert any("Down" in title for title in told()), "and of what the page was about"
        assert KEY not in str(services.ntfy.messages)
