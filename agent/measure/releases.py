"""How many releases of a product failed: the change failure rate of DORA.

A release counts once, by its latest phase and by when it began. Failed are those that failed while
they were rolled out, and those that were rolled back, by whomever. What is still under way is none
of either. Bringing back what ran before is no release of its own: it ends the one that is counted.

Of each entity only the latest changes are kept. Where those do not reach back as far as is asked,
the whole product is counted from when all of its entities are known: a rate over parts of unequal
age would say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from agent.model.records import ChangeRecord
from agent.model.signals import ChangeKind, ChangePhase

BROKEN = (ChangePhase.FAILED, ChangePhase.ROLLED_BACK)
MOST_SHOWN = 10
WAY_BACK_SECONDS = 600.0
"""What replaces a release so shortly around its roll-back is the way back."""


class Releases(msgspec.Struct, frozen=True, kw_only=True):
    """Of one product."""

    product: str
    since: float
    """Counted from here on; later than asked for where less is known."""
    releases: int
    """That came to an end, well or not."""
    failed: int
    rolled_back: int
    under_way: int
    broken: tuple[ChangeRecord, ...]
    """The latest that failed or were rolled back, newest first."""

    @property
    def failure_rate(self) -> float | None:
        """Share of the releases that failed or were rolled back; None: there were none."""
        return (self.failed + self.rolled_back) / self.releases if self.releases else None


def releases(
    changes: Mapping[str, Sequence[ChangeRecord]], *, since: float, most_kept: int
) -> tuple[Releases, ...]:
    """By product, those of nobody left out. `changes` is by entity, oldest first, of each at most
    `most_kept`."""
    of: dict[str, list[Sequence[ChangeRecord]]] = {}
    for known in changes.values():
        if known and known[-1].product:
            of.setdefault(known[-1].product, []).append(known)
    counted = (_of_product(name, told, since, most_kept) for name, told in sorted(of.items()))
    return tuple(one for one in counted if one.releases or one.under_way)


def _of_product(
    product: str, entities: Iterable[Sequence[ChangeRecord]], since: float, most_kept: int
) -> Releases:
    told = list(entities)
    full = (_began(known[0]) for known in told if len(known) >= most_kept)
    since = max((since, *full))
    found = [
        change
        for known in told
        for change in _releases_of(known)
        if _began(change) >= since and change.product == product
    ]
    ended = [change for change in found if change.phase is not ChangePhase.STARTED]
    broken = sorted((c for c in ended if c.phase in BROKEN), key=lambda c: -c.at)
    return Releases(
        product=product,
        since=since,
        releases=len(ended),
        failed=sum(change.phase is ChangePhase.FAILED for change in ended),
        rolled_back=sum(change.phase is ChangePhase.ROLLED_BACK for change in ended),
        under_way=len(found) - len(ended),
        broken=tuple(broken[:MOST_SHOWN]),
    )


def _releases_of(known: Sequence[ChangeRecord]) -> list[ChangeRecord]:
    told = [c for c in known if c.kind is ChangeKind.RELEASE and not c.is_manual]
    undone = [c for c in told if c.phase is ChangePhase.ROLLED_BACK]
    return [c for c in told if not any(_is_way_back(c, bad) for bad in undone)]


def _is_way_back(change: ChangeRecord, bad: ChangeRecord) -> bool:
    return (
        change is not bad
        and bool(bad.version)
        and change.before == bad.version
        and _began(change) >= _began(bad)
        and abs(_began(change) - bad.at) <= WAY_BACK_SECONDS
    )


def _began(change: ChangeRecord) -> float:
    return change.at if change.began_at is None else change.began_at
