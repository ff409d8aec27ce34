from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.alert import AlertStatus
from agent.ports.wire import AlertJson, alert, as_fingerprint, moment


@given(st.integers(0, 253402300799999))
def test_whole_milliseconds_stay_whole(milliseconds: int) -> None:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert moment(when) == milliseconds / 1000


@given(st.integers(0, 4_000_000_000_000_000))
def test_webhook_and_api_times_agree(microseconds: int) -> None:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    cut = when.replace(microsecond=when.microsecond // 1000 * 1000)
    assert moment(when) == moment(cut)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5)), timezone(timedelta(hours=-5))])
def test_year_one_is_no_time(zone: timezone) -> None:
    assert moment(datetime(1, 1, 1, tzinfo=zone)) is None
    assert moment(None) is None


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14))])))
def test_any_time_of_a_sender(when: datetime) -> None:
    assert moment(when) is None or isinstance(moment(when), float)


def test_fingerprint() -> None:
    assert as_fingerprint("0123456789abcdef") == "0123456789abcdef"
    assert as_fingerprint("0123456789abcde\n") == ""
    assert as_fingerprint("٠١٢٣٤٥٦٧٨٩abcdef") == ""


def test_labels_laid_over_win() -> None:
    built = alert(AlertJson(labels={"a": "1", "b": ""}), source="s", labels={"a": "2"})
    assert built.labels == {"a": "2"}


def test_resolved_has_an_end_and_no_expiry() -> None:
    ends = datetime(2026, 3, 1, tzinfo=UTC)
    built = alert(
        AlertJson(labels={"a": "1"}, status=AlertStatus.RESOLVED, ends_at=ends), source="s"
    )
    assert built.ends_at == ends.timestamp()
    assert built.expires_at is None
