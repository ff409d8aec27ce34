"""PromQL through the named client against Debian's Prometheus, which scrapes itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.model.effect import Verdict
from agent.model.errors import Permanent
from agent.runtime.kit import Kits
from tests.support.kits import lent
from tests.support.running import free_port
from tests.support.servers import Prometheus, prometheus
from tests.support.shipped import run
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def scraping(tmp_path: Path) -> AsyncIterator[Prometheus]:
    """Scrapes itself through a second one that stands still, so that its port is known first."""
    async with (
        prometheus(tmp_path / "watched", targets={}) as watched,
        prometheus(
            tmp_path / "watching",
            targets={"watched": watched.address, "nobody": f"127.0.0.1:{free_port()}"},
        ) as watching,
    ):
        await eventually(
            lambda: watching.query("count(up) == 2"), within=15, what="both targets scraped"
        )
        yield watching


async def read(kits: Kits, name: str, **params: Any) -> Any:
    return await run(name, kits.read(deadline_seconds=10), **params)


async def test_real_answers(scraping: Prometheus) -> None:
    async with lent(prometheus_url=scraping.url) as kits:
        found = await read(kits, "prometheus.query", query="up")
        assert (found.has_data, found.series) == (True, 2)
        assert (found.minimum, found.maximum) == (0.0, 1.0)
        one = await read(kits, "prometheus.query", query='up{job="watched"}')
        assert (one.series, one.value) == (1, 1.0)
        scalar = await read(kits, "prometheus.query", query="scalar(vector(42))")
        assert (scalar.series, scalar.value) == (1, 42.0)
        for nothing in ("nobody_exports_this", "vector(0) / 0"):
            found = await read(kits, "prometheus.query", query=nothing)
            assert (found.has_data, found.value) == (False, None)

        held = await read(
            kits, "prometheus.recovered", query='up{job="watched"}', op="==", threshold=1
        )
        failed = await read(kits, "prometheus.recovered", query="up", op="==", threshold=1)
        no_data = await read(
            kits, "prometheus.recovered", query="nobody_exports_this", op="<", threshold=1
        )
        verdicts = [held.verdict, failed.verdict, no_data.verdict]
        assert verdicts == [Verdict.HELD, Verdict.FAILED, Verdict.INCONCLUSIVE]

        with pytest.raises(Permanent, match="parse error"):
            await read(kits, "prometheus.query", query="up{")
        with pytest.raises(Permanent, match="range of samples"):
            await read(kits, "prometheus.query", query="up[5m]")
        with pytest.raises(Permanent, match="not a number"):
            await read(kits, "prometheus.query", query='"text"')

    async with lent(prometheus_url=scraping.url, prometheus_method="GET") as kits:
        found = await read(kits, "prometheus.query", query='up{job="watched"} > 0')
        assert found.value == 1.0
