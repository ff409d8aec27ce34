"""Under what an act on a cluster was asked for, and what comes of a right that is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.model.cluster import Asked
from agent.model.command import Command, CommandKind
from agent.model.effect import Availability, Effect, OutcomeStatus, Reversal
from agent.model.event import ActionRequested, Approved
from agent.model.reason import Reason
from agent.model.runbook import Branch, Lifecycle
from agent.ports.cluster import RightsMissing
from agent.ports.plugin import Action, Params
from agent.runtime.calling import Calling
from agent.runtime.last_resort import LastResort
from agent.runtime.registry import PluginRegistry
from tests.support.acting import ACT, Bench, raising
from tests.support.cases import World, runbook
from tests.support.kits import lent
from tests.support.remembering import easy_world
from tests.support.shipped import plugin


class Targeted(Params):
    target: str


class Kits:
    """Keeps what kits of actions are made with."""

    def __init__(self) -> None:
        self.made: list[Mapping[str, Any]] = []

    def act(self, **told: Any) -> None:
        self.made.append(told)


async def done(_kit: Any, _params: Targeted) -> Mapping[str, Any]:
    return {}


RESTART = Action(
    name="process.restart",
    params=Targeted,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NOTHING,
    availability=Availability.INTERRUPTS,
    summary="restarts",
    run=done,
)


async def asked_of(world: World, command: Command, folder: Path) -> Asked:
    kits = Kits()
    calling = Calling(
        registry=lambda: PluginRegistry({"process.restart": RESTART}),
        kits=kits,  # type: ignore[arg-type]
        channels=dict,
        view=world.view,
        last_resort=LastResort(folder / "last-resort.jsonl"),
    )
    await calling.call(command)
    asked = kits.made[0]["asked"]
    assert isinstance(asked, Asked)
    return asked


async def test_an_act_of_the_agent_keeps_off_what_people_edit(tmp_path: Path) -> None:
    """F-K8-09: as long as the rail `human_change` does."""
    world = easy_world(runbook(), human_change_seconds=120.0)
    world.fire()
    asked = await asked_of(world, world.only(CommandKind.ACT), tmp_path)
    assert asked == Asked(by_person=False, decided_at=world.now, keep_off_seconds=120.0)


async def test_what_waited_for_an_approval_was_decided_before_it(tmp_path: Path) -> None:
    """F-K8-08: a pod that was replaced while people thought about it is another one."""
    world = easy_world(runbook(lifecycle=Lifecycle.ASSISTED))
    case = world.fire()
    decided = world.now
    world.wait(200)
    assert case.asked is not None
    world.tell(Approved(at=world.now, subject=case.id, who="ana"))
    asked = await asked_of(world, world.only(CommandKind.ACT), tmp_path)
    assert asked.decided_at == decided < world.now


async def test_a_person_may_act_on_what_people_edit(tmp_path: Path) -> None:
    """F-K8-09: whoever asks is one of them."""
    world = easy_world(runbook(decide=(Branch(when=None, plan=None),)))
    case = world.fire()
    world.wait(60)
    world.tell(ActionRequested(at=world.now, subject=case.id, who="bob", use="process.restart"))
    asked = await asked_of(world, world.only(CommandKind.ACT), tmp_path)
    assert asked == Asked(by_person=True, decided_at=world.now, keep_off_seconds=0.0)


async def test_a_right_that_is_missing_has_a_reason_of_its_own() -> None:
    """F-K8-06: it failed, and is not tried again."""
    outcome = await Bench(raising(RightsMissing("may not patch"))).outcome_of(ACT)
    assert (outcome.status, outcome.reason) == (OutcomeStatus.FAILED, Reason.RIGHTS_MISSING)
    assert outcome.detail == "may not patch"


async def test_only_what_acts_on_a_cluster_is_tried_out_there(tmp_path: Path) -> None:
    undo = plugin("kubernetes.rollout_undo")
    world = easy_world()
    async with lent() as kits:
        calling = Calling(
            registry=lambda: PluginRegistry({"process.restart": RESTART, undo.name: undo}),
            kits=kits,
            channels=dict,
            view=world.view,
            last_resort=LastResort(tmp_path / "last-resort.jsonl"),
        )
        for use in ("process.restart", "none.such"):
            assert await calling.would_change(use, {"target": "web"}, key="k") is None
        target = {"target": "prod-a/deployment/web"}
        unfit = await calling.would_change(undo.name, target, key="k")
        assert unfit is not None
        assert "to: Field required" in unfit.fails
        alone = await calling.would_change(undo.name, {**target, "to": 3}, key="k")
        assert alone is not None
        assert "no Kubernetes is connected" in alone.fails
