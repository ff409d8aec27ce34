"""Our expressions against the public conformance cases of CEL (README.md beside this file).

Every case of the files taken over is run, through the same door as a runbook's expressions. What is
not claimed stands in `LEFT_OUT` with its reason, and must really differ: a case that begins to pass
has to leave the list.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.expressions import ExpressionError, Scope, compile_expression, compile_predicate
from agent.model.runbook import Truth

CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("cases.jsonl").read_text(encoding="utf-8").splitlines()
]

TYPED = "types are checked when it is loaded: mixed ones are written with dyn()"
NAMED = "names are checked when it is loaded"
MESSAGES = "there are no protocol buffer messages: facts are declared fields, lists and maps"
ONE_TREE = "facts are one tree: a.b.c and a cannot have values that disagree"
CONTAINERS = "there are no containers: every name is written in full"
NO_VALUE = "a fact that is null is a missing one, and so unknown"
CONTROL = "control characters are written as escapes only: what people cannot see is refused"
NESTED = "a macro inside a macro is refused: its cost is not bounded by the length of the text"
SHADOW = "a variable of a macro cannot be called like a fact"
LIBRARY = "the library lets one more pass than CEL says"

LEFT_OUT: dict[str, tuple[str, ...]] = {
    TYPED: (
        "comparisons/eq_literal/not_eq_list_length",
        "comparisons/eq_literal/eq_mixed_types",
        "comparisons/eq_literal/eq_list_elem_mixed_types",
        "comparisons/ne_literal/ne_mixed_types",
        "logic/conditional/mixed_type",
        "logic/AND/short_circuit_type_*",
        "logic/OR/short_circuit_type_*",
    ),
    NAMED: (
        "basic/variables/unbound_is_runtime_error",
        "basic/functions/unbound_is_runtime_error",
        "parse/receiver_function_names/*",
    ),
    MESSAGES: (
        "comparisons/eq_literal/not_eq_dyn_proto?_msg_null",
        "comparisons/eq_wrapper/*_proto?_*",
        "comparisons/eq_wrapper/eq_proto*",
        "comparisons/ne_literal/ne_proto*",
        "parse/nest/message_literal",
        "parse/repeat/select",
        "parse/repeat/message_literal",
        "parse/whitespace/*",
        "parse/comments/new_line_terminated",
        "parse/struct_field_names/*",
        "timestamps/duration_converters/get_milliseconds",
    ),
    ONE_TREE: (
        "fields/qualified_identifier_resolution/qualified_identifier_resolution_unchecked",
        "fields/qualified_identifier_resolution/ident_with_longest_prefix_check",
    ),
    CONTAINERS: ("namespace/namespace/*", "namespace/namespace_shadowing/basic"),
    NO_VALUE: (
        "basic/self_eval_zeroish/self_eval_null",
        "basic/reserved_const/null",
        "comparisons/bound/null_eq_left_true",
        "fields/map_fields/map_value_null",
    ),
    CONTROL: (
        "comparisons/gt_literal/gt_bytes_one",
        "comparisons/gt_literal/gt_bytes_one_to_empty",
        "comparisons/gt_literal/not_gt_bytes_sorting",
        "comparisons/lte_literal/lte_bytes_empty",
        "comparisons/lte_literal/not_lte_bytes_length",
        "comparisons/gte_literal/gte_bytes_to_empty",
        "comparisons/gte_literal/not_gte_bytes_empty_to_nonempty",
        "comparisons/gte_literal/gte_bytes_samelength",
        "comparisons/bound/bytes_gt_left_false",
        "parse/*_literals/*_unescaped_*_control_characters",
    ),
    NESTED: ("macros/nested/*",),
    SHADOW: (
        "namespace/namespace_shadowing/comprehension_shadowing_disambiguation",
        "namespace/namespace_shadowing/comprehension_shadowing_selector",
        "namespace/namespace_shadowing/comprehension_shadowing_selector_parse_only",
        "namespace/namespace_shadowing/comprehension_shadowing_namespaced_selector_disambiguation",
        "namespace/namespace_shadowing/comprehension_shadowing_nesting",
    ),
    LIBRARY: ("fields/qualified_identifier_resolution/map_value_repeat_key_heterogeneous",),
}


def left_out(name: str) -> str:
    for reason, patterns in LEFT_OUT.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return reason
    return ""


def plain(value: list[Any]) -> Any:
    kind, written = value
    match kind:
        case "int" | "uint":
            return int(written)
        case "double":
            return float(written.replace("infinity", "inf"))
        case "bytes":
            return bytes.fromhex(written)
        case "list":
            return [plain(v) for v in written]
        case "map":
            return {plain(k): plain(v) for k, v in written}
        case "duration":
            return timedelta(seconds=written[0], microseconds=written[1] / 1000)
        case "timestamp":
            return datetime.fromtimestamp(written[0], UTC)
    return written


def comparable(value: Any) -> Any:
    """Such that 1, 1.0 and True differ, and NaN does not differ from itself."""
    if isinstance(value, bytearray):
        return "bytes", bytes(value)
    if isinstance(value, list):
        return "list", [comparable(v) for v in value]
    if isinstance(value, dict):
        return "dict", sorted((repr(comparable(k)), comparable(v)) for k, v in value.items())
    if isinstance(value, float) and math.isnan(value):
        return "float", "nan"
    return type(value).__name__, value


TYPES = {"null_type": "NULL", "list": "LIST<DYN>", "map": "MAP<DYN, DYN>"}


def type_name(written: str) -> str:
    return TYPES.get(written, written.rpartition(".")[2].upper())


def facts_of(case: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in case.get("facts", {}).items():
        *path, last = name.split(".")
        inner = facts
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = plain(value)
    return facts


def difference(case: dict[str, Any]) -> str:
    """What is other than CEL says, or nothing. An error that is found when the expression is loaded
    is an error as well."""
    is_error = "error" in case
    try:
        compiled = compile_expression(case["expr"], Scope(types=case.get("names", {})))
    except ExpressionError as error:
        return "" if is_error else f"refused: {error}"
    try:
        found = compiled.evaluate(facts_of(case))
    except LookupError as error:
        return "" if is_error else f"unknown: {error}"
    if is_error:
        return f"{found!r}, where CEL has an error"
    kind, written = case["value"]
    if kind == "type":
        name = found.name()
        return "" if name == type_name(written) else f"type {name}"
    if comparable(found) != comparable(plain(case["value"])):
        return f"{found!r}"
    return "" if compiled.kind.startswith((kind.upper(), "DYN")) else f"of type {compiled.kind}"


@pytest.mark.parametrize("file", sorted({case["name"].split("/")[0] for case in CASES}))
def test_what_is_claimed_is_as_cel_says(file: str) -> None:
    claimed = [
        case for case in CASES if case["name"].startswith(f"{file}/") and not left_out(case["name"])
    ]
    wrong = {case["name"]: found for case in claimed if (found := difference(case))}
    assert wrong == {}


def test_what_is_left_out_really_differs() -> None:
    same = [c["name"] for c in CASES if left_out(c["name"]) and not difference(c)]
    assert same == [], "these pass now: take them out of LEFT_OUT"


def test_every_line_of_what_is_left_out_means_something() -> None:
    patterns = [p for several in LEFT_OUT.values() for p in several]
    idle = [p for p in patterns if not any(fnmatchcase(c["name"], p) for c in CASES)]
    assert idle == []


def test_most_of_it_is_claimed() -> None:
    counts = Counter(bool(left_out(case["name"])) for case in CASES)
    assert counts[False] > 0.85 * len(CASES), counts


SCOPE = Scope(types={"d.t": "bool", "d.f": "bool", "d.e": "bool"})
FACTS = {"d": {"t": True, "f": False}}
TABLE = {
    ("t", "t"): ("true", "true"),
    ("t", "f"): ("false", "true"),
    ("t", "e"): ("unknown", "true"),
    ("f", "f"): ("false", "false"),
    ("f", "e"): ("false", "unknown"),
    ("e", "e"): ("unknown", "unknown"),
}


@pytest.mark.parametrize(("left", "right"), [*TABLE, *((b, a) for a, b in TABLE)])
def test_three_values_of_and_and_or(left: str, right: str) -> None:
    both, either = TABLE.get((left, right)) or TABLE[right, left]
    assert compile_predicate(f"d.{left} && d.{right}", SCOPE)(FACTS) is Truth(both)
    assert compile_predicate(f"d.{left} || d.{right}", SCOPE)(FACTS) is Truth(either)
    for error in ("1/0 == 1", "[1][5] == 1", "{'a': 1}['b'] == 1", "'x'.matches(d.t ? '(' : '')"):
        for sign, found in (("&&", both), ("||", either)):
            if "e" in (left, right):
                sides = [error if side == "e" else f"d.{side}" for side in (left, right)]
                text = f"({sides[0]}) {sign} ({sides[1]})"
                assert compile_predicate(text, SCOPE)(FACTS) is Truth(found), text
