"""One bad file must not take the others' changes away, nor its own last good version.

A file that cannot be used now keeps the runbooks it gave when it last could. Faults between files
(two runbooks of one name, a tie), and those of a whole folder (it is not there, as for a moment
where it is mounted anew), belong to no file alone: with those the whole set stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent.catalog.runbook_files import SUFFIXES
from agent.catalog.runbook_ties import TIE, ties
from agent.catalog.runbooks import DUPLICATE_NAME, RunbookSet
from agent.model.fault import Fault, FaultSeverity
from agent.model.runbook import Runbook

BETWEEN_FILES = frozenset({TIE, DUPLICATE_NAME})


def errors_by_file(fresh: RunbookSet) -> Mapping[str, tuple[Fault, ...]]:
    found: dict[str, tuple[Fault, ...]] = {}
    for fault in fresh.faults:
        if fault.severity is FaultSeverity.ERROR:
            found[fault.file] = (*found.get(fault.file, ()), fault)
    return found


def with_last_good(fresh: RunbookSet, before: RunbookSet) -> RunbookSet | None:
    """`fresh`, and for each file with an error what `before` had of it. None where an error lies
    between files or in a folder, or where what is kept does not go with the rest."""
    errors = errors_by_file(fresh)
    if any(fault.code in BETWEEN_FILES for faults in errors.values() for fault in faults):
        return None
    if any(not file.endswith(SUFFIXES) for file in errors):
        return None
    named: dict[str, Runbook] = {r.name: r for r in fresh.runbooks if _file(fresh, r) not in errors}
    kept = [r for r in before.runbooks if _file(before, r) in errors]
    if any(runbook.name in named for runbook in kept):
        return None
    if any(t.severity is FaultSeverity.ERROR for t in ties([*named.values(), *kept])):
        return None
    source = {r.name: fresh for r in named.values()} | {r.name: before for r in kept}
    named |= {r.name: r for r in kept}
    return replace(
        fresh,
        runbooks=tuple(named[name] for name in sorted(named)),
        documents={n: source[n].documents[n] for n in named if n in source[n].documents},
        places={name: source[name].places[name] for name in named},
        _tests={name: source[name].tests(name) for name in named},
    )


def _file(loaded: RunbookSet, runbook: Runbook) -> str:
    return loaded.places[runbook.name][0]
