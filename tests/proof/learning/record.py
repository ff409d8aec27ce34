"""What is written down while it is played, for the oracle to read afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core.view import View
from agent.model.command import Command
from agent.model.decision import Decision, JournalEntry
from agent.model.incident import Incident
from agent.model.learning import Credit, Promotion, Resolution, Standing
from agent.model.runbook import Lifecycle


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """One act of the agent, as it began."""

    at: float
    incident: str
    attempt: int
    runbook: str
    state: Lifecycle
    plan: str
    use: str
    params: Mapping[str, Any]
    approved_by: str | None
    is_rollback: bool

    @classmethod
    def of(cls, command: Command, incident: Incident, view: View, at: float) -> Acted:
        runbook = view.runbooks.by_digest(incident.digest or "")
        assert runbook is not None
        return cls(
            at=at,
            incident=incident.id,
            attempt=incident.attempt,
            runbook=runbook.name,
            state=runbook.lifecycle,
            plan=command.plan,
            use=command.use,
            params=command.params,
            approved_by=incident.approved_by,
            is_rollback=incident.rollback_step is not None,
        )


class Diary:
    def __init__(self) -> None:
        self.acts: list[Acted] = []
        self.pages: list[tuple[float, str, str]] = []
        """When, about which incident, what it was called."""
        self.resolutions: dict[str, Resolution] = {}
        self.credited: list[tuple[float, Resolution]] = []
        """In the order in which they were credited, with when."""
        self.promotions: dict[str, list[tuple[float, Promotion]]] = {}
        self.standings: dict[str, list[tuple[float, Standing]]] = {}
        self.journal: list[JournalEntry] = []
        """About no incident."""
        self.faults: list[str] = []
        """What is wrong with runbook files that were read."""

    def take(self, decision: Decision, at: float) -> None:
        for record in decision.records:
            body = record.body
            if isinstance(body, Resolution):
                before = self.resolutions.get(record.key)
                was = before.credit if before is not None else Credit.PENDING
                self.resolutions[record.key] = body
                if body.credit is Credit.CREDITED and was is not Credit.CREDITED:
                    self.credited.append((at, body))
            elif isinstance(body, Standing):
                self.standings.setdefault(record.key, []).append((at, body))
        self.journal += [e for e in decision.journal if not e.subject.startswith("i-")]

    def acted(self, acted: Acted) -> None:
        self.acts.append(acted)

    def paged(self, command: Command, at: float) -> None:
        self.pages.append((at, command.subject, str(command.params.get("title", ""))))

    def promotion(self, promotion: Promotion, at: float) -> None:
        self.promotions.setdefault(promotion.name, []).append((at, promotion))
