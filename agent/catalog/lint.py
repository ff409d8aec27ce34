"""What is allowed in a runbook and still wrong for one that acts: warnings and errors over a set.

What no test proves is a warning while a runbook only watches, and an error once it may act. Which
parts that are is found by playing the tests (runtime/rehearsal_coverage.py); here it gets its code
and its place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from agent.catalog.document import Mark, Path, written
from agent.catalog.faults import in_order, suggest
from agent.catalog.runbook_document import RunbookDocument
from agent.catalog.runbooks import RunbookSet
from agent.catalog.strict_yaml import parse
from agent.model.fault import Fault, FaultSeverity
from agent.model.runbook import Lifecycle, Runbook

NO_TEST = "HS250"
"""A runbook without tests."""
NO_MEANING = "HS251"
"""A runbook that does not say what it means."""
UNKNOWN_OWNER = "HS252"
"""An owner nobody knows."""
PLAN_UNTESTED = "HS253"
"""A plan that no test sees hold."""
GUARD_UNTESTED = "HS254"
"""An item of a guard that stops no test."""
ROW_UNTESTED = "HS255"
"""A decide row that no test needs."""
CONDITION_UNTESTED = "HS256"
"""A condition that ends no test."""
ROLLBACK_UNTESTED = "HS257"
"""A way back that no test walks."""
REVIEW_DUE = "HS258"
"""Somebody should have read the runbook again by now."""
NO_DEFAULT = "HS259"
"""A decide table that does not say what happens where none of its rows is true."""

ACTING = (Lifecycle.ASSISTED, Lifecycle.ACTIVE)

_Found = tuple[str, Path, str, str]
"""Code, path, message and remedy."""


def severity_of(lifecycle: Lifecycle) -> FaultSeverity:
    """How bad it is that something of a runbook is not proven."""
    return FaultSeverity.ERROR if lifecycle in ACTING else FaultSeverity.WARNING


def lint(
    runbooks: RunbookSet, *, teams: Collection[str] | None = None, today: str = ""
) -> tuple[Fault, ...]:
    """Faults in order of place. `teams` are the owners that exist, `today` is an ISO date; where
    one is not given, what depends on it is not checked."""
    found: list[Fault] = []
    for runbook in runbooks.runbooks:
        document = runbooks.documents.get(runbook.name)
        if document is None:
            continue
        place = places_in(runbooks, runbook)
        for code, path, message, remedy in _unwise(document, teams, today):
            found.append(_fault(place, code, path, message, remedy, FaultSeverity.WARNING))
        for code, path, message, remedy in _unproven(document):
            severity = severity_of(runbook.lifecycle)
            found.append(_fault(place, code, path, message, remedy, severity))
    return in_order(found)


def unproven(
    runbooks: RunbookSet, runbook: Runbook, items: Collection[_Found]
) -> tuple[Fault, ...]:
    """What no test of this runbook proves, as faults."""
    if not items:
        return ()
    place, severity = places_in(runbooks, runbook), severity_of(runbook.lifecycle)
    return tuple(_fault(place, *item, severity) for item in items)


_Places = Callable[[Path], tuple[str, Mark]]


def places_in(runbooks: RunbookSet, runbook: Runbook) -> _Places:
    """Where a part of a runbook stands: file, and line and column in it.

    The marks are read anew from the runbook's own text, because nothing else keeps them. A path of
    its metadata, or one that is not there, is the place of its name.
    """
    file, line, column = runbooks.places[runbook.name]
    name: Path = ("metadata", "name")
    read = None

    def place(path: Path) -> tuple[str, Mark]:
        nonlocal read
        if not path:
            return file, (line, column)
        read = read or parse(runbook.text, file=file)
        before = line - read.mark(name)[0]
        found_line, found_column = read.mark(path, key=True)
        return file, (found_line + before, found_column)

    return place


def _fault(
    place: _Places, code: str, path: Path, message: str, remedy: str, severity: FaultSeverity
) -> Fault:
    is_of_the_whole = path in (("tests",), ("about",), ("metadata", "owner"))
    file, (line, column) = place(() if is_of_the_whole else path)
    return Fault(
        file=file,
        line=line,
        column=column,
        code=code,
        path=written(path),
        message=message,
        remedy=remedy,
        severity=severity,
    )


def _unwise(
    document: RunbookDocument, teams: Collection[str] | None, today: str
) -> Iterator[_Found]:
    name, owner = document.metadata.name, document.metadata.owner
    if not document.about.meaning:
        remedy = "write about: {meaning: what is broken when this fires}"
        yield NO_MEANING, ("about",), f"{name} does not say what it means", remedy
    if teams is not None and owner not in teams:
        path: Path = ("metadata", "owner")
        yield UNKNOWN_OWNER, path, f"nobody is called {owner}", suggest(owner, teams)
    review_by = document.lifecycle.review_by
    if review_by is not None and review_by < today:
        remedy = "read it again, and write the date of the next time"
        message = f"it was to be read again by {review_by}"
        yield REVIEW_DUE, ("lifecycle", "review_by"), message, remedy


def _unproven(document: RunbookDocument) -> Iterator[_Found]:
    if not document.tests:
        remedy = "write tests: what is given, and what is expected"
        yield NO_TEST, ("tests",), f"{document.metadata.name} has no test", remedy
    if document.decide and document.decide[-1].default is None:
        remedy = "end it with {default: escalate, why: ...} or the plan to fall back to"
        message = "nothing says what happens where no row is true"
        yield NO_DEFAULT, ("decide",), message, remedy
