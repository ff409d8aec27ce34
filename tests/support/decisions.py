"""Builders of what a decision changes, with plain values where a test does not care."""

from __future__ import annotations

from typing import Any

from agent.model.alert import Layer
from agent.model.command import Command, CommandKind
from agent.model.decision import JournalEntry, LedgerEntry, LedgerMove, LedgerState
from agent.model.incident import Incident, State
from agent.model.reason import Reason
from agent.model.records import Act


def make_incident(incident_id: str = "inc-1", **fields: Any) -> Incident:
    given: dict[str, Any] = {
        "key": f"group of {incident_id}",
        "title": "Checkout is slow",
        "state": State.OPEN,
        "layer": Layer.PRODUCT,
        "product": "shop",
        "entity": "checkout",
        "severity": "warning",
        "opened_at": 100.0,
        "updated_at": 100.0,
    }
    return Incident(id=incident_id, **(given | fields))


def make_entry(key: str = "k1", **fields: Any) -> LedgerEntry:
    given: dict[str, Any] = {
        "identity": "prom/f1",
        "status": "firing",
        "starts_at": 10.0,
        "incident_id": "inc-1",
        "state": LedgerState.OPEN,
        "reason": Reason.NEW_ALERT,
        "at": 11.0,
        "name": "Slow",
        "product": "shop",
    }
    return LedgerEntry(key=key, **(given | fields))


def make_move(incident_id: str = "inc-1", **fields: Any) -> LedgerMove:
    given: dict[str, Any] = {
        "state": LedgerState.ABSORBED,
        "reason": Reason.HEALED,
        "at": 50.0,
    }
    return LedgerMove(incident_id=incident_id, **(given | fields))


def make_journal(subject: str = "inc-1", **fields: Any) -> JournalEntry:
    given: dict[str, Any] = {"at": 12.0, "kind": "received", "reason": Reason.NEW_ALERT}
    return JournalEntry(subject=subject, **(given | fields))


def make_command(command_id: str = "c1", **fields: Any) -> Command:
    given: dict[str, Any] = {
        "key": f"key of {command_id}",
        "kind": CommandKind.ACT,
        "subject": "inc-1",
        "use": "process.restart",
        "params": {"signal": "term", "seconds": 1.5},
    }
    return Command(id=command_id, **(given | fields))


def make_act(key: str = "a1", **fields: Any) -> Act:
    given: dict[str, Any] = {
        "target": "checkout",
        "product": "shop",
        "incident_id": "inc-1",
        "runbook": "restart-it",
        "plan": "restart",
        "step": "restart",
        "use": "process.restart",
        "by": "agent",
        "at": 1_000_000.0,
    }
    return Act(key=key, **(given | fields))
