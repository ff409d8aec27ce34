"""One bad file must not take the others' changes away, nor its own last good version.

A file that cannot be used now keeps the runbooks it gave when it last could. Two files that do not
go together (one name twice, a tie) cannot both be used: the one that changed stays as it was, the
one that was there before is left in peace. With a fault of a whole folder (it is not there, as for
a moment where it is mounted anew) the whole set stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def with_last_good(
    fresh: RunbookSet, before: RunbookSet
) -> tuple[RunbookSet, frozenset[str]] | None:
    """`fresh`, and for each file that cannot be used what `before` had of it; and which files those
    are. None where nothing of it can be taken over."""
    errors = errors_by_file(fresh)
    if any(not file.endswith(SUFFIXES) for file in errors):
        return None
    refused = {
        file
        for file, faults in errors.items()
        if any(fault.code not in BETWEEN_FILES for fault in faults)
    }
    refused |= _doubled(fresh, before)
    while True:
        merged = _merged(fresh, before, refused)
        if merged is None:
            return None
        at_odds = set(_at_odds(merged, before))
        if not at_odds:
            return merged, frozenset(refused)
        if at_odds <= refused:
            return None
        refused |= at_odds


def _doubled(fresh: RunbookSet, before: RunbookSet) -> set[str]:
    """Files that give a name which another one gave before; where none did, all but the first."""
    refused: set[str] = set()
    for name, files in fresh.doubled.items():
        keeper = before.places[name][0] if name in before.places else files[0]
        refused |= set(files) - {keeper if keeper in files else files[0]}
    return refused


def _merged(fresh: RunbookSet, before: RunbookSet, refused: set[str]) -> RunbookSet | None:
    named: dict[str, Runbook] = {
        r.name: r for r in fresh.runbooks if _file(fresh, r) not in refused
    }
    source = dict.fromkeys(named, fresh)
    lost = {name for name, (file, _, _) in fresh.places.items() if file in refused}
    for runbook in before.runbooks:
        # Also a name that a refused file took from one which could not give it any more.
        if _file(before, runbook) not in refused and runbook.name not in lost:
            continue
        if runbook.name in named:
            return None
        named[runbook.name] = runbook
        source[runbook.name] = before
    return replace(
        fresh,
        runbooks=tuple(named[name] for name in sorted(named)),
        documents={n: source[n].documents[n] for n in named if n in source[n].documents},
        places={name: source[name].places[name] for name in named},
        _tests={name: source[name].tests(name) for name in named},
    )


def _at_odds(merged: RunbookSet, before: RunbookSet) -> Iterator[str]:
    """Of two runbooks that tie, the file of the one that was not so before."""
    known = {r.digest for r in before.runbooks}
    for tie in ties(merged.runbooks):
        if tie.severity is not FaultSeverity.ERROR:
            continue
        changed = [r for r in (tie.one, tie.other) if r.digest not in known]
        yield from (_file(merged, runbook) for runbook in changed or (tie.other,))


def _file(loaded: RunbookSet, runbook: Runbook) -> str:
    return loaded.places[runbook.name][0]
