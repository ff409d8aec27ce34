"""Diagnosis: what is asked, when it is over, and what a missing answer means."""

from __future__ import annotations

from agent.core.facts import FAILED
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.event import Acknowledged
from agent.model.incident import State
from agent.model.policy import Policy
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.runbook import Branch, Call, Lifecycle
from tests.support.cases import STATUS, Value, World, fact, on, plan, runbook

SERVICE = on(EntityKind.SERVICE)


def test_default_diagnostics_run_where_no_runbook_matches() -> None:
    world = World(policy=SERVICE)
    world.fire()
    asked = world.only(CommandKind.DIAGNOSE)
    assert (asked.use, asked.params) == ("process.status", {"target": "shop-worker"})
    world.find(alive=False, healthy=["cache"])
    assert "not alive" in world.case.pages[0].text


def test_only_diagnostics_that_are_loaded_are_asked_and_each_once() -> None:
    uses = ("process.status", "process.status", "unknown.plugin")
    world = World(policy=Policy(default_diagnostics={"service": uses}))
    world.fire()
    assert [c.use for c in world.asked(CommandKind.DIAGNOSE)] == ["process.status"]


def test_a_default_never_takes_the_id_of_the_runbooks_own() -> None:
    own = Call(id="process_status", use="process.log", params={})
    world = World(runbook(diagnose=(own,)), policy=SERVICE)
    world.fire()
    assert [c.use for c in world.asked(CommandKind.DIAGNOSE)] == ["process.log"]


def test_a_runbook_that_asks_for_nothing_goes_straight_to_its_plan() -> None:
    world = World(runbook(), policy=SERVICE)
    assert world.fire().state is State.ACTING


def test_not_so_where_a_person_has_to_approve() -> None:
    world = World(runbook(lifecycle=Lifecycle.ASSISTED), policy=SERVICE)
    assert world.fire().state is State.DIAGNOSING
    world.find(alive=False)
    assert world.case.state is State.AWAITING_APPROVAL
    assert "not alive" in world.case.pages[0].text


def test_not_so_where_the_entity_stands_on_something_shared() -> None:
    world = World(runbook(), policy=SERVICE)
    assert world.fire(entity="shop-web").state is State.DIAGNOSING
    world.find(healthy=["cache"])
    assert world.case.state is State.ACTING


def test_what_ends_in_a_page_is_looked_at_first() -> None:
    world = World(runbook(), policy=SERVICE)
    world.fire()
    world.act(OutcomeStatus.FAILED)
    assert world.case.state is State.DIAGNOSING
    assert world.pages == []
    world.find(alive=False)
    assert world.case.state is State.ESCALATED
    assert world.case.reason is Reason.STEP_FAILED
    assert "FOUND: process_status: not alive" in world.case.pages[0].text


def test_all_answers_are_waited_for() -> None:
    world = World(policy=Policy(default_diagnostics={"service": ("process.status", "process.log")}))
    world.fire()
    first, second = world.asked(CommandKind.DIAGNOSE)
    world.answer(second, lines=[])
    assert world.case.state is State.DIAGNOSING
    world.answer(first, alive=True)
    assert world.case.state is State.ESCALATED


def test_a_diagnostic_that_failed_gives_no_fact() -> None:
    decide = (Branch(when=fact("status.alive", False), plan="restart"),)
    world = World(runbook("hung", plan(), diagnose=(STATUS,), decide=decide))
    world.fire()
    world.find(OutcomeStatus.FAILED, detail="no route")
    assert world.case.reason is Reason.FACTS_UNKNOWN
    assert world.case.findings["status"] == {FAILED: "no route"}
    assert "failed (no route)" in world.case.pages[0].text


def test_a_parameter_that_is_unknown_is_a_failed_finding() -> None:
    ask = Call(id="zone", use="process.log", params={"zone": Value("alert.labels.zone")})
    world = World(runbook(diagnose=(ask, STATUS)))
    world.fire()
    assert [c.step for c in world.asked(CommandKind.DIAGNOSE)] == ["status"]
    assert FAILED in world.case.findings["zone"]


def test_an_interrupted_diagnostic_runs_again_once() -> None:
    world = World(policy=SERVICE)
    world.fire()
    world.find(OutcomeStatus.UNKNOWN)
    again = world.only(CommandKind.DIAGNOSE)
    assert again.attempt == 2
    world.find(OutcomeStatus.UNKNOWN)
    assert world.case.state is State.ESCALATED


def test_who_acknowledges_meanwhile_has_it() -> None:
    world = World(runbook(diagnose=(STATUS,)))
    world.fire()
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    world.find(alive=False)
    assert world.case.state is State.ACKNOWLEDGED
    assert world.asked(CommandKind.ACT) == []
    assert world.case.findings == {}
