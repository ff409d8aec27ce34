"""What an expression may cost, and which literals it may hold."""

from __future__ import annotations

from typing import Any

import pytest

from agent.catalog.expressions import (
    MAX_CHARACTERS,
    ExpressionError,
    Problem,
    Scope,
    compile_expression,
    compile_predicate,
)
from agent.catalog.fact_types import LARGEST, LONGEST_TEXT
from agent.model.runbook import Truth

SCOPE = Scope().with_names(
    {
        "d.text": "string",
        "d.list": "list<string>",
        "d.map": "map<string, list<string>>",
        "d.ratio": "double",
        "d.age": "duration",
        "d.seconds": "double",
    }
)
TRUE, UNKNOWN = Truth.TRUE, Truth.UNKNOWN


def truth(text: str, /, **facts: Any) -> Truth:
    return compile_predicate(text, SCOPE)({"d": facts})


def problem(text: str) -> Problem:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, SCOPE)
    return caught.value.problems[0]


# --- literals


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('percent("80%")', 0.8),
        ("percent('100%')", 1.0),
        ('percent("0.5%")', 0.005),
        ('percent( " 7.25 % " )', 0.0725),
        ('percent("250%")', 2.5),
        ('1.0 - percent("80%") * 0.5', 0.6),
        ('[percent("1%"), percent("2%")][1]', 0.02),
    ],
)
def test_percentages_are_values(text: str, value: float) -> None:
    assert compile_expression(text, SCOPE).evaluate({}) == pytest.approx(value)


def test_percentages_and_durations_compare_with_facts() -> None:
    assert truth('d.ratio >= percent("80%")', ratio=0.8) is TRUE
    assert truth('d.age > duration("1h30m")', age=5_401) is TRUE
    assert truth('d.seconds > duration("30m").getSeconds()', seconds=1_801.0) is TRUE
    assert truth('d.text == "80%" && d.text != "30m"', text="80%") is TRUE


@pytest.mark.parametrize(
    ("text", "column", "message", "remedy"),
    [
        ("d.ratio > 80%", 11, "80% is a number with a unit", 'write percent("80%")'),
        ("(d.ratio > 80%)", 12, "80% is a number with a unit", 'write percent("80%")'),
        ("d.age > 30m", 9, "30m is a number with a unit", 'write duration("30m")'),
        ("d.age > 1d && true", 9, "1d is a number with a unit", 'write duration("24h")'),
        ('percent("80")', 9, "percent needs a literal with a % sign", 'as in percent("80%")'),
        ("percent(d.text)", 9, "percent needs a literal with a % sign", 'as in percent("80%")'),
        ("percent()", 1, "percent needs a literal with a % sign", 'as in percent("80%")'),
        ('d.age > duration("1d")', 18, '"1d" is no duration', 'write duration("24h")'),
        ('d.age > duration("soon")', 18, '"soon" is no duration', 'as in duration("1h30m")'),
        ('alert.starts_at > timestamp("now")', 29, '"now" is no time', "as in timestamp("),
        ('d.text.matches("(")', 16, '"(" is no regular expression', "lookaround"),
        ("matches(d.text, '(?=a)')", 17, "'(?=a)' is no regular expression", "lookaround"),
        ("d.seconds > d.age", 11, "`>` does not work on (double, duration)", "getSeconds()"),
    ],
)
def test_a_literal_without_a_value_is_refused_at_its_place(
    text: str, column: int, message: str, remedy: str
) -> None:
    found = problem(text)
    assert (found.line, found.column, found.message) == (1, column, message)
    assert remedy in found.remedy


def test_a_percentage_moves_nothing_after_it() -> None:
    found = problem('d.ratio > percent("80%") &&\n percent("1%") > d.rato')
    assert (found.line, found.column) == (2, 20)
    assert found.message == "unknown name d.rato"


def test_remainders_are_no_percentages() -> None:
    assert compile_expression("7 % 4", SCOPE).evaluate({}) == 3
    assert compile_expression("7%4 + 5 %-3 + 9%(2)", SCOPE).evaluate({}) == 6


def test_texts_and_comments_hold_no_literals() -> None:
    assert (
        truth('d.text == "duration(\\"1d\\") 30m" // 80% of 1d', text='duration("1d") 30m') is TRUE
    )


def test_what_is_made_while_it_runs_is_only_unknown() -> None:
    assert truth('d.age > duration(d.text + "d")', text="1", age=1) is UNKNOWN
    assert truth("d.text.matches(d.text)", text="(") is UNKNOWN


# --- names that look alike


def test_only_names_that_are_mentioned_are_read() -> None:
    many = {f"pods.available_{n}": "int" for n in range(200)} | {"pods.available": "int"}
    scope = Scope(types=many)

    class Watched(dict[str, Any]):
        asked: list[str]

        def get(self, key: str, default: Any = None) -> Any:
            self.asked.append(key)
            return super().get(key, default)

    pods = Watched({"available": 2, "available_7": 1})
    pods.asked = []
    condition = compile_predicate("pods.available > 1 && pods . available_7 == 1", scope)
    assert condition({"pods": pods}) is TRUE
    assert sorted(pods.asked) == ["available", "available_7"]
    pods.asked = []
    assert compile_predicate('"pods.available" != "x"', scope)({"pods": pods}) is TRUE
    assert pods.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "d.text == 'x'",
        "d . text == 'x'",
        "d // note\n . text == 'x'",
        ".d.text == 'x'",
        "d.`text` == 'x'",
        "[d.text][0] == 'x'",
        "{'d.list': d.text}['d.list'] == 'x'",
        "['y'].all(_0, _0 != d.text)",
    ],
)
def test_a_name_is_found_however_it_is_written(text: str) -> None:
    assert truth(text, text="x") is TRUE


def test_names_of_the_engine_are_not_the_authors() -> None:
    assert problem("_0 == 'x' && d.text == 'x'").message == "unknown name _0"
    assert problem("d.text == 'x' && _1 == 2").column == 18


# --- cost


def test_too_long() -> None:
    text = "'" + "a" * MAX_CHARACTERS + "' == d.text"
    assert "characters" in problem(text).message


@pytest.mark.parametrize(
    "text",
    [
        "d.list.all(x, d.list.all(y, x == y))",
        "d.list.exists (x, (d.list . map(y, y)) == [x])",
        "[1].map(a, [1].map(b, [1].map(c, c)))[0][0][0] == 1",
        "d.list.all(x, r'\\' == x || d.list.exists(y, x == y))",
    ],
)
def test_no_macro_inside_a_macro(text: str) -> None:
    assert problem(text).message == "a macro inside a macro is not allowed"


def test_no_second_map() -> None:
    found = problem("d.list.map(t, t + t).map(t, t + t)")
    assert (found.column, found.message[:12]) == (22, "a second map")


def test_macros_beside_each_other_and_words_in_strings_are_fine() -> None:
    text = 'd.list.exists(x, x == "a") && d.list.all(x, x != ".all(.all(")'
    assert truth(text, list=["a"]) is TRUE


# F-RB-17
@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ('d.list.all(t, t.matches("^(a+)+$"))', {"list": ["a" * 20] * 200_000}),
        ("d.list.all(t, t != '')", {"list": ["a"] * 5_000}),
        ("size(d.list.map(t, d.text + d.text)) > 0", {"list": ["a"] * 900, "text": "x" * 60_000}),
        ("d.list.exists(t, t in d.list)", {"list": [str(n) for n in range(9_000)]}),
        (f"({'+'.join(['d.list'] * 15)}).all(t, t != '')", {"list": ["a"] * 900}),
        ("d.text == ''", {"text": "x" * (LONGEST_TEXT + 1)}),
        ("size(d.list) > 1", {"list": ["x"] * LARGEST}),
        ("size(d.map) > 1", {"map": {str(n): ["x"] * 300 for n in range(100)}}),
    ],
)
def test_a_runaway_stops_and_is_unknown(text: str, facts: dict[str, Any]) -> None:
    assert truth(text, **facts) is UNKNOWN


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ('d.list.all(t, t.matches("^(a+)+$"))', {"list": ["a" * 20] * 900}),
        ("d.list.exists(t, t in d.list)", {"list": [str(n) for n in range(900)]}),
        ("size(d.list) == 15000", {"list": ["x"] * 15_000}),
        ('!d.text.matches("^(a|aa)+$")', {"text": "a" * (LONGEST_TEXT - 1) + "b"}),
        ('!d.text.matches("(x+x+)+y")', {"text": "x" * LONGEST_TEXT}),
        (f"size({'+'.join(['d.text'] * 25)}) > 1", {"text": "x" * LONGEST_TEXT}),
    ],
)
def test_what_is_large_but_bounded_has_its_value(text: str, facts: dict[str, Any]) -> None:
    assert truth(text, **facts) is TRUE


# F-RB-17
def test_a_pattern_that_explodes_elsewhere_is_linear_here() -> None:
    text = 'd.text.matches("^(([a-z])+.)+[A-Z]([a-z])+$")'
    assert truth(text, text="a" * 30_000) is Truth.FALSE
