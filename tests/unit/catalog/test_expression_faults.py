"""What is said of an expression that is wrong: once, at its place, in words of the language."""

from __future__ import annotations

import pytest

from agent.catalog.expression_meant import FUNCTIONS, METHODS
from agent.catalog.expressions import (
    ExpressionError,
    Problem,
    Scope,
    compile_expression,
    compile_predicate,
)
from tests.support.runbook_plugins import StatusResult

SCOPE = Scope().with_result("web", StatusResult).with_later(["after"], "plan undo observes it")


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ExpressionError) as caught:
        compile_predicate(text, SCOPE)
    return caught.value.problems


def only(text: str) -> Problem:
    (problem,) = problems(text)
    return problem


@pytest.mark.parametrize(
    ("text", "column", "remedy"),
    [
        ('alert.label.severity == "x"', 7, "did you mean alert.labels.severity?"),
        ('alert.lables.severity == "x"', 7, "did you mean alert.labels.severity?"),
        ('alert.anotations.note == "x"', 7, "did you mean alert.annotations.note?"),
        ('labels.severity == "x"', 1, "did you mean alert.labels.severity?"),
        ('labels["severity"] == "x"', 1, "did you mean alert.labels?"),
        ('aler.labels.severity == "x"', 1, "did you mean alert.labels.severity?"),
        ('alert.severity == "x"', 7, "a label is read as alert.labels.severity"),
        ('severity == "x"', 1, "did you mean incident.severity, or alert.labels.severity?"),
        ("true && wbe.alive", 9, "did you mean web.alive?"),
        ("web.previos.healthy", 5, "did you mean web.previous.healthy?"),
        ("web.previous.helthy", 14, "did you mean web.previous.healthy?"),
        ("status.hung", 1, "known are alert, entity, incident, web"),
        ("stat.us.hung", 1, "known are alert, entity, incident, web"),
        ('web == "x"', 1, "known are web.alive, web.changed_seconds_ago, web.counts"),
        ('alert.labels.app-name == "x"', 18, 'write alert.labels["app-name"]'),
    ],
)
def test_an_unknown_name_is_told_at_its_first_wrong_part(
    text: str, column: int, remedy: str
) -> None:
    problem = only(text)
    assert (problem.line, problem.column) == (1, column)
    assert problem.remedy.startswith(remedy)


def test_the_place_is_that_of_the_name_that_is_wrong_and_not_of_another() -> None:
    first, second = problems("status.hung ||\n  web.alive && web.previos.healthy")
    assert (first.line, first.column) == (1, 1)
    assert (second.line, second.column) == (2, 20)


@pytest.mark.parametrize(
    ("text", "column", "message", "remedy"),
    [
        ('alert.name.startsWit("a")', 12, "unknown function startsWit", "did you mean startsWith?"),
        ('alert.name . startswith("a")', 14, "unknown function startswith", "mean startsWith?"),
        ("sze(web.tags) > 1", 1, "unknown function sze", "did you mean size?"),
        ("len(web.tags) > 1", 1, "unknown function len", "did you mean size?"),
        ("web.tags.exist(t, t == 'b')", 10, "unknown function exist", "did you mean exists?"),
        ("web.tags.exists(t)", 10, "exists is not called like this", "as in x.exists(v, v > 1)"),
        ('startsWith(alert.name, "a")', 1, "startsWith is not called", 'as in x.startsWith("a")'),
        ('alert.name.lower() == "a"', 12, "unknown function lower", "known are all, exists"),
        ("alert.name.contains()", 12, "contains is not called like this", 'x.contains("a")'),
        ("lower()", 1, "unknown function lower", "known are bool, double"),
    ],
)
def test_a_function_is_looked_for_among_functions(
    text: str, column: int, message: str, remedy: str
) -> None:
    problem = only(text)
    assert (problem.line, problem.column) == (1, column)
    assert problem.message.startswith(message)
    assert remedy in problem.remedy


@pytest.mark.parametrize("use", [*METHODS.values(), *FUNCTIONS.values()])
def test_the_functions_that_are_offered_are_called_as_it_is_said(use: str) -> None:
    assert compile_expression(use, Scope(types={"x": "dyn"})).text == use


@pytest.mark.parametrize(
    ("text", "column", "message", "remedy"),
    [
        ("web.alive = true", 11, "= is no operator", "write == to compare"),
        ("web.alive=true", 10, "= is no operator", "write == to compare"),
        ("web.restarts === 1", 14, "=== is no operator", "write =="),
        ("=web.alive", 1, "no = here: a condition is always an expression", "take the = away"),
        ("not web.alive", 1, "not is no operator", "write !web.alive"),
        ("not (web.alive)", 1, "not is no operator", "write !(...)"),
        ("alert.name not in ['a']", 12, "not is no operator", "write !(x in y)"),
        ("web.alive and true", 11, "and is no operator", "write &&"),
        ("web.alive OR true", 11, "OR is no operator", "write ||"),
        ("web.alive and", 11, "and is no operator", "write &&"),
        ("web.alive & true", 11, "& is no operator", "write &&"),
        ("web.restarts => 1", 14, "=> is no operator", "write >="),
        ("web.restarts <> 1", 14, "<> is no operator", "write !="),
        ("web.restarts ≥ 1", 14, "≥ is no operator", "write >="),
        ('alert.name matches "a.*"', 12, "matches is no op", 'write alert.name.matches("a.*")'),
        ('alert.name =~ "a.*"', 12, "=~ is no operator", 'write alert.name.matches("a.*")'),
        ('alert.name !~ "a"', 12, "!~ is no operator", 'write !alert.name.matches("a")'),
        ("${web.alive}", 1, "no ${} in an expression", "write web.alive"),
        ("true && ${ web.alive }", 9, "no ${} in an expression", "write web.alive"),
        ("{{ web.alive }}", 1, "no {{ }} in an expression", "write web.alive"),
        ("$web.alive", 1, "no $ in an expression", "write web.alive"),
        ("web.alive == True", 14, "True is no value", "write true"),
        ("web.alive == None", 14, "None is no value", "leave it out"),
        ("alert.name == critical", 15, "unknown name critical", 'it is a text: "critical"'),
        ("critical == alert.name", 1, "unknown name critical", "known are alert"),
        ("alert.labels[team] == 'x'", 14, "unknown name team", "if it is a text: 'team'"),
        ("alert.name == 'abc", 15, "a text begins here and does not end", "close it with '"),
        ("alert.name == “abc”", 15, "“ is no quote", "write \" or '"),
        ("if web.alive", 1, "if is no word of an expression", "condition ? this : that"),
        ("web.restarts > 1 web.alive", 18, "web.alive cannot stand here", "an operator is missing"),
        ("web.alive{}", 1, "web.alive cannot stand here", ""),
        ("web.alive)", 10, ") cannot stand here", ""),
        ("&& web.alive", 1, "&& cannot stand here", ""),
        ("(web.alive", 11, "it ends too early", "close it with )"),
        ("web.alive ? true", 17, "it ends too early", "write the rest of it"),
        ("-", 2, "it ends too early", "write the rest of it"),
    ],
)
def test_what_another_language_would_take_is_told_in_the_words_of_this_one(
    text: str, column: int, message: str, remedy: str
) -> None:
    problem = problems(text)[0]
    assert (problem.line, problem.column) == (1, column)
    assert problem.message.startswith(message)
    assert remedy in problem.remedy
    if "“" not in text:
        assert len(problems(text)) == 1


def test_each_place_of_another_language_is_told_once() -> None:
    found = problems('not web.alive and\n web.restarts = 3 or alert.name matches "a = b and c"')
    places = [(p.line, p.column) for p in found]
    assert places == [(1, 1), (1, 15), (2, 15), (2, 19), (2, 33)]


def test_a_text_may_hold_what_another_language_would_take() -> None:
    text = 'alert.name != "not ${a} = b and c" && alert.labels.or != "=~" foo'
    problem = only(text)
    assert problem.message == "foo cannot stand here"


@pytest.mark.parametrize(
    "text",
    ["not web.alive", "web.alive web.alive", "web.alive{}", "web.alive +", "web.alive = web.alive"],
)
def test_neither_the_parser_nor_the_engine_speaks(text: str) -> None:
    for problem in problems(text):
        said = f"{problem.message} {problem.remedy}"
        for raw in ("_0", "input", "token", "<EOF>", "expecting", "parsetree", "*error*"):
            assert raw not in said


def test_a_fault_that_follows_from_another_is_not_told() -> None:
    assert [p.message for p in problems("entity.replicas.x > 1")] == [
        "unknown name entity.replicas"
    ]
    assert [p.message for p in problems("web.aliv + 1 > 2")] == ["unknown name web.aliv"]
