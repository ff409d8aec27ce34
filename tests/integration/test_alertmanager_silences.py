"""Silences set in a real Alertmanager reach what is open here: hands off, and taken up again after.
And amtool against Homeostat itself: add, query, expire; what was set elsewhere is ended elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, catalog, component, daemon
from tests.support.running import program
from tests.support.servers import Alertmanager, amtool
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Start = Callable[..., Awaitable[Alertmanager]]


@asynccontextmanager
async def beside(folder: Path, alertmanager: Start) -> AsyncIterator[tuple[Daemon, Alertmanager]]:
    async with daemon(folder, products=catalog([component("shop")]), policy={}) as made:
        manager = await alertmanager(webhook=f"{made.url}/webhook/alertmanager")
        source = {"use": "alertmanager.silences", "with": {"url": manager.url, "every_seconds": 1}}
        level = {"use": "alertmanager.level", "with": {"url": manager.url}}
        made.configure(sources=[source, level], policy={"page_hold": "0s"}, level_check="1s")
        await made.start()
        yield made, manager


async def said(*words: str, url: str) -> str:
    process = await asyncio.create_subprocess_exec(
        program("amtool"), f"--alertmanager.url={url}", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    return out.decode().strip()


async def silence(url: str, *matchers: str) -> str:
    """Its id."""
    words = ("silence", "add", "--author=ann", "--comment=mine", "--duration=1h", *matchers)
    return (await said(*words, url=url)).splitlines()[-1].strip()


async def listed(made: Daemon) -> list[dict[str, Any]]:
    return list(await made.get("/api/v2/silences"))


async def test_hands_off_while_it_is_silenced_there_and_taken_up_again_after(
    tmp_path: Path, alertmanager: Start
) -> None:
    async with beside(tmp_path / "d", alertmanager) as (made, manager):
        found = await silence(manager.url, "alertname=Slow")
        await eventually(lambda: listed(made), within=10, what="it is read")
        [one] = await listed(made)
        assert one["id"] == found
        assert one["comment"] == f"mine (set in alertmanager:{manager.address})"
        # Sent here directly: Alertmanager itself would keep it to itself.
        assert await made.fire("Slow", service="shop") == 200
        incident = await made.incident_of(state="open")
        assert incident["pages"] == []
        alerts = await made.get("/api/v2/alerts?silenced=true")
        assert [a["status"]["silencedBy"] for a in alerts] == [[found]]

        assert await amtool("silence", "expire", found, url=manager.url) == 0
        told = await made.until(within=20, state="escalated")
        assert told["id"] == incident["id"]
        assert [s["status"]["state"] for s in await listed(made)] == ["expired"]


async def test_what_was_set_there_is_not_ended_here(tmp_path: Path, alertmanager: Start) -> None:
    async with beside(tmp_path / "d", alertmanager) as (made, manager):
        found = await silence(manager.url, "alertname=Slow")
        await eventually(lambda: listed(made), within=10, what="it is read")
        assert await amtool("silence", "expire", found, url=made.url) != 0
        status, answer = await made.ask(f"/api/v2/silence/{found}", method="DELETE")
        assert (status, "only read here" in answer) == (409, True), answer
        assert f"amtool silence expire {found} against {manager.address}" in answer
        [one] = await listed(made)
        assert one["status"]["state"] == "active"


async def test_what_was_read_holds_while_it_cannot_be_read_and_over_a_restart(
    tmp_path: Path, alertmanager: Start
) -> None:
    async with beside(tmp_path / "d", alertmanager) as (made, manager):
        await silence(manager.url, "alertname=Slow")
        await eventually(lambda: listed(made), within=10, what="it is read")
        await manager.stop()
        await made.kill()
        await made.start()
        assert await made.fire("Slow", service="shop") == 200
        await asyncio.sleep(2)
        assert (await made.incident_of())["pages"] == []
        [one] = await listed(made)
        assert one["status"]["state"] == "active"


async def test_amtool_against_homeostat_itself(tmp_path: Path) -> None:
    async with daemon(
        tmp_path / "d", products=catalog([component("shop")]), policy={"page_hold": "0s"}
    ) as made:
        await made.start()
        found = await silence(made.url, "alertname=Slow")
        assert found in await said("silence", "query", "--quiet", url=made.url)
        answer = await said("silence", "query", "-o", "json", url=made.url)
        told = json.loads(answer.splitlines()[-1])  # before it stands a warning about versions
        assert [(s["id"], s["comment"]) for s in told] == [(found, "mine")]
        assert await made.fire("Slow", service="shop") == 200
        assert (await made.incident_of(state="open"))["pages"] == []
        assert await amtool("silence", "expire", found, url=made.url) == 0
        await made.until(state="escalated")
