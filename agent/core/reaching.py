"""Ways to people: whose channels are tried, in which order, and what goes out by one of them.

A receiver is a key of `View.channels`: a team, or `person:NAME`. All channels of a receiver are
told at once. What does not get through goes on to the next receiver: the team, the platform,
`default`, `fallback`, and at last a file on this machine that makes the health check fail (never
nobody).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from agent.core.approval import shown_by
from agent.core.paging import title_of
from agent.core.turn import Turn
from agent.core.view import Channel, View
from agent.model.command import Command, CommandKind
from agent.model.incident import Incident, Page, State
from agent.model.on_call import Telling
from agent.model.reason import Reason

DEFAULT = "default"
FALLBACK = "fallback"
LAST_RESORT = "last-resort"
"""Both a key of `View.channels` and the `use` of its only channel, which is no plugin."""
LOCAL = frozenset({"file", "terminal"})
"""Notifiers that reach this machine and no person: delivered by them, somebody may still sleep."""
PERSON = "person:"
MOST_PAGES = 50
"""Pages kept of one incident: the first, which says since when people know, and the newest."""
TIMEOUT_SECONDS = 30.0
CALLS = (Telling.PAGE, Telling.UPDATE)
ESCALATED = "ESCALATED, nobody acknowledged: "


def is_covered(case: Incident) -> bool:
    """Whether another page speaks for it, or somebody said that it needs nobody."""
    return bool(case.held_by or case.silenced_by or case.inhibited_by)


def is_waiting(case: Incident) -> bool:
    """Whether people were called for it, and nobody has taken it yet."""
    if is_covered(case):
        return False
    if case.state is State.AWAITING_APPROVAL:
        return case.waits_since is None  # where it is not a rail that lets go by itself
    return case.state is State.ESCALATED


def calls_of(case: Incident) -> list[Page]:
    """Its pages that called people, without what was said afterwards."""
    return [p for p in case.pages if p.telling in CALLS]


def channel_of(page: Page) -> str:
    """Id of the channel it went by."""
    return page.id.split("/", 3)[3]


def latest_wave(case: Incident) -> int:
    return max((max(p.wave, int(p.id.split("/")[2])) for p in case.pages), default=0)


def is_delivered(page: Page) -> bool:
    """Whether somebody, not only this machine, was told by it."""
    return page.delivered is True and page.channel not in (*LOCAL, LAST_RESORT)


def levels(
    view: View, *receivers: str, avoid: Collection[str] = ()
) -> Iterator[tuple[Channel, ...]]:
    """Channels of these receivers and of everybody after them, a receiver at a time."""
    after = (view.policy.platform, DEFAULT, FALLBACK, LAST_RESORT)
    for key in dict.fromkeys((*receivers, *after)):
        found = tuple(c for c in view.channels.get(key, ()) if c.id not in avoid)
        if found:
            yield found


def call(
    turn: Turn, key: str, team: str, text: str, *, wave: int, avoid: Collection[str] = ()
) -> Turn:
    """Tells this receiver, or where it has no channel the first of those after it that has."""
    first = next(levels(turn.view, key, team, avoid=avoid), ())
    if not first:
        return turn.note("page", Reason.NOBODY_REACHED, "no channel is configured at all")
    title = title_of(turn.case)
    if wave > 1 and turn.case.climb is not None and turn.case.climb.at > 0:
        title = ESCALATED + title
    for channel in first:
        turn = send(turn, channel, to=key, team=team, text=text, title=title, wave=wave)
    return turn


def send(
    turn: Turn,
    channel: Channel,
    *,
    to: str,
    team: str,
    text: str,
    title: str,
    wave: int,
    telling: Telling = Telling.PAGE,
    who: str = "",
) -> Turn:
    """Hands it to one channel; once, however often it is asked for within one call for people."""
    case = turn.case
    word = "page" if telling is Telling.PAGE else telling.value
    name = f"{case.id}/{word}/{wave}/{channel.id}"
    if any(p.id == name for p in case.pages):
        return turn
    shown = to.removeprefix(PERSON)
    command = Command(
        id=name,
        key=name,
        kind=CommandKind.NOTIFY,
        subject=case.id,
        use=channel.use,
        params={
            "channel": channel.id,
            "to": shown,
            "team": team,
            "title": title,
            "text": text,
            "severity": case.severity,
            "telling": telling.value,
            "topic": case.id,
            "who": who,
            "asks": shown_by(case, text) if telling in CALLS else "",
        },
        product=case.product,
        timeout_seconds=TIMEOUT_SECONDS,
        created_at=turn.at,
    )
    turn = turn.command(command)
    if telling is Telling.CHANGE:
        return turn  # for the record: nobody was told of anything broken
    page = Page(
        id=name,
        to=shown,
        channel=channel.use,
        at=turn.at,
        text=text,
        telling=telling,
        wave=wave,
    )
    turn = turn.change(pages=(*case.pages[:1], *(*case.pages[1:], page)[1 - MOST_PAGES :]))
    if telling is Telling.PAGE:
        reason = Reason.NOBODY_REACHED if channel.use == LAST_RESORT else Reason.PAGE_SENT
        turn = turn.note("page", reason, f"{shown} by {channel.use}")
    return turn
