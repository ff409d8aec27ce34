"""The tests of a runbook are checked like the rest of it: what they name has to exist.

A fact that no diagnostic can give would make a test pass for a reason that never comes true.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from agent.catalog.document import Path
from agent.catalog.entity_kinds import OBJECT_KINDS, kind_in
from agent.catalog.fact_types import fit
from agent.catalog.faults import suggest
from agent.catalog.runbook_calls import Checked
from agent.catalog.runbook_document import CallSection, RunbookDocument
from agent.catalog.runbook_test_document import (
    REASONS,
    Expect,
    Fields,
    Given,
    GivenObject,
    RunbookTest,
)
from agent.catalog.validation import read
from agent.ports.plugin import Diagnostic, Verification

TEST = "HS213"
"""A test names something that does not exist, or cannot fail."""

Models = Mapping[str, Sequence[type[BaseModel] | None]]
"""By id: what the diagnostics of this id may give. None: nobody knows."""


def check_tests(checked: Checked, document: RunbookDocument) -> None:
    known = _Known(checked, document)
    names: set[str] = set()
    for number, test in enumerate(document.tests):
        path: Path = ("tests", number)
        if test.name in names and not checked.is_broken((*path, "name")):
            checked.complain(TEST, (*path, "name"), "another test has this name", "rename it")
        names.add(test.name)
        is_broken = checked.is_broken((*path, "given", "alert"))
        is_first = checked.original(path) == ("tests", 0)
        if is_first and test.given.alert is None and not is_broken:
            remedy = "write given: {alert: {labels: ...}}; the tests after it take it over"
            checked.complain(TEST, path, "no alert is given", remedy)
        _check_given(known, test.given, (*path, "given"))
        _check_moments(known, test, path)
        _check_expect(known, test.expect, (*path, "expect"))
        expects = [test.expect, *(moment.expect for moment in test.at)]
        is_empty = not any(e is not None and e.model_dump(exclude_none=True) for e in expects)
        if is_empty and not checked.is_broken(path):
            remedy = "write expect: what comes of it"
            checked.complain(TEST, path, "nothing is expected, so it cannot fail", remedy)


class _Known:
    """What the tests of one runbook may name."""

    def __init__(self, checked: Checked, document: RunbookDocument) -> None:
        plans = document.plans
        back = [c for p in plans.values() for c in p.way_back()]
        steps = [c for p in plans.values() for c in p.steps]
        self.checked = checked
        self.document = document
        self.plans = [*plans, *checked.dropped("plans")]
        self.runs = [*self.plans, *(c.use for c in steps)]
        self.steps = [*(c.id for c in (*steps, *back)), *checked.dropped("plans")]
        observed = [c for p in plans.values() for c in p.observed()]
        self.observed = _models(checked, observed, checked.dropped("plans"))
        lost = (*checked.dropped("diagnose"), *checked.dropped("plans"))
        self.seen = _models(checked, [*document.diagnose, *observed], lost)


def _models(
    checked: Checked, calls: Iterable[CallSection], lost: Iterable[str]
) -> dict[str, list[type[BaseModel] | None]]:
    models: dict[str, list[type[BaseModel] | None]] = {name: [None] for name in lost}
    for call in calls:
        plugin = checked.plugins.get(call.use)
        result = plugin.result if isinstance(plugin, (Diagnostic, Verification)) else None
        models.setdefault(call.id, []).append(result)
    return models


def _check_given(known: _Known, given: Given, path: Path) -> None:
    if given.alert is not None and given.alert.expression is not None:
        known.checked.promql(given.alert.expression, (*path, "alert", "expression"))
    _facts(known.checked, given.facts, (*path, "facts"), known.seen)
    _facts(known.checked, given.before, (*path, "before"), known.observed)
    _facts(known.checked, given.after.facts, (*path, "after", "facts"), known.seen)
    _facts(known.checked, given.restored.facts, (*path, "restored", "facts"), known.seen)
    _check_object(known, given, path)
    _check_guards(known, given, path)
    for number, told in enumerate(given.history):
        name = told.split(" in ")[0].split(" ")[-1]
        where = (*path, "history", number)
        _named(known.checked, name, known.runs, where, "plan")
    for step in given.outcomes:
        _named(known.checked, step, known.steps, (*path, "outcomes", step), "step", key=True)


def _check_object(known: _Known, given: Given, path: Path) -> None:
    where = (*path, "object")
    query = known.document.match.entity
    if given.object is None or known.checked.is_broken(("match",)):
        return
    named = given.object.name if isinstance(given.object, GivenObject) else None
    if query is None and kind_in(named) not in OBJECT_KINDS:
        message = "the runbook looks nothing up in the inventory"
        remedy = (
            "write match: {entity: {kind: ..., of: ...}}; where a diagnostic finds the object, "
            "give its whole name (prod-a/deployment/web); or take object away"
        )
        known.checked.complain(TEST, where, message, remedy, key=True)
        return
    kind = OBJECT_KINDS.get(query.kind if query is not None else kind_in(named))
    if kind is None or not isinstance(given.object, GivenObject):
        return
    for name, value in given.object.facts.items():
        at = (*where, "facts", name)
        declared = kind.facts.get(name)
        if declared is None:
            remedy = suggest(name, kind.facts)
            known.checked.complain(TEST, at, f"a {kind.name} has no fact {name}", remedy, key=True)
        elif not _has_type(value, declared):
            message = f"{name} of a {kind.name} is {declared}, not this"
            known.checked.complain(TEST, at, message, "write it so")


_PYTHON = {"int": int, "string": str, "bool": bool, "double": float}


def _has_type(value: Any, declared: str) -> bool:
    if value is None:
        return True
    if declared in _PYTHON:
        is_truth = isinstance(value, bool)
        found = fit(value, declared)
        return isinstance(found, _PYTHON[declared]) and is_truth == (declared == "bool")
    return isinstance(value, dict) if declared.startswith("map") else True


def _check_guards(known: _Known, given: Given, path: Path) -> None:
    """What is given for a guard the runbook does not have would say nothing."""
    guard = known.document.guard
    budget = guard.budget
    if known.checked.is_broken(("guard",)) or known.checked.is_broken(("guard", "budget")):
        return
    for key, value, is_there, remedy in (
        ("window", given.window, guard.window, "guard: {window: NAME}"),
        ("healthy", given.healthy, budget and budget.min_healthy, "guard.budget.min_healthy"),
        ("busy", given.busy or None, budget and budget.concurrent, "guard.budget.concurrent"),
    ):
        if value is not None and is_there is None:
            message = f"no guard of this runbook asks for {key}"
            remedy = f"write {remedy}, or take it away"
            known.checked.complain(TEST, (*path, key), message, remedy, key=True)


def _check_moments(known: _Known, test: RunbookTest, path: Path) -> None:
    latest = 0.0
    for number, moment in enumerate(test.at):
        at = (*path, "at", number)
        if moment.time < latest:
            remedy = "put the moments in order of time"
            known.checked.complain(TEST, (*at, "time"), "an earlier moment is later", remedy)
        latest = max(latest, moment.time)
        is_idle = moment.alert is None and not moment.facts and moment.expect is None
        if is_idle and not known.checked.is_broken(at):
            remedy = "write alert, facts or expect"
            known.checked.complain(TEST, at, "nothing happens at this moment", remedy)
        _facts(known.checked, moment.facts, (*at, "facts"), known.seen)
        if moment.expect is not None:
            _check_expect(known, moment.expect, (*at, "expect"))


def _check_expect(known: _Known, expect: Expect, path: Path) -> None:
    checked = known.checked
    if expect.plan is not None:
        _named(checked, expect.plan, known.plans, (*path, "plan"), "plan")
    for number, use in enumerate(expect.actions or ()):
        _named(checked, use, checked.plugins, (*path, "actions", number), "plugin")
    if expect.stopped_by is not None:
        _named(checked, expect.stopped_by, REASONS, (*path, "stopped_by"), "reason")
    if expect.rollback is not None and not checked.is_broken(("plans",)):
        plans = known.document.plans.values()
        if not any(plan.rollback is not None for plan in plans):
            remedy = "write rollback in a plan, or take it away"
            checked.complain(TEST, (*path, "rollback"), "no plan has a way back", remedy, key=True)


def _named(
    checked: Checked, name: str, known: Iterable[str], path: Path, what: str, *, key: bool = False
) -> None:
    words = list(known)
    is_lost = not words or (what == "step" and checked.has_nameless)
    if name not in words and not (is_lost and checked.is_broken(("plans",))):
        remedy = suggest(name, words)
        checked.complain(TEST, path, f"unknown {what} {name}", remedy, key=key)


def _facts(checked: Checked, facts: Fields, path: Path, models: Models) -> None:
    """Fields may be left out (they are unknown then), but not misspelt."""
    for name, fields in facts.items():
        if name not in models:
            if checked.has_nameless:
                continue
            remedy = suggest(name, models)
            checked.complain(TEST, (*path, name), f"no diagnostic {name}", remedy, key=True)
            continue
        found = [_misfits(model, fields) for model in models[name]]
        if not all(found):
            continue  # two plans may observe different things under one id: one of them fits
        for where, message, remedy, is_key in min(found, key=len):
            checked.complain(TEST, (*path, name, *where), message, remedy, key=is_key)


def _misfits(
    model: type[BaseModel] | None, fields: Mapping[str, Any]
) -> list[tuple[Path, str, str, bool]]:
    if model is None:
        return []
    data = dict(fields)
    try:
        # a plugin may give what only resembles its types, so a test may as well
        model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        wrong = [d["loc"] for d in error.errors(include_url=False) if d["type"] != "missing"]
    else:
        return []
    found: dict[Path, tuple[Path, str, str, bool]] = {}
    for problem in read(data, model)[1]:
        if any(_is_along(problem.path, loc) for loc in wrong) and problem.kind != "missing":
            is_extra = problem.kind == "extra_forbidden"
            message = "unknown field" if is_extra else problem.message
            said = (problem.path, message, problem.remedy, is_extra)
            found.setdefault(problem.path, said)
    return list(found.values())


def _is_along(path: Path, loc: Path) -> bool:
    """Whether pydantic's path is this one, apart from the branches of unions it mentions."""
    steps = iter(loc)
    return all(step in steps for step in path)
