"""What came of a storm, counted where it happens and not by the limits themselves.

Acts are taken down as the world sees them: when each began and ended, on what. Whether the limits
held is worked out from that list alone, with sliding windows, so that a limit that counts wrongly
is found out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from agent.core.storm import in_force
from agent.core.view import View
from agent.model.command import Command, CommandKind
from agent.model.decision import Decision
from agent.model.on_call import Telling
from agent.model.policy import Rails
from agent.model.product import EntityKind, Registry
from agent.model.reason import Reason

SLICES = 120
HOUR = 3_600.0
MINUTE = 60.0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One act, as the world saw it."""

    began_at: float
    ended_at: float
    target: str
    product: str


class Slice(msgspec.Struct, kw_only=True):
    """One stretch of the time that is watched."""

    at: float
    """Its beginning, in seconds since the storm began."""
    received: int = 0
    open: int = 0
    acts: int = 0
    pages: int = 0
    breakers: int = 0
    """Open at its end."""
    in_storm: bool = False


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One limit, and the most that was seen of what it limits."""

    limit: str
    most: float
    seen: float

    @property
    def held(self) -> bool:
        return self.seen <= self.most + 1e-9


class Recording:
    def __init__(self, start: float, for_seconds: float, registry: Registry) -> None:
        self._start, self._registry = start, registry
        self._width = for_seconds / SLICES
        self.slices = [Slice(at=number * self._width) for number in range(SLICES)]
        self.acts: list[Seen] = []
        self.pages: Counter[str] = Counter()
        """Calls for people, by whom they went to."""
        self.stops: Counter[Reason] = Counter()
        self.endings: Counter[str] = Counter()
        self._looked = 0

    def _slice(self, at: float) -> Slice:
        return self.slices[min(int((at - self._start) / self._width), SLICES - 1)]

    def look(self, at: float, view: View) -> None:
        """Fills in how things stand, for every slice that has ended by now."""
        while self._looked < SLICES and at - self._start >= (self._looked + 1) * self._width:
            self._fill(self.slices[self._looked], view)
            self._looked += 1

    def end(self, at: float, view: View) -> None:
        self.look(at, view)
        for part in self.slices[self._looked :]:
            self._fill(part, view)
        for incident in view.incidents.values():
            self.endings["open"] += 1 if incident.is_open else 0

    def _fill(self, part: Slice, view: View) -> None:
        part.open = len(view.incidents)
        part.breakers = sum(b.opened_at is not None for b in view.breakers.values())
        at = self._start + part.at + self._width
        part.in_storm = any(in_force(view, scope, at) for scope in view.storms)

    def received(self, at: float) -> None:
        self._slice(at).received += 1

    def refused(self, at: float, reason: Reason) -> None:
        self.stops[reason] += 1

    def acted(self, at: float, until: float, command: Command) -> None:
        entity = self._registry.entities.get(command.target or "")
        product = (entity.product if entity is not None else None) or ""
        seen = Seen(began_at=at, ended_at=until, target=command.target or "", product=product)
        self.acts.append(seen)
        self._slice(at).acts += 1

    def decided(self, at: float, decision: Decision) -> None:
        for command in decision.commands:
            if command.kind is CommandKind.NOTIFY and _is_page(command):
                self.pages[str(command.params["to"])] += 1
                self._slice(at).pages += 1
        for entry in decision.journal:
            if entry.kind in ("guard", "stopped", "waiting"):
                self.stops[entry.reason] += 1
            if entry.kind == "resolved":
                self.endings[entry.reason.value] += 1

    def kept(self, rails: Rails) -> tuple[Kept, ...]:
        """Each limit that the list of acts can tell about, with the most that was seen."""
        sizes = Counter(
            e.product
            for e in self._registry.entities.values()
            if e.product is not None and e.kind is not EntityKind.SUBSTRATE
        )
        by_product = _by(self.acts, lambda act: act.product)
        by_target = _by(self.acts, lambda act: act.target)
        shares = [
            _most_within(acts, HOUR) / max(1.0, int(rails.share_per_hour * sizes[product]))
            for product, acts in by_product.items()
        ]
        rate = rails.rate_burst + rails.rate_per_minute
        return (
            Kept(limit="acts at a time, one target", most=1, seen=_most_at_once(by_target)),
            Kept(
                limit="acts at a time, one product",
                most=rails.per_product,
                seen=_most_at_once(by_product),
            ),
            Kept(
                limit="acts at a time, in all",
                most=rails.per_fleet,
                seen=_most_at_once({"": self.acts}),
            ),
            Kept(limit="acts within a minute, in all", most=rate, seen=_rate(self.acts)),
            Kept(
                limit="targets within an hour, as part of what a product allows",
                most=1.0,
                seen=max(shares, default=0.0),
            ),
        )


def _is_page(command: Command) -> bool:
    return str(command.params.get("telling", Telling.PAGE.value)) == Telling.PAGE.value


def _by(acts: Iterable[Seen], key: Callable[[Seen], str]) -> Mapping[str, Sequence[Seen]]:
    found: dict[str, list[Seen]] = defaultdict(list)
    for act in acts:
        found[key(act)].append(act)
    return found


def _most_at_once(groups: Mapping[str, Sequence[Seen]]) -> int:
    most = 0
    for acts in groups.values():
        # An act that ends when another begins is not beside it.
        turns = sorted([(a.began_at, 1) for a in acts] + [(a.ended_at, -1) for a in acts])
        under_way = 0
        for _, step in turns:
            under_way += step
            most = max(most, under_way)
    return most


def _rate(acts: Sequence[Seen]) -> int:
    began = sorted(act.began_at for act in acts)
    return max((bisect_right(began, at + MINUTE) - n for n, at in enumerate(began)), default=0)


def _most_within(acts: Sequence[Seen], seconds: float) -> int:
    """The most distinct targets within any stretch of that length."""
    ordered = sorted(acts, key=lambda act: act.began_at)
    inside: Counter[str] = Counter()
    first = most = 0
    for act in ordered:
        inside[act.target] += 1
        while act.began_at - ordered[first].began_at >= seconds:
            inside[ordered[first].target] -= 1
            inside += Counter()
            first += 1
        most = max(most, len(inside))
    return most
