"""What becomes of an alert when the message about it is lost, or its taker dies: it arrives."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.mqtt_exporter import publish
from tests.support.servers import Mosquitto, rule
from tests.support.site import Site, site
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.integration]

Start = Callable[..., Awaitable[Any]]

BURST = 2000
TOPIC = "alerts/product/shop"


def mqtt(broker: Mosquitto) -> dict[str, Any]:
    return {"use": "mqtt", "with": {"host": "127.0.0.1", "port": broker.port}}


def alert(name: str, **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, **labels},
        "status": "firing",
        "startsAt": datetime.now(UTC).isoformat(),
    }


async def connected(made: Site, times: int = 1) -> None:
    await eventually(
        lambda: made.daemon.output.count("mqtt.connected") >= times,
        within=20,
        what=f"the source is connected for the {times}th time",
    )


async def received_alerts(made: Site, name: str) -> int:
    """Different alerts of that name in open incidents."""
    found = await made.daemon.incidents()
    return sum(a["name"] == name for i in found for a in i["alerts"])


async def test_a_lost_webhook_is_found_by_the_level_check(
    prometheus: Start, alertmanager: Start, recorder: Start, tmp_path: Path
) -> None:
    """Alertmanager fires while Homeostat is away, and its message is refused by what is there in
    its place, so that it is not sent again for an hour. Beginning and end are found by asking."""
    in_its_place = await recorder()
    in_its_place.answers += [400] * 100
    async with site(tmp_path / "site") as made:
        between = await alertmanager(webhook=f"{in_its_place.url}/", group_interval="1h")
        prom = await prometheus(
            targets={"shop": made.shop},
            rules=[rule("ShopBroken", "up == 0", hold="1s")],
            alertmanagers=[between.url],
            resend_delay="1s",
        )
        await eventually(lambda: prom.query("up == 1"), within=15, what="the shop works")
        await made.break_shop("hang")
        await in_its_place.wait_for(lambda _: True, within=15, what="the lost webhook")
        before = await made.shop_pid()

        await made.run(
            prometheus_url=prom.url,
            sources=[{"use": "alertmanager.level", "with": {"url": between.url}}],
            level_check="500ms",
        )

        async def over() -> list[Any]:
            return [i for i in await made.daemon.incidents() if i["state"] == "resolved"]

        [incident] = await eventually(over, within=25, what="healed all the same")
        assert (incident["outcome"], incident["pages"]) == ("healed", [])
        assert [a["inferred"] for a in incident["alerts"]] == [True], "its end was found by asking"
        assert await made.shop_pid() != before
        ledger = await made.daemon.ledger()
        assert (ledger["received"], ledger["absorbed"], ledger["open"]) == (1, 1, 0)
        assert ledger["balanced"] is True


async def test_a_broker_that_is_killed_is_found_again(mosquitto: Start, tmp_path: Path) -> None:
    broker = await mosquitto(persistence=True)
    async with site(tmp_path / "site") as made:
        await made.run(sources=[mqtt(broker)])
        await connected(made)
        await publish(broker, TOPIC, [alert("Before")])
        await eventually(lambda: received_alerts(made, "Before"), within=5, what="the first")
        await broker.kill()
        await eventually(
            lambda: "mqtt.disconnected" in made.daemon.output, within=10, what="it is noticed"
        )
        await broker.start()
        await publish(broker, TOPIC, [alert("After")])
        await eventually(lambda: received_alerts(made, "After"), within=20, what="the second")
        assert await received_alerts(made, "Before") == 1
        assert (await made.daemon.get("/-/healthy")) == "ok\n"
        assert (await made.daemon.ledger())["balanced"] is True


def committed(made: Site) -> int:
    """Messages in the ledger of a daemon that is dead."""
    path = made.folder / "var" / "homeostat.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        [[count]] = database.execute("SELECT count(*) FROM ledger").fetchall()
    return int(count)


async def test_nothing_is_lost_at_kill_9_with_messages_on_their_way(
    mosquitto: Start, tmp_path: Path
) -> None:
    broker = await mosquitto()
    async with site(tmp_path / "site") as made:
        await made.run(sources=[mqtt(broker)])
        await connected(made)
        burst = [alert("Burst", n=str(n)) for n in range(BURST)]
        publishing = asyncio.create_task(publish(broker, TOPIC, burst))

        async def some() -> bool:
            return bool((await made.daemon.ledger())["received"])

        await eventually(some, within=10, what="some are committed", every=0.001)
        # Frozen in the middle of it, it holds what the broker sent and was not told about since.
        os.kill(made.daemon.pid, signal.SIGSTOP)
        await publishing
        await made.daemon.kill()
        kept = committed(made)
        assert 0 < kept < BURST, "the rest waits, unacknowledged"

        await made.daemon.start()
        await eventually(lambda: _all_there(made), within=30, what="all of them", every=0.2)
        ledger = await made.daemon.ledger()
        assert ledger["received"] - ledger["duplicate"] == BURST
        assert ledger["balanced"] is True


async def _all_there(made: Site) -> bool:
    return await received_alerts(made, "Burst") == BURST
