"""The order of sections: the same in every file, so that at night nobody has to look for one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from agent.catalog.document import Document
from agent.catalog.runbook_document import SECTIONS
from agent.model.fault import Fault

ORDER = "HS224"
"""A section stands where another belongs."""

_PLACE = {name: number for number, name in enumerate(SECTIONS)}


def out_of_order(document: Document) -> Iterator[Fault]:
    """Each section that has to move; the fewest there are, so that one misplaced section is one
    fault and not a fault of all that it was put before."""
    if not isinstance(document.data, dict):
        return
    names = [name for name in document.data if name in _PLACE]
    if names == sorted(names, key=_PLACE.__getitem__):
        return
    stays = {names[n] for n in _longest_rise([_PLACE[name] for name in names])}
    for name in names:
        if name in stays:
            continue
        line, column = document.mark((name,), key=True)
        before = [other for other in SECTIONS[: _PLACE[name]] if other in stays]
        remedy = f"move it below {before[-1]}" if before else "move it to the top"
        yield Fault(
            file=document.file,
            line=line,
            column=column,
            code=ORDER,
            path=name,
            message=f"section {name} is out of order",
            remedy=f"{remedy}; the order is {', '.join(SECTIONS)}",
        )


def _longest_rise(numbers: Sequence[int]) -> list[int]:
    """Positions of a longest rising subsequence (patience sorting)."""
    tops: list[int] = []
    at: list[int] = []
    before: list[int | None] = []
    for position, number in enumerate(numbers):
        pile = bisect_left(tops, number)
        before.append(at[pile - 1] if pile else None)
        if pile == len(tops):
            tops.append(number)
            at.append(position)
        else:
            tops[pile] = number
            at[pile] = position
    found: list[int] = []
    step: int | None = at[-1] if at else None
    while step is not None:
        found.append(step)
        step = before[step]
    return found[::-1]
