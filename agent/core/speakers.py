"""Which firing alerts speak for others, and who listens, kept as they come and go.

In a storm every new incident is asked whether something speaks for it. So alerts are found under
the rule and the values they have to share, and not by going through all of them. The same the other
way round: an alert that begins to speak finds those nobody was told of yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agent.core.inhibition import listens_to, may_be_hushed, speaks_for
from agent.core.view import SpeakerKey
from agent.model.alert import AlertStatus
from agent.model.incident import Incident
from agent.model.policy import InhibitRule


class Speakers:
    """`speaking`, `listening` and `inhibited` are those of a `View`."""

    def __init__(self, rules: tuple[InhibitRule, ...] = ()) -> None:
        self.rules = rules
        self.speaking: dict[SpeakerKey, dict[str, bool]] = {}
        self.listening: dict[SpeakerKey, dict[str, bool]] = {}
        self.inhibited: dict[str, dict[str, bool]] = {}

    def use(self, rules: tuple[InhibitRule, ...], incidents: Iterable[Incident]) -> None:
        """Other rules, with everything that is open."""
        self.rules = rules
        self.speaking.clear()
        self.listening.clear()
        self.inhibited.clear()
        for incident in incidents:
            self.change(None, incident)

    def change(self, before: Incident | None, after: Incident | None) -> None:
        """An incident is not any more as it was, but as it is (None, or closed: not there)."""
        was, now = _open(before), _open(after)
        _move(self.inhibited, _hushed(was), _hushed(now))
        if not self.rules:
            return
        is_same = _firing(was) == _firing(now)
        if not is_same:
            _move(self.speaking, dict(self._said(was)), dict(self._said(now)))
        if not is_same or _listens(was) != _listens(now):
            _move(self.listening, dict(self._heard(was)), dict(self._heard(now)))

    def _said(self, incident: Incident | None) -> Iterator[tuple[tuple[SpeakerKey, str], None]]:
        if incident is None:
            return
        for identity in _firing(incident):
            for key in speaks_for(incident.alerts[identity].labels, self.rules):
                yield (key, identity), None

    def _heard(self, incident: Incident | None) -> Iterator[tuple[tuple[SpeakerKey, str], None]]:
        if incident is None or not _listens(incident):
            return
        for identity in _firing(incident):
            for key in listens_to(incident.alerts[identity].labels, self.rules):
                yield (key, incident.id), None


def _listens(incident: Incident | None) -> bool:
    return incident is not None and incident.inhibited_by is None and may_be_hushed(incident)


def _open(incident: Incident | None) -> Incident | None:
    return incident if incident is not None and incident.is_open else None


def _firing(incident: Incident | None) -> list[str]:
    if incident is None:
        return []
    return [i for i, a in incident.alerts.items() if a.status is AlertStatus.FIRING]


def _hushed(incident: Incident | None) -> dict[tuple[str, str], None]:
    if incident is None or incident.inhibited_by is None:
        return {}
    return {(incident.inhibited_by, incident.id): None}


def _move(
    index: dict[Any, dict[str, bool]],
    was: dict[tuple[Any, str], None],
    now: dict[tuple[Any, str], None],
) -> None:
    for key, member in was:
        if (key, member) not in now and key in index:
            index[key].pop(member, None)
            if not index[key]:
                del index[key]
    for key, member in now:
        index.setdefault(key, {})[member] = True
