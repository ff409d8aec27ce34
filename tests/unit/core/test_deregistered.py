"""What is over with members once the registry was read anew."""

from __future__ import annotations

import msgspec
import pytest

from agent.core import blind_spots, telemetry
from agent.core.deregistered import settled
from agent.core.heartbeat import watch
from agent.core.members import NOTHING, troubles
from agent.model.incident import State
from agent.model.product import Registry
from agent.model.signals import BlindSpotKind
from tests.support.members import BEAT_SECONDS, WITHIN, Machinery, changed, drafter


def read_anew(world: Machinery) -> None:
    decision = settled(world.view, at=world.now)
    world.tell(decision)
    for event in decision.emits:
        world.tell(event)


def in_every_trouble() -> Machinery:
    world = Machinery()
    world.declare(drafter())
    world.says(work=1.0, version="0.9")
    world.beats_for(WITHIN, work=1.0, version="0.9")
    for _ in range(6):
        world.answers(None)
    for _ in range(2):
        world.answers(False)
    world.counts(tasks=1.0, errors=0.0, faults=("tokens: expected a number, found text",))
    return world


TROUBLES = ("AgentHung", "AgentNotAsPinned", "AgentProbeWrong")


def test_nothing_is_over_while_all_is_declared() -> None:
    world = in_every_trouble()
    assert all(world.firing(name) for name in TROUBLES)
    assert settled(world.view, at=world.now) == NOTHING


def test_who_is_taken_out_leaves_nothing_behind() -> None:
    world = in_every_trouble()
    world.beats_for(BEAT_SECONDS)
    world.wait(20)
    assert world.firing("AgentSilent")
    world.declare()
    read_anew(world)
    assert [i for i in world.incidents if i.is_open] == []
    assert {i.state for i in world.incidents} == {State.RESOLVED}
    for kind in ("agent", "telemetry", "drift", "probe"):
        assert world.state.single[kind] == {}
    assert [t for t in world.state.timers if t[0] == "agent:drafter"] == []
    assert world.spots() == {}
    assert settled(world.view, at=world.now) == NOTHING, "and that is said once"


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"work": None}, {"AgentNotAsPinned", "AgentProbeWrong"}),
        ({"version": "", "config_hash": ""}, {"AgentHung", "AgentProbeWrong"}),
        ({"probes": ()}, {"AgentHung", "AgentNotAsPinned"}),
    ],
)
def test_what_is_not_declared_any_more_is_over(fields: dict[str, object], left: set[str]) -> None:
    world = in_every_trouble()
    world.declare(drafter(changed(**fields)))
    read_anew(world)
    assert {name for name in TROUBLES if world.firing(name)} == left
    world.says(work=1.0, version="0.9")
    assert {name for name in TROUBLES if world.firing(name)} == left


def test_a_trouble_goes_on_under_the_product_the_member_belongs_to_now() -> None:
    world = in_every_trouble()
    world.declare(drafter(product="pay"))
    read_anew(world)
    (case,) = world.firing("AgentHung")
    assert case.product == "pay"
    world.says(work=2.0)
    assert world.firing("AgentHung") == []


def test_where_no_registry_could_be_read_nothing_is_over() -> None:
    world = in_every_trouble()
    world.view.registry = Registry()
    assert settled(world.view, at=world.now) == NOTHING


def test_the_blind_spots_of_one_that_never_spoke_go_with_it() -> None:
    world = Machinery()
    for _ in range(6):
        world.answers(None)
    found = telemetry.fall_silent("drafter", world.view, at=world.now)
    world.tell(found)
    assert len(world.spots()) == 2
    world.tell(
        others := blind_spots.found(
            world.view,
            kind=BlindSpotKind.SIGNAL_FAULTY,
            subject="shop/orders",
            text="not a number",
            remedy="mend it",
            at=world.now,
        )
    )
    assert others.records
    world.declare()
    read_anew(world)
    assert list(world.spots()) == ["signal_faulty/shop/orders"], "which is about no member"


def test_one_that_nothing_watches_is_a_blind_spot_of_its_owner() -> None:
    world = Machinery()
    bare = drafter(None, heartbeat_seconds=None)
    world.declare(bare)
    read_anew(world)
    spot = world.spots()["registry_faulty/drafter"]
    assert (spot.owner, spot.product) == ("team-agents", "shop")
    world.declare(msgspec.structs.replace(bare, heartbeat_seconds=5.0))
    read_anew(world)
    assert world.spots() == {}


def test_a_stranger_that_was_registered_is_none_any_more() -> None:
    world = Machinery()
    world.says("stranger")
    world.declare(drafter(), drafter(name="stranger"))
    read_anew(world)
    assert world.spots() == {}


@pytest.mark.parametrize("heard", [True, False], ids=["it beat", "it never beat"])
def test_one_that_promises_no_beat_any_more_is_missed_no_more(heard: bool) -> None:
    world = Machinery()
    if heard:
        world.says()
    else:
        timer = watch("drafter", world.view, at=world.now)
        assert timer is not None
        world.keep_timer(timer)
    world.wait(20)
    assert world.firing("AgentSilent")
    world.declare(drafter(heartbeat_seconds=None))
    read_anew(world)
    assert not world.firing("AgentSilent")
    assert troubles(world.view, "drafter") == ()
    assert settled(world.view, at=world.now) == NOTHING, "and that is said once"


def test_what_a_last_will_said_stands_also_where_no_beat_is_promised_any_more() -> None:
    world = Machinery()
    world.says()
    world.says(alive=False, seq=None)
    world.declare(drafter(heartbeat_seconds=None))
    read_anew(world)
    assert world.firing("AgentSilent")
