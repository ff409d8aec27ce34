from __future__ import annotations

from agent.model.decision import Decision, JournalEntry
from agent.model.reason import Reason
from agent.runtime.telemetry import Telemetry
from tests.support.decisions import make_incident


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


def test_a_thousand_names_of_alerts_add_no_series() -> None:
    """F-SEC-19, F-SEC-18: labels of metrics are closed words, whatever alerts and people say."""
    telemetry = Telemetry()
    try:

        def told(number: int) -> None:
            name = f"Hostile{number}"
            entry = JournalEntry(
                at=1.0, subject=name, kind="opened", reason=Reason.NEW_ALERT, text=name, who=name
            )
            incident = make_incident(name, title=name, product=name, key=name)
            telemetry.committed([Decision(incident=incident, journal=(entry,))], seconds=0.001)
            telemetry.received(1)
            telemetry.refused(status=401)

        told(0)
        before = series(telemetry.exposition().decode())
        for number in range(1, 1000):
            told(number)
        after = series(telemetry.exposition().decode())
        assert after == before
        assert not [name for name in after if "Hostile" in name]
    finally:
        telemetry.close()


def series(exposition: str) -> set[str]:
    rows = (text for text in exposition.splitlines() if not text.startswith("#"))
    return {text.rpartition(" ")[0] for text in rows}


def test_every_no_of_a_rail_is_counted_by_its_reason() -> None:
    telemetry = Telemetry()
    try:
        waits = Decision(journal=(line("waiting_for_rail", Reason.DOMAIN_BUSY),))
        told = Decision(journal=(line("stopped", Reason.DOMAIN_BUSY),))
        asks = Decision(journal=(line("guard", Reason.RISK_NEEDS_APPROVAL),))
        person = Decision(refused=Reason.BELOW_FLOOR)
        others = Decision(
            journal=(line("stopped", Reason.STEP_FAILED), line("step", Reason.DOMAIN_BUSY)),
            refused=Reason.MOVE_REFUSED,
        )
        telemetry.committed([waits, told, asks, person, others], seconds=0.001)
        shown = telemetry.exposition().decode()
    finally:
        telemetry.close()
    lines = [t for t in shown.splitlines() if t.startswith("homeostat_rail_stops_total{")]
    counted = {t.partition('reason="')[2].partition('"')[0]: float(t.split()[-1]) for t in lines}
    assert counted == {"domain_busy": 2.0, "risk_needs_approval": 1.0, "below_floor": 1.0}
