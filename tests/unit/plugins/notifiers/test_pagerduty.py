"""Pages through PagerDuty, against the stand-in that keeps to its documentation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from agent.ports.plugin import Message
from tests.support.notifying import PAGE, notify
from tests.support.recording import Recording, recording

KEY = "R0UT1NGKEY" + "a" * 22
UPDATE = replace(PAGE, key="k2", telling=Telling.UPDATE, text="the platform was told too")
ACKNOWLEDGED = replace(PAGE, key="k3", telling=Telling.ACKNOWLEDGED, who="ada")
RESOLVED = replace(PAGE, key="k4", telling=Telling.RESOLVED, who="ada")


async def tell(r: Recording, message: Message = PAGE, key: str = KEY, **params: Any) -> str:
    return await notify("pagerduty", message, {"routing_key": key}, url=r.pagerduty.url, **params)


async def test_one_incident_rings_once_whatever_else_is_told_of_it() -> None:
    async with recording() as r:
        for message in (PAGE, PAGE, UPDATE, ACKNOWLEDGED, UPDATE, RESOLVED):
            await tell(r, message)
        (alert,) = r.pagerduty.alerts
        assert (len(r.pagerduty.rings), alert.state, len(alert.triggers)) == (1, "resolved", 4)
        assert alert.dedup_key == PAGE.topic
        await tell(r, replace(PAGE, topic="inc-2/topic"))
        assert len(r.pagerduty.rings) == 2


async def test_the_alert_carries_the_title_the_whole_text_and_the_way_to_the_incident() -> None:
    async with recording() as r:
        receipt = await tell(r)
        (event,) = r.pagerduty.rings
    assert event["payload"] == {
        "summary": PAGE.title,
        "source": "inc-1",
        "severity": "critical",
        "custom_details": {"text": PAGE.text, "incident": "inc-1", "for": "team-pay"},
    }
    assert event["links"] == [{"href": PAGE.link, "text": "Incident inc-1"}]
    assert (event["client"], event["client_url"]) == ("Homeostat", PAGE.link)
    assert receipt == "trigger inc-1/topic"


async def test_what_was_changed_is_a_change_event_and_rings_nobody() -> None:
    """F-NT-09"""
    change = replace(PAGE, telling=Telling.CHANGE, title="restarted pay-api")
    async with recording() as r:
        assert await tell(r, change) == "change taken"
        assert r.pagerduty.rings == r.pagerduty.alerts == []
        (event,) = r.pagerduty.changes
    assert event["payload"]["summary"] == "restarted pay-api"
    assert event["payload"]["timestamp"].endswith("+00:00")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("page", "critical"),
        ("WARNING", "warning"),
        ("info", "info"),
        ("P1?", "error"),
        ("", "error"),
    ],
)
async def test_a_severity_nobody_knows_is_loud(ours: str, theirs: str) -> None:
    async with recording() as r:
        await tell(r, replace(PAGE, severity=ours))
        assert r.pagerduty.rings[0]["payload"]["severity"] == theirs


async def test_a_long_topic_is_folded_by_its_hash() -> None:
    long = replace(PAGE, topic="é" * 300)
    other = replace(PAGE, topic="é" * 301)
    async with recording() as r:
        for message in (long, long, other):
            await tell(r, message)
        assert len(r.pagerduty.rings) == 2
        assert r.pagerduty.refused == []


async def test_without_a_topic_the_incident_is_what_folds() -> None:
    async with recording() as r:
        await tell(r, replace(PAGE, topic=""))
        await tell(r, replace(PAGE, topic="", key="again"))
        assert [alert.dedup_key for alert in r.pagerduty.alerts] == ["inc-1"]


async def test_a_page_that_was_taken_in_but_not_answered_in_time_rings_once_when_repeated() -> None:
    """F-NT-02"""
    async with recording() as r:
        r.fail("pagerduty", delay_seconds=20)
        with pytest.raises(Temporary, match="did not answer"):
            await tell(r, timeout_seconds=0.3)
        await tell(r)
        assert len(r.pagerduty.received) == 2
        assert len(r.pagerduty.rings) == 1


async def test_a_connection_cut_after_the_page_was_taken_in_rings_once_when_repeated() -> None:
    """F-NT-02"""
    async with recording() as r:
        r.fail("pagerduty", reset=True, ingests=True)
        with pytest.raises(Temporary):
            await tell(r)
        await tell(r)
        assert len(r.pagerduty.rings) == 1


async def test_too_many_calls_are_temporary_and_nothing_of_them_is_taken_in() -> None:
    """F-NT-08: 120 calls a minute and key; what comes above is lost unless it is sent again."""
    now = [1000.0]
    async with recording(clock=lambda: now[0]) as r:
        r.pagerduty.rate.most = 3
        for number in range(3):
            await tell(r, replace(PAGE, topic=f"inc-{number}"))
        with pytest.raises(Temporary, match="429") as caught:
            await tell(r, replace(PAGE, topic="inc-3"))
        assert caught.value.after_seconds == 61
        assert len(r.pagerduty.rings) == 3
        now[0] += 61
        await tell(r, replace(PAGE, topic="inc-3"))
        assert len(r.pagerduty.rings) == 4


async def test_a_retry_after_of_an_hour_is_told_to_whoever_chooses_the_next_channel() -> None:
    """F-NT-08"""
    async with recording() as r:
        r.fail("pagerduty", status=429, retry_after=3600)
        with pytest.raises(Temporary) as caught:
            await tell(r)
    assert caught.value.after_seconds == 3600


async def test_a_key_pagerduty_does_not_know_is_final_and_shown_nowhere() -> None:
    """F-NT-06, F-SEC-08"""
    async with recording() as r:
        r.pagerduty.routing_keys = set()
        with pytest.raises(Permanent, match="400") as caught:
            await tell(r)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["", "t00sh0rt", KEY + "x", "a" * 31 + " ", "a" * 31 + "\n"])
async def test_a_key_that_is_none_is_not_sent_and_not_shown(key: str) -> None:
    async with recording() as r:
        with pytest.raises(Permanent, match="routing_key") as caught:
            await tell(r, key=key)
        assert r.pagerduty.received == []
    assert not key or key not in str(caught.value)


async def test_something_else_that_answers_is_not_pagerduty() -> None:
    async with recording() as r:
        r.fail("pagerduty", status=200)
        with pytest.raises(Permanent, match="is the address its"):
            await tell(r)
