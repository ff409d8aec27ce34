"""Times as they are read outside."""

from __future__ import annotations

import pytest

from agent.interface.times import ago, from_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_780_000_000.0, "2026-05-28T20:26:40.000Z"),
        (1_780_000_000.9996, "2026-05-28T20:26:41.000Z"),
    ],
)
def test_rfc3339(seconds: float, text: str) -> None:
    assert rfc3339(seconds) == text
    assert from_rfc3339(text) == pytest.approx(seconds, abs=0.001)


def test_zones_are_kept_and_their_absence_is_an_error() -> None:
    assert from_rfc3339("2026-05-28T22:26:40+02:00") == 1_780_000_000.0
    with pytest.raises(ValueError, match="time zone"):
        from_rfc3339("2026-05-28T20:26:40")


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0s"), (59.9, "59s"), (60, "1m"), (7200, "2h"), (200_000, "2d")]
)
def test_ago(seconds: float, text: str) -> None:
    assert ago(seconds) == text
