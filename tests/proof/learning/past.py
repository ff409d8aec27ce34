"""The incidents so far, as the back-test of a proposal goes through them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from agent.model.decision import Decision, JournalEntry
from agent.model.incident import Incident
from agent.model.records import RunbookText


class Past:
    """A `History` in memory."""

    def __init__(self) -> None:
        self._incidents: dict[str, Incident] = {}
        self._journal: dict[str, list[JournalEntry]] = defaultdict(list)
        self._texts: dict[str, RunbookText] = {}

    def take(self, decision: Decision) -> None:
        if decision.incident is not None:
            self._incidents[decision.incident.id] = decision.incident
        for entry in decision.journal:
            self._journal[entry.subject].append(entry)
        for record in decision.records:
            if isinstance(record.body, RunbookText):
                self._texts[record.key] = record.body

    def get(self, incident_id: str) -> Incident:
        return self._incidents[incident_id]

    def incidents(self, *, since: float = 0.0) -> Iterator[Incident]:
        """In the order in which they were opened, which is that in which they came in."""
        return (i for i in list(self._incidents.values()) if i.opened_at >= since)

    def count(self, *, since: float = 0.0) -> int:
        return sum(i.opened_at >= since for i in self._incidents.values())

    def timelines(self, subjects: Sequence[str]) -> Mapping[str, Sequence[JournalEntry]]:
        return {subject: self._journal.get(subject, []) for subject in subjects}

    def journal(self) -> Iterator[JournalEntry]:
        return (entry for entries in self._journal.values() for entry in entries)

    def runbook_texts(self) -> Mapping[str, RunbookText]:
        return self._texts
