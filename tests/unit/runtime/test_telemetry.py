from __future__ import annotations

from agent.model.decision import Decision, JournalEntry
from agent.model.reason import Reason
from agent.runtime.telemetry import Telemetry


def line(kind: str, reason: Reason) -> JournalEntry:
    return JournalEntry(at=1.0, subject="i-a", kind=kind, reason=reason)


def test_what_is_counted_is_shown() -> None:
    telemetry = Telemetry()
    try:
        telemetry.received(3)
        telemetry.received(2)
        told = Decision(
            journal=(line("opened", Reason.NEW_ALERT), line("opened", Reason.NEW_ALERT))
        )
        telemetry.committed([told], seconds=0.002)
        telemetry.refused(status=413)
        shown = telemetry.exposition().decode()
    finally:
        telemetry.close()
    lines = [text for text in shown.splitlines() if text.startswith("homeostat_")]
    assert [t.rpartition(" ")[2] for t in lines if "alerts_received_total" in t] == ["5.0"]
    [decided] = [t for t in lines if "decisions_total" in t]
    assert 'kind="opened"' in decided
    assert 'reason="new_alert"' in decided
    assert decided.endswith(" 2.0")
    assert any("requests_refused_total" in t and 'status="413"' in t for t in lines)
    assert any("commit_duration_seconds_count" in t for t in lines)
