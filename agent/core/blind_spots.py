"""Blind spots: what would break unseen, each with an owner and a remedy (M8).

Whatever notices one says so by `found`, and by `gone` once it is not there any more. A blind spot
pages nobody: it is a line of `homeostat blindspots` until it is mended.
"""

from __future__ import annotations

import msgspec

from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.reason import Reason
from agent.model.signals import BlindSpot, BlindSpotKind

KIND = "blind_spot"
SEEN_SECONDS = 3600.0
"""What is there still and says the same is written down again so often only."""
LONGEST_TEXT = 500
MOST_TIMES = 5


def key_of(kind: BlindSpotKind, subject: str) -> str:
    return f"{kind.value}/{subject}"


def owner_of(view: View, *, product: str | None, entity: str = "") -> str:
    """Team that can mend it: of the entity, else the builder, else the platform."""
    known = view.registry.entities.get(entity)
    if known is not None and known.owner:
        return known.owner
    made = view.registry.products.get(product or "")
    return made.builder if made is not None else view.policy.platform


def found(
    view: View,
    *,
    kind: BlindSpotKind,
    subject: str,
    text: str,
    remedy: str,
    at: float,
    product: str | None = None,
    owner: str = "",
    by: str = "",
) -> Decision:
    """It is there. Empty where that is known already and nothing about it changed. `by`: part of
    the survey that found it; what a signal showed before stays the signal's to end."""
    key, text = key_of(kind, subject), text[:LONGEST_TEXT]
    known = view.blind_spots.get(key)
    if by and known is not None and known.gone_at is None and not known.by:
        return Decision()
    is_new = known is None or known.gone_at is not None
    if (
        known is not None
        and not is_new
        and known.text == text
        and known.by == by
        and 0.0 <= at - known.last_at < SEEN_SECONDS
    ):
        return Decision()
    spot = BlindSpot(
        kind=kind,
        subject=subject,
        owner=owner or owner_of(view, product=product),
        text=text,
        remedy=remedy,
        product=product,
        since=at if known is None or is_new else known.since,
        last_at=at,
        times=1 if known is None else known.times + is_new,
        by=by,
    )
    journal = (_line(spot, Reason.BLIND_SPOT_FOUND, at),) if is_new else ()
    return Decision(records=(Record(kind=KIND, key=key, body=spot),), journal=journal)


def gone(view: View, *, kind: BlindSpotKind, subject: str, at: float) -> Decision:
    """It is not there any more. Empty where none was known. One that came and went often stands for
    a while each time: a reading that is good every other minute is not mended."""
    key = key_of(kind, subject)
    known = view.blind_spots.get(key)
    if known is None or known.gone_at is not None:
        return Decision()
    if known.times > MOST_TIMES and 0.0 <= at - known.since < SEEN_SECONDS:
        return Decision()
    spot = msgspec.structs.replace(known, gone_at=at)
    return Decision(
        records=(Record(kind=KIND, key=key, body=spot),),
        journal=(_line(spot, Reason.BLIND_SPOT_GONE, at),),
    )


def _line(spot: BlindSpot, reason: Reason, at: float) -> JournalEntry:
    subject = f"product:{spot.product}" if spot.product else f"team:{spot.owner}"
    return JournalEntry(
        at=at,
        subject=subject,
        kind=KIND,
        reason=reason,
        text=f"{spot.kind.value.replace('_', ' ')}: {spot.subject}: {spot.text}"[:LONGEST_TEXT],
        data={"key": key_of(spot.kind, spot.subject)},
    )
