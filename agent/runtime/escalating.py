"""Watching over escalations: the auditor's rounds, and what the health check says of pages.

The audit is no part of a decision. It looks at what is so, once a minute, and what it finds amiss
it sets right with a timer, a line in the journal and an error in the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from agent.core.audit_escalation import audit, is_unheard, mended
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.errors import StoreUnavailable
from agent.ports.clock import Clock

log = structlog.get_logger("escalating")

AUDIT_SECONDS = 60.0
MOST_NAMED = 20
"""Incidents that the health check names; of the rest it says how many there are."""

Submit = Callable[[Sequence[Decision]], Awaitable[object]]


class Escalating:
    def __init__(
        self,
        *,
        view: View,
        timers: Mapping[tuple[str, str], float],
        clock: Clock,
        submit: Submit,
    ) -> None:
        self._view, self._timers, self._clock, self._submit = view, timers, clock, submit
        self.mended = 0
        """Escalations that were taken up again since the start."""
        self._unheard: set[str] = set()

    def load(self) -> None:
        """Once everything open is in the view."""
        for case in self._view.incidents.values():
            self._note(case.id)

    def committed(self, decisions: Sequence[Decision]) -> None:
        """What was decided is on disk, and in the view."""
        for decision in decisions:
            if decision.incident is not None and decision.incident.pages:
                self._note(decision.incident.id)

    def _note(self, incident_id: str) -> None:
        case = self._view.incidents.get(incident_id)
        if case is not None and is_unheard(case):
            self._unheard.add(incident_id)
        else:
            self._unheard.discard(incident_id)

    async def run(self) -> None:
        while True:
            await self._clock.sleep(AUDIT_SECONDS)
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("audit_not_stored", error=str(error)[:300])

    async def look(self) -> None:
        """One round of the auditor."""
        at = self._clock.now()
        findings = audit(self._view, self._timers, at)
        if not findings:
            return
        for finding in findings:
            log.error("escalation_mended", incident=finding.subject, why=finding.why)
        self.mended += len(findings)
        await self._submit([mended(findings, at)])

    @property
    def unheard(self) -> int:
        """Open incidents whose page stands only in the file of last resort."""
        return len(self._unheard)

    def unhealthy_because(self) -> str:
        """Empty while every page reached some channel."""
        if not self._unheard:
            return ""
        told = f"{_named(self._unheard)}: no channel takes its page, and nobody has acknowledged"
        return f"{told}; see last-resort.jsonl in the data folder"


def _named(ids: set[str]) -> str:
    shown = ", ".join(sorted(ids)[:MOST_NAMED])
    return f"{shown} and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else shown
