"""kill -9 of the daemon at every point of an incident's way: what was acknowledged is kept; what
can be asked about is done exactly once; what is repeatable at least once, with the same key; what
is opaque is never done again, and a person is told.

The oracle (tests/support/oracle.py) is the world: it is written by the act itself, and synced.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, catalog, component, daemon, group, member
from tests.support.oracle import PLUGINS, Oracle
from tests.support.policies import WRITTEN
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

SERVICES = [f"svc-{n}" for n in range(40)]
LONG = 0.4
LABELS = {"alertname": "Quick", "service": "svc-2"}
READABLE = {
    "/webhook/alertmanager": json.dumps(group(member("Quick", starts_at=1e9, service="svc-2"))),
    "/api/v2/alerts": json.dumps([{"labels": LABELS}]),
    "/webhook/events": json.dumps(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "test",
            "type": "homeostat.alert",
            "data": {"labels": LABELS},
        }
    ),
}

NO_STORM = {**WRITTEN, "fleet_sick_least": 1_000, "fleet_new_per_minute": 100_000}
"""Forty products that fail at once are what these tests are made of."""

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: {name}, owner: team-shop, layer: product, tier: low}}
match: {{alert: {alert}}}
plans:
  act:
    steps: [{{id: act, use: {use}, with: {{file: {file}, before: {before}, after: {after}}}}}]
    verify:
      observe: [{{id: seen, use: oracle.look, with: {{file: {file}, takes: {takes}}}}}]
      success: {{all: [seen.acts >= 1], consecutive: {looks}, every: 1s}}
      within: 60s
"""


def runbook(alert: str, use: str, file: Path, **fields: Any) -> str:
    given = {"before": 0.0, "after": 0.0, "takes": 0.0, "looks": 1, **fields}
    name = f"{alert}-book".lower()
    return RUNBOOK.format(name=name, alert=alert, use=use, file=file, **given)


@asynccontextmanager
async def witnessed(folder: Path, **settings: Any) -> AsyncIterator[tuple[Daemon, Oracle]]:
    oracle = Oracle(folder / "oracle.txt")
    books = {
        "quick": runbook("Quick", "oracle.probed", oracle.file),
        "probed": runbook("Probed", "oracle.probed", oracle.file, before=LONG, after=LONG),
        "again": runbook("Again", "oracle.again", oracle.file, before=LONG, after=LONG),
        "proven": runbook("Proven", "oracle.probed", oracle.file, takes=0.5, looks=2),
    }
    async with daemon(
        folder,
        products=catalog([component(name) for name in SERVICES]),
        runbooks=books,
        plugins=PLUGINS,
        policy={"cooldown": "1s", "page_hold": "0s", "rails": NO_STORM},
        **settings,
    ) as made:
        yield made, oracle


async def all_over(made: Daemon, count: int, *, within: float = 20) -> list[dict[str, Any]]:
    async def look() -> list[dict[str, Any]]:
        found = await made.incidents()
        return found if all(i["state"] == "resolved" for i in found) else []

    found = await eventually(look, within=within, what=f"all over\n{made.output[-1500:]}")
    assert len(found) == count, "no incident is forgotten, and none was opened twice"
    return found


async def nothing_is_lost(made: Daemon, acknowledged: int) -> None:
    ledger = await made.ledger()
    assert ledger["balanced"] is True, ledger
    assert ledger["received"] - ledger["duplicate"] == acknowledged, ledger
    assert (ledger["open"], ledger["absorbed"]) == (0, acknowledged), ledger


def exactly_once(oracle: Oracle, services: list[str]) -> None:
    acts = oracle.acts()
    assert sorted(line.split()[0] for line in acts) == sorted(services)
    assert set(acts.values()) <= {1}, acts


async def fired(made: Daemon, name: str, service: str) -> bool:
    """Whether it was acknowledged."""
    try:
        return await made.fire(name, service=service) == 200
    except OSError:
        return False


async def test_killed_between_the_acknowledgement_and_the_action(tmp_path: Path) -> None:
    """Twelve lives of 0 to 30 ms after the answer: before, in and after intent, act and outcome."""
    seeded = random.Random(3)
    async with witnessed(tmp_path / "d") as (made, oracle):
        for service in SERVICES[:12]:
            await made.start()
            assert await made.fire("Quick", service=service) == 200
            await asyncio.sleep(seeded.uniform(0, 0.03))
            await made.kill()
        await made.start()
        incidents = await all_over(made, 12)
        assert {i["outcome"] for i in incidents} == {"healed"}
        assert made.pages == []
        exactly_once(oracle, SERVICES[:12])
        await nothing_is_lost(made, 12)


async def test_killed_while_messages_are_on_their_way(tmp_path: Path) -> None:
    """What was not acknowledged is sent again, as any sender would: it is there once."""
    seeded = random.Random(5)
    async with witnessed(tmp_path / "d") as (made, oracle):
        pending = set(SERVICES)
        for _ in range(3):
            await made.start()
            posts = {s: asyncio.create_task(fired(made, "Quick", s)) for s in sorted(pending)}
            await asyncio.sleep(seeded.uniform(0.01, 0.06))
            await made.kill()
            pending -= {s for s, post in posts.items() if await post}
        await made.start()
        for service in sorted(pending):
            assert await made.fire("Quick", service=service) == 200
        await all_over(made, len(SERVICES))
        exactly_once(oracle, SERVICES)
        await nothing_is_lost(made, len(SERVICES))


async def begun(oracle: Oracle, count: int) -> None:
    await eventually(
        lambda: oracle.begun().total() >= count, within=10, what="the act begins", every=0.005
    )


async def acted(oracle: Oracle, count: int) -> None:
    await eventually(
        lambda: oracle.acts().total() >= count, within=10, what="it really acts", every=0.005
    )


async def test_killed_during_the_action_and_before_its_outcome_is_stored(tmp_path: Path) -> None:
    """Each life ends with a probed act and a repeatable one under way."""
    async with witnessed(tmp_path / "d") as (made, oracle):
        await made.start()
        for n, reached in enumerate((begun, acted, begun, acted)):
            so_far = (oracle.begun() if reached is begun else oracle.acts()).total()
            assert await made.fire("Probed", service=f"svc-{n}") == 200
            assert await made.fire("Again", service=f"svc-2{n}") == 200
            await reached(oracle, so_far + 2)
            await made.kill()
            await made.start()
            await all_over(made, 2 * (n + 1))
        times = {line.split()[0]: n for line, n in oracle.acts().items()}
        assert len(times) == len(oracle.acts()) == 8, "the same key for every attempt"
        assert [times[f"svc-{n}"] for n in range(4)] == [1, 1, 1, 1], "exactly once"
        assert [times[f"svc-2{n}"] for n in range(4)] == [1, 2, 1, 2], "at least once"
        await nothing_is_lost(made, 8)


async def test_killed_during_verification(tmp_path: Path) -> None:
    async with witnessed(tmp_path / "d") as (made, oracle):
        await made.start()
        assert await made.fire("Proven", service="svc-0") == 200
        for _ in range(3):
            await made.until(state="verifying")
            await asyncio.sleep(0.1)
            await made.kill()
            await made.start()
        [incident] = await all_over(made, 1)
        assert (incident["outcome"], incident["verdict"]) == ("healed", "held")
        exactly_once(oracle, ["svc-0"])
        await nothing_is_lost(made, 1)


async def test_killed_during_recovery_again_and_again(tmp_path: Path) -> None:
    """Six starts that live from nothing to a second, over acts of unknown outcome."""
    seeded = random.Random(7)
    async with witnessed(tmp_path / "d") as (made, oracle):
        await made.start()
        for n in range(6):
            assert await made.fire("Probed", service=SERVICES[n]) == 200
        await begun(oracle, 6)
        await made.kill()
        for _ in range(6):
            starting = asyncio.create_task(made.start())
            await asyncio.sleep(seeded.uniform(0.9, 2.2))
            await made.kill()
            await asyncio.gather(starting, return_exceptions=True)
        await made.start()
        incidents = await all_over(made, 6)
        assert {i["outcome"] for i in incidents} == {"healed"}
        exactly_once(oracle, SERVICES[:6])
        await nothing_is_lost(made, 6)


@contextmanager
def full_disk(made: Daemon) -> Iterator[None]:
    """No file of the daemon can be written, its log included."""
    before = resource.prlimit(made.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(made.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(made.pid, resource.RLIMIT_FSIZE, before)


async def test_on_a_full_disk_nothing_is_acknowledged_and_no_outcome_is_lost(
    tmp_path: Path,
) -> None:
    async with witnessed(tmp_path / "d") as (made, oracle):
        await made.start()
        assert await made.fire("Probed", service="svc-0") == 200
        await acted(oracle, 1)
        with full_disk(made):
            answers = [
                await made.post(door, body)
                for door in ("/webhook/alertmanager", "/api/v2/alerts", "/webhook/events")
                for body in (READABLE[door], "not JSON")
            ]
            assert answers == [503] * 6
            await asyncio.sleep(2 * LONG)  # its outcome comes back meanwhile
            assert (await made.ask("/-/healthy"))[0] == 200
            assert (await made.incident_of(product="svc-0"))["state"] == "acting"
        [incident] = await all_over(made, 1)
        assert incident["outcome"] == "healed"
        assert await made.fire("Quick", service="svc-1") == 200
        await all_over(made, 2)
        exactly_once(oracle, ["svc-0", "svc-1"])
        await nothing_is_lost(made, 2)


async def test_an_opaque_act_of_a_person_is_never_repeated_and_they_are_told(
    tmp_path: Path,
) -> None:
    async with witnessed(tmp_path / "d") as (made, oracle):
        await made.start()
        assert await made.fire("NobodyKnowsThis", service="svc-0") == 200
        incident = await made.until(state="escalated")
        paged = len(made.pages)
        params = {"file": str(oracle.file), "before": LONG}
        path = f"/api/v1/incidents/{incident['id']}/run"
        body = {"use": "oracle.opaque", "with": params}
        status, answer = await made.ask(path, method="POST", body=body)
        assert status == 200, answer
        await begun(oracle, 1)
        for _ in range(2):
            await made.kill()
            await made.start()
        told = await eventually(lambda: made.pages[paged:], within=5, what="a person is told")
        assert "oracle.opaque" in told[-1]["text"]
        incident = await made.incident_of(id=incident["id"])
        assert [(s["use"], s["status"]) for s in incident["steps"]] == [
            ("oracle.opaque", "unknown")
        ]
        assert incident["state"] != "resolved"
        assert (oracle.begun().total(), oracle.acts().total()) == (1, 0), "never again"
        assert (await made.ledger())["balanced"] is True
