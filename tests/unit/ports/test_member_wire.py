"""What members write: known names by their types, everything else as detail, nothing refused that
can be used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.alert import Heartbeat, Telemetry
from agent.model.errors import Unparseable
from agent.model.signals import Counters, Mode
from agent.ports.member_wire import MOST_DETAILS, Forged, heartbeat, telemetry
from tests.support.hostile import ANY_JSON, readable_or_refused


def beat(**fields: Any) -> Heartbeat:
    return heartbeat(json.dumps(fields).encode(), agent="a")


def totals(**fields: Any) -> Telemetry:
    return telemetry(json.dumps(fields).encode(), agent="a")


def test_everything_a_beat_may_say() -> None:
    assert beat(
        agent="a",
        alive=True,
        boot="b1",
        seq=7,
        work=12.5,
        last_success="2026-03-01T10:00:00Z",
        sent_at=1772359200.5,
        version="1.4.2",
        config_hash="ab12",
        mode="observe",
        queue=3,
    ) == Heartbeat(
        agent="a",
        boot="b1",
        seq=7,
        work=12.5,
        last_success=1772359200.0,
        sent_at=1772359200.5,
        version="1.4.2",
        config_hash="ab12",
        mode=Mode.OBSERVE,
        detail={"queue": 3},
    )


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("alive", 1, "expected true or false, found a number"),
        ("seq", "7", "expected a whole number from 0 on, found text"),
        ("seq", 1.5, "expected a whole number from 0 on, found a number"),
        ("seq", -1, "expected a whole number from 0 on, found a number below 0"),
        ("seq", True, "expected a whole number from 0 on, found true"),
        ("seq", 10**400, "larger than 2^53, where one more is not seen"),
        ("work", [1], "expected a number from 0 on, found a list"),
        ("work", 2**53 + 1, "larger than 2^53, where one more is not seen"),
        ("boot", {"x": 1}, "expected text, found an object"),
        ("version", 1.4, "expected text, found a number"),
        ("config_hash", False, "expected text, found false"),
        ("sent_at", 1772359200500, "expected seconds since the epoch, found more"),
        ("sent_at", "2026-03-01T10:00:00", "expected seconds since the epoch or RFC 3339 with"),
        ("last_success", -5, "expected seconds since the epoch or RFC 3339 with a zone, found a"),
        ("mode", "asleep", "expected act or observe, found text"),
        ("mode", 1, "expected act or observe, found a number"),
        ("deep", {"a": {"b": 1}}, "expected a plain value, found an object"),
        ("big", 2**70, "does not fit into 64 bits"),
    ],
)
def test_a_field_that_cannot_be_used_is_a_fault_and_the_beat_a_beat(
    name: str, value: Any, fault: str
) -> None:
    said = beat(**{name: value}, queue=1)
    (found,) = said.faults
    assert found.startswith(f"{name}: {fault}")
    bare = Heartbeat(agent="a", detail={"queue": 1}, faults=said.faults)
    assert said == bare, "and nothing of it is kept"


def test_a_boot_may_be_a_number() -> None:
    assert beat(boot=17).boot == "17"


def test_null_says_nothing() -> None:
    names = ("agent", "alive", "boot", "seq", "work", "sent_at", "version", "mode")
    assert beat(**dict.fromkeys(names)) == Heartbeat(agent="a")


def test_details_and_faults_are_bounded() -> None:
    said = beat(**{f"k{i:03}": i for i in range(500)})
    assert len(said.detail) == MOST_DETAILS
    assert said.faults == ("more than 64 further values",)
    wrong = beat(**{f"k{i:03}": [] for i in range(500)}, **{"x" * 10_000: []})
    assert len(wrong.faults) == 9
    assert wrong.faults[-1] == "and 493 more"
    assert max(map(len, wrong.faults)) < 200


def test_agent_is_named_once_or_twice_alike() -> None:
    """F-ING-21: a body cannot speak for another one than its topic."""
    for read in (heartbeat, telemetry):
        assert read(b'{"agent": "a"}', agent="").agent == "a"
        assert read(b'{"agent": "a"}', agent="a").agent == "a"
        with pytest.raises(Forged, match="another agent"):
            read(b'{"agent": "b"}', agent="a")
        with pytest.raises(Forged, match="another agent"):
            read(b'{"agent": 3}', agent="a")
        with pytest.raises(Unparseable, match="name the agent"):
            read(b"{}", agent="")


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"1", b'{"n": NaN}', b"[" * 9000, b'{"n":1e999}']
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    for read in (heartbeat, telemetry):
        with pytest.raises(Unparseable) as caught:
            read(body, agent="a")
        assert caught.value.where
        assert not isinstance(caught.value, Forged)


def test_totals_and_their_other_names() -> None:
    assert totals(tasks=3, errors=1, seconds=4.5, tokens=900, boot="b", model="m") == Telemetry(
        agent="a",
        counters=Counters(tasks=3.0, errors=1.0, seconds=4.5, tokens=900.0),
        boot="b",
        detail={"model": "m"},
    )
    other = totals(duration_seconds=2, input_tokens=70, output_tokens=30)
    assert other.counters == Counters(seconds=2.0, tokens=100.0)
    assert totals(tokens=5, input_tokens=70).counters.tokens == 5.0
    assert totals(output_tokens=7).counters.tokens == 7.0


@pytest.mark.parametrize("value", ["3", -1, True, [], 2**60])
def test_what_is_no_total_is_a_fault(value: Any) -> None:
    told = totals(tasks=value, errors=2)
    assert told.counters == Counters(errors=2.0)
    assert [f.partition(":")[0] for f in told.faults] == ["tasks"]


KNOWN = ("alive", "boot", "seq", "work", "sent_at", "last_success", "version", "mode", "tasks")


@given(st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=5), ANY_JSON, max_size=8))
def test_no_object_of_its_own_is_refused(fields: dict[str, Any]) -> None:
    body = json.dumps({**fields, "agent": "a"}).encode()
    for read in (heartbeat, telemetry):
        if any(odd in body for odd in (b"NaN", b"Infinity", b"\\ud")):
            readable_or_refused(lambda data, read=read: read(data, agent="a"), body)  # type: ignore[misc]
            continue
        said = read(body, agent="a")
        assert said.agent == "a"
        assert len(said.faults) <= 9
