"""One parsed document that still knows where each of its values stood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from agent.model.fault import Fault, FaultSeverity

Mark = tuple[int, int]
"""Line and column, from 1."""
Step = str | int
Path = tuple[Step, ...]


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Place(NamedTuple):
    """Where a value stands, and where each value within it does. Most values hold none, so they
    share one empty mapping."""

    mark: Mark
    within: Mapping[Step, Place] = _NOTHING
    keys: Mapping[Step, Mark] = _NOTHING


@dataclass(frozen=True)
class Document:
    """`data` is made of dict (text keys only), list, str, int, float, bool and None."""

    data: Any
    file: str
    root: Place
    faults: tuple[Fault, ...] = ()
    """What the YAML reader complained of within it: there is no telling what `data` should be
    there, while the rest of it is sound."""

    @property
    def unsound(self) -> frozenset[Mark]:
        return frozenset((fault.line, fault.column) for fault in self.faults)

    def mark(self, path: Sequence[Step], *, key: bool = False) -> Mark:
        """Where the value at this path stands, or its key; of the nearest parent if unknown."""
        place, mark = self.root, self.root.mark
        last = len(path) - 1
        for at, step in enumerate(path):
            if step not in place.within:
                break
            parent, place = place, place.within[step]
            mark = parent.keys.get(step, place.mark) if key and at == last else place.mark
        return mark


def written(path: Sequence[Step]) -> str:
    """A path as people read it: `notify.team-pay[0].use`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def fault_in(
    document: Document,
    path: Iterable[Step],
    code: str,
    message: str,
    remedy: str,
    severity: FaultSeverity = FaultSeverity.ERROR,
    *,
    key: bool = False,
) -> Fault:
    """A fault of what stands at this path; with `key`, of its key and not of its value."""
    steps = tuple(path)
    line, column = document.mark(steps, key=key)
    return Fault(
        file=document.file,
        line=line,
        column=column,
        code=code,
        message=message,
        path=written(steps),
        remedy=remedy,
        severity=severity,
    )
