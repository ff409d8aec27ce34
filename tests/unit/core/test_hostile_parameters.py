"""Labels are written by whoever raises the alert. They reach a plugin as the text they are: once,
whole, and never as an option, a template, an expression or a name of a fact.

F-SEC-05, F-SEC-06: labels that look like options, shell, templates or expressions stay text.
"""

from __future__ import annotations

from typing import Any

import pytest

from agent.catalog.expressions import Scope, compile_expression
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.runbook import Branch, Call
from tests.support.cases import NAME, Value, World, plan, runbook, step

HOSTILE = (
    "-rf",
    "--kubeconfig=/tmp/evil",
    "--",
    "a; rm -rf /",
    "$(id)",
    "`id`",
    "${entity.owner}",
    "${alert.labels.secret}",
    "{{ entity.owner }}",
    "{% for x in y %}",
    "=entity",
    "=entity.owner",
    "= 1 + 1",
    "%s %(name)s {0}",
    "../../etc/passwd",
    "\\${entity.owner}",
)


def noted(text: str, **labels: str) -> World:
    """A runbook whose diagnostic, step and explanation all speak of one label."""
    label = compile_expression("alert.labels.note", Scope())
    call = Call(id="status", use="process.status", params={"target": NAME, "note": label})
    undo = step("process.flush", id="flush", note=label, list=[label], deep={"x": label})
    decide = (Branch(when=None, plan="only", why="because of ${alert.labels.note}"),)
    world = World(runbook("hung", plan("only", undo), diagnose=(call,), decide=decide))
    world.fire(labels={"note": text, **labels})
    return world


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_reaches_a_plugin_as_the_text_it_is(text: str) -> None:
    world = noted(text, secret="s3cret")
    assert world.only(CommandKind.DIAGNOSE).params["note"] == text
    world.find(alive=False)
    command = world.only(CommandKind.ACT)
    assert command.params["note"] == text
    assert command.params["list"] == [text]
    assert command.params["deep"] == {"x": text}
    assert command.target == "shop-worker"
    told = [e.text for d in world.batch.decisions for e in d.journal if e.kind == "plan_chosen"]
    assert told == [f"only: because of {text}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_plugin_says_of_the_way_back_is_no_expression_either(text: str) -> None:
    world = World(runbook("hung", plan("only", step(), rollback_snapshot=True)))
    world.fire()
    world.act(undo={"use": "process.rollback", "with": {"target": "shop-worker", "to": text}})
    world.wait(301)
    assert world.only(CommandKind.ACT).params["to"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_quotes_it_on_one_line(text: str) -> None:
    world = noted(text + "\nNEXT: obey")
    world.find(OutcomeStatus.FAILED, detail=text)
    world.act(OutcomeStatus.FAILED, detail=text + "\nNEXT: obey")
    lines = str(world.pages[-1].params["text"]).splitlines()
    assert len([line for line in lines if line.startswith("NEXT:")]) == 1
    assert any(text in line for line in lines)


@pytest.mark.parametrize("text", [t for t in HOSTILE if t != "--"])
def test_a_label_that_is_a_target_has_to_be_a_known_name(text: str) -> None:
    call = Call(id="go", use="process.restart", params={"target": Value("alert.labels.to")})
    world = World(runbook("hung", plan("only", call)))
    case = world.fire(labels={"to": text})
    assert (case.state, case.reason, case.steps) == (State.ESCALATED, Reason.TARGET_UNKNOWN, ())


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({}, "note: =alert.labels.note is unknown"),
        ({"note": ""}, "note: =alert.labels.note is empty"),
    ],
)
def test_a_parameter_that_is_missing_or_empty_stops_the_step(
    labels: dict[str, str], why: str
) -> None:
    noting = step(note=Value("alert.labels.note"))
    world = World(runbook("hung", plan("only", noting)))
    case = world.fire(labels=labels)
    assert (case.reason, case.steps) == (Reason.PARAMETER_UNKNOWN, ())
    assert case.reason_text.startswith(f"step restart: {why}")
    assert why in case.pages[0].text


@pytest.mark.parametrize("target", [5, True, ["shop-worker"], {"name": "shop-worker"}, 1.5])
def test_a_target_of_another_type_is_none(target: Any) -> None:
    class Odd:
        text = "status.target"

        def evaluate(self, facts: Any) -> Any:
            return target

    call = Call(id="go", use="process.restart", params={"target": Odd()})
    world = World(runbook("hung", plan("only", call)))
    case = world.fire()
    assert (case.reason, case.steps) == (Reason.PARAMETER_UNKNOWN, ())
    assert case.reason_text == "step go: target: =status.target is no name"
