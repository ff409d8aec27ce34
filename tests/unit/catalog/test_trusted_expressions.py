"""Expressions that were checked before and are compiled when they are first asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent.catalog.expressions import (
    Scope,
    compile_expression,
    compile_predicate,
    mentioned,
    trusted_expression,
    trusted_predicate,
)
from agent.model.runbook import Truth

SCOPE = Scope().with_names({"web.alive": "bool", "web.restarts": "int", "web.tags": "list<string>"})
FACTS = {"entity": {"name": "web"}, "web": {"alive": True, "restarts": 3, "tags": ["a"]}}


def test_they_say_what_compiled_ones_say() -> None:
    for text in ("web.alive && web.restarts > 2", 'entity == "x"', "web.nothing_yet.x"):
        scope = SCOPE if "nothing" not in text else SCOPE.with_unchecked("web")
        for facts in (FACTS, {}):
            assert trusted_predicate(text, scope)(facts) is compile_predicate(text, scope)(facts)
    assert trusted_expression("entity", SCOPE).evaluate(FACTS) == "web"
    with pytest.raises(LookupError):
        trusted_expression("web.restarts", SCOPE).evaluate({})


def test_nothing_is_compiled_or_loaded_before_it_is_asked() -> None:
    code = (
        "import sys; from agent.catalog.expressions import *;"
        "made = [trusted_predicate('entity.name == \"a\"', Scope()) for _ in range(1000)];"
        "made += [trusted_expression('entity', Scope())];"
        "assert 'cel_expr_python' not in sys.modules; made[0]({});"
        "assert 'cel_expr_python' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_text_nobody_can_read_any_more_says_nothing() -> None:
    assert trusted_predicate("web.aliv", SCOPE)(FACTS) is Truth.UNKNOWN
    with pytest.raises(LookupError, match=r"web\.aliv cannot be read any more"):
        trusted_expression("web.aliv", SCOPE).evaluate(FACTS)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("true", {}),
        ("web.alive && web.restarts > 1", {"web.alive": "bool", "web.restarts": "int"}),
        ('entity == "x"', {"entity.name": "string"}),
        ('"web.alive" == "x" // web.restarts', {}),
        ("'b' in web . tags", {"web.tags": "list<string>"}),
        ("alert.labels.severity == 'x'", {"alert.labels": "map<string, string>"}),
    ],
)
def test_what_is_mentioned_is_all_of_the_scope_that_is_needed(
    text: str, names: dict[str, str]
) -> None:
    compiled = compile_predicate(text, SCOPE)
    trusted = trusted_predicate(text, SCOPE)
    assert mentioned(compiled) == mentioned(trusted) == names
    again = trusted_predicate(text, Scope(types=names))
    assert again(FACTS) is compiled(FACTS)
    assert mentioned(compile_expression(text, Scope(types=names))) == names


def test_a_missing_fact_is_named() -> None:
    with pytest.raises(LookupError, match=r"^web\.restarts has no value$"):
        compile_expression("web.restarts + 1", SCOPE).evaluate({"web": {"alive": True}})
    assert trusted_predicate("web.alive", SCOPE)({}) is Truth.UNKNOWN
