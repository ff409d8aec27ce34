"""Six products on one shared store, with a real Prometheus and a real Alertmanager: what is routine
wakes nobody, what is one product's rings its builder once, what they share rings platform once.

Which phones rang is what the pagers' stand-in counted, not what the daemon says of itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import PLATFORM, PRODUCTS, STORE, WORKER, Estate, estate, key_of, team_of
from tests.support.recording import Recording, recording
from tests.support.servers import Prometheus, rule
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.timeout(170)]

Start = Callable[..., Awaitable[Any]]

SEVERITY = {"severity": "critical"}
RULES = [
    rule("ServiceFailing", "dependent_ok == 0 and dependent_stuck == 0", labels=SEVERITY),
    rule("WorkerStuck", "dependent_stuck == 1", labels=SEVERITY),
]
POLICY = {
    "page_hold": "3s",
    "evaluation_interval": "1s",
    "group_interval": "1s",
    "rails": {"dwell": "2s"},
}
TIME_TO_RING = 8
"""Seconds in which a page that should not come would have come: the hold, two evaluations, and
what Alertmanager takes."""


def rings(pagers: Recording) -> Counter[str]:
    """How often each team's phone rang."""
    teams = {key_of(team): team for team in (PLATFORM, *map(team_of, PRODUCTS))}
    return Counter(teams[ring["routing_key"]] for ring in pagers.pagerduty.rings)


async def quiet(made: Estate, prom: Prometheus) -> None:
    """Everything works, and nothing is open any more."""
    await eventually(made.all_work, within=20, what="everything works")

    async def over() -> bool:
        found = await made.daemon.incidents()
        return all(i["state"] == "resolved" for i in found) and not await prom.firing()

    try:
        await eventually(over, within=40, what="all incidents are over", every=0.3)
    except AssertionError as error:
        left = [i for i in await made.daemon.incidents() if i["state"] != "resolved"]
        raise AssertionError(
            f"{left}\n{await prom.firing()}\n{made.daemon.output[-2000:]}"
        ) from error


async def test_routine_wakes_nobody_one_product_its_builder_and_the_substrate_platform_once(
    prometheus: Start, alertmanager: Start, tmp_path: Path
) -> None:
    async with (
        recording() as pagers,
        estate(tmp_path / "estate", pagers=pagers.pagerduty.url) as made,
    ):
        between = await alertmanager(webhook=f"{made.daemon.url}/webhook/alertmanager")
        prom = await prometheus(
            targets=made.targets, rules=RULES, alertmanagers=[between.url], resend_delay="1s"
        )
        await made.run(
            prometheus_url=prom.url,
            sources=[{"use": "alertmanager.level", "with": {"url": between.url}}],
            level_check="2s",
            policy=POLICY,
        )
        await eventually(
            lambda: prom.query(f"count(dependent_ok) == {len(made.ports)}"),
            within=20,
            what="all are scraped",
        )
        await _routine(made, prom, pagers)
        await _one_product(made, prom, pagers)
        await _substrate(made, prom, pagers)
        ledger = await made.daemon.ledger()
        assert ledger["balanced"] is True, ledger
        assert ledger["open"] == 0, ledger


async def _routine(made: Estate, prom: Prometheus, pagers: Recording) -> None:
    await made.break_it(WORKER, "stuck")
    healed = await made.daemon.until(within=40, outcome="healed", entity=WORKER)
    assert (healed["radius"], healed["verdict"]) == ("routine", "held"), healed
    await quiet(made, prom)
    assert rings(pagers) == {}, "nobody is woken for the routine"


async def _one_product(made: Estate, prom: Prometheus, pagers: Recording) -> None:
    await made.break_it("maps-web", "code")
    told = await made.daemon.until(within=40, state="escalated", product="maps")
    assert (told["radius"], told["routed_to"]) == ("product", "team-maps"), told
    await asyncio.sleep(TIME_TO_RING)
    assert rings(pagers) == {"team-maps": 1}, "its builder, once"
    await made.break_it("maps-web", "mend")
    await quiet(made, prom)
    alert = pagers.pagerduty.alerts[0]
    await eventually(lambda: alert.state == "resolved", within=10, what="the pager knows the end")


async def _substrate(made: Estate, prom: Prometheus, pagers: Recording) -> None:
    await made.break_it(STORE, "code")
    await eventually(lambda: rings(pagers)[PLATFORM], within=40, what="platform is called")
    await asyncio.sleep(TIME_TO_RING)
    assert rings(pagers) == {"team-maps": 1, PLATFORM: 1}, "platform once, builders not"
    found = [i for i in await made.daemon.incidents() if i["state"] != "resolved"]
    assert {i["product"] for i in found} == {None, *PRODUCTS}, "every product is hit"
    [root] = [i for i in found if i["held_by"] is None]
    assert root["suspect"] == STORE, root
    assert {i["radius"] for i in found} == {"systemic"}
    ring = pagers.pagerduty.rings[-1]
    assert ring["routing_key"] == key_of(PLATFORM)
    assert STORE in ring["payload"]["summary"], ring
    await made.break_it(STORE, "mend")
    await quiet(made, prom)
    assert not any(rings(pagers)[team_of(p)] for p in PRODUCTS if p != "maps")
