"""Every fault of the fault list that this product answers for has a test that names it.

A fault is named in the docstring of what proves it, so that who removes the test sees what goes
with it. What stands in a comment, or in the name of a file, proves nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
ID = re.compile(r"\bF-[A-Z]+-\d\d\b")


def ids(family: str, numbers: str) -> set[str]:
    return {f"F-{family}-{number:0>2}" for number in numbers.split()}


WANTED = (
    ids("STORM", "1 3 4 5 6 7 8")
    | ids("NT", "1 2 3 4 5 6 7 8 9")
    | ids("GRD", "1 2 3 4 5 6 7 9 10 11 12")
    | ids("RB", "8 9 10")
    | ids("TM", "2 6 7 8")
    | ids("SEC", "1 2 3 4 5 6 7 8 9 10 11 15 17 18 19 20 23 24 27")
)

TOO_LARGE = {"F-STORM-02": "a million alerts are not for every run; 5,000 are poured in instead"}
"""Faults of the same families that no test here repeats, and why."""


def named() -> Iterator[tuple[str, str]]:
    """Each id with the test, class of tests or file of tests whose docstring has it."""
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS):
                continue
            if isinstance(node, FUNCTIONS) and not node.name.startswith("test_"):
                continue
            name = getattr(node, "name", file.stem)
            for found in ID.findall(ast.get_docstring(node) or ""):
                yield found, f"{file.relative_to(TESTS)}::{name}"


def test_every_fault_has_a_test_that_names_it() -> None:
    assert WANTED - {fault for fault, _ in named()} == set()


def test_what_is_left_out_is_left_out() -> None:
    assert {fault for fault, _ in named()} & TOO_LARGE.keys() == set()
    assert TOO_LARGE.keys() & WANTED == set()
