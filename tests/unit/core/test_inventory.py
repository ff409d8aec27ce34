"""What an incident is about: found once, and of the incident's own product, or not at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.facts import facts_about
from agent.core.guard import recheck
from agent.core.inventory import Inventory
from agent.model.command import CommandKind
from agent.model.event import ActionRequested
from agent.model.incident import State
from agent.model.product import InventoryObject
from agent.model.reason import Reason
from agent.model.runbook import Branch, Call, EntityQuery, Match
from tests.support.cases import NAME, REGISTRY, Value, World, fact, plan, runbook

QUERY = EntityQuery(
    kind="deployment",
    of={"namespace": Value("alert.labels.namespace"), "pod": Value("alert.labels.pod")},
)
PODS = {"namespace": "prod-a", "pod": "web-1"}


def thing(name: str = "prod-a/deployment/web", entity: str = "shop-worker", **fields: Any) -> Any:
    told: dict[str, Any] = {
        "kind": "deployment",
        "keys": {"namespace": ("prod-a",), "pod": ("web-1", "web-2")},
        "facts": {"replicas": 3, "replicas_ready": 2},
        **fields,
    }
    return InventoryObject(name=name, entity=entity, **told)


def world(*things: InventoryObject, query: EntityQuery = QUERY, **fields: Any) -> World:
    made = World(runbook(match=Match(alert=("Hung",), entity=query), **fields))
    made.view.inventory = {t.name: t for t in things}
    return made


def test_the_object_is_the_target_and_its_facts_are_the_entity() -> None:
    found = world(thing())
    case = found.fire(labels=PODS)
    assert case.target == "prod-a/deployment/web"
    assert found.only(CommandKind.ACT).target == "prod-a/deployment/web"
    facts = facts_about(case, found.view)["entity"]
    assert (facts["name"], facts["kind"], facts["product"], facts["owner"]) == (
        "prod-a/deployment/web", "deployment", "shop", "team-shop",
    )  # fmt: skip
    assert facts["replicas_ready"] == 2


def test_an_inventory_with_an_index_finds_the_same() -> None:
    others = [thing(f"prod-a/deployment/{n}", keys={"pod": (f"p{n}",)}) for n in range(50)]
    pod = thing("prod-a/pod/web-1", kind="pod")
    found = world()
    found.view.inventory = Inventory([*others, pod, thing()])
    assert found.fire(labels=PODS).target == "prod-a/deployment/web"
    assert len(found.view.inventory) == 52
    assert Inventory([thing()]).find("deployment", {}) == []


@pytest.mark.parametrize(
    ("things", "labels", "why"),
    [
        ((), PODS, "no deployment with namespace 'prod-a', pod 'web-1' in the inventory"),
        ((thing(kind="pod"),), PODS, "no deployment with"),
        ((thing(),), {**PODS, "pod": "web-9"}, "no deployment with"),
        ((thing(), thing("b")), PODS, "2 times deployment with"),
        ((thing(),), {"namespace": "prod-a"}, "alert.labels.pod is unknown"),
        ((thing(),), {**PODS, "pod": ""}, "alert.labels.pod is empty"),
        ((thing(entity="pay-api"),), PODS, "belongs to pay, the alert is about shop"),
        ((thing(entity="cache"),), PODS, "belongs to no product, the alert is about shop"),
        ((thing(entity="ghost"),), PODS, "belongs to no registered entity"),
    ],
)
def test_what_is_not_found_just_once_and_ones_own_is_not_acted_on(
    things: tuple[InventoryObject, ...], labels: dict[str, str], why: str
) -> None:
    found = world(*things)
    case = found.fire(labels=labels)
    assert (case.state, case.reason, case.target) == (State.ESCALATED, Reason.OBJECT_UNKNOWN, None)
    assert case.runbook == "hung", "it matches all the same"
    assert case.steps == ()
    told = [e.text for d in found.batch.decisions for e in d.journal if e.kind == "object"]
    assert why in told[0]
    assert why in case.reason_text


def test_facts_of_an_object_that_was_not_found_are_unknown() -> None:
    decide = (Branch(when=fact("entity.replicas", 3), plan="restart"), Branch(when=None, plan=None))
    found = world(decide=decide)
    case = found.fire(labels=PODS)
    assert "entity" not in facts_about(case, found.view)
    assert case.reason is Reason.OBJECT_UNKNOWN, "that is what to tell, not the row it made unknown"


def test_a_row_that_needs_no_object_still_decides() -> None:
    decide = (Branch(when=None, plan=None, why="by hand"),)
    found = world(decide=decide)
    assert found.fire(labels=PODS).reason is Reason.DECIDED_TO_ESCALATE


def test_a_label_cannot_steer_to_another_product() -> None:
    """F-SEC-04: whoever controls labels names somebody else's deployment."""
    steered = Call(id="go", use="process.restart", params={"target": Value("alert.labels.to")})
    for target in ("prod-b/deployment/api", "pay-api"):
        found = World(runbook("hung", plan("go", steered)))
        found.view.inventory = {"prod-b/deployment/api": thing("prod-b/deployment/api", "pay-api")}
        case = found.fire(labels={"to": target})
        assert case.reason is Reason.TARGET_OF_ANOTHER_PRODUCT
        assert case.steps == ()
        stops = [e.text for d in found.batch.decisions for e in d.journal if e.kind == "stopped"]
        assert stops == [target], "and it is on record"


def test_a_registered_entity_is_an_object_too() -> None:
    query = EntityQuery(kind="service", of={"name": Value("alert.labels.who")})
    found = world(query=query)
    assert found.fire(labels={"who": "shop-web"}).target == "shop-web"
    for other in ("pay-api", "cache", "nobody"):
        again = world(query=query)
        assert again.fire(labels={"who": other}).target is None


def test_it_is_looked_at_again_at_the_moment_of_acting() -> None:
    found = world(thing())
    case = found.fire(labels=PODS)
    command = found.only(CommandKind.ACT)
    assert recheck(command, case, found.view, at=found.now) is None
    for now in ({}, {thing().name: thing(entity="pay-api")}):
        found.view.inventory = now
        stop = recheck(command, case, found.view, at=found.now)
        assert stop is not None
        assert stop.reason is Reason.OBJECT_UNKNOWN
    gone = {n: e for n, e in REGISTRY.entities.items() if n != "shop-worker"}
    found.view.inventory = {thing().name: thing()}
    found.view.registry = msgspec.structs.replace(REGISTRY, entities=gone)
    assert recheck(command, case, found.view, at=found.now) is not None


def test_a_person_acts_on_what_it_is_about() -> None:
    by_hand = (Branch(when=None, plan=None),)
    found = world(thing(), decide=by_hand)
    case = found.fire(labels=PODS)
    found.tell(ActionRequested(at=found.now, subject=case.id, who="bob", use="process.restart"))
    assert found.only(CommandKind.ACT).target == "prod-a/deployment/web"


def test_starting_over_looks_anew() -> None:
    assert NAME.text == "entity.name"
    found = world(thing())
    found.fire(name="Down", entity="cache")
    found.view.registry = msgspec.structs.replace(
        REGISTRY,
        entities={
            **REGISTRY.entities,
            "shop-worker": msgspec.structs.replace(
                REGISTRY.entities["shop-worker"], depends_on=("cache",)
            ),
        },
    )
    case = found.fire(labels=PODS)
    assert case.held_by is not None
    assert case.target == "prod-a/deployment/web"
    found.view.inventory = {}
    for incident in list(found.state.incidents.values()):
        if incident.entity == "cache":
            found.last = incident.id
    found.clear()
    found.wait(61)
    assert found.incident(case.id).target is None


def test_an_inventory_that_moves_finds_what_is_there_now() -> None:
    known = Inventory([thing()])
    known.put(thing(keys={"namespace": ("prod-a",), "pod": ("web-3",)}, facts={"replicas": 1}))
    assert known.find("deployment", {"pod": "web-1"}) == []
    (found,) = known.find("deployment", {"namespace": "prod-a", "pod": "web-3"})
    assert found.facts == {"replicas": 1}
    known.drop("prod-a/deployment/web")
    known.drop("prod-a/deployment/web")
    assert known.find("deployment", {"namespace": "prod-a"}) == []
    assert len(known) == 0
