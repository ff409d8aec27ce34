"""What is allowed in a runbook and still unwise: warnings, over the whole set."""

from __future__ import annotations

from collections.abc import Collection

from agent.catalog.faults import in_order, suggest
from agent.catalog.runbook_document import RunbookDocument
from agent.catalog.runbooks import RunbookSet
from agent.model.fault import Fault, FaultSeverity
from agent.model.reason import Reason

NO_TEST = "HS250"
NO_MEANING = "HS251"
UNKNOWN_OWNER = "HS252"
PLAN_UNTESTED = "HS253"
GUARD_UNTESTED = "HS254"

_GUARD_REASONS = {
    "cooldown": (Reason.COOLDOWN.value,),
    "require": (Reason.REQUIREMENT_FALSE.value, Reason.REQUIREMENT_UNKNOWN.value),
}


def lint(runbooks: RunbookSet, *, teams: Collection[str] | None = None) -> tuple[Fault, ...]:
    """Warnings, in order of place. `teams` are the owners that exist; None: not checked."""
    found: list[Fault] = []
    for name, document in runbooks.documents.items():
        file, line, column = runbooks.places[name]
        for code, path, message, remedy in _warnings(document, teams):
            found.append(
                Fault(
                    file=file,
                    line=line,
                    column=column,
                    code=code,
                    path=path,
                    message=message,
                    remedy=remedy,
                    severity=FaultSeverity.WARNING,
                )
            )
    return in_order(found)


def _warnings(
    document: RunbookDocument, teams: Collection[str] | None
) -> list[tuple[str, str, str, str]]:
    name = document.metadata.name
    found = []
    if not document.about.meaning:
        remedy = "write about: {meaning: what is broken when this fires}"
        found.append((NO_MEANING, "about", f"{name} does not say what it means", remedy))
    owner = document.metadata.owner
    if teams is not None and owner not in teams:
        message = f"nobody is called {owner}"
        found.append((UNKNOWN_OWNER, "metadata.owner", message, suggest(owner, teams)))
    if not document.tests:
        remedy = "write tests: what is given, and what is expected"
        found.append((NO_TEST, "tests", f"{name} has no test", remedy))
        return found
    tested = {test.expect.plan for test in document.tests}
    for plan in document.plans:
        if plan not in tested:
            remedy = f"write a test with expect: {{plan: {plan}}}"
            found.append((PLAN_UNTESTED, f"plans.{plan}", "no test reaches this plan", remedy))
    stopped = {test.expect.stopped_by for test in document.tests}
    present = {"cooldown": document.guard.cooldown, "require": document.guard.require}
    for guard, reasons in _GUARD_REASONS.items():
        if present[guard] and stopped.isdisjoint(reasons):
            remedy = f"write a test with expect: {{stopped_by: {reasons[0]}}}"
            found.append((GUARD_UNTESTED, f"guard.{guard}", "no test is stopped by it", remedy))
    return found
