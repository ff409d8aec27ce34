"""Runbooks with one part taken out: what is left has to be complained about.

Whoever deletes a guard, a row, a plan or a test by mistake, or in a hurry, must be told by
`homeostat check` or `homeostat test`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.catalog.lint import lint
from agent.catalog.runbooks import load_files
from agent.catalog.strict_yaml import parse
from agent.model.fault import Fault, FaultSeverity
from agent.ports.plugin import Plugin
from agent.runtime.rehearsal import Company
from agent.runtime.rehearsal_coverage import cover, faults_of

Steps = tuple[str | int, ...]


def mutations(text: str) -> Iterator[tuple[str, str]]:
    """For every item of a guard, decide row, plan and test of this runbook: what was taken out, and
    the text without it. What is left empty by that goes as well."""
    whole: dict[str, Any] = parse(text, file="runbook.yaml").data
    for paths in _parts(whole):
        less = copy.deepcopy(whole)
        for path in paths:
            _take_out(less, path)
        # JSON is YAML, and nothing in it can be misread.
        yield ".".join(map(str, paths[0])), json.dumps(less, indent=1)


def _parts(whole: Mapping[str, Any]) -> Iterator[Sequence[Steps]]:
    """Paths that go together: `max` of a cooldown means nothing without `in`."""
    guard = whole.get("guard", {})
    cooldown, budget = guard.get("cooldown", {}), guard.get("budget", {})
    if "every" in cooldown:
        yield [("guard", "cooldown", "every")]
    if "max" in cooldown:
        yield [("guard", "cooldown", "max"), ("guard", "cooldown", "in")]
    yield from ([("guard", "budget", n)] for n in ("min_healthy", "concurrent") if n in budget)
    if "window" in guard:
        yield [("guard", "window")]
    yield from ([("guard", "require", n)] for n in range(len(guard.get("require", ()))))
    yield from ([("decide", n)] for n in range(len(whole.get("decide", ()))))
    yield from ([("plans", name)] for name in whole.get("plans", {}))
    yield from ([("tests", n)] for n in range(len(whole.get("tests", ()))))


_SAYS_NOTHING = ({}, [], {"per": "entity"}, {"scope": "product"}, {"scope": "fleet"})


def _take_out(whole: dict[str, Any], path: Steps) -> None:
    within: Any = whole
    for step in path[:-1]:
        within = within[step]
    del within[path[-1]]
    if within in _SAYS_NOTHING and len(path) > 1:
        _take_out(whole, path[:-1])


def complaints(text: str, plugins: Mapping[str, Plugin]) -> list[str]:
    """What `homeostat check` calls an error in this runbook, and what `homeostat test` finds."""
    found = load_files([("runbook.yaml", text)], plugins)
    faults: list[Fault] = [*found.faults, *lint(found)]
    told = _errors(faults)
    if told or not found.runbooks:
        return told
    company = Company(found, plugins)
    for runbook in found.runbooks:
        results = company.play_all(runbook)
        told += [f"{r.name}: {d}" for r in results for d in r.differences]
        if not told:
            told += _errors(faults_of(found, cover(company, runbook, results)))
    return told


def _errors(faults: Sequence[Fault]) -> list[str]:
    return [str(fault) for fault in faults if fault.severity is FaultSeverity.ERROR]
