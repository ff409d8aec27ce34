"""A reload takes the rules of the settings over too: that is how acting is stopped by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, catalog, component, daemon
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e


async def reload(made: Daemon) -> tuple[int, Any]:
    return await made.ask("/-/reload", method="POST")


async def names(made: Daemon) -> set[str]:
    return {r["name"] for r in await made.get("/api/v1/runbooks")}


async def test_a_reload_takes_runbooks_and_channels_of_the_settings_over(tmp_path: Path) -> None:
    products = catalog([component("web")])
    async with daemon(tmp_path / "d", products=products, policy={"page_hold": "0s"}) as made:
        await made.start()
        assert await names(made) == set()
        made.configure(shipped_runbooks=True)
        assert (await reload(made))[0] == 200
        assert "process-down" in await names(made)
        pages = tmp_path / "pages.jsonl"
        team = {"team-shop": [{"use": "file", "with": {"path": str(pages)}}]}
        made.configure(notify=team, policy={"page_hold": "0s"})
        assert (await reload(made))[0] == 200
        assert await names(made) == set()
        assert await made.fire("Fresh", service="web") == 200
        await eventually(pages.exists, within=10, what="the page goes by the new channel")
        assert json.loads(pages.read_text())["to"] == "team-shop"


async def test_faults_of_the_settings_refuse_a_reload(tmp_path: Path) -> None:
    async with daemon(tmp_path / "d", products=catalog([component("web")])) as made:
        made.configure(shipped_runbooks=True)
        await made.start()
        for wrong in ({"nonsense": 1}, {"notify": {"team": [{"use": "fiel"}]}}):
            made.configure(shipped_runbooks=False, **wrong)
            status, said = await reload(made)
            assert status == 500
            assert "homeostat.yaml:" in said["faults"][0]
            assert "process-down" in await names(made)
        made.configure(listen="127.0.0.1:1", shipped_runbooks=True)
        assert (await reload(made))[0] == 200
        assert "waits_for_a_restart" in made.output
