"""Telling a team what it should know and nobody is woken for.

It goes out by the channels of the team that can say such a thing (`Telling.CHANGE`), once for each
thing it is about and each title, and it stands in the journal of the incident either way. The
incident may be over, or not even known here any more: then it is told all the same.
"""

from __future__ import annotations

import hashlib

import msgspec

from agent.core.cleaning import clean_text
from agent.core.ending import tells
from agent.core.reaching import DEFAULT, PERSON, TIMEOUT_SECONDS
from agent.core.view import Channel, View
from agent.model.command import Command, CommandKind
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.effect import OutcomeStatus
from agent.model.event import Announced, CommandFinished
from agent.model.on_call import Telling
from agent.model.reason import Reason
from agent.model.records import AnnouncedOnce

LONGEST_TITLE = 150
LONGEST_TEXT = 1000
LONGEST_NAME = 100
MOST_REMEMBERED = 5_000
"""Things told that are remembered, so that none is told twice."""
MOST_TRIES = 3
PAUSE_SECONDS = 60.0
KIND = "announced"
MARK = "/announced/"
"""In the key of each message that goes out from here."""


def announce(event: Announced, view: View) -> Decision:
    """Who it concerns is told, unless they were told of just this before."""
    title, _ = clean_text(event.title, longest=LONGEST_TITLE)
    text, _ = clean_text(event.text, longest=LONGEST_TEXT, keep_newlines=True)
    team, _ = clean_text(event.team, longest=LONGEST_NAME)
    digest = _digest(event.subject, title)
    if digest in view.announced:
        return Decision()
    clean = msgspec.structs.replace(event, team=team, title=title, text=text)
    channels = _channels(team, view)
    ways = ", ".join(channel.id for channel in channels) or "no channel of theirs can say it"
    entry = JournalEntry(
        at=event.at,
        subject=event.subject,
        kind=KIND,
        reason=Reason.ANNOUNCED,
        text=f"{team} ({ways}): {title}"[:300],
    )
    told = AnnouncedOnce(at=event.at, subject=event.subject, team=team, title=title)
    return Decision(
        journal=(entry,),
        commands=tuple(_command(channel, clean, digest, view) for channel in channels),
        records=(Record(kind=KIND, key=digest, body=told), *_forgotten(view)),
    )


def is_ours(command: Command) -> bool:
    """Whether it is a message of an announcement."""
    return command.kind is CommandKind.NOTIFY and MARK in command.key


def take_echo(event: CommandFinished, view: View) -> Decision:
    """A message came back whose incident nobody knows any more: it is tried a few times, and the
    journal says where it did not get through. Where the incident is known, core/delivery.py does.
    """
    command, outcome = event.command, event.outcome
    if outcome.status is OutcomeStatus.DONE:
        return Decision()
    may_help = outcome.status in (OutcomeStatus.TEMPORARY, OutcomeStatus.UNKNOWN)
    if may_help and command.attempt < min(MOST_TRIES, view.policy.page_retries):
        again = msgspec.structs.replace(
            command,
            id=f"{command.key}+{command.attempt + 1}",
            attempt=command.attempt + 1,
            not_before=event.at + (outcome.after_seconds or PAUSE_SECONDS),
        )
        return Decision(commands=(again,))
    entry = JournalEntry(
        at=event.at,
        subject=command.subject,
        kind="page",
        reason=Reason.PAGE_FAILED,
        text=f"{command.use}: {outcome.detail}"[:300],
    )
    return Decision(journal=(entry,))


def _channels(team: str, view: View) -> tuple[Channel, ...]:
    """Of the person or team, or those for whoever has none."""
    keys = (view.on_call.people.get(team, f"{PERSON}{team}"), team)
    own = next((view.channels[key] for key in keys if key in view.channels), None)
    known = view.channels.get(DEFAULT, ()) if own is None else own
    return tuple(channel for channel in known if tells(view, channel, Telling.CHANGE))


def _command(channel: Channel, event: Announced, digest: str, view: View) -> Command:
    key = f"{event.subject}{MARK}{digest}/{channel.id}"
    case = view.incidents.get(event.subject)
    return Command(
        id=key,
        key=key,
        kind=CommandKind.NOTIFY,
        subject=event.subject,
        use=channel.use,
        params={
            "channel": channel.id,
            "to": event.team,
            "team": event.team,
            "title": event.title,
            "text": event.text,
            "severity": case.severity if case is not None else "info",
            "telling": Telling.CHANGE.value,
            "topic": event.subject,
            "who": "",
            "asks": "",
        },
        product=case.product if case is not None else None,
        timeout_seconds=TIMEOUT_SECONDS,
        created_at=event.at,
    )


def _digest(subject: str, title: str) -> str:
    return hashlib.blake2b(
        f"{subject}\n{title}".encode("utf-8", "replace"), digest_size=10
    ).hexdigest()


def _forgotten(view: View) -> tuple[Record, ...]:
    if len(view.announced) < MOST_REMEMBERED:
        return ()
    oldest = min(view.announced, key=lambda key: (view.announced[key].at, key))
    return (Record(kind=KIND, key=oldest, body=None),)
