"""Reading a runbook that is not sound: what is wrong is told, and the rest is checked all the same.

A person who mends the shape of a file only to be shown the faults of its expressions gives up. So
the parts that cannot be read are left out, one after the other, until what is left has the shape of
a runbook. A key that is nearly a known one is read as that. What was left out stays known: a plan
with a wrong step still exists, and nobody is told that its name is unknown.

All paths here are those of the document as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from agent.catalog.document import Document, Path, Place, Step
from agent.catalog.runbook_document import RunbookDocument
from agent.catalog.validation import Problem, fault_at, read
from agent.model.fault import Fault

SHAPE = "HS200"
"""Something does not have the shape of a runbook: an unknown key, a wrong type, a missing key."""

UNKNOWN_KEY = "extra_forbidden"
_ANY = "*"
_STAND_INS: tuple[tuple[Path, Any], ...] = (
    (("apiVersion",), "homeostat/v1"),
    (("kind",), "Runbook"),
    (("metadata",), {"name": "unnamed", "owner": "unowned", "layer": "product", "tier": "low"}),
    (("metadata", "name"), "unnamed"),
    (("metadata", "owner"), "unowned"),
    (("metadata", "layer"), "product"),
    (("metadata", "tier"), "low"),
    (("match",), {}),
    (("plans", _ANY, "verify"), "alert_cleared"),
    (("plans", _ANY, "verify", "success"), "alert_cleared"),
    (("tests", _ANY, "name"), "a test"),
)
"""What is read in place of something that has to be there and is missing or wrong."""

_OF_CALLS = ("diagnose", "steps", "observe", "verify", "rollback")
_ID = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_MOST_ROUNDS = 40


@dataclass
class Reading:
    """A document, and what of it can be read."""

    document: Document
    data: Any
    runbook: RunbookDocument | None = None
    faults: list[Fault] = field(default_factory=list)
    _cut: set[Path] = field(default_factory=set)
    _ignored: set[Path] = field(default_factory=set)
    """Unknown keys that are not nearly a known one."""
    _put: dict[Path, Any] = field(default_factory=dict)
    _renamed: dict[Path, str] = field(default_factory=dict)
    """A misspelt key, and what it is read as."""
    _kept: dict[Path, list[int]] = field(default_factory=dict)
    """Which items of a list are left."""

    def original(self, path: Path) -> Path:
        """The path in the document of a path in what is left of it."""
        if not self._kept and not self._renamed:
            return path
        found: Path = ()
        for step in path:
            found = (*found, self._step_before(found, step))
        return found

    def _step_before(self, parent: Path, step: Step) -> Step:
        if isinstance(step, int):
            kept = self._kept.get(parent)
            return kept[step] if kept and step < len(kept) else step
        for misspelt, meant in self._renamed.items():
            if meant == step and misspelt[:-1] == parent:
                return misspelt[-1]
        return step

    def is_broken(self, path: Path) -> bool:
        """Whether anything at this path, in it or around it was left out, or what should be there
        may be under a key that nobody knows."""
        return self.was_told(path) or self._may_be_misnamed(self.original(path))

    def was_told(self, path: Path) -> bool:
        """Whether anything at this path, in it or around it was left out."""
        if not self._cut and not self._put:
            return False
        at = self.original(path)
        return any(
            broken[: len(at)] == at or at[: len(broken)] == broken for broken in self._left_out()
        )

    def _left_out(self) -> Iterator[Path]:
        yield from self._cut
        yield from self._put

    def _may_be_misnamed(self, at: Path) -> bool:
        for unknown in self._ignored:
            around = unknown[:-1]
            if around == at:
                return True
            missing = at[: len(around) + 1]
            if missing[:-1] == around and _value(self.document.data, missing) is None:
                return True
        return False

    def is_end_broken(self, path: Path) -> bool:
        """Whether the last item of this list was left out, or something of it."""
        at = self.original(path)
        items = _value(self.document.data, at)
        if not isinstance(items, list) or not items:
            return self.is_broken(path)
        last = (*at, len(items) - 1)
        return any(
            broken[: len(last)] == last or last[: len(broken)] == broken
            for broken in (*self._left_out(), *self._ignored)
        )

    @property
    def has_nameless(self) -> bool:
        """Whether a call was left out whose id is not known: any name may be its own."""
        return any(
            _may_hold_calls(path) and not any(_ids(_value(self.document.data, path)))
            for path in self._left_out()
        )

    def dropped(self, path: Path) -> Iterator[str]:
        """Names of what was left out at this path: ids of calls, keys of plans."""
        at, data = self.original(path), self.document.data
        for cut in self._left_out():
            if cut[: len(at)] == at:
                yield from _ids(_value(data, cut))
                if len(cut) == len(at) + 1 and isinstance(cut[-1], str):
                    yield cut[-1]
            elif at[: len(cut)] == cut:
                yield from _ids(_value(data, at))
        for unknown in self._ignored:
            value = _value(data, unknown)
            yield from _ids(value)
            if at == ("plans",) and len(unknown) == 1 and isinstance(value, dict):
                yield from value


def read_runbook(document: Document) -> Reading:
    """What of the document can be read. `runbook` is None where nothing can."""
    reading = Reading(document=document, data=document.data)
    reading._cut.update(_unsound(document.root, document.unsound, ()))
    for _ in range(_MOST_ROUNDS):
        if reading._cut or reading._put or reading._renamed or reading._ignored:
            reading._kept.clear()
            reading.data = _left(reading, document.data, ())
        reading.runbook, problems = read(reading.data, RunbookDocument)
        if reading.runbook is not None:
            break
        found = [(problem, reading.original(problem.path)) for problem in problems]
        if any(not path for _, path in found):
            reading.faults.extend(fault_at(document, p, path, SHAPE) for p, path in found)
            break
        for problem, path in sorted(found, key=lambda one: one[0].kind != UNKNOWN_KEY):
            _take_in(reading, problem, path)
    return reading


def _take_in(reading: Reading, problem: Problem, path: Path) -> None:
    """Tells of the problem where it is not the echo of one told before, and takes it out."""
    if problem.kind == "missing" and _is_misspelt(reading, path):
        return
    is_echo = reading.was_told(problem.path) or path in reading._renamed
    if not is_echo:
        reading.faults.append(fault_at(reading.document, problem, path, SHAPE))
    if problem.kind == UNKNOWN_KEY:
        siblings = _value(reading.document.data, path[:-1])
        meant = problem.meant
        taken = {m for p, m in reading._renamed.items() if p[:-1] == path[:-1]}
        if meant and meant not in siblings and meant not in taken:
            reading._renamed[path] = meant
        else:
            reading._ignored.add(path)
    elif path in reading._put or (problem.kind == "missing" and path in reading._cut):
        _leave_out(reading, path[:-1])
    else:
        _leave_out(reading, path, is_missing=problem.kind == "missing")


def _may_hold_calls(path: Path) -> bool:
    named = [step for step in path if isinstance(step, str)]
    if named[:1] == ["plans"] and len(named) < 3:
        return True
    ends_there = path[-1] == named[-1] or (len(path) > 1 and path[-2] == named[-1])
    return ends_there and named[-1] in _OF_CALLS


def _is_misspelt(reading: Reading, path: Path) -> bool:
    """Whether what is missing there was found under another name."""
    return any(
        misspelt[:-1] == path[:-1] and meant == path[-1]
        for misspelt, meant in reading._renamed.items()
    )


def _leave_out(reading: Reading, path: Path, *, is_missing: bool = False) -> None:
    """Puts something in its place, or cuts it; what is missing is cut with all it belongs to."""
    for pattern, stand_in in _STAND_INS:
        if len(pattern) == len(path) and all(
            p in (_ANY, s) for p, s in zip(pattern, path, strict=True)
        ):
            reading._put[path] = stand_in
            return
    reading._cut.add(path[:-1] if is_missing else path)


def _left(reading: Reading, value: Any, path: Path) -> Any:
    """The value without what was cut, and with what stands in."""
    if path in reading._put:
        return deepcopy(reading._put[path])
    if isinstance(value, dict):
        left = {
            reading._renamed.get((*path, key), key): _left(reading, inner, (*path, key))
            for key, inner in value.items()
            if (*path, key) not in reading._cut and (*path, key) not in reading._ignored
        }
        for at, stand_in in reading._put.items():
            if at[:-1] == path:
                left.setdefault(str(at[-1]), deepcopy(stand_in))
        return left
    if isinstance(value, list):
        kept = [n for n in range(len(value)) if (*path, n) not in reading._cut]
        if len(kept) < len(value):
            reading._kept[path] = kept
        return [_left(reading, value[n], (*path, n)) for n in kept]
    return value


def _unsound(place: Place, marks: frozenset[tuple[int, int]], path: Path) -> Iterator[Path]:
    """Values the YAML reader has complained of."""
    if not marks:
        return
    for step, inner in place.within.items():
        if inner.mark in marks and not inner.within:
            yield (*path, step)
        else:
            yield from _unsound(inner, marks, (*path, step))


def _value(data: Any, path: Path) -> Any:
    for step in path:
        if isinstance(data, dict) and step in data:
            data = data[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("id"), str) and _ID.fullmatch(value["id"]):
            yield value["id"]
        for inner in value.values():
            yield from _ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids(inner)
