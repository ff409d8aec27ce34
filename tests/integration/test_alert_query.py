"""What is found out about an alert nobody has a runbook for, at Debian's Prometheus."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kits import lent
from tests.support.running import free_port
from tests.support.servers import prometheus, rule
from tests.support.shipped import run
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

HOSTILE = 'x"} or vector(1) # \\ \n|.*'


async def test_the_metrics_behind_it_are_told_for_its_own_labels(tmp_path: Path) -> None:
    gone = f"127.0.0.1:{free_port()}"
    down = rule("Down", "up == 0", hold="0s", labels={"severity": "critical", "team": "ops"})
    async with (
        prometheus(tmp_path / "watched", targets={}) as watched,
        prometheus(
            tmp_path / "watching",
            targets={"watched": watched.address, "gone": gone},
            rules=[down],
        ) as watching,
    ):
        await eventually(
            lambda: watching.query('ALERTS{alertstate="firing"} and on() up{job="watched"} == 1'),
            within=20,
            what="it fires, and the other target was seen too",
        )
        async with lent(prometheus_url=watching.url) as kits:
            labels = {"alertname": "Down", "severity": "critical", "team": "ops", "job": "gone"}
            kit = kits.read(deadline_seconds=10)
            found = await run("alert.query", kit, alert="Down", labels=labels, metrics=["up"])
            assert (found.firing, found.has_data, found.now) == (1, True, ["up 0"])
            every = await run("alert.query", kit, alert="Down", metrics=["up", "nobody_has_this"])
            assert every.now == ["up 0 to 1 in 2 series"]
            hostile = await run(
                "alert.query", kit, alert=HOSTILE, labels={"job": HOSTILE}, metrics=["up"]
            )
            assert (hostile.firing, hostile.has_data) == (0, False)
