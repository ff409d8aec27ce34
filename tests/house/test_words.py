"""Names come from the glossary; what DESIGN refuses as a word names nothing here. And the tree
names no package registry, and no test is left out without a reason."""

from __future__ import annotations

import ast
import itertools
import re

import pytest

from tests.support.tree import SOURCE, project_files, python_files, short, tree_of

REFUSED = {
    "handler",
    "manager",
    "processor",
    "job",
    "task",
    "workflow",
    "playbook",
    "ticket",
    "alarm",
    "util",
    "helper",
}
REFUSED_PAIRS = {("service", "layer"), ("event", "bus")}
REFUSED_IN_CLASSES = {"context"}
ASYNCIO_IS_SPOKEN = ("agent/runtime/", "agent/interface/", "agent/app.py")
"""Where asyncio's own tasks are started and watched, `task` is the right word for them."""

# Written in two halves, so that this file does not name what it looks for.
REGISTRY_HOSTS = ("py" + "pi.org", "python" + "hosted", "npm" + "js.", "index" + "-url")


def words_of(name: str) -> list[str]:
    """`OutboxWorker_two` → outbox, worker, two; a plural counts as its singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return [part.lower().removesuffix("s") if len(part) > 3 else part.lower() for part in parts]


def refused(name: str, *, is_class: bool, where: str) -> set[str]:
    words = words_of(name)
    bad = REFUSED & set(words)
    if where.startswith(ASYNCIO_IS_SPOKEN):
        bad -= {"task"}
    if is_class:
        bad |= REFUSED_IN_CLASSES & set(words)
    pairs = set(itertools.pairwise(words))
    return bad | {" ".join(pair) for pair in REFUSED_PAIRS & pairs}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("AlertHandler", {"handler"}),
        ("run_jobs", {"job"}),
        ("EventBus", {"event bus"}),
        ("RequestContext", {"context"}),
        ("advance", set()),
        ("ask_for_tasks", {"task"}),
    ],
)
def test_the_law_itself(name: str, bad: set[str]) -> None:
    assert refused(name, is_class=name[0].isupper(), where="agent/core/x.py") == bad


def test_names_of_classes_and_functions_use_our_words() -> None:
    found = {}
    for path in python_files(*SOURCE):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                is_class = isinstance(node, ast.ClassDef)
                if bad := refused(node.name, is_class=is_class, where=short(path)):
                    found[f"{short(path)}:{node.lineno} {node.name}"] = bad
    assert found == {}


def test_files_use_our_words() -> None:
    found = {
        short(path): bad
        for path in python_files(*SOURCE)
        if (bad := refused(path.stem, is_class=False, where=short(path)))
    }
    assert found == {}


def test_no_package_registry_is_named() -> None:
    """Where packages come from is the business of the machine that installs them."""
    found = [
        f"{short(path)}: {host}"
        for path in project_files()
        for host in REGISTRY_HOSTS
        if host in path.read_bytes().decode(errors="replace")
    ]
    assert found == []


def left_out_without_reason(tree: ast.Module) -> list[int]:
    """Lines of `skip`, `skipif` and `xfail` that do not say why."""
    with_reason = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            any(keyword.arg == "reason" for keyword in node.keywords)
            # pytest.skip("why") takes the reason as its first argument
            or (dotted(node.func) in {"pytest.skip", "pytest.xfail"} and node.args)
        )
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"skip", "skipif", "xfail"}
        and dotted(node).startswith("pytest.")
        and id(node) not in with_reason
    ]


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("@pytest.mark.skip\ndef test(): ...", [1]),
        ("@pytest.mark.skip(reason='no disk')\ndef test(): ...", []),
        ("@pytest.mark.xfail(strict=True)\ndef test(): ...", [1]),
        ("def test():\n    pytest.skip()", [2]),
        ("def test():\n    pytest.skip('no disk')", []),
    ],
)
def test_the_law_on_skips_itself(code: str, lines: list[int]) -> None:
    assert left_out_without_reason(ast.parse(code)) == lines


def test_no_test_is_left_out_without_a_reason() -> None:
    found = [
        f"{short(path)}:{line}"
        for path in python_files("tests")
        for line in left_out_without_reason(tree_of(path))
    ]
    assert found == []
