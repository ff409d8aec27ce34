"""An execution keeps the version of its runbook it began with, whatever becomes of the file."""

from __future__ import annotations

import os
from pathlib import Path

from agent.catalog.settings import load_settings
from agent.model.event import Approved
from agent.model.incident import Incident, State
from agent.runtime.daemon import Daemon
from agent.store.sqlite import SqliteStore
from tests.support.cases import alert
from tests.support.daemon import catalog, component
from tests.support.kits import RealClock
from tests.support.oracle import PLUGINS, Oracle
from tests.support.waiting import eventually

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: asked, owner: platform, layer: product, tier: low}}
match: {{alert: Broken}}
plans:
  witness:
    steps:
      - {{id: first, use: oracle.again, with: {{target: =entity.name, file: "{file}-{version}"}}}}
      - {{id: second, use: oracle.again, with: {{target: =entity.name, file: "{file}-{version}"}}}}
    verify: alert_cleared
lifecycle: {{state: assisted}}
"""


def write(folder: Path, version: str) -> None:
    file = folder / "runbooks" / "asked.yaml"
    file.write_text(RUNBOOK.format(file=folder / "oracle", version=version))
    os.utime(file, (1_000_000_000, 1_000_000_000 + len(version)))


def make(folder: Path) -> Daemon:
    return Daemon(
        load_settings(folder / "homeostat.yaml", {}),
        store=SqliteStore(folder / "homeostat.db"),
        clock=RealClock(),
    )


def site(folder: Path) -> None:
    for name in ("runbooks", "catalog", "plugins/actions", "plugins/diagnostics"):
        (folder / name).mkdir(parents=True)
    for name, text in PLUGINS.items():
        (folder / "plugins" / f"{name}.py").write_text(text)
    documents = [component("one"), component("two"), component("three")]
    (folder / "catalog" / "catalog-info.yaml").write_text(catalog(documents))
    (folder / "homeostat.yaml").write_text(
        "runbooks: [runbooks]\nshipped_runbooks: false\nproducts: [catalog]\nplugins: [plugins]\n"
        "policy: {page_hold: 0s, rails: {dwell: 0s, share_per_hour: 100%, per_domain: 9}}\n"
    )


async def asked(made: Daemon, entity: str) -> Incident:
    """The incident about this entity, once it waits for a click."""
    await made.receive([alert("Broken", entity, starts_at=made.now())])

    def waits() -> Incident | None:
        found = [i for i in made.view.incidents.values() if i.entity == entity]
        return next((i for i in found if i.state is State.AWAITING_APPROVAL), None)

    return await eventually(waits, within=5, what=f"{entity} waits for approval")  # type: ignore[return-value]


async def approve(made: Daemon, incident: Incident) -> None:
    answer = await made.ask(Approved(at=made.now(), subject=incident.id, who="ann"))
    assert answer.refused is None, answer.text
    await eventually(
        lambda: made.view.incidents[incident.id].state is State.VERIFYING,
        within=5,
        what="both steps are done",
    )


async def test_a_runbook_edited_while_it_runs_runs_on_as_it_was(tmp_path: Path) -> None:
    # F-RB-05
    site(tmp_path)
    write(tmp_path, "v1")
    made = make(tmp_path)
    await made.start()
    try:
        old = await asked(made, "one")
        write(tmp_path, "v22")
        assert await made.reload() == ()
        fresh = await asked(made, "two")
        assert old.digest != fresh.digest
        await approve(made, old)
        await approve(made, fresh)
    finally:
        await made.stop()
    assert sorted(k.split()[0] for k in Oracle(tmp_path / "oracle-v1").acts()) == ["one", "one"]
    assert sorted(k.split()[0] for k in Oracle(tmp_path / "oracle-v22").acts()) == ["two", "two"]


async def test_a_runbook_deleted_while_it_runs_is_finished_also_after_a_restart(
    tmp_path: Path,
) -> None:
    # F-RB-06
    site(tmp_path)
    write(tmp_path, "v1")
    made = make(tmp_path)
    await made.start()
    try:
        first, second = await asked(made, "one"), await asked(made, "two")
        (tmp_path / "runbooks" / "asked.yaml").unlink()
        assert await made.reload() == ()
        assert made.reading.runbooks.runbooks == ()
        await approve(made, first)
    finally:
        await made.stop()
    made = make(tmp_path)
    await made.start()
    try:
        await approve(made, second)
        await made.receive([alert("Broken", "three", starts_at=made.now())])
        await eventually(
            lambda: any(i.entity == "three" and i.pages for i in made.view.incidents.values()),
            within=5,
            what="what comes later goes to people",
        )
    finally:
        await made.stop()
    acts = Oracle(tmp_path / "oracle-v1").acts()
    assert sorted(k.split()[0] for k in acts) == ["one", "one", "two", "two"]
