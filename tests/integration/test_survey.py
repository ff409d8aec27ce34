"""A real Prometheus is looked through: what its rules read and nothing reports, what is down, what
cannot be computed; and one that is gone ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from agent.catalog.settings import Settings, load_settings
from agent.catalog.survey_document import SurveySettings
from agent.model.event import SurveyTaken
from agent.model.fault import Fault
from agent.runtime.surveying import Surveying
from tests.support.cases import World
from tests.support.daemon import catalog, component, daemon
from tests.support.kits import RealClock
from tests.support.loopback import Received, serving
from tests.support.servers import Prometheus, rule
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

RULES = [
    rule("OrdersStall", "rate(orders_total[1m]) == 0", labels={"product": "shop"}),
    rule("Typo", "oders_total > 1"),
    rule("NoOrders", "absent(never_reported_total)"),
    rule("Errors", 'rate(orders_total{code="500"}[1m]) > 1'),
    rule("Broken", "orders_total * on (job) group_left () pairs > 0"),
]
KINDS = ("metric_vanished", "rule_broken", "target_without_data", "not_surveyed")


class Files:
    faults: tuple[Fault, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings


class Survey:
    """Surveys of one Prometheus, decided in a small world."""

    def __init__(self, url: str, *, lookback: float = 3.0) -> None:
        self.world = World()
        settings = load_settings(None, {})
        survey = SurveySettings(lookback=lookback)
        self._files = Files(msgspec.structs.replace(settings, prometheus_url=url, survey=survey))

    async def take(self) -> dict[str, str]:
        """Those that are there after another survey, with the team that owns each."""
        surveying = Surveying(
            view=self.world.view,
            store=await self.world.stored(),
            clock=RealClock(),
            files=self._files,
            submit=self._submit,
        )
        await surveying.look()
        return {
            key: spot.owner
            for key, spot in self.world.view.blind_spots.items()
            if spot.gone_at is None and spot.kind.value in KINDS
        }

    async def _submit(self, events: object) -> None:
        assert isinstance(events, list)
        for event in events:
            assert isinstance(event, SurveyTaken)
            self.world.tell(event)


class Exporter:
    """Serves what it is told to."""

    def __init__(self) -> None:
        self.orders = True
        self.text = 'pairs{job="shop",n="1"} 1\npairs{job="shop",n="2"} 1\n'

    def __call__(self, _: Received) -> web.Response:
        orders = 'orders_total{code="200"} 5\n' if self.orders else ""
        return web.Response(text=self.text + orders, content_type="text/plain")


async def test_a_metric_that_is_removed_is_found_and_one_that_is_back_is_not(
    prometheus: Callable[..., Awaitable[Prometheus]],
) -> None:
    """The rule of `OrdersStall` reads what the exporter stops to report: it can never fire, nothing
    says so, and the survey does. `code` is no place, so `Errors` alone is not blind before the
    first error; `absent()` is meant."""
    exporter = Exporter()
    async with serving(exporter) as server:
        made = await prometheus(
            targets={"shop": server.url.removeprefix("http://"), "gone": "127.0.0.1:1"},
            rules=RULES,
        )
        survey = Survey(made.url)

        async def there(*wanted: str, without: tuple[str, ...] = ()) -> bool:
            found = await survey.take()
            return set(wanted) <= set(found) and not set(without) & set(found)

        at_first = (
            "metric_vanished/test/Typo",
            "rule_broken/test/Broken",
            "target_without_data/gone/127.0.0.1:1",
        )
        meant = ("metric_vanished/test/NoOrders",)
        orders = ("metric_vanished/test/OrdersStall", "metric_vanished/test/Errors")
        await eventually(
            lambda: there(*at_first, without=(*meant, *orders)), within=30, what="the first finds"
        )
        exporter.orders = False
        await eventually(
            lambda: there(at_first[0], *orders, without=meant), within=30, what="the metric gone"
        )
        assert (await survey.take())[orders[0]] == "team-shop"
        exporter.orders = True
        await eventually(lambda: there(*at_first, without=orders), within=30, what="it is back")
        assert survey.world.view.blind_spots[orders[0]].gone_at is not None


async def test_a_target_without_any_sample_is_found(
    prometheus: Callable[..., Awaitable[Prometheus]],
) -> None:
    exporter = Exporter()
    exporter.text, exporter.orders = "", False
    async with serving(exporter) as server:
        place = server.url.removeprefix("http://")
        made = await prometheus(targets={"shop-web": place})
        survey = Survey(made.url)

        async def there() -> str | None:
            return (await survey.take()).get(f"target_without_data/shop-web/{place}")

        owner = await eventually(there, within=30, what="the empty target")
        assert owner == "team-shop"


async def test_a_target_that_is_down_since_a_moment_ago_is_none_yet(
    prometheus: Callable[..., Awaitable[Prometheus]],
) -> None:
    """By default a quarter of an hour is asked for: a site that was just set up has no targets that
    are down for so long, only some that did not start yet."""
    made = await prometheus(targets={"gone": "127.0.0.1:1"}, rules=RULES[1:2])
    gone = "target_without_data/gone/127.0.0.1:1"
    short, usual = Survey(made.url), Survey(made.url, lookback=86_400.0)

    async def found() -> bool:
        return gone in await short.take()

    await eventually(found, within=30, what="one that is down for some seconds")
    assert gone not in await usual.take()


async def test_a_prometheus_that_is_gone_ends_nothing_and_is_said(
    prometheus: Callable[..., Awaitable[Prometheus]],
) -> None:
    """No answer is no news."""
    made = await prometheus(targets={"gone": "127.0.0.1:1"}, rules=RULES[1:2])
    survey = Survey(made.url)

    async def typo() -> bool:
        return "metric_vanished/test/Typo" in await survey.take()

    await eventually(typo, within=30, what="the first finds")
    await made.stop()
    found = await survey.take()
    assert "metric_vanished/test/Typo" in found
    assert f"not_surveyed/127.0.0.1:{made.port}" in found
    await made.start()
    await eventually(typo, within=30, what="it answers again")
    found = await survey.take()
    assert not [key for key in found if key.startswith("not_surveyed/")]


async def test_the_daemon_looks_by_itself_and_a_restart_neither_forgets_nor_looks_again(
    prometheus: Callable[..., Awaitable[Prometheus]], tmp_path: Path
) -> None:
    made = await prometheus(targets={"gone": "127.0.0.1:1"}, rules=RULES[1:2])
    async with daemon(
        tmp_path / "d",
        products=catalog([component("shop")]),
        prometheus_url=made.url,
        survey={"first": "1s", "lookback": "1m"},
    ) as running:
        await running.start()

        async def found() -> dict[str, Any] | None:
            answer: dict[str, Any] = await running.get("/api/v1/blindspots")
            return answer if answer["at"] else None

        first = await eventually(found, within=20, what="the first survey", every=0.3)
        assert first is not None
        there = {(s["kind"], s["subject"]): s["owner"] for s in first["blind_spots"]}
        assert there["metric_vanished", "test/Typo"] == "platform"
        assert there["uncovered", "shop"] == "team-shop"
        await running.kill()
        await running.start()
        await asyncio.sleep(2.5)
        again = await running.get("/api/v1/blindspots")
        assert (again["at"], again["blind_spots"]) == (first["at"], first["blind_spots"])
        status, now = await running.ask("/api/v1/blindspots/survey", method="POST", body={})
        assert status == 200
        assert now["at"] > first["at"]
        journal = [page for page in running.pages if "blind spots" in str(page).lower()]
        assert len(journal) <= 1, "a team is told once a day"
