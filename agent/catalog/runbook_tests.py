"""The tests of a runbook are checked like the rest of it: what they name has to exist.

A fact that no diagnostic can give would make a test pass for a reason that never comes true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from agent.catalog.document import Path
from agent.catalog.faults import suggest
from agent.catalog.runbook_calls import Checked
from agent.catalog.runbook_document import CallSection, RunbookDocument, RunbookTest
from agent.model.reason import Reason
from agent.ports.plugin import Diagnostic, Verification

TEST = "HS213"


def check_tests(checked: Checked, document: RunbookDocument) -> None:
    observed = [c for p in document.plans.values() for c in p.verify.observe]
    found = _models(checked, document.diagnose)
    seen = {**found, **_models(checked, observed)}
    names: set[str] = set()
    for number, test in enumerate(document.tests):
        path: Path = ("tests", number)
        if test.name in names:
            checked.complain(TEST, (*path, "name"), "another test has this name", "rename it")
        names.add(test.name)
        given = (*path, "given")
        if test.given.alert is None and document.tests[0].given.alert is None:
            checked.complain(TEST, path, "no alert is given", "write given: {alert: {labels: ...}}")
        _facts(checked, test.given.facts, (*given, "facts"), {**seen, **found})
        _facts(checked, test.given.after.facts, (*given, "after", "facts"), seen)
        _words(checked, document, test, path)


def _models(checked: Checked, calls: list[CallSection]) -> dict[str, type[BaseModel] | None]:
    models: dict[str, type[BaseModel] | None] = {}
    for call in calls:
        plugin = checked.plugins.get(call.use)
        models[call.id] = plugin.result if isinstance(plugin, (Diagnostic, Verification)) else None
    return models


def _facts(
    checked: Checked,
    facts: Mapping[str, Mapping[str, Any]],
    path: Path,
    models: Mapping[str, type[BaseModel] | None],
) -> None:
    """Fields may be left out (they are unknown then), but not misspelt."""
    for name, fields in facts.items():
        if name not in models:
            remedy = suggest(name, models)
            checked.complain(TEST, (*path, name), f"no diagnostic {name}", remedy, key=True)
            continue
        model = models[name]
        if model is None:
            continue
        try:
            model.model_validate(dict(fields))
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                if detail["type"] == "missing":
                    continue
                where = (*path, name, *detail["loc"])
                is_extra = detail["type"] == "extra_forbidden"
                remedy = suggest(str(detail["loc"][-1]), model.model_fields) if is_extra else ""
                message = "unknown field" if is_extra else detail["msg"]
                checked.complain(TEST, where, message, remedy, key=is_extra)


def _words(checked: Checked, document: RunbookDocument, test: RunbookTest, path: Path) -> None:
    expect = test.expect
    if expect.plan is not None and expect.plan not in document.plans:
        remedy = suggest(expect.plan, document.plans)
        checked.complain(TEST, (*path, "expect", "plan"), f"unknown plan {expect.plan}", remedy)
    for number, use in enumerate(expect.actions or ()):
        if use not in checked.plugins:
            where = (*path, "expect", "actions", number)
            checked.complain(TEST, where, f"unknown plugin {use}", suggest(use, checked.plugins))
    reasons = [reason.value for reason in Reason]
    if expect.stopped_by is not None and expect.stopped_by not in reasons:
        where = (*path, "expect", "stopped_by")
        remedy = suggest(expect.stopped_by, reasons)
        checked.complain(TEST, where, f"unknown reason {expect.stopped_by}", remedy)
    plans = set(document.plans) | {c.use for p in document.plans.values() for c in p.steps}
    for number, told in enumerate(test.given.history):
        name = told.split(" in ")[0].split(" ")[-1]
        if name not in plans:
            where = (*path, "given", "history", number)
            checked.complain(TEST, where, f"unknown plan {name}", suggest(name, plans))
    steps = {c.id for p in document.plans.values() for c in p.steps}
    steps |= {
        c.id for p in document.plans.values() if isinstance(p.rollback, list) for c in p.rollback
    }
    for step in test.given.outcomes:
        if step not in steps:
            where = (*path, "given", "outcomes", step)
            checked.complain(TEST, where, f"unknown step {step}", suggest(step, steps), key=True)
