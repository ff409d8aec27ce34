"""The agent itself as a member of the machinery: its objective, and when it only advises (M16).

The objective is a share of good minutes, 99.9% of 30 days where nothing else is declared: 43 bad
ones are its budget. What spends it, in minutes:

    spent = (minutes with a late decision + 4 x wrong verdicts + 10 x lost alerts)
            / ((1 - objective) x minutes of the window)

Minutes, and not decisions: a million heartbeats taken well must not pay for one alert that was
lost, and a storm in which all alerts of one minute came late is one bad minute. A wrong verdict
kept people out of what was not healed; a lost alert told nobody at all.

Where the budget is spent, its review is overdue or its retirement has come, it acts no more by
itself, and says so. What it says to people goes on as ever. The budget lets it act again once
enough of it is back (not at its very edge), or once a person has looked and says so; a date only by
another date in the settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from agent.core.cleaning import clean_text
from agent.core.own_alert import ADVISES_ONLY, own_alert
from agent.core.view import View
from agent.model.alert import Layer
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import AlertReceived, Announced, Event, OwnRead, OwnReviewed
from agent.model.own import OwnDay, OwnExample, OwnState, Slip
from agent.model.reason import Reason

KIND, KEY = "own", "own"
DAY_SECONDS = 86_400.0
WRONG_MINUTES = 4
LOST_MINUTES = 10
BACK_AT = 0.8
"""It acts again once no more than this share of the budget is spent: at the edge it would come and
go with each minute."""
MOST_EXAMPLES = 5
"""Of each slip."""
LONGEST = 300


class Unreadable(ValueError):
    """What is kept of the agent makes no sense: it may not act on it."""


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent did wrong within its window, and how much of its budget that is."""

    decisions: int = 0
    late: int = 0
    late_minutes: int = 0
    verdicts: int = 0
    wrong: int = 0
    lost: int = 0
    budget_minutes: float = 0.0

    @property
    def minutes(self) -> int:
        return self.late_minutes + WRONG_MINUTES * self.wrong + LOST_MINUTES * self.lost

    @property
    def share(self) -> float:
        """Of the budget, from 0; 1 and more: it is spent."""
        return self.minutes / self.budget_minutes


def spent(state: OwnState, at: float) -> Spent:
    """Raises Unreadable where it cannot be told."""
    terms = state.terms
    budget = (1.0 - terms.objective) * terms.window_seconds / 60.0
    if not 0.0 < budget < float("inf"):
        raise Unreadable(f"an objective of {terms.objective} leaves no budget")
    first = (at - terms.window_seconds) // DAY_SECONDS
    days = [day for day in state.days if day.day > first]
    counts = {
        name: sum(getattr(day, name) for day in days)
        for name in ("decisions", "late", "late_minutes", "verdicts", "wrong", "lost")
    }
    if any(count < 0 for count in counts.values()):
        raise Unreadable("a count of it is less than nothing")
    return Spent(**counts, budget_minutes=budget)


def stops(state: OwnState, at: float) -> tuple[Reason, str] | None:
    """Why it may only advise at this moment, with the words for people; None: it may act.

    Told from dates and counts, not only from what was decided before: a date may have come while
    nobody looked. Raises Unreadable.
    """
    terms, now = state.terms, spent(state, at)
    if terms.retire is not None and not at < terms.retire:
        return Reason.OWN_RETIRED, f"it was to be retired by {day_of(terms.retire)}"
    if terms.review_by is not None and not at < terms.review_by:
        return Reason.OWN_REVIEW_OVERDUE, f"its review was due by {day_of(terms.review_by)}"
    was_spent = state.advising_since is not None and state.why is Reason.OWN_BUDGET_SPENT
    if not now.share < (BACK_AT if was_spent else 1.0):
        return Reason.OWN_BUDGET_SPENT, in_words(now)
    return None


def in_words(now: Spent) -> str:
    """What spent the budget."""
    return (
        f"{now.share:.0%} of its error budget ({now.budget_minutes:.0f} min) is spent: "
        f"{now.late_minutes} minutes with late decisions, {now.wrong} wrong verdicts, "
        f"{now.lost} lost alerts"
    )


def way_back(why: Reason) -> str:
    """What lets it act again, for people."""
    if why is Reason.OWN_RETIRED:
        return "take it out, or write another date: `agent: {retire: DATE}` in the settings"
    if why is Reason.OWN_REVIEW_OVERDUE:
        return "review it, and write the next date: `agent: {review_by: DATE}` in the settings"
    return (
        f"it acts again once no more than {BACK_AT:.0%} of the budget is spent, or once somebody "
        "has looked at what went wrong: homeostat self review --why REASON"
    )


def day_of(end: float) -> str:
    """The day that ends at this moment."""
    return datetime.fromtimestamp(end - 1.0, UTC).strftime("%Y-%m-%d")


# what happens


def take_reading(event: OwnRead, view: View) -> Decision:
    """What was measured since the last time is added up, and judged. Nothing where it is all as it
    was: an idle agent writes nothing."""
    before = view.own.get(KEY)
    known = before or OwnState(at=event.at)
    state = msgspec.structs.replace(
        known,
        at=event.at,
        terms=event.terms,
        days=_counted(known, event),
        examples=_latest((*known.examples, *event.examples)),
        unbalanced=known.unbalanced if event.unbalanced is None else event.unbalanced,
    )
    decision = _judged(state, event.at, platform=view.policy.platform)
    body = decision.records[0].body
    if before is not None and body == msgspec.structs.replace(before, at=event.at):
        return Decision()
    return decision


def take_review(event: OwnReviewed, view: View) -> Decision:
    """A person looked at it: the count begins anew. A date that has passed is not moved by that."""
    known = view.own.get(KEY)
    if known is None:
        text = "it has not measured itself yet; ask again in a moment"
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=text)
    why, _ = clean_text(event.why.strip(), longest=LONGEST)
    if not why:
        text = "a review says what was looked at"
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=text)
    anew = msgspec.structs.replace(
        known,
        at=event.at,
        days=(),
        examples=(),
        reviewed_at=event.at,
        reviewed_by=event.who,
        reviewed_why=why,
    )
    decision = _judged(anew, event.at, platform=view.policy.platform)
    line = JournalEntry(
        at=event.at,
        subject=_subject(known),
        kind=KIND,
        reason=Reason.OWN_REVIEWED,
        text=why,
        who=event.who,
    )
    return msgspec.structs.replace(decision, journal=(line, *decision.journal))


def _counted(known: OwnState, event: OwnRead) -> tuple[OwnDay, ...]:
    """The buckets of the window with what is new. What the ledger misses more than before is lost,
    as is what it holds too much: either way it is not known where an alert went."""
    day = int(event.at // DAY_SECONDS)
    first = (event.at - event.terms.window_seconds) // DAY_SECONDS
    kept = [one for one in known.days if first < one.day]
    off = 0 if event.unbalanced is None else abs(event.unbalanced) - abs(known.unbalanced)
    lost = event.lost + max(0, off)
    if not (event.decisions or event.late or event.verdicts or event.wrong or lost):
        return tuple(kept)
    old = next((one for one in kept if one.day == day), OwnDay(day=day))
    new = OwnDay(
        day=day,
        decisions=old.decisions + event.decisions,
        late=old.late + event.late,
        late_minutes=old.late_minutes + event.late_minutes,
        verdicts=old.verdicts + event.verdicts,
        wrong=old.wrong + event.wrong,
        lost=old.lost + lost,
    )
    others = [one for one in kept if one.day != day]
    return tuple(sorted((*others, new), key=lambda one: one.day))


def _latest(examples: Iterable[OwnExample]) -> tuple[OwnExample, ...]:
    by_slip: dict[Slip, list[OwnExample]] = {slip: [] for slip in Slip}
    for example in examples:
        by_slip[example.slip].append(_clean(example))
    kept = [one for found in by_slip.values() for one in found[-MOST_EXAMPLES:]]
    return tuple(sorted(kept, key=lambda one: one.at))


def _clean(example: OwnExample) -> OwnExample:
    text, _ = clean_text(example.text, longest=LONGEST)
    subject, _ = clean_text(example.subject, longest=LONGEST)
    return msgspec.structs.replace(example, text=text, subject=subject)


# what follows


def _judged(state: OwnState, at: float, *, platform: str) -> Decision:
    """The state as it is to be kept, and what people are told where it changed."""
    found = stops(state, at)
    if found is None:
        return _kept(state) if state.advising_since is None else _acts_again(state, at)
    why, text = found
    if state.advising_since is not None:
        if state.why is why:
            return _kept(state)
        other = msgspec.structs.replace(state, why=why)
        return _kept(other, journal=(_line(state, at, why, text),))
    told = msgspec.structs.replace(state, advising_since=at, why=why, said_as=state.terms.name)
    emits: tuple[Event, ...] = (_alert(told, at, text=text, ended=False),)
    if state.terms.owner != platform:
        emits += (_told_owner(told, at, text),)
    return _kept(told, journal=(_line(state, at, why, text),), emits=emits)


def _acts_again(state: OwnState, at: float) -> Decision:
    over = msgspec.structs.replace(state, advising_since=None, why=None, said_as="")
    text = in_words(spent(state, at))
    return _kept(
        over,
        journal=(_line(state, at, Reason.OWN_BUDGET_BACK, text),),
        emits=(_alert(state, at, text=text, ended=True),),
    )


def _kept(
    state: OwnState, *, journal: tuple[JournalEntry, ...] = (), emits: tuple[Event, ...] = ()
) -> Decision:
    record = Record(kind=KIND, key=KEY, body=state)
    return Decision(records=(record,), journal=journal, emits=emits)


def _subject(state: OwnState) -> str:
    return f"agent:{state.terms.name}"


def _line(state: OwnState, at: float, reason: Reason, text: str) -> JournalEntry:
    return JournalEntry(
        at=at, subject=_subject(state), kind=KIND, reason=reason, text=text[:LONGEST]
    )


def _alert(state: OwnState, at: float, *, text: str, ended: bool) -> AlertReceived:
    labels = {
        "alertname": ADVISES_ONLY,
        "agent": state.said_as or state.terms.name,
        "layer": Layer.MACHINERY.value,
        "severity": "warning",
    }
    said = {"summary": f"{labels['agent']} only advises: {text}"}
    if not ended and state.why is not None:
        said["description"] = way_back(state.why)
    since = state.advising_since if state.advising_since is not None else at
    return own_alert(labels, at=at, since=since, ended=ended, annotations=said)


def _told_owner(state: OwnState, at: float, text: str) -> Announced:
    """The alert goes to whoever the registry names, else the platform; its owner learns it too."""
    return Announced(
        at=at,
        subject=_subject(state),
        team=state.terms.owner,
        title=f"{state.terms.name} only advises since {_minute(at)}",
        text=f"{text}. {way_back(state.why) if state.why is not None else ''}",
    )


def _minute(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
