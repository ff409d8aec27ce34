"""The daily look for blind spots: what was found becomes findings, and what is gone ends.

Only what a survey found is ended by one, and only by the part of it that was taken again: a
Prometheus that does not answer has mended nothing. Beside that it ends what a signal showed whose
sender is nobody that is expected, once it has not come for a day. Teams are told of what is new to
them once a day, in one message that wakes nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from agent.core.blind_spots import KIND, found, gone, key_of, owner_of
from agent.core.survey_spot import Part, spot
from agent.core.unusable_readings import outlived
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import Announced, SurveyTaken
from agent.model.reason import Reason
from agent.model.signals import BlindSpot, BlindSpotKind, SurveySigns

KEY = "survey"
MOST_OF_A_KIND = 100
"""Findings of one kind that are kept; of the others it is said how many there are."""
MORE = "and more"
KEPT_SECONDS = 30 * 86_400.0
"""What is gone is remembered for so long."""
MOST_GONE = 2_000
TOLD_SECONDS = 20 * 3600.0
"""A team is told at most so often; a bit less than a day, so that a daily look always may."""
MOST_LINES = 6
LONGEST_LINE = 130


def take_survey(event: SurveyTaken, view: View) -> Decision:
    kept = list(_kept(event, view))
    parts = [
        found(
            view,
            kind=one.kind,
            subject=one.subject,
            text=one.text,
            remedy=one.remedy,
            at=event.at,
            product=one.product,
            owner=one.owner,
            by=one.by,
        )
        for one in kept
    ]
    here = {key_of(one.kind, one.subject) for one in kept}
    parts += [
        gone(view, kind=spot.kind, subject=spot.subject, at=event.at)
        for key, spot in view.blind_spots.items()
        if key not in here and _is_over(spot, event)
    ]
    parts += [
        gone(view, kind=kind, subject=subject, at=event.at)
        for kind, subject in outlived(view, at=event.at)
    ]
    changed = {r.key: r.body for part in parts for r in part.records}
    now = {**view.blind_spots, **{k: b for k, b in changed.items() if isinstance(b, BlindSpot)}}
    signs = _signs(event, view)
    told, messages = _told(now.values(), signs, at=event.at)
    signs = msgspec.structs.replace(signs, told=told)
    records = [
        Record(kind=key_kind, key=key, body=None) for key_kind, key in _forgotten(now, event)
    ]
    return Decision(
        records=(
            *(record for part in parts for record in part.records),
            *records,
            Record(kind="survey", key=KEY, body=signs),
        ),
        journal=(*(line for part in parts for line in part.journal), _line(event, now)),
        emits=messages,
    )


def _kept(event: SurveyTaken, view: View) -> Iterator[BlindSpot]:
    """Of each kind so many, those that are known first; and one that says how many more."""
    kinds: dict[BlindSpotKind, dict[str, BlindSpot]] = {}
    for one in event.found:
        kinds.setdefault(one.kind, {}).setdefault(key_of(one.kind, one.subject), one)
    for kind, spots in kinds.items():
        ordered = sorted(spots, key=lambda key: (not _is_there(key, view), key))
        yield from (spots[key] for key in ordered[:MOST_OF_A_KIND])
        if len(ordered) > MOST_OF_A_KIND:
            yield _more(kind, len(ordered) - MOST_OF_A_KIND, event, view)


def _is_there(key: str, view: View) -> bool:
    known = view.blind_spots.get(key)
    return known is not None and known.gone_at is None


def _more(kind: BlindSpotKind, count: int, event: SurveyTaken, view: View) -> BlindSpot:
    return spot(
        view,
        event.at,
        by=Part.SURVEY,
        kind=kind,
        subject=MORE,
        text=f"{count} more of this kind were found than are listed",
        remedy="mend those that are listed; the others follow with the next survey",
        owner=owner_of(view, product=None),
    )


def _is_over(known: BlindSpot, event: SurveyTaken) -> bool:
    return known.gone_at is None and bool(known.by) and known.by not in event.missed


def _signs(event: SurveyTaken, view: View) -> SurveySigns:
    before = view.surveys.get(KEY)
    first = before.runbooks if before is not None else {}
    return SurveySigns(
        at=event.at,
        seconds=event.seconds,
        could_not=event.could_not,
        told=before.told if before is not None else {},
        runbooks={name: first.get(name, event.at) for name in event.runbooks},
    )


def _told(
    spots: Iterable[BlindSpot], signs: SurveySigns, *, at: float
) -> tuple[dict[str, float], tuple[Announced, ...]]:
    """Teams that are told now, and of what: all that came up since they were told last."""
    told = dict(signs.told)
    new: dict[str, list[BlindSpot]] = {}
    for one in spots:
        last = told.get(one.owner)
        is_news = last is None or one.since > last
        if one.gone_at is None and is_news and not (last and 0 <= at - last < TOLD_SECONDS):
            new.setdefault(one.owner, []).append(one)
    messages = tuple(_message(team, mine, at) for team, mine in sorted(new.items()))
    return {**told, **dict.fromkeys(new, at)}, messages


def _message(team: str, spots: list[BlindSpot], at: float) -> Announced:
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    spots.sort(key=lambda one: (one.kind.value, one.subject))
    lines = [
        f"- {one.kind.value.replace('_', ' ')}: {one.subject}: {one.text}"[:LONGEST_LINE]
        for one in spots[:MOST_LINES]
    ]
    if len(spots) > MOST_LINES:
        lines.append(f"and {len(spots) - MOST_LINES} more")
    lines.append("`homeostat blindspots` lists them with their remedies.")
    return Announced(
        at=at,
        subject=f"team:{team}",
        team=team,
        title=f"New blind spots, {day}",
        text="\n".join(lines),
    )


def _forgotten(now: Mapping[str, BlindSpot], event: SurveyTaken) -> Iterator[tuple[str, str]]:
    """What is gone for long, and the oldest of what is gone where there is very much of it."""
    gone_at = sorted((s.gone_at, key) for key, s in now.items() if s.gone_at is not None)
    surplus = len(gone_at) - MOST_GONE
    for number, (at, key) in enumerate(gone_at):
        if number < surplus or event.at - at > KEPT_SECONDS:
            yield KIND, key


def _line(event: SurveyTaken, now: Mapping[str, BlindSpot]) -> JournalEntry:
    there = sum(1 for one in now.values() if one.gone_at is None)
    text = f"blind spots: {there}"
    if event.could_not:
        text += f"; could not look: {'; '.join(event.could_not)}"
    return JournalEntry(
        at=event.at, subject="survey", kind="survey", reason=Reason.SURVEYED, text=text[:500]
    )
