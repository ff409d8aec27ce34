"""What was changed on purpose is kept, so that diagnosis and the outcome layer can see it."""

from __future__ import annotations

from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import ChangeReceived
from agent.model.reason import Reason
from agent.model.records import ChangeRecord


def take_change(event: ChangeReceived) -> Decision:
    """Somebody changed something on purpose: kept, so that diagnosis can see it."""
    change = event.change
    body = ChangeRecord(
        product=change.product,
        entity=change.entity,
        what=change.what,
        by=change.by,
        at=event.at,
        is_manual=change.is_manual,
        kind=change.kind,
        version=change.version,
        before=change.before,
        phase=change.phase,
        link=change.link,
    )
    entry = JournalEntry(
        at=event.at,
        subject=f"product:{change.product}",
        kind="change",
        reason=Reason.TOLD_BY_SOURCE,
        text=f"{change.entity}: {change.what}"[:300],
        who=change.by or "unknown",
    )
    record = Record(kind="change", key=f"{change.entity}/{event.at!r}", body=body)
    return Decision(journal=(entry,), records=(record,))
