"""Failure is caught where it is expected, by its name. Catching everything has one place meant for
it (the outbox), and everywhere else a reason beside it."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.support.tree import SOURCE, python_files, short, tree_of

LINES_PER_BROAD_EXCEPT = 1000
BROAD = {"Exception", "BaseException"}


def broad_excepts(path: Path) -> list[int]:
    """Line numbers of handlers that catch everything and do not simply raise again."""
    return [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type) and not raises_again(node)
    ]


def is_broad(caught: ast.expr | None) -> bool:
    match caught:
        case None:
            return True
        case ast.Name(id=name):
            return name in BROAD
        case ast.Tuple(elts=several):
            return any(is_broad(one) for one in several)
    return False


def raises_again(node: ast.ExceptHandler) -> bool:
    """Clean up and pass on (`except BaseException: ...; raise`) swallows nothing."""
    last = node.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_at_most_one_broad_except_in_a_thousand_lines() -> None:
    found = [
        f"{short(path)}:{line}" for path in python_files(*SOURCE) for line in broad_excepts(path)
    ]
    lines = sum(len(path.read_text().splitlines()) for path in python_files(*SOURCE))
    assert len(found) <= -(-lines // LINES_PER_BROAD_EXCEPT), found


def test_each_broad_except_says_why() -> None:
    silent = []
    for path in python_files(*SOURCE):
        text = ["", *path.read_text().splitlines(), ""]
        for line in broad_excepts(path):
            beside = text[line].partition("#")[2].replace("noqa: BLE001", "").strip(" -:")
            around = text[line - 1].strip().startswith("#") or text[line + 1].strip().startswith(
                "#"
            )
            if not beside and not around:
                silent.append(f"{short(path)}:{line}")
    assert silent == []
