"""The port behind which expressions are computed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.catalog import expressions
from agent.catalog.expression_cel import CelEngine
from agent.catalog.expression_engine import Fault, Refused, Wrong
from agent.catalog.expressions import ExpressionError, Scope, compile_expression, compile_predicate
from agent.model.runbook import Truth

AGENT = Path(__file__).parents[3] / "agent"


def test_the_library_is_named_in_one_file_only() -> None:
    using = [
        p.name for p in AGENT.rglob("*.py") if re.search(r"\bcel_expr_python\b", p.read_text())
    ]
    assert using == ["expression_cel.py"]


class Equals:
    """Knows `NAME == NUMBER` and nothing else."""

    def __init__(self, name: str, number: int) -> None:
        self.kind = "BOOL"
        self._name, self._number = name, number

    def run(self, data: Mapping[str, Any]) -> Any:
        return data[self._name] == self._number


class Small:
    def compile(self, text: str, names: Mapping[str, str]) -> Equals:
        found = re.fullmatch(r"\s*([\w.]+)\s*==\s*(\d+)\s*", text)
        if found is None:
            raise Refused([Fault(1, 1, Wrong.OTHER, "too hard")])
        if found[1] not in names:
            raise Refused([Fault(1, found.start(1) + 1, Wrong.UNDECLARED, found[1])])
        return Equals(found[1], int(found[2]))


def test_another_engine_can_stand_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "_engine", Small)
    scope = Scope(types={"web.restarts": "int"})
    condition = compile_predicate("web.restarts == 3", scope)
    assert condition({"web": {"restarts": 3}}) is Truth.TRUE
    assert condition({"web": {"restarts": 4}}) is Truth.FALSE
    assert condition({}) is Truth.UNKNOWN
    with pytest.raises(ExpressionError, match=r"unknown name web\.restart"):
        compile_predicate("web.restart == 3", scope)
    with pytest.raises(ExpressionError, match="too hard"):
        compile_expression("1 + 1", scope)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("b", Wrong.UNDECLARED),
        ("a + 'x'", Wrong.OVERLOAD),
        ("a.b", Wrong.FIELD),
        ("(" * 40 + "a" + ")" * 40, Wrong.DEPTH),
        ("a +", Wrong.END),
        ("a b", Wrong.SYNTAX),
        ("99999999999999999999", Wrong.OTHER),
    ],
)
def test_the_engine_says_what_is_wrong(text: str, wrong: Wrong) -> None:
    with pytest.raises(Refused) as caught:
        CelEngine().compile(text, {"a": "int"})
    assert caught.value.faults[0].wrong is wrong


def test_the_engine_orders_numbers_of_different_kinds() -> None:
    program = CelEngine().compile("a > 2 && 2.5 < a && a >= 3u", {"a": "double"})
    assert program.run({"a": 3.0}) is True
    assert program.kind == "BOOL"


def test_a_missing_value_and_an_error_are_lookup_errors() -> None:
    for text in ("a > 1", "1 / 0 > a", "[1][4] > a"):
        program = CelEngine().compile(text, {"a": "int"})
        with pytest.raises(LookupError):
            program.run({})
