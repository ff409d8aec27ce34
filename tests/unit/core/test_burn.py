from __future__ import annotations

import pytest

from agent.core.burn import MOST_BAD, Burn, duration, least_bad, pairs, shortest, windows
from agent.model.product import Slo

MONTH = Slo(name="pay", objective=0.999)


def test_over_thirty_days_windows_and_factors_are_those_of_the_book() -> None:
    told = [(p.alert, duration(p.long), duration(p.short)) for p in pairs(MONTH)]
    assert told == [
        (Burn.FAST, "1h", "5m"),
        (Burn.FAST, "6h", "30m"),
        (Burn.SLOW, "1d", "2h"),
        (Burn.SLOW, "3d", "6h"),
    ]
    assert [p.factor for p in pairs(MONTH)] == pytest.approx([14.4, 6.0, 3.0, 1.0])
    assert [p.threshold for p in pairs(MONTH)] == pytest.approx([0.0144, 0.006, 0.003, 0.001])


def test_over_a_week_they_are_shorter_and_spend_as_much() -> None:
    week = Slo(name="pay", objective=0.999, window_seconds=7 * 86_400.0)
    assert [duration(w) for w in windows(week)] == [
        "1m10s", "7m", "14m", "28m", "1h24m", "5h36m", "16h48m",
    ]  # fmt: skip
    assert [p.factor for p in pairs(week)] == pytest.approx([14.4, 6.0, 3.0, 1.0])
    assert shortest(week) == 70


def test_an_outage_pages_however_low_the_objective_is() -> None:
    """At 90 % a burn of 14.4 would be 144 % of all events."""
    low = Slo(name="batch", objective=0.9)
    assert [p.threshold for p in pairs(low)] == pytest.approx([MOST_BAD, 0.6, 0.3, 0.1])


def test_two_bad_events_are_asked_for_where_nothing_else_is_said() -> None:
    assert least_bad(MONTH) == 2.0
    assert least_bad(Slo(name="pay", least_events=5.0)) == 5.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (1, "1s"), (300, "5m"), (90_061, "1d1h1m1s"), (259_200, "3d")]
)
def test_durations_are_written_as_prometheus_reads_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text
