"""What ran out while the agent was down: nobody was there to hear the beat, so it says nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent.catalog.settings import load_settings
from agent.model.alert import Heartbeat
from agent.ports.store import IncidentFilter
from agent.runtime.daemon import Daemon
from agent.store.memory import MemoryStore
from tests.support.kits import RealClock
from tests.support.waiting import eventually

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: forecaster}
spec: {type: agent, lifecycle: production, owner: team-data, homeostat: {heartbeat: 100ms}}
"""


def make(folder: Path, store: MemoryStore) -> Daemon:
    (folder / "catalog-info.yaml").write_text(CATALOG)
    file = folder / "homeostat.yaml"
    file.write_text("products: [catalog-info.yaml]\nshipped_runbooks: false\n")
    return Daemon(load_settings(file, {}), store=store, clock=RealClock())


async def test_an_agent_is_heard_out_before_it_counts_as_silent(tmp_path: Path) -> None:
    store = MemoryStore()
    first = make(tmp_path, store)
    await first.start()
    await first.receive([Heartbeat(agent="forecaster")])
    await first.stop()
    await asyncio.sleep(0.5)  # longer than three beats

    second = make(tmp_path, store)
    await second.start()
    try:
        await asyncio.sleep(0.1)
        await second.receive([Heartbeat(agent="forecaster")])
        assert await store.incidents(IncidentFilter()) == ()

        async def silent() -> bool:
            return any(i.title.startswith("AgentSilent") for i in second.view.incidents.values())

        await eventually(silent, within=5.0, what="AgentSilent, once it really is")
    finally:
        await second.stop()
