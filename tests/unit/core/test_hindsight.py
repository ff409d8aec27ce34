"""The rules of a moment, asked again about what they decided themselves, decide the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.core.hindsight import Hindsight
from agent.core.history import Kind, Would, was
from agent.core.history_compare import since_then
from agent.model.effect import OutcomeStatus
from agent.model.event import ResolvedByPerson
from agent.model.incident import Incident
from agent.model.product import EntityKind
from agent.model.runbook import Lifecycle, Runbook
from tests.support.cases import STATUS, World, alert, fact, on, requiring, runbook, settle
from tests.support.past import deciding

Story = Callable[[World], object]


def resolve(world: World) -> None:
    world.tell(ResolvedByPerson(at=world.now, subject=world.last, who="anna", cause="a disk"))


def healed(world: World) -> None:
    world.fire()
    world.act()
    world.clear()


def failed(world: World) -> None:
    world.fire()
    world.act(OutcomeStatus.FAILED)
    world.wait(60.0)
    resolve(world)


def settled(world: World) -> None:
    world.fire()
    world.clear()


def told(world: World) -> None:
    world.fire()
    world.wait(60.0)
    resolve(world)


def gone(world: World) -> None:
    world.fire()
    world.find(alive=False)
    world.act()
    world.clear()


def lives(world: World) -> None:
    world.fire()
    world.find(alive=True)
    resolve(world)


def too_soon(world: World) -> None:
    healed(world)
    world.wait(60.0)
    world.fire(alert(starts_at=world.now))
    resolve(world)


STORIES: list[tuple[str, Story, tuple[Runbook, ...], list[Kind]]] = [
    ("healed", healed, (runbook(),), [Kind.ACTS]),
    ("a step that failed", failed, (runbook(),), [Kind.ACTS]),
    ("settled", settled, (runbook(decide=settle()),), [Kind.SETTLES]),
    ("nothing matches", told, (), [Kind.ROUTES]),
    ("a fact leads to a plan", gone, (deciding(),), [Kind.ACTS]),
    ("a fact leads to people", lives, (deciding(),), [Kind.ROUTES]),
    ("a requirement", lives,
     (runbook(guard=requiring(fact("status.alive", False)), diagnose=(STATUS,)),), [Kind.ROUTES]),
    ("in shadow", told, (runbook(lifecycle=Lifecycle.SHADOW),), [Kind.ROUTES]),
    ("approval", lambda w: w.fire(), (runbook(lifecycle=Lifecycle.ASSISTED),), [Kind.ASKS]),
    ("a cooldown", too_soon, (runbook(),), [Kind.ACTS, Kind.ROUTES]),
]  # fmt: skip


def past_of(world: World) -> list[Incident]:
    return sorted(world.incidents, key=lambda incident: incident.opened_at)


@pytest.mark.parametrize(
    ("story", "rules", "kinds"), [row[1:] for row in STORIES], ids=[row[0] for row in STORIES]
)
def test_the_same_rules_decide_the_same_again(
    story: Story, rules: tuple[Runbook, ...], kinds: list[Kind]
) -> None:
    world = World(*rules)
    story(world)
    seen = Hindsight(world.view)
    decided = [(was(each), seen.decide(each)) for each in past_of(world)]
    assert [then.kind for then, _ in decided] == kinds
    for then, now in decided:
        assert isinstance(now, Would)
        assert (now.kind, since_then(then, now)) == (then.kind, ())


def test_what_the_platform_looked_at_by_default_is_known_too() -> None:
    """No runbook was there; the one that is there now asks what was asked by default."""
    world = World(policy=on(EntityKind.SERVICE))
    world.fire()
    world.find(alive=False)
    resolve(world)
    rules = World(deciding(), policy=on(EntityKind.SERVICE)).view
    (incident,) = past_of(world)
    now = Hindsight(rules).decide(incident)
    assert isinstance(now, Would)
    assert (now.kind, now.plan) == (Kind.ACTS, "restart")
