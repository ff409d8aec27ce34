"""What was changed on purpose is kept once, in its latest phase, and of each thing the latest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core import changes
from agent.core.changes import (
    MOST_CHANGES,
    REPEAT_SECONDS,
    UNDER_WAY_SECONDS,
    changes_of,
    key_of_change,
)
from agent.model.alert import Change
from agent.model.command import CommandKind
from agent.model.event import ChangeReceived
from agent.model.policy import Policy
from agent.model.product import InventoryObject
from agent.model.reason import Reason
from agent.model.records import ChangeRecord
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.store import Snapshot
from tests.support.cases import START, World, runbook
from tests.support.policies import OUT_OF_THE_WAY

STARTED, DONE, FAILED = ChangePhase.STARTED, ChangePhase.DONE, ChangePhase.FAILED


def told(world: World, what: str = "deployed", entity: str = "shop-web", **fields: Any) -> None:
    given = {"product": "shop", "kind": ChangeKind.RELEASE, **fields}
    change = Change(entity=entity, what=what, **given)
    world.tell(ChangeReceived(at=world.now, change=change))


def known(world: World, entity: str = "shop-web") -> tuple[ChangeRecord, ...]:
    return world.view.changes.get(entity, ())


def lines(world: World) -> list[str]:
    entries = [entry for made in world.batch.decisions for entry in made.journal]
    return [entry.text for entry in entries if entry.kind == "change"]


def rows(world: World) -> set[str]:
    """Keys that a store would hold after all of it."""
    held: set[str] = set()
    for decision in world.batch.decisions:
        for record in decision.records:
            if record.kind == "change":
                (held.add if record.body is not None else held.discard)(record.key)
    return held


def test_a_change_is_kept_with_all_that_was_said() -> None:
    world = World()
    told(world, version="1.4", by="ann", link="https://ci/1", sent_at=START - 20, id="ci 1")
    (change,) = known(world)
    assert change == ChangeRecord(
        product="shop",
        entity="shop-web",
        what="deployed",
        by="ann",
        at=START,
        kind=ChangeKind.RELEASE,
        version="1.4",
        link="https://ci/1",
        id="ci 1",
        sent_at=START - 20,
    )
    assert lines(world) == ["shop-web release 1.4 done: deployed"]


def test_the_same_within_minutes_is_one_change() -> None:
    world = World()
    for _ in range(3):
        told(world, version="1.4")
        world.now += REPEAT_SECONDS - 1
    (change,) = known(world)
    assert change.at == START
    assert change.last_at == START + 2 * (REPEAT_SECONDS - 1)
    assert len(lines(world)) == 1
    world.now += 2
    told(world, version="1.4")
    assert len(known(world)) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"version": "1.5"},
        {"kind": ChangeKind.CONFIGURATION},
        {"what": "deployed to the other side"},
        {"is_manual": True},
    ],
)
def test_what_differs_is_another_change(other: dict[str, Any]) -> None:
    world = World()
    told(world, version="1.4")
    told(world, **{"version": "1.4", **other})
    assert len(known(world)) == 2


def test_the_same_id_is_one_change_whenever_it_comes() -> None:
    """F-SEC-02: a delivery that was caught and is sent again next week is no new release."""
    world = World()
    told(world, version="1.4", id="github:acme/shop:deployment:7")
    world.now += 7 * 86_400
    told(world, version="1.4", id="github:acme/shop:deployment:7")
    assert [c.at for c in known(world)] == [START]
    assert len(lines(world)) == 1


def test_going_back_within_minutes_is_a_change_too() -> None:
    world = World()
    for number, version in enumerate(("1.4", "1.5", "1.4")):
        told(world, version=version, id=f"d{number}")
        world.now += 120
    assert [(c.version, c.before) for c in known(world)] == [
        ("1.4", ""),
        ("1.5", "1.4"),
        ("1.4", "1.5"),
    ]


def test_what_fails_again_and_again_pushes_nothing_out() -> None:
    world = World()
    told(world, version="1.4")
    for _ in range(3 * MOST_CHANGES):
        world.now += 1800
        told(world, "no such image", version="1.5", phase=FAILED)
    assert [(c.version, c.phase) for c in known(world)] == [("1.4", DONE), ("1.5", FAILED)]


def test_an_id_that_is_given_to_everything_names_nothing() -> None:
    world = World()
    told(world, "limits raised", id="1")
    told(world, "limits lowered", id="1")
    told(world, "deployed", id="1", version="1.4")
    told(world, "deployed", id="1", version="1.5")
    assert len(known(world)) == 4


def test_the_end_of_a_change_carries_it_on() -> None:
    world = World()
    told(world, "deploying", version="1.4", phase=STARTED, by="ann", link="https://ci/1")
    world.now += 120
    told(world, "deployed", version="1.4")
    (change,) = known(world)
    assert (change.phase, change.at, change.began_at) == (DONE, START + 120, START)
    assert (change.by, change.link, change.what) == ("ann", "https://ci/1", "deployed")
    assert len(lines(world)) == 2
    assert rows(world) == {key_of_change(change)}


def test_an_end_long_after_is_a_change_of_its_own() -> None:
    world = World()
    told(world, "deploying", version="1.4", phase=STARTED)
    world.now += UNDER_WAY_SECONDS + 1
    told(world, "deployed", version="1.4")
    assert [c.phase for c in known(world)] == [STARTED, DONE]


def test_a_beginning_that_comes_late_changes_nothing() -> None:
    world = World()
    told(world, "deployed", version="1.4", id="d1")
    world.now += 5
    told(world, "deploying", version="1.4", id="d1", phase=STARTED)
    (change,) = known(world)
    assert (change.phase, change.at) == (DONE, START)


def test_one_that_failed_after_all_has_failed() -> None:
    world = World()
    for phase in (STARTED, DONE, FAILED):
        told(world, phase.value, version="1.4", id="d1", phase=phase)
        world.now += 30
    (change,) = known(world)
    assert (change.phase, change.at, change.began_at) == (FAILED, START + 60, START)


def test_what_is_done_by_hand_again_holds_from_now() -> None:
    world = World()
    for _ in range(2):
        told(world, "edited", kind=ChangeKind.OTHER, is_manual=True, by="ann", id="e1")
        world.now += 300
    (change,) = known(world)
    assert (change.at, change.began_at) == (START + 300, START)
    assert rows(world) == {key_of_change(change)}


def test_the_version_before_is_the_one_put_in_place_last() -> None:
    world = World()
    for version, phase in (("1.3", DONE), ("1.4", FAILED), ("1.5", DONE)):
        told(world, version=version, phase=phase)
        world.now += 3600
    assert [c.before for c in known(world)] == ["", "1.3", "1.3"]
    told(world, version="1.6", before="1.2")
    assert known(world)[-1].before == "1.2"


def test_of_each_thing_the_latest_are_kept_and_no_row_is_left_behind() -> None:
    world = World()
    for number in range(3 * MOST_CHANGES):
        told(world, version=str(number))
        world.now += 60
    assert [c.version for c in known(world)] == [
        str(n) for n in range(2 * MOST_CHANGES, 3 * MOST_CHANGES)
    ]
    assert rows(world) == {key_of_change(c) for c in known(world)}


def test_two_at_one_moment_are_two() -> None:
    world = World()
    told(world, version="1.4")
    told(world, version="1.5")
    assert len({key_of_change(c) for c in known(world)}) == 2
    assert rows(world) == {key_of_change(c) for c in known(world)}


def test_strangers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MOST_STRANGERS", 3)
    world = World()
    told(world)
    for number in range(5):
        world.now += 60
        told(world, entity=f"acme/r{number}", product="")
    assert set(world.view.changes) == {"shop-web", "acme/r2", "acme/r3", "acme/r4"}
    assert rows(world) == {
        key_of_change(c) for name in world.view.changes for c in known(world, name)
    }


def test_what_is_done_to_a_sub_agent_is_done_to_the_machinery() -> None:
    world = World()
    told(world, "prompt changed", entity="scout", product="", kind=ChangeKind.OTHER)
    assert known(world, "scout")[0].kind is ChangeKind.MACHINERY
    told(world, "prompt tried", entity="scout", kind=ChangeKind.MACHINERY, is_elsewhere=True)
    assert known(world, "scout")[1].kind is ChangeKind.OTHER


def test_a_deployment_elsewhere_is_no_release() -> None:
    world = World()
    told(world, "deployed to staging", is_elsewhere=True)
    assert known(world)[0].kind is ChangeKind.OTHER


def test_a_clock_that_is_ahead_is_a_blind_spot_and_orders_nothing() -> None:
    world = World()
    told(world, version="1.4", sent_at=START + 3600)
    assert known(world)[0].at == START
    spot = world.view.blind_spots["signal_faulty/changes of shop-web"]
    assert (spot.owner, spot.gone_at) == ("team-shop", None)
    assert world.incidents == []
    world.now += 60
    told(world, version="1.5", sent_at=world.now)
    assert world.view.blind_spots["signal_faulty/changes of shop-web"].gone_at == world.now


def test_invented_names_leave_no_blind_spots_behind() -> None:
    """A change from the future: names that nobody registered are anybody's text."""
    world = World()
    for number in range(20):
        told(world, entity=f"x{number}", product="", sent_at=START + 3600)
        told(world, entity=f"y{number}", product=f"z{number}", sent_at=START + 3600)
    assert world.view.blind_spots == {}
    for number in range(20):
        told(world, entity=f"y{number}", product="shop", sent_at=START + 3600)
    assert list(world.view.blind_spots) == ["signal_faulty/changes of shop"]


def test_one_that_was_told_late_says_so_and_is_no_blind_spot() -> None:
    world = World()
    told(world, version="1.4", sent_at=START - 7200)
    assert lines(world) == [
        "shop-web release 1.4 done: deployed (by its sender's clock 7200 s before)"
    ]
    assert world.view.blind_spots == {}


def test_a_restart_keeps_the_order_of_arrival() -> None:
    world = World()
    world.now = 999.5
    for version in ("1", "2", "3"):
        told(world, version=version)
        world.now += 700
    kept = {key_of_change(c): c for c in known(world)}
    by_key = dict(sorted(kept.items()))
    assert list(by_key) != list(kept), "a store has them in another order"
    again = World()
    again.state.load(Snapshot(incidents=(), commands=(), timers=(), records={"change": by_key}))
    assert known(again) == known(world)


def test_a_batch_that_could_not_be_written_is_taken_back() -> None:
    world = World()
    told(world, "deploying", version="1.4", phase=STARTED)
    world.state.keep()
    world.now += 5
    told(world, "deployed", version="1.4")
    world.state.take_back()
    assert [c.phase for c in known(world)] == [STARTED]


@pytest.mark.rail("human_change")
def test_the_agent_keeps_its_hands_off_what_somebody_just_changed() -> None:
    """F-K8-09: the hold that somebody else's change by hand begins, from the signal on."""
    rails = msgspec.structs.replace(OUT_OF_THE_WAY, human_change_seconds=600.0)
    world = World(runbook(), policy=Policy(rails=rails))
    edited = {"entity": "shop-worker", "kind": ChangeKind.OTHER, "by": "ann"}
    told(world, "edited", is_manual=True, **edited)
    world.now += 500
    told(world, "edited", is_manual=True, **edited)
    world.now += 500
    world.fire()
    assert Reason.HUMAN_CHANGE in world.reasons
    assert world.asked(CommandKind.ACT) == []


def test_it_acts_on_what_a_delivery_changed() -> None:
    rails = msgspec.structs.replace(OUT_OF_THE_WAY, human_change_seconds=600.0)
    world = World(runbook(), policy=Policy(rails=rails))
    told(world, "deployed", entity="shop-worker", by="ann")
    world.fire()
    assert world.only(CommandKind.ACT).use == "process.restart"


class TestChangesOf:
    def made(self) -> World:
        world = World()
        web = InventoryObject(name="prod/deployment/web", kind="deployment", entity="shop-web")
        world.view.inventory = {web.name: web}
        for entity, product in (
            ("shop-web", "shop"),
            ("shop", "shop"),
            ("shop-worker", "shop"),
            ("pay-api", "pay"),
            ("prod/deployment/web", "shop"),
            ("acme/tool", "shop"),
        ):
            told(world, entity=entity, product=product)
            world.now += 60
        return world

    def test_of_an_entity_with_its_whole_product(self) -> None:
        world = self.made()
        found = [c.entity for c in changes_of(world.view, entity="shop-web")]
        assert found == ["shop", "shop-web"]

    def test_of_an_object_with_what_it_belongs_to(self) -> None:
        world = self.made()
        found = [c.entity for c in changes_of(world.view, entity="prod/deployment/web")]
        assert found == ["prod/deployment/web", "shop", "shop-web"]

    def test_of_a_product_newest_first(self) -> None:
        world = self.made()
        found = [c.entity for c in changes_of(world.view, product="shop")]
        assert found == ["acme/tool", "prod/deployment/web", "shop-worker", "shop", "shop-web"]

    def test_since(self) -> None:
        world = self.made()
        found = [c.entity for c in changes_of(world.view, product="shop", since=START + 240)]
        assert found == ["acme/tool", "prod/deployment/web"]
