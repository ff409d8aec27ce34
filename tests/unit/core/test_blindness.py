"""Sources that fall silent: people are told once, and told when they are heard again."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.blindness import REMEDY, group_of, sign_of, watch
from agent.model.alert import AlertStatus
from agent.model.event import SourceChecked
from agent.model.incident import Incident, State
from agent.model.policy import Policy, Rails
from agent.model.reason import Reason
from agent.model.records import SourceSigns
from tests.support.cases import START, World, alert, received, resolved

BLIND = 300.0
AM = "alertmanager@127.0.0.1:9093"


def heard(world: World, source: str = AM) -> None:
    world.tell(SourceChecked(at=world.now, source=source))


def start(world: World, *asked: str, listening: tuple[str, ...] = ()) -> None:
    made = watch(asked, listening, world.view, at=world.now)
    world.tell(made)
    for event in made.emits:
        world.tell(event)


def of_source(world: World) -> Incident:
    [found] = [i for i in world.incidents if i.title.startswith("SourceSilent")]
    return found


@pytest.mark.parametrize(
    ("source", "group"),
    [(AM, "alertmanager"), ("mqtt", "mqtt"), ("watchdog:cloudevents:https://a@b", "cloudevents:https://a@b")],
)  # fmt: skip
def test_the_group_a_source_speaks_for(source: str, group: str) -> None:
    assert group_of(source) == group


def test_a_source_that_falls_silent_is_told_to_the_platform_and_again_when_it_is_back() -> None:
    """F-STORM-07"""
    world = World()
    heard(world)
    world.wait(BLIND - 1)
    assert world.incidents == []
    world.wait(2)
    found = of_source(world)
    assert (found.severity, found.layer.value) == ("critical", "machinery")
    [state] = found.alerts.values()
    assert state.labels["source"] == AM
    assert state.annotations["description"] == REMEDY
    world.wait(60)
    assert world.paged == ["platform"]
    heard(world)
    assert of_source(world).state is State.RESOLVED
    assert world.view.sources[AM].firing_since is None
    assert Reason.SOURCE_BACK in world.reasons


def test_signs_of_life_put_it_off_and_cost_little() -> None:
    world = World()
    heard(world)
    before = len(world.batch.decisions)
    for _ in range(10):
        world.wait(1)
        heard(world)
    assert len(world.batch.decisions) == before, "more often than every 15 s is not written down"
    for _ in range(20):
        world.wait(60)
        heard(world)
    assert world.incidents == []


def test_a_short_time_of_silence_is_kept_too() -> None:
    world = World(policy=Policy(rails=Rails(blind_seconds=4.0)))
    for _ in range(20):
        heard(world)
        world.wait(2)
    assert world.incidents == []
    world.wait(3)
    assert of_source(world).is_open


def test_it_is_told_once_however_long_it_is_silent() -> None:
    world = World()
    heard(world)
    world.wait(10 * BLIND)
    assert world.reasons.count(Reason.SOURCE_SILENT) == 1


def test_a_timer_that_was_overtaken_by_a_sign_of_life_says_nothing() -> None:
    world = World()
    heard(world)
    world.wait(200)
    heard(world)
    assert world.late("blind", f"source:{AM}", after=150).emits == ()


def test_what_is_asked_is_missed_though_it_never_answered() -> None:
    world = World()
    start(world, AM)
    world.wait(BLIND + 1)
    assert "never heard" in of_source(world).title


def test_after_a_restart_the_time_begins_anew() -> None:
    world = World()
    world.keep("source", AM, SourceSigns(source=AM, last_at=START - 9000))
    world.keep("source", "watchdog:am", SourceSigns(source="watchdog:am", last_at=START - 9000))
    start(world, AM)
    world.wait(BLIND - 1)
    assert world.incidents == []
    world.wait(2)
    assert Reason.SOURCE_SILENT in world.reasons


def test_what_is_not_configured_any_more_is_not_missed() -> None:
    world = World()
    heard(world, "mqtt@old:1883")
    world.wait(BLIND + 1)
    assert of_source(world).is_open
    heard(world, "mqtt@here:1883")
    start(world, listening=("mqtt@here:1883",))
    assert set(world.view.sources) == {"mqtt@here:1883"}
    assert not of_source(world).is_open
    assert world.timer("blind", "source:mqtt@old:1883") is None
    assert world.timer("blind", "source:mqtt@here:1883") == BLIND


async def test_a_watchdog_opens_nothing_and_its_absence_is_told() -> None:
    """F-STORM-07"""
    world = World()
    dog = alert("Watchdog", "nothing")
    sign = sign_of(dog, world.view, at=world.now)
    assert sign == SourceChecked(at=START, source="watchdog:am")
    world.tell(received(dog, world.now))
    world.tell(sign)
    assert world.incidents == []
    assert await world.ledger() == {"": ["absorbed"]}
    world.wait(BLIND + 1)
    assert of_source(world).alerts
    assert world.view.sources["watchdog:am"].firing_since is not None


def test_a_watchdog_that_ended_is_no_sign_of_life_and_its_name_is_a_setting() -> None:
    world = World(policy=Policy(rails=Rails(watchdog="DeadMansSwitch")))
    dog = alert("DeadMansSwitch", "nothing")
    assert sign_of(dog, world.view, at=START) is not None
    assert sign_of(resolved(dog, START), world.view, at=START) is None
    assert sign_of(alert("Watchdog"), world.view, at=START) is None
    unnamed = msgspec.structs.replace(dog, labels={}, status=AlertStatus.FIRING)
    none = World(policy=Policy(rails=Rails(watchdog="")))
    assert sign_of(unnamed, none.view, at=START) is None
