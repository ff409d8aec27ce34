"""What was changed on purpose is kept, so that diagnosis and the outcome layer can see it.

Deliveries tell one change many times: begun, done, again. What a sender names by the same id, or
what is of the same version within minutes, is one change, with the phase it is in. Time is the time
of arrival: a sender's clock is written down beside it and orders nothing. Of each entity the latest
`MOST_CHANGES` are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.core import blind_spots
from agent.core.budget import entity_of
from agent.core.sender_clock import CLOCK_SECONDS
from agent.core.view import View
from agent.model.alert import Change
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.effect import OutcomeStatus
from agent.model.event import ChangeReceived
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.records import ChangeRecord
from agent.model.signals import BlindSpotKind, ChangeKind, ChangePhase

CHANGE = "change"
MOST_CHANGES = 20
MOST_STRANGERS = 2000
"""Names of what is not registered that changes are kept of: the one heard of longest ago goes."""
REPEAT_SECONDS = 600.0
"""What is told again within so long is a repeat."""
FAILED_AGAIN_SECONDS = 3600.0
"""The same of what fails: what tries again and again must not push out everything else."""
UNDER_WAY_SECONDS = 6 * 3600.0
"""So long after it began, the end of a change that has only its version is told to be its end."""
UNDOING_SECONDS = 900.0
"""What was rolled back so shortly after an act on it, or during one, was by that act."""
TICK = 1e-6


def key_of_change(change: ChangeRecord) -> str:
    return f"{change.entity}/{change.at!r}"


def take_change(event: ChangeReceived, view: View) -> Decision:
    """Somebody changed something on purpose: kept, so that diagnosis can see it."""
    change = event.change
    known = view.changes.get(change.entity, ())
    kind = _kind(change, view)
    before = _same(change, kind, known, event.at)
    clock = _clock(event, view)
    if before is not None and not _goes_on(before, change.phase):
        return _joined(_again(before, change, known, at=event.at), clock)
    at = _moment(event.at, known)
    body = ChangeRecord(
        product=change.product,
        entity=change.entity,
        what=change.what,
        by=change.by,
        at=at,
        is_manual=change.is_manual,
        kind=kind,
        version=change.version,
        before=change.before or _version_before(change, kind, known),
        phase=change.phase,
        link=change.link,
        id=change.id,
        sent_at=change.sent_at,
        undone_for=_undone_for(change, view, event.at),
    )
    if before is not None:
        body = _carried_on(before, body)
    gone = [] if before is None else [before]
    if before is None and len(known) >= MOST_CHANGES:
        gone += known[: len(known) - MOST_CHANGES + 1]
    records = [_dropped(old) for old in (*gone, *_too_many(change.entity, view))]
    decided = Decision(journal=(_line(event, body),), records=(*records, _kept(body)))
    return _joined(decided, clock)


def _kind(change: Change, view: View) -> ChangeKind:
    """What is done to a sub-agent is done to the machinery, also where its sender says only that
    something was changed. Outside of production nothing is a release."""
    if change.is_elsewhere:
        return ChangeKind.OTHER
    entity = view.registry.entities.get(change.entity)
    is_member = entity is not None and entity.kind is EntityKind.AGENT
    return ChangeKind.MACHINERY if is_member and change.kind is ChangeKind.OTHER else change.kind


def _same(
    change: Change, kind: ChangeKind, known: Sequence[ChangeRecord], at: float
) -> ChangeRecord | None:
    """The change this is a repeat or the next phase of."""
    alike = [old for old in reversed(known) if old.is_manual is change.is_manual]
    latest = next((old for old in alike if old.kind is kind), None)
    for old in alike:
        if _has_its_id(change, old) or _is_under_way(change, kind, old, at):
            return old
        # Whatever was told before the latest one has been replaced by it: 1.4, 1.5, and 1.4 again.
        if old is latest and _repeats(change, old, at):
            return old
    return None


def _has_its_id(change: Change, old: ChangeRecord) -> bool:
    """An id that its sender gives to everything names nothing: the rest has to be the same too."""
    if not change.id or change.id != old.id or change.version != old.version:
        return False
    return bool(change.version) or change.what == old.what


def _is_under_way(change: Change, kind: ChangeKind, old: ChangeRecord, at: float) -> bool:
    if not change.version or (old.kind, old.version) != (kind, change.version):
        return False
    return old.phase is ChangePhase.STARTED and at - _began(old) <= UNDER_WAY_SECONDS


def _repeats(change: Change, old: ChangeRecord, at: float) -> bool:
    if (old.version, old.phase, old.what) != (change.version, change.phase, change.what):
        return False
    is_failed = change.phase is ChangePhase.FAILED
    return at - _last(old) <= (FAILED_AGAIN_SECONDS if is_failed else REPEAT_SECONDS)


def _last(change: ChangeRecord) -> float:
    return change.at if change.last_at is None else change.last_at


def _goes_on(before: ChangeRecord, phase: ChangePhase) -> bool:
    """Whether it is in a new phase. What comes late says that it began: that is known."""
    return phase is not before.phase and phase is not ChangePhase.STARTED


def _again(
    before: ChangeRecord, change: Change, known: Sequence[ChangeRecord], *, at: float
) -> Decision:
    """It is told again. What is done by hand is done again: its hold begins anew."""
    if not change.is_manual:
        told = msgspec.structs.replace(before, last_at=at)
        return Decision(records=(_kept(told),))
    moved = msgspec.structs.replace(before, at=_moment(at, known), began_at=_began(before))
    return Decision(records=(_dropped(before), _kept(moved)))


def _kept(change: ChangeRecord) -> Record:
    return Record(kind=CHANGE, key=key_of_change(change), body=change)


def _dropped(change: ChangeRecord) -> Record:
    return Record(kind=CHANGE, key=key_of_change(change), body=None)


def _began(change: ChangeRecord) -> float:
    return change.at if change.began_at is None else change.began_at


def _carried_on(before: ChangeRecord, now: ChangeRecord) -> ChangeRecord:
    return msgspec.structs.replace(
        now,
        began_at=_began(before),
        by=now.by or before.by,
        before=before.before or now.before,
        link=now.link or before.link,
        id=now.id or before.id,
        undone_for=now.undone_for or before.undone_for,
    )


def _undone_for(change: Change, view: View, at: float) -> str:
    """The incident whose step rolled it back: the latest one that changed what is declared of it.
    Whoever tells of it may be quicker than the answer of the step."""
    if change.phase is not ChangePhase.ROLLED_BACK:
        return ""
    acts = [
        act
        for act in view.lately.values()
        if change.entity in (act.entity, act.target)
        and not act.is_rollback
        and act.status not in (OutcomeStatus.FAILED, OutcomeStatus.REFUSED)
        and at - (act.ended_at or at) <= UNDOING_SECONDS
        and (facts := view.plugins.get(act.use)) is not None
        and facts.declares
    ]
    return max(acts, key=lambda act: act.at).incident_id if acts else ""


def _moment(at: float, known: Sequence[ChangeRecord]) -> float:
    """Two at one moment, as in a batch, stand one after the other."""
    taken = {change.at for change in known}
    while at in taken:
        at += TICK
    return at


def _version_before(change: Change, kind: ChangeKind, known: Sequence[ChangeRecord]) -> str:
    """The version that was put in place last, where the sender does not say what it replaces."""
    done = (
        old.version
        for old in reversed(known)
        if old.kind is kind
        and old.version not in ("", change.version)
        and old.phase in (ChangePhase.DONE, ChangePhase.ROLLED_BACK)
    )
    return next(done, "") if change.version else ""


def _too_many(entity: str, view: View) -> tuple[ChangeRecord, ...]:
    """Those of a stranger who has to go for one more: a bus that tells of everything must not fill
    the memory."""
    if entity in view.changes or _is_registered(entity, view):
        return ()
    strangers = [
        changes for name, changes in view.changes.items() if not _is_registered(name, view)
    ]
    if len(strangers) < MOST_STRANGERS:
        return ()
    return min(strangers, key=lambda changes: max(_last(change) for change in changes))


def _is_registered(name: str, view: View) -> bool:
    registry = view.registry
    return name in registry.entities or name in registry.products or name in view.inventory


def _line(event: ChangeReceived, body: ChangeRecord) -> JournalEntry:
    kind = body.kind.value if body.kind is not ChangeKind.OTHER else ""
    words = (body.entity, kind, body.version, body.phase.value.replace("_", " "))
    text = f"{' '.join(word for word in words if word)}: {body.what}"
    late = late_seconds(body)
    if abs(late) > CLOCK_SECONDS:
        text += f" (by its sender's clock {abs(late):.0f} s {'before' if late > 0 else 'after'})"
    return JournalEntry(
        at=event.at,
        subject=f"product:{body.product}" if body.product else f"entity:{body.entity}",
        kind=CHANGE,
        reason=Reason.TOLD_BY_SOURCE,
        text=text[:300],
        who=body.by or "unknown",
    )


def late_seconds(change: ChangeRecord) -> float:
    """How long after its sender says that it happened it was told; below 0: before."""
    return 0.0 if change.sent_at is None else change.at - change.sent_at


def _clock(event: ChangeReceived, view: View) -> Decision:
    """A change that will only happen was told by a clock that is wrong. Late ones may just be
    late."""
    change = event.change
    # Names that nobody registered are anybody's text: nothing is kept under them.
    named = [name for name in (change.entity, change.product) if _is_registered(name, view)]
    if change.sent_at is None or not named:
        return Decision()
    subject = f"changes of {named[0]}"
    entity = view.registry.entities.get(change.entity)
    if change.sent_at - event.at <= CLOCK_SECONDS:
        kind = BlindSpotKind.SIGNAL_FAULTY
        return blind_spots.gone(view, kind=kind, subject=subject, at=event.at)
    return blind_spots.found(
        view,
        kind=BlindSpotKind.SIGNAL_FAULTY,
        subject=subject,
        text="who tells of them has a clock that is more than five minutes ahead",
        remedy="set the clock of what delivers it; until then its times say nothing",
        at=event.at,
        product=change.product if change.product in view.registry.products else None,
        owner=entity.owner if entity is not None else "",
    )


def _joined(one: Decision, other: Decision) -> Decision:
    return msgspec.structs.replace(
        one, journal=(*one.journal, *other.journal), records=(*one.records, *other.records)
    )


def changes_of(
    view: View, *, product: str | None = None, entity: str | None = None, since: float = 0.0
) -> tuple[ChangeRecord, ...]:
    """What was changed from `since` on, newest first: of the entity (or object of the inventory),
    with what it belongs to and what is said of its whole product; and of all that `product` is made
    of. For those who ask what changed shortly before."""
    owner = entity_of(entity, view) if entity is not None else None
    above = (owner.name, owner.product) if owner is not None else ()
    named = dict.fromkeys(name for name in (entity, *above) if name)
    found = [change for name in named for change in view.changes.get(name, ())]
    if product is not None:
        members = {product, *(e.name for e in view.registry.entities_of(product))}
        found += [
            change
            for name, changes in view.changes.items()
            if name not in named and (name in members or changes[-1].product == product)
            for change in changes
        ]
    return tuple(sorted((c for c in found if c.at >= since), key=lambda c: -c.at))
