"""What is to be done after an incident, by whom and by when: tracked until it is done.

Everything here is said by people, so it is cleaned and bounded, and never anything but text. At its
due date the owner is told once; moved to a later date, once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite

import msgspec

from agent.core.cleaning import clean_text
from agent.core.reaching import PERSON
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record, Timer
from agent.model.event import Announced, FollowUpPut
from agent.model.learning import FollowUp
from agent.model.reason import Reason

SUBJECT = "follow_up"
TIMER = "due"
KIND = "follow_up"
MOST_OF_ONE = 50
"""Of one incident: more than that is a plan, and belongs where plans are kept."""
LONGEST_WHAT = 500
LONGEST_OWNER = 100
FURTHEST_SECONDS = 3650 * 86400.0


def put(event: FollowUpPut, view: View) -> Decision:
    """Somebody wrote one down (its id is empty then), changed it, or says that it is done. The
    decision carries it as it is kept now, the last of its records."""
    given = _clean(event.follow_up)
    known = view.follow_ups.get(given.id)
    if given.id and (known is None or known.incident != event.subject):
        return _refused(f"there is no follow-up {given.id} of {event.subject}")
    # A date that only stays as it is may have passed.
    is_moved = known is None or given.due_at != known.due_at
    why = fault(given, at=event.at if is_moved else None)
    if why:
        return _refused(why)
    if known is not None:
        return _written(
            _changed(known, given, event), event, "changed" if not given.done_at else ""
        )
    name = next((n for n in names_of(event.subject) if n not in view.follow_ups), None)
    if name is None:
        return _refused(f"{event.subject} has {MOST_OF_ONE} follow-ups, and no more are kept")
    case = view.incidents.get(event.subject)
    made = msgspec.structs.replace(
        given,
        id=name,
        incident=event.subject,
        product=case.product if case is not None else given.product,
        made_by=event.who,
        made_at=event.at,
        done_at=None,
        done_by=None,
        told_at=None,
    )
    return _written(made, event, "to do")


def names_of(incident_id: str) -> Iterator[str]:
    """Ids of its follow-ups, in order."""
    stem = incident_id.removeprefix("i-")
    return (f"f-{stem}-{number}" for number in range(1, MOST_OF_ONE + 1))


def of_incident(incident_id: str, view: View) -> tuple[FollowUp, ...]:
    """Its follow-ups, oldest first."""
    found = (view.follow_ups.get(name) for name in names_of(incident_id))
    return tuple(one for one in found if one is not None)


def fault(given: FollowUp, *, at: float | None) -> str:
    """What is wrong with it, as a sentence; empty where nothing is. `at`: now, where its due date
    has to lie ahead."""
    if not given.what.strip():
        return "it does not say what is to be done"
    if not given.owner.strip():
        return "it has no owner: name the team or the person that will do it"
    if not isfinite(given.due_at) or given.due_at <= 0:
        return "its due date is no time"
    if at is not None and given.due_at <= at:
        return f"its due date {day(given.due_at)} is not ahead"
    if at is not None and given.due_at > at + FURTHEST_SECONDS:
        return "its due date is more than ten years ahead"
    return ""


def is_overdue(follow_up: FollowUp, at: float) -> bool:
    return follow_up.done_at is None and follow_up.due_at <= at


def teller(follow_up: FollowUp, view: View) -> str:
    """Who is told when it is overdue: its owner, where that is somebody known here; else the
    builder of its product, or the platform."""
    if is_known(follow_up.owner, view):
        return follow_up.owner
    product = view.registry.products.get(follow_up.product or "")
    return product.builder if product is not None else view.policy.platform


def is_known(owner: str, view: View) -> bool:
    """Whether this is a person or a team that something can be told to."""
    on_call = view.on_call
    if owner in on_call.people or owner in on_call.ladders or owner == view.policy.platform:
        return True
    if owner in view.channels or f"{PERSON}{owner}" in view.channels:
        return True
    return any(owner == product.builder for product in view.registry.products.values())


def remind(follow_up_id: str, view: View, *, at: float) -> Decision:
    """The timer of one that is due ran out: whoever owns it is told, once."""
    known = view.follow_ups.get(follow_up_id)
    if known is None or known.done_at is not None or known.told_at is not None:
        return Decision()
    if known.due_at > at:
        return Decision(timers=(_timer(known),))
    told = msgspec.structs.replace(known, told_at=at)
    team = teller(known, view)
    lines = [
        f"{known.what}",
        f"Owner {known.owner}, due {day(known.due_at)}, of incident {known.incident}.",
        f"Say that it is done: homeostat follow-ups done {known.id}",
    ]
    if view.link:
        lines.append(f"{view.link}/follow-ups")
    event = Announced(
        at=at,
        subject=known.incident,
        team=team,
        title=f"overdue since {day(known.due_at)}: {known.id} {known.what}"[:150],
        text="\n".join(lines),
    )
    entry = JournalEntry(
        at=at,
        subject=known.incident,
        kind=KIND,
        reason=Reason.FOLLOW_UP,
        text=f"{known.id} is overdue: {known.what} (owner {known.owner})"[:300],
        data={"id": known.id},
    )
    return Decision(journal=(entry,), records=(_record(told),), emits=(event,))


def day(at: float) -> str:
    """`2026-01-31`, UTC."""
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "of no year there is"


def _changed(known: FollowUp, given: FollowUp, event: FollowUpPut) -> FollowUp:
    """Who wrote it, and what it belongs to, stays; whoever says that it is done stands for that."""
    is_done = given.done_at is not None
    was_done = known.done_at is not None
    is_moved = given.due_at != known.due_at
    return msgspec.structs.replace(
        known,
        what=given.what,
        owner=given.owner,
        due_at=given.due_at,
        done_at=(known.done_at if was_done else event.at) if is_done else None,
        done_by=(known.done_by if was_done else event.who) if is_done else None,
        told_at=None if is_moved else known.told_at,
    )


def _written(kept: FollowUp, event: FollowUpPut, how: str) -> Decision:
    said = how or f"done by {kept.done_by}"
    entry = JournalEntry(
        at=event.at,
        subject=kept.incident,
        kind=KIND,
        reason=Reason.FOLLOW_UP,
        text=f"{kept.id} {said}: {kept.what} (owner {kept.owner}, due {day(kept.due_at)})"[:300],
        who=event.who,
        data={"id": kept.id},
    )
    return Decision(journal=(entry,), records=(_record(kept),), timers=(_timer(kept),))


def _record(kept: FollowUp) -> Record:
    return Record(kind=KIND, key=kept.id, body=kept)


def _timer(kept: FollowUp) -> Timer:
    is_over = kept.done_at is not None or kept.told_at is not None
    due = None if is_over else kept.due_at
    return Timer(subject=f"{SUBJECT}:{kept.id}", name=TIMER, due=due)


def _clean(given: FollowUp) -> FollowUp:
    what, _ = clean_text(given.what, longest=LONGEST_WHAT)
    owner, _ = clean_text(given.owner, longest=LONGEST_OWNER)
    return msgspec.structs.replace(given, what=what.strip(), owner=owner.strip())


def _refused(why: str) -> Decision:
    return Decision(refused=Reason.MOVE_REFUSED, refused_text=why)
