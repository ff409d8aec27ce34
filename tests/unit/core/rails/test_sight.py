"""Rails of sight: the kill switch, a person's silence, and sources that are not heard any more."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.guard import ask, recheck
from agent.core.rails.question import Question
from agent.model.alert import AlertStatus
from agent.model.effect import Effect
from agent.model.incident import AlertState
from agent.model.reason import Reason
from agent.model.records import Halt, Silence, SilenceMatcher, SourceSigns
from tests.support.cases import START
from tests.support.decisions import make_command
from tests.support.guarding import incident, question


def firing(source: str = "am", **labels: str) -> dict[str, AlertState]:
    """One alert that has fired long enough for every other rail."""
    identity = f"{source}/f00d"
    state = AlertState(
        identity=identity,
        name="Hung",
        status=AlertStatus.FIRING,
        labels={"alertname": "Hung", **labels},
        starts_at=START - 600,
        seen_at=START,
        messages=3,
    )
    return {identity: state}


def asked(source: str = "am", **fields: object) -> Question:
    return question(incident=incident(alerts=firing(source)), **fields)  # type: ignore[arg-type]


def stop(q: Question) -> Reason | None:
    found = ask(q)
    return found.reason if found is not None else None


HALT = Halt(at=START, who="ann", why="drill")


@pytest.mark.rail("halted")
@pytest.mark.parametrize("how", [{}, {"is_rollback": True}, {"by": "ann"}])
def test_while_halted_nothing_is_done_whoever_asks_and_no_way_back_either(
    how: dict[str, object],
) -> None:
    """F-GRD-04"""
    found = ask(asked(halt=HALT, **how))
    assert found is not None
    assert (found.reason, found.text) == (Reason.HALTED, "ann: drill")


@pytest.mark.rail("halted")
def test_a_switch_that_could_not_be_read_has_its_own_reason() -> None:
    """F-GRD-07"""
    unreadable = msgspec.structs.replace(HALT, is_unreadable=True)
    assert stop(asked(halt=unreadable)) is Reason.HALT_UNREADABLE


@pytest.mark.rail("halted")
def test_what_was_intended_before_is_refused_at_the_act() -> None:
    q = asked(halt=HALT)
    command = make_command(
        "k", subject="i-1", target=q.target, plan="restart", effect=Effect.IDEMPOTENT,
        created_at=START,
    )  # fmt: skip
    found = recheck(command, q.incident, q.view, at=START)
    assert found is not None
    assert found.reason is Reason.HALTED


def silence(name: str = "alertname", value: str = "Hung", **fields: float) -> Silence:
    told = {"starts_at": START - 10, "ends_at": START + 10, **fields}
    return Silence(
        id="s", matchers=(SilenceMatcher(name=name, value=value),), created_by="ann",
        comment="mine", updated_at=START, **told,
    )  # fmt: skip


@pytest.mark.rail("silenced")
def test_what_a_person_silenced_is_not_acted_on() -> None:
    q = asked()
    q.view.silences = {"s": silence()}
    assert stop(q) is Reason.SILENCED


@pytest.mark.rail("silenced")
@pytest.mark.parametrize(
    "other", [silence(value="Slow"), silence(ends_at=START), silence(starts_at=START + 5)]
)
def test_a_silence_of_something_else_or_of_another_time_holds_nothing(other: Silence) -> None:
    q = asked()
    before = stop(q)
    q.view.silences = {"s": other}
    assert stop(q) is before is not Reason.SILENCED


@pytest.mark.rail("silenced")
def test_one_alert_that_nobody_silenced_is_enough_to_act() -> None:
    both = {**firing(), **firing("other", alertname="Slow")}
    q = question(incident=incident(alerts=both))
    q.view.silences = {"s": silence()}
    assert stop(q) is not Reason.SILENCED


def signs(source: str, since: float | None = START - 1) -> SourceSigns:
    return SourceSigns(source=source, last_at=START - 400, firing_since=since)


@pytest.mark.rail("blind")
@pytest.mark.parametrize("source", ["am", "am@127.0.0.1:9093", "watchdog:am"])
def test_what_a_silent_source_said_last_is_not_acted_on(source: str) -> None:
    """F-STORM-07"""
    q = asked()
    q.view.sources = {source: signs(source)}
    found = ask(q)
    assert found is not None
    assert (found.reason, found.text) == (Reason.BLIND, source)


@pytest.mark.rail("blind")
def test_a_group_may_be_an_address() -> None:
    q = asked("cloudevents:https://x/y")
    q.view.sources = {"watchdog:cloudevents:https://x/y": signs("w")}
    assert stop(q) is Reason.BLIND


@pytest.mark.rail("blind")
@pytest.mark.parametrize("sources", [{"am": None}, {"other@x": START}, {"watchdog:other": START}])
def test_another_source_or_one_that_is_heard_holds_nothing(
    sources: dict[str, float | None],
) -> None:
    q = asked()
    before = stop(q)
    q.view.sources = {name: signs(name, since) for name, since in sources.items()}
    assert stop(q) is before is not Reason.BLIND
