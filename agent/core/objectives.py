"""Product layer: the error budget of each service level objective is kept.

A reading that says nothing is not a good one: the budget stays what it was, it is told as unknown
after a while, and as a blind spot in the end. No events at all is another thing: nobody came, so
nothing was spent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from agent.core import blind_spots
from agent.core.burn import budget
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import SloRead
from agent.model.product import Slo
from agent.model.reason import Reason
from agent.model.signals import BlindSpotKind, SloSigns

KIND = "slo"
UNKNOWN_SECONDS = 600.0
"""Without a word for so long it is not known how an objective stands."""
VANISHED_SECONDS = 900.0
"""And so long without a word is a blind spot."""
SAME_SECONDS = 240.0
"""What says the same as before is written down so often only."""
BACK = 0.95
"""A spent budget is back once no more than this of it is spent, so that it is not told of spent and
back by turns."""
MOST_WINDOWS, LONGEST_NAME = 16, 16
REMEDY = (
    "See that Prometheus has the rules of `homeostat slo rules` and that the metrics of the "
    "objective are still reported; `homeostat slo show` names its expressions"
)


def key_of(product: str, slo: str) -> str:
    return f"{product}/{slo}"


def slo_of(view: View, product: str, slo: str) -> Slo | None:
    known = view.registry.products.get(product)
    return next((s for s in known.slos if s.name == slo), None) if known is not None else None


def take_reading(event: SloRead, view: View) -> Decision:
    """Readings of what nobody declared are let be: they are a stranger's word."""
    reading, at = event.reading, event.at
    slo = slo_of(view, reading.product, reading.slo)
    if slo is None or slo.sli is None:
        return Decision()
    key = key_of(reading.product, slo.name)
    known = view.objectives.get(key)
    before = known or SloSigns(product=reading.product, slo=slo.name, last_at=at)
    bad, events = _share(reading.bad), _number(reading.events)
    if bad is None and events == 0.0:
        bad = 0.0
    if bad is None:
        return _unknown(before, view, at=at, key=key, is_first=known is None)
    spent = bad / budget(slo)
    since = _spent_since(before, spent, at=at)
    signs = SloSigns(
        product=reading.product,
        slo=slo.name,
        last_at=at,
        bad=bad,
        events=events,
        burn=_burns(reading.burn),
        spent=spent,
        spent_since=since,
    )
    gone = blind_spots.gone(
        view, kind=BlindSpotKind.METRIC_VANISHED, subject=subject_of(key), at=at
    )
    if known is not None and not gone.records and _says_the_same(known, signs):
        return Decision()
    return msgspec.structs.replace(
        gone,
        records=(Record(kind=KIND, key=key, body=signs), *gone.records),
        journal=(*_told(before, signs, slo), *gone.journal),
    )


def subject_of(key: str) -> str:
    """Of its blind spot."""
    return f"objective {key}"


def settled(view: View, *, at: float) -> Decision:
    """What is over once the registry was read anew: nothing is read of an objective that is not
    declared any more, so that nothing else would end what stands about it."""
    gone = [key for key, s in view.objectives.items() if not _is_watched(view, s.product, s.slo)]
    decision = Decision(records=tuple(Record(kind=KIND, key=key, body=None) for key in gone))
    for key in gone:
        kind = BlindSpotKind.METRIC_VANISHED
        ended = blind_spots.gone(view, kind=kind, subject=subject_of(key), at=at)
        decision = decision.also(ended)
    return decision


def _is_watched(view: View, product: str, slo: str) -> bool:
    declared = slo_of(view, product, slo)
    return declared is not None and declared.sli is not None


def is_unknown(signs: SloSigns | None, *, at: float) -> bool:
    """Whether nothing is known of it, or not any more."""
    if signs is None or signs.spent is None:
        return True
    since = signs.last_at if signs.unknown_since is None else signs.unknown_since
    return at - since > UNKNOWN_SECONDS


def _unknown(before: SloSigns, view: View, *, at: float, key: str, is_first: bool) -> Decision:
    since = before.unknown_since if before.unknown_since is not None else at
    signs = msgspec.structs.replace(before, last_at=at, unknown_since=since)
    is_news = is_first or before.unknown_since is None
    records = (Record(kind=KIND, key=key, body=signs),) if is_news else ()
    if not 0.0 <= at - since < VANISHED_SECONDS:
        found = blind_spots.found(
            view,
            kind=BlindSpotKind.METRIC_VANISHED,
            subject=subject_of(key),
            text="nothing tells how it stands, so nobody would be told that it is missed",
            remedy=REMEDY,
            at=at,
            product=before.product,
        )
        return msgspec.structs.replace(found, records=(*records, *found.records))
    return Decision(records=records)


def _spent_since(before: SloSigns, spent: float, *, at: float) -> float | None:
    if before.spent_since is None:
        return at if spent >= 1.0 else None
    return before.spent_since if spent > BACK else None


def _says_the_same(known: SloSigns, signs: SloSigns) -> bool:
    is_recent = 0.0 <= signs.last_at - known.last_at < SAME_SECONDS
    return is_recent and known == msgspec.structs.replace(signs, last_at=known.last_at)


def _told(before: SloSigns, signs: SloSigns, slo: Slo) -> tuple[JournalEntry, ...]:
    if (before.spent_since is None) == (signs.spent_since is None):
        return ()
    is_spent = signs.spent_since is not None
    text = f"{slo.name}: {(signs.spent or 0.0):.0%} of its error budget is spent"
    if slo.journey:
        text += f" ({slo.journey[:200]})"
    return (
        JournalEntry(
            at=signs.last_at,
            subject=f"product:{signs.product}",
            kind=KIND,
            reason=Reason.BUDGET_SPENT if is_spent else Reason.BUDGET_BACK,
            text=text,
            data={"slo": slo.name},
        ),
    )


def _share(value: float | None) -> float | None:
    """None also for what is no share: it was not measured, whatever it says."""
    found = _number(value)
    return found if found is not None and 0.0 <= found <= 1.0 else None


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _burns(burn: Mapping[str, float]) -> dict[str, float]:
    fine = {
        name: value
        for name, value in burn.items()
        if len(name) <= LONGEST_NAME and math.isfinite(value) and value >= 0.0
    }
    return dict(list(fine.items())[:MOST_WINDOWS])
