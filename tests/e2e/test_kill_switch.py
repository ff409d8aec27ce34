"""The kill switch against the real daemon, seen in the record that the targets keep themselves: set
from the command line, by a file and by the API no new act begins a second later; it survives
kill -9; a file that goes away lifts nothing; a person does.

Acts begin all the time: one service after the other breaks, and the agent acts on each at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, catalog, component, daemon
from tests.support.oracle import PLUGINS, Oracle
from tests.support.site import ROOT
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SECONDS = 1.0
"""No act begins later than this after the switch was set."""
ENOUGH = 2.0
"""So long it is watched that none does."""
SERVICES = 300
ENOUGH_ACTS = 5

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: broken-book, owner: team-shop, layer: product, tier: low}}
match: {{alert: Broken}}
plans:
  act:
    steps: [{{id: act, use: oracle.probed, with: {{file: {file}, before: 0.0, after: 0.0}}}}]
    verify:
      observe: [{{id: seen, use: oracle.look, with: {{file: {file}, takes: 0.0}}}}]
      success: {{all: [seen.acts >= 1], consecutive: 1, every: 1s}}
      within: 60s
"""

TWO_STEPS = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: slow-book, owner: team-shop, layer: product, tier: low}}
match: {{alert: Slow}}
plans:
  act:
    steps:
      - {{id: first, use: oracle.probed, with: {{file: {file}, before: 1.0, after: 1.0}}}}
      - {{id: second, use: oracle.again, with: {{file: {file}, before: 0.0, after: 0.0}}}}
    verify:
      observe: [{{id: seen, use: oracle.look, with: {{file: {file}, takes: 0.0}}}}]
      success: {{all: [seen.acts >= 2], consecutive: 1, every: 1s}}
      within: 60s
"""

UNLIMITED = {
    "per_domain": 10_000,
    "per_product": 10_000,
    "per_fleet": 10_000,
    "share_per_hour": "100%",
    "rate_per_minute": 100_000,
    "rate_burst": 100_000,
    "dwell": "0s",
    "product_sick_least": 10_000,
    "fleet_sick_least": 10_000,
    "fleet_new_per_minute": 1_000_000,
    "wip_per_product": 10_000,
    "wip_per_fleet": 10_000,
    "floor": {"count": 0, "share": "0%"},
}
"""No other rail may be what holds the acts."""


class Stage:
    def __init__(self, made: Daemon, oracle: Oracle, switch: Path) -> None:
        self.made, self.oracle, self.switch = made, oracle, switch

    @property
    def begun(self) -> int:
        return self.oracle.begun().total()

    async def keep_breaking(self) -> None:
        """One service after the other, for as long as the test lasts, whoever listens."""
        for name in (f"svc-{n}" for n in range(SERVICES)):
            await asyncio.sleep(0.1)
            try:
                await self.made.fire("Broken", service=name)
            except OSError:
                continue  # nobody is there between kill and start

    async def acts_begin(self) -> None:
        before = self.begun
        await eventually(
            lambda: self.begun >= before + ENOUGH_ACTS,
            within=15,
            what=f"acts begin\n{self.made.output[-2000:]}",
        )

    async def nothing_begins(self, since: float) -> None:
        await asyncio.sleep(max(0.0, since + SECONDS - time.monotonic()))
        before = self.begun
        await asyncio.sleep(ENOUGH)
        assert self.begun == before, self.oracle.begun()

    async def state(self) -> dict[str, object]:
        return dict(await self.made.get("/api/v1/halt"))

    async def call(self, *words: str) -> int:
        """The command line, as people run it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", *words,
            cwd=self.made.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOMEOSTAT_URL": self.made.url},
        )  # fmt: skip
        return await asyncio.wait_for(process.wait(), 20)

    async def set(self, way: str) -> None:
        if way == "command line":
            assert await self.call("halt", "drill") == 0
        elif way == "file":
            (self.made.var / "HALT").write_text("drill")
        elif way == "mounted file":
            self.switch.unlink()
        else:
            status, told = await self.made.ask("/api/v1/halt", method="POST", body={"why": "drill"})
            assert (status, told["on"]) == (200, True)

    async def take_away(self, way: str) -> None:
        """What set it, where that is a file."""
        if way == "file":
            (self.made.var / "HALT").unlink()
        elif way == "mounted file":
            self.switch.write_text("off\n")


def switched_off(folder: Path) -> Path:
    folder.mkdir()
    file = folder / "switch"
    file.write_text("off\n")
    return file


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    oracle = Oracle(folder / "oracle.txt")
    switch = switched_off(folder)
    async with daemon(
        folder,
        products=catalog([component(f"svc-{n}") for n in range(SERVICES)]),
        runbooks={
            "broken": RUNBOOK.format(file=oracle.file),
            "slow": TWO_STEPS.format(file=oracle.file),
        },
        plugins=PLUGINS,
        policy={"cooldown": "0s", "page_hold": "0s", "rails": UNLIMITED},
        halt_files=["switch"],
    ) as made:
        await made.start()
        yield Stage(made, oracle, switch)


@asynccontextmanager
async def breaking(stage: Stage) -> AsyncIterator[None]:
    task = asyncio.create_task(stage.keep_breaking())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("way", ["command line", "file", "mounted file", "API"])
async def test_nothing_begins_a_second_later_and_only_a_person_lifts_it(
    tmp_path: Path, way: str
) -> None:
    """F-GRD-04, F-GRD-07"""
    async with staged(tmp_path / "d") as stage, breaking(stage):
        made = stage.made
        await stage.acts_begin()
        await stage.set(way)
        await stage.nothing_begins(time.monotonic())
        assert (await stage.state())["on"] is True
        reason = "halt_unreadable" if way == "mounted file" else "halted"
        await made.until(reason=reason, state="escalated")

        await made.kill()
        began = time.monotonic()
        await made.start()
        await stage.nothing_begins(began)
        if way in ("file", "mounted file"):
            assert await stage.call("unhalt", "mended") == 1, "the file still says on"
            await stage.take_away(way)
            await stage.nothing_begins(time.monotonic())
        told = await stage.state()
        assert (told["on"], bool(told["since"])) == (True, True)

        assert await stage.call("unhalt", "mended") == 0
        assert (await stage.state())["on"] is False
        await stage.acts_begin()


async def test_a_step_under_way_ends_and_no_next_one_begins(tmp_path: Path) -> None:
    """F-GRD-04"""
    async with staged(tmp_path / "d") as stage:
        made = stage.made
        assert await made.fire("Slow", service="svc-0") == 200
        await eventually(lambda: stage.begun == 1, within=10, what="the first step")
        await stage.set("API")
        found = await made.until(within=20, state="escalated")
        assert found["reason"] == "halted"
        assert stage.oracle.acts().total() == stage.begun == 1, "it ended, and was the last"


async def test_a_daemon_that_is_started_over_a_file_starts_halted(tmp_path: Path) -> None:
    """F-GRD-04: the command line wrote it while no daemon was there."""
    async with staged(tmp_path / "d") as stage, breaking(stage):
        await stage.acts_begin()
        await stage.made.kill()
        config = str(stage.made.folder / "homeostat.yaml")
        assert await stage.call("halt", "while it is away", "--config", config) == 0
        before = stage.begun
        began = time.monotonic()
        await stage.made.start()
        assert (await stage.state())["why"] == "while it is away"
        await stage.nothing_begins(began)
        assert stage.begun == before, "not even in the first second"
