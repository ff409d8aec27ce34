"""Files and functions stay small enough to be read in one go, and are named by the domain."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.tree import (
    EVERYTHING,
    ROOT,
    SOURCE,
    functions,
    python_files,
    short,
    tree_of,
)

MOST_LINES = 400
MOST_FUNCTION_LINES = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}


def test_a_file_has_at_most_400_lines() -> None:
    long = {short(p): n for p in python_files(*EVERYTHING) if (n := lines(p)) > MOST_LINES}
    assert long == {}


def test_a_function_has_at_most_60_lines() -> None:
    long = {
        f"{short(path)}:{node.lineno} {node.name}": length
        for path in python_files(*EVERYTHING)
        for node in functions(path)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_FUNCTION_LINES
    }
    assert long == {}


def test_init_files_are_empty() -> None:
    """A package that does something on import hides where things are. The version is the one
    exception."""
    full = [
        short(path)
        for path in python_files(*SOURCE)
        if path.name == "__init__.py"
        and path.read_text().strip()
        and path != ROOT / "agent/__init__.py"
    ]
    assert full == []


def test_no_file_is_named_by_its_mechanism() -> None:
    named = [short(p) for p in python_files(*EVERYTHING) if p.stem.strip("_") in EMPTY_NAMES]
    assert named == []


@pytest.mark.parametrize("folder", SOURCE)
def test_every_public_module_says_what_it_is_for(folder: str) -> None:
    silent = [
        short(path)
        for path in python_files(folder)
        if not path.stem.startswith("_") and not docstring(path)
    ]
    assert silent == []


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def docstring(path: Path) -> str | None:
    return ast.get_docstring(tree_of(path))
