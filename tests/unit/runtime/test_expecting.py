"""What follows from the registry as it was read: who is missed, and who is not missed any more."""

from __future__ import annotations

from pathlib import Path

import msgspec

from agent.catalog.settings import load_settings
from agent.core.view import View
from agent.model.alert import Heartbeat, Telemetry
from agent.model.records import AgentSigns
from agent.model.signals import Aspect, Counters, Mode, SloSigns
from agent.runtime.daemon import Daemon
from agent.runtime.expecting import as_read
from agent.runtime.signal_reading import SignalsInView
from agent.store.memory import MemoryStore
from tests.support.clock import TestClock
from tests.support.kits import RealClock
from tests.support.members import WITHIN, Machinery
from tests.support.waiting import eventually

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: keeper}
spec: {type: agent, owner: team-data, homeostat: {heartbeat: 1h}}
"""
FORECASTER = """\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: forecaster}
spec: {type: agent, owner: team-data, homeostat: {heartbeat: 1h, version: 1.4.2}}
"""


def make(folder: Path, store: MemoryStore) -> Daemon:
    (folder / "catalog-info.yaml").write_text(CATALOG + FORECASTER)
    file = folder / "homeostat.yaml"
    file.write_text("products: [catalog-info.yaml]\nshipped_runbooks: false\n")
    return Daemon(load_settings(file, {}), store=store, clock=RealClock())


def titles(view: View) -> list[str]:
    return [incident.title for incident in view.incidents.values()]


async def test_who_is_taken_out_of_the_registry_is_not_missed_any_more(tmp_path: Path) -> None:
    daemon = make(tmp_path, MemoryStore())
    await daemon.start()
    try:
        for seq in range(3):
            await daemon.receive([Heartbeat(agent="forecaster", boot="b", seq=seq, version="2")])
        await daemon.receive([Telemetry(agent="forecaster", counters=Counters(tasks=3.0))])
        assert any("AgentNotAsPinned" in title for title in titles(daemon.view))
        (tmp_path / "catalog-info.yaml").write_text(CATALOG)
        assert await daemon.reload() == ()
        await eventually(lambda: titles(daemon.view) == [], within=5, what="its incident is over")
        assert daemon.view.agents == {}
        assert daemon.view.telemetry == {}
    finally:
        await daemon.stop()


def test_a_timer_that_stands_is_left_and_one_that_ran_out_begins_anew() -> None:
    world = Machinery()
    expected = {("agent:scout", "silence"), ("agent:drafter", "silence")}
    expected |= {("agent:drafter", "telemetry")}
    for standing, missing in (
        ({}, expected),
        (dict.fromkeys(expected, world.now + 1), set()),
        (dict.fromkeys(expected, world.now), expected),
    ):
        told = as_read(world.view, standing, at=world.now)
        timers = {(t.subject, t.name) for d in told for t in getattr(d, "timers", ())}
        assert {t for t in timers if t[0].startswith("agent:")} == missing


def test_what_diagnostics_are_told_of_a_member() -> None:
    world = Machinery()
    reading = SignalsInView(world.view, TestClock(world.now + 100))
    assert reading.member("drafter").is_known is False
    world.says(work=3.0, last_success=world.now - 30, mode=Mode.OBSERVE)
    for _ in range(2):
        world.answers(False)
    seen = reading.member("drafter")
    assert (seen.alive, seen.heard_seconds_ago, seen.success_seconds_ago) == (True, 100.0, 130.0)
    assert (seen.worked_seconds_ago, seen.mode, seen.version) == (100.0, Mode.OBSERVE, "1.4.2")
    assert (seen.probes_wrong, seen.drifting) == (("capital",), ())
    assert "capital" in seen.text


def test_one_that_is_silent_and_was_never_heard_has_no_time_of_a_beat() -> None:
    world = Machinery()
    missed = AgentSigns(agent="drafter", last_at=0.0, alive=False, firing_since=world.now)
    world.keep("agent", "drafter", missed)
    seen = SignalsInView(world.view, TestClock(world.now)).member("drafter")
    assert (seen.is_known, seen.alive, seen.heard_seconds_ago) == (True, False, None)


def test_a_drifting_member_says_by_which_aspect() -> None:
    world = Machinery()
    world.says()
    world.counts(tasks=0.0, errors=0.0)
    done = bad = 0.0
    while not world.firing("AgentDrifting"):
        world.wait(WITHIN * 5)
        done, bad = done + 1000, bad + (10 if done < 150_000 else 90)
        world.counts(tasks=done, errors=bad)
        assert done < 400_000, "never found"
    reading = SignalsInView(world.view, TestClock(world.now))
    assert reading.member("drafter").drifting == (Aspect.ERRORS,)


def test_what_products_do_not_declare_any_more_is_over_with_the_same_reading() -> None:
    world = Machinery()
    world.keep("slo", "shop/pay", SloSigns(product="shop", slo="pay", last_at=world.now))
    world.measure(1.0)
    assert world.view.measures
    shop = msgspec.structs.replace(world.view.registry.products["shop"], leadership_metric=None)
    products = {**world.view.registry.products, "shop": shop}
    world.view.registry = msgspec.structs.replace(world.view.registry, products=products)
    for told in as_read(world.view, world.state.timers, at=world.now):
        world.tell(told)
    assert (world.view.measures, world.view.objectives) == ({}, {})
