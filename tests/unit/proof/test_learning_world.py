"""The made-up world of the learning proof does what its families say, and no more."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import pytest

from agent.model.alert import Alert, AlertStatus
from agent.ports.plugin import Action, Diagnostic
from tests.proof.learning import company
from tests.proof.learning.families import all_families, by_alert
from tests.proof.learning.words import Cause, Family, Sort
from tests.proof.learning.world import Fault, World


class Clockwork:
    """What surrounds a world: a clock that jumps, and a box that keeps what was sent."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.sent: list[Alert] = []
        self._numbers = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def later(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), happens))

    def send(self, alert: Alert) -> None:
        self.sent.append(alert)

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, _, happens = heapq.heappop(self._due)
            happens()
        self.now = until


FAMILIES = {family.id: family for family in (*all_families(), *by_alert().values())}


def broken(
    family: str, *, entity: str, cause: str = "", seed: int = 1
) -> tuple[Clockwork, World, Fault]:
    clock = Clockwork()
    world = World(seed, clock, company.registry(), company.plugins())
    told = FAMILIES[family]
    fault = world.break_(told, told.cause(cause) if cause else told.causes[0], entity)
    clock.wait(120)
    return clock, world, fault


def test_there_are_forty_families_and_in_three_nothing_has_to_be_done() -> None:
    families = all_families()
    assert len(families) == 40
    assert sum(family.sort is Sort.NOTHING for family in families) == 3
    assert len({family.alert for family in families}) == 40


def test_a_fault_is_told_of_and_its_cure_ends_it() -> None:
    clock, world, fault = broken("c03", entity="payments-web")
    assert [alert.status for alert in clock.sent] == [AlertStatus.FIRING]
    world.act("process.restart", {"target": "payments-web"})
    clock.wait(600)
    assert fault.over_at is None
    world.act("config.restore", {"target": "payments-web"})
    clock.wait(600)
    assert fault.helped == "cure"
    assert clock.sent[-1].status is AlertStatus.RESOLVED


def test_of_two_steps_both_are_needed_and_in_their_order() -> None:
    clock, world, fault = broken("c11", entity="catalog-api")
    for use in ("process.start", "process.start"):
        world.act(use, {"target": "catalog-api"})
    clock.wait(600)
    assert fault.over_at is None
    for use in ("process.stop", "process.start"):
        world.act(use, {"target": "catalog-api"})
    clock.wait(600)
    assert fault.helped == "cure"


def test_parameters_come_from_the_entity_a_label_or_a_finding() -> None:
    _, world, fault = broken("c06", entity="fleet-api")
    (act,) = fault.cause.cures[0]
    shown = world.look("process.status", {"target": "fleet-api"})
    assert shown is not None
    assert fault.params_of(act) == {"target": "fleet-api", "to": shown["previous_version"]}
    _, _, other = broken("c08", entity="ledger-worker")
    (act,) = other.cause.cures[0]
    assert other.params_of(act)["folder"] == other.labels["folder"]


def test_what_looks_back_is_told_to_be_over_long_after_it_was() -> None:
    clock, _, fault = broken("b1", entity="payments-worker")
    clock.wait(10_000)
    assert fault.over_at is not None
    ended = clock.sent[-1].ends_at
    assert ended is not None
    assert ended - fault.over_at >= fault.family.looks_back


def test_a_harmful_act_takes_the_symptom_away_and_something_else_follows() -> None:
    clock, world, fault = broken("g1", entity="media-web")
    world.act("process.stop", {"target": "media-web"})
    clock.wait(600)
    assert fault.helped == "placebo"
    assert [f.family.id for f in world.faults] == ["g1", "c10"]
    assert world.hurt[0][1:] == ("process.stop", "media-web")


def test_what_needs_nobody_is_over_by_itself() -> None:
    for family in all_families():
        if family.sort in (Sort.NOTHING, Sort.COINCIDENCE, Sort.DECAYED):
            cause = family.causes[0]
            assert cause.cures == ()
            entity = f"{family.products[0]}-{family.roles[0]}"
            clock, _, fault = broken(family.id, entity=entity)
            clock.wait(3 * 86_400)
            assert fault.helped == "by itself"


def causes() -> list[tuple[Family, Cause]]:
    return [(family, cause) for family in all_families() for cause in family.causes]


@pytest.mark.parametrize(("family", "cause"), causes(), ids=lambda each: getattr(each, "name", ""))
def test_every_right_way_is_a_call_its_action_takes(family: Family, cause: Cause) -> None:
    entity = f"{family.products[0]}-{family.roles[0]}"
    _, _, fault = broken(family.id, entity=entity, cause=cause.name)
    for way in family.right(cause.name):
        assert fault.is_way([(act.use, fault.params_of(act)) for act in way])
        for act in way:
            plugin = company.plugins()[act.use]
            assert isinstance(plugin, Action)
            plugin.params.model_validate(fault.params_of(act))


@pytest.mark.parametrize("family", all_families(), ids=lambda family: family.id)
def test_every_diagnostic_of_the_company_answers_in_the_type_it_declares(family: Family) -> None:
    entity = f"{family.products[0]}-{family.roles[0]}"
    for cause in family.causes:
        _, world, _ = broken(family.id, entity=entity, cause=cause.name)
        kind = company.registry().entities[entity].kind.value
        for use in company.policy().default_diagnostics[kind]:
            plugin = company.plugins()[use]
            assert isinstance(plugin, Diagnostic)
            shown = world.look(use, {"target": entity})
            assert shown is not None
            plugin.result.model_validate(shown)
