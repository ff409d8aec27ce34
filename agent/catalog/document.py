"""One parsed document that still knows where each of its values stood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Mark = tuple[int, int]
"""Line and column, from 1."""
Step = str | int
Path = tuple[Step, ...]


@dataclass(slots=True)
class Place:
    """Where a value stands, and where each value within it does."""

    mark: Mark
    within: dict[Step, Place] = field(default_factory=dict)
    keys: dict[Step, Mark] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """`data` is made of dict (text keys only), list, str, int, float, bool and None."""

    data: Any
    file: str
    root: Place

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
