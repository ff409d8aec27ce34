"""What is broken on the way to people keeps nobody from being told."""

from __future__ import annotations

import msgspec

from agent.core.audit_escalation import audit
from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.event import Acknowledged, ActionRequested
from agent.model.incident import State
from agent.model.policy import PluginFacts, Policy
from agent.model.product import Floor
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle
from tests.support.cases import World, alert, runbook
from tests.support.guarding import WINDOWS
from tests.support.ladders import Fixed, staffed, told
from tests.support.policies import OUT_OF_THE_WAY


class Broken(Fixed):
    """A rotation whose calendar cannot say."""

    def on_call(self, at: float) -> str | None:
        raise ValueError("no such time zone")


def test_a_rotation_that_cannot_say_who_is_on_call_is_skipped() -> None:
    """F-NT-05"""
    world = staffed()
    rotations = {"shop-primary": Broken(None)}
    world.view.on_call = msgspec.structs.replace(world.view.on_call, rotations=rotations)
    world.fire()
    assert told(world) == ["person:bob"]
    assert Reason.NOBODY_REACHED in world.reasons


def test_a_window_that_cannot_say_keeps_nobody_from_being_asked() -> None:
    rails = msgspec.structs.replace(OUT_OF_THE_WAY, normal_window="odd")
    assisted = runbook(lifecycle=Lifecycle.ASSISTED, tier="medium", owner="team-pay")
    world = World(assisted, policy=Policy(windows=WINDOWS, rails=rails))
    world.fire(entity="pay-api")
    world.wait(60)
    assert world.pages
    assert world.asked(CommandKind.ACT) == []


def test_the_auditor_finds_an_incident_nobody_was_told_of_however_often_its_alert_comes() -> None:
    world = staffed()
    world.fire()
    world.tell(Decision(incident=msgspec.structs.replace(world.case, pages=(), climb=None)))
    world.fire(alert(labels={"instance": "2"}, starts_at=world.now))
    [found] = audit(world.view, world.state.timers, world.now)
    assert (found.why, found.timer) == ("nobody was told", "climb")


def test_who_took_it_after_the_second_call_is_who_has_it() -> None:
    """F-NT-03: the correction must not name somebody who believes to be finished with it."""
    world = staffed()
    case = world.fire()
    world.tell(Acknowledged(at=world.now, subject=case.id, who="anna"))
    run = ActionRequested(at=world.now, subject=case.id, who="anna", use="process.pull", params={})
    world.tell(run)
    world.act(OutcomeStatus.UNKNOWN)
    assert world.case.state is State.ESCALATED
    world.tell(Acknowledged(at=world.now, subject=case.id, who="bob"))
    assert world.case.acknowledged_by == "bob"
    world.tell(Acknowledged(at=world.now, subject=case.id, who="carol"))
    assert world.case.acknowledged_by == "bob", "who was first has it"


def test_a_person_is_told_at_once_what_the_rails_say_to_the_parameters() -> None:
    """F-GRD-02: and not only when the act is about to begin."""
    world = World(policy=Policy(rails=msgspec.structs.replace(OUT_OF_THE_WAY, floor=Floor())))
    scale = PluginFacts(name="x.scale", kind="action", effect="idempotent", availability="keeps")
    world.view.plugins = {**world.view.plugins, "x.scale": scale}
    case = world.fire()
    params = {"target": "shop-worker", "replicas": 0}
    asked = ActionRequested(at=world.now, subject=case.id, who="bob", use="x.scale", params=params)
    assert world.tell(asked).refused is Reason.BELOW_FLOOR
