"""Questions to guards, with plain answers where a test does not care: one incident of the shop, one
step of its runbook, and what else goes on in the world."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.guard import Question
from agent.model.alert import Layer
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Incident, State
from agent.model.policy import PluginFacts, Policy, Rails
from agent.model.product import InventoryObject, Registry
from agent.model.records import Act, Halt
from agent.model.runbook import EntityQuery, Guard, Match, Runbook
from tests.support.cases import REGISTRY, START, World, runbook


def incident(**fields: Any) -> Incident:
    told: dict[str, Any] = {
        "id": "i-1",
        "key": "k",
        "title": "Hung",
        "state": State.OPEN,
        "layer": Layer.PRODUCT,
        "product": "shop",
        "entity": "shop-worker",
        "severity": "critical",
        "opened_at": START,
        "updated_at": START,
        "runbook": "hung",
        "plan": "restart",
        **fields,
    }
    return Incident(**told)


def act(**fields: Any) -> Act:
    told: dict[str, Any] = {
        "key": "i-0/1/restart/restart",
        "target": "shop-worker",
        "product": "shop",
        "incident_id": "i-0",
        "runbook": "other",
        "plan": "restart",
        "step": "restart",
        "use": "process.restart",
        "by": "agent",
        "at": START - 4000,
        "status": OutcomeStatus.DONE,
        "verdict": Verdict.HELD,
        **fields,
    }
    return Act(**told)


class Hours:
    """A change window that is open or closed, or cannot say."""

    def __init__(self, *, is_open: bool | None) -> None:
        self.text = "Mon-Fri 10:00-16:00"
        self._is_open = is_open

    def is_open(self, at: float) -> bool:
        if self._is_open is None:
            raise ValueError("no such time zone")
        return self._is_open


WINDOWS = {
    "office": Hours(is_open=True),
    "night": Hours(is_open=False),
    "odd": Hours(is_open=None),
}
WEB = InventoryObject(
    name="prod-a/deployment/web",
    kind="deployment",
    entity="shop-worker",
    keys={"namespace": ("prod-a",)},
)
FOREIGN = msgspec.structs.replace(WEB, name="prod-b/deployment/api", entity="pay-api")
NOBODYS = msgspec.structs.replace(WEB, name="prod-c/deployment/x", entity="ghost")


def question(
    *acts: Act,
    halt: Halt | None = None,
    burning: tuple[str, ...] = (),
    rails: Rails | None = None,
    registry: Registry = REGISTRY,
    **fields: Any,
) -> Question:
    """`rails`: the limits it is held to; those of load stand out of the way otherwise."""
    world = World(runbook(), policy=Policy(windows=WINDOWS), registry=registry)
    if rails is not None:
        world.view.policy = msgspec.structs.replace(world.view.policy, rails=rails)
    for one in acts:
        world.keep("act", one.key, one)
    for entity in burning:
        world.fire(name="Strange", entity=entity)
    world.view.halt = halt
    world.view.inventory = {o.name: o for o in (WEB, FOREIGN, NOBODYS)}
    unplugged = PluginFacts(
        name="kube.undo", kind="action", effect="idempotent", needs="kubernetes", is_connected=False
    )
    world.view.plugins = {**world.view.plugins, unplugged.name: unplugged}
    told: dict[str, Any] = {
        "at": START,
        "incident": incident(),
        "view": world.view,
        "runbook": runbook(),
        "use": "process.restart",
        "target": "shop-worker",
        "key": "i-1/1/restart/restart",
        "facts": {},
        **fields,
    }
    if isinstance(told["target"], str):
        told.setdefault("params", {"target": told["target"]})
    return Question(**told)


def failed(number: int, **fields: Any) -> Act:
    return act(
        key=f"k{number}",
        incident_id=f"i-{number + 10}",
        at=START - 4000 * (number + 1),
        verdict=Verdict.FAILED,
        **fields,
    )


def held_to(**limits: Any) -> Runbook:
    return runbook(guard=Guard(**limits))


def about(kind: str) -> Runbook:
    query = EntityQuery(kind=kind, of={"namespace": "prod-a"})
    return runbook(match=Match(alert=("Hung",), entity=query))
