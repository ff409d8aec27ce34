"""Events: of either API version, about one object, repeats counted."""

from __future__ import annotations

from typing import Any

from agent.ports.cluster_events import Event, event_of, events_about, reasons_of
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_walking import moment
from tests.support.told_cluster import recorded

AT = "2026-11-22T03:45:47Z"
SECONDS = moment({"at": AT}, "at") or 0.0
POD = Ref("pod", "web-1", "shop")


def event(reason: str = "BackOff", **more: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "web-1", "namespace": "shop", "uid": "u1"}
    told = {"reason": reason, "type": "Warning", "lastTimestamp": AT, "involvedObject": about}
    return {**told, **more}


def test_a_recorded_event() -> None:
    (told, *_) = recorded()["events"]
    found = event_of(told)
    assert found is not None
    assert (found.times, found.is_warning) == (5, True)
    assert found.text == "BackOff: Back-off restarting failed container"
    assert found.at == moment(told, "lastTimestamp")


def test_of_the_newer_kind_the_series_counts() -> None:
    newer = {
        "reason": "FailedMount",
        "note": "no such secret",
        "eventTime": "2026-11-22T03:00:00.123456Z",
        "series": {"count": 7, "lastObservedTime": AT},
        "regarding": {"kind": "Pod", "name": "web-1", "uid": "u1"},
        "type": "Warning",
    }
    (found,) = events_about([newer], [(POD, "u1")], since=0)
    assert found == Event("FailedMount", "no such secret", SECONDS, 7, True)


def test_only_those_about_the_same_object_and_lately() -> None:
    another = event(involvedObject={"kind": "Pod", "name": "web-1", "uid": "u2"})
    elsewhere = event(involvedObject={"kind": "Job", "name": "web-1", "uid": "u1"})
    timeless = event(lastTimestamp=None)
    found = [event(), another, elsewhere, timeless]
    assert len(events_about(found, [(POD, "u1")], since=0)) == 1
    assert len(events_about(found, [(POD, "")], since=0)) == 2
    assert events_about(found, [(POD, "u1")], since=SECONDS + 1) == ()


def test_events_about_nodes_have_the_name_for_a_uid() -> None:
    about = {"kind": "Node", "name": "n1", "uid": "n1"}
    found = events_about([event(involvedObject=about)], [(Ref("node", "n1"), "u9")], since=0)
    assert len(found) == 1


def test_reasons_are_told_by_how_often_they_came() -> None:
    found = events_about(
        [event("Rare"), event("Often", count=40), event("Rare", count=-3)], [(POD, "")], since=0
    )
    assert reasons_of(found) == ("Often", "Rare")


def test_what_an_event_says_is_cleaned_and_bounded() -> None:
    (found,) = events_about(
        [event("x", message="\x1b[2J\u202eevil\n" + "y" * 9000, count=10**30)], [(POD, "")], since=0
    )
    assert found.text.startswith("x: [2Jevil y")
    assert len(found.text) <= 300
    assert found.times == 1_000_000
