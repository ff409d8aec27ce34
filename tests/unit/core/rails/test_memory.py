"""Rails with a memory: remedies that do not help, what comes and goes, and conflicts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.approval import fingerprint_of
from agent.core.guard import ask
from agent.model.effect import OutcomeStatus
from agent.model.incident import State
from agent.model.policy import PluginFacts
from agent.model.reason import Reason
from agent.model.records import Act, Breaker
from tests.support.cases import START, Value, plan, runbook, step
from tests.support.guarding import act, incident, question
from tests.support.remembering import easy

OPENED = Breaker(runbook="hung", use="process.restart", opened_at=START - 60, opens=(START - 60,))
SCALE = PluginFacts(name="scale", kind="action", effect="idempotent", reversal="snapshot")
START_IT = PluginFacts(name="start", kind="action", effect="idempotent", undone_by="stop")
STOP_IT = PluginFacts(name="stop", kind="action", effect="idempotent")


def stopped(*acts: Act, with_breaker: Breaker | None = None, **fields: Any) -> Reason | None:
    q = question(*acts, **{"params": {"target": "shop-worker"}, **fields})
    q.view.policy = easy()
    q.view.plugins = {**q.view.plugins, **{p.name: p for p in (SCALE, START_IT, STOP_IT)}}
    if with_breaker is not None:
        q.view.breakers = {f"{with_breaker.runbook} {with_breaker.use}": with_breaker}
    stop = ask(q)
    return stop.reason if stop is not None else None


@pytest.mark.rail("breaker_open")
def test_an_open_breaker_holds_the_remedy_and_nothing_else() -> None:
    assert stopped() is None
    assert stopped(with_breaker=OPENED) is Reason.BREAKER_OPEN
    for other in ({"runbook": "slow"}, {"use": "process.flush"}):
        assert stopped(with_breaker=msgspec.structs.replace(OPENED, **other)) is None
    closed = msgspec.structs.replace(OPENED, opened_at=None)
    assert stopped(with_breaker=closed) is None


@pytest.mark.rail("breaker_open")
def test_half_open_it_lets_exactly_one_incident_try() -> None:
    later: dict[str, Any] = {"at": START + 1740, "with_breaker": OPENED}
    assert stopped(at=START + 1739, with_breaker=OPENED) is Reason.BREAKER_OPEN
    assert stopped(**later) is None
    mine = msgspec.structs.replace(OPENED, trying="i-1")
    assert stopped(**{**later, "with_breaker": mine}) is None
    other = msgspec.structs.replace(OPENED, trying="i-2")
    q = question(at=START + 1740, params={"target": "shop-worker"})
    q.view.policy, q.view.breakers = easy(), {"hung process.restart": other}
    assert ask(q) is None, "an incident that ended keeps nothing"
    q.view.incidents = {"i-2": incident(id="i-2", state=State.ACTING)}
    stop = ask(q)
    assert stop is not None
    assert (stop.reason, "i-2 has the one try" in stop.text) == (Reason.BREAKER_OPEN, True)
    q.view.incidents = {"i-2": incident(id="i-2", state=State.ESCALATED)}
    assert ask(q) is None, "nor does one that a person has"


@pytest.mark.rail("breaker_locked")
def test_a_locked_breaker_waits_for_a_person_however_long() -> None:
    locked = msgspec.structs.replace(OPENED, locked=True)
    for at in (START, START + 86_400 * 30):
        assert stopped(at=at, with_breaker=locked) is Reason.BREAKER_LOCKED


@pytest.mark.rail("flapping")
def test_what_comes_and_goes_is_left_alone() -> None:
    """F-STORM-04"""
    assert stopped(incident=incident(is_flapping=True)) is Reason.FLAPPING


@pytest.mark.rail("cause_chain")
def test_a_chain_of_own_acts_ends() -> None:
    """F-RB-09"""
    assert stopped(incident=incident(chain=3)) is None
    assert stopped(incident=incident(chain=4, caused_by="i-0")) is Reason.CAUSE_CHAIN


@pytest.mark.rail("cause_chain")
def test_the_one_that_led_too_far_ends_with_it() -> None:
    """F-RB-09"""
    q = question(incident=incident(chain=3), params={"target": "shop-worker"})
    q.view.policy = easy()
    q.view.incidents = {"i-5": incident(id="i-5", chain=4, caused_by="i-1")}
    stop = ask(q)
    assert stop is not None
    assert stop.reason is Reason.CAUSE_CHAIN
    q.view.incidents = {"i-5": incident(id="i-5", chain=4, caused_by="i-4")}
    assert ask(q) is None


def scaled(**fields: Any) -> Act:
    """Another runbook scaled it up five minutes ago."""
    params = fingerprint_of("scale", {"target": "shop-worker", "replicas": 6})
    told = {"use": "scale", "params": params, "at": START - 300, "ended_at": START - 299, **fields}
    return act(**told)


def scaling(replicas: int = 3) -> dict[str, Any]:
    return {"use": "scale", "params": {"target": "shop-worker", "replicas": replicas}}


@pytest.mark.rail("reversal")
def test_two_runbooks_that_pull_one_target_in_opposite_ways_are_in_conflict() -> None:
    """F-RB-10"""
    assert stopped(scaled(), **scaling(3)) is Reason.REVERSAL
    assert stopped(scaled(), **scaling(6)) is None, "the same again is no conflict"


@pytest.mark.rail("reversal")
@pytest.mark.parametrize(("before", "now"), [("start", "stop"), ("stop", "start")])
def test_an_action_and_the_one_that_takes_it_back_are_in_conflict(before: str, now: str) -> None:
    """F-RB-10: either may be the one that declares it."""
    done = act(use=before, at=START - 300)
    assert stopped(done, use=now) is Reason.REVERSAL
    assert stopped(act(use="process.restart", at=START - 300), use=now) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"at": START - 1802, "ended_at": START - 1801},
        {"is_rollback": True},
        {"status": OutcomeStatus.REFUSED},
        {"incident_id": "i-1"},
        {"runbook": "hung"},
        {"by": "bob"},
        {"target": "shop-web"},
        {"params": ""},
    ],
    ids=str,
)
def test_what_is_no_reversal(fields: dict[str, Any]) -> None:
    assert stopped(scaled(**fields), **scaling(3)) is None


@pytest.mark.rail("reversal")
def test_the_parameters_are_worked_out_where_the_step_has_none_yet() -> None:
    call = step("scale", id="scale", replicas=Value("entity.replicas"))
    mine = runbook("hung", plan("scale", call))
    told: dict[str, Any] = {
        "use": "scale",
        "params": None,
        "runbook": mine,
        "incident": incident(plan="scale"),
    }
    facts = {"entity": {"name": "shop-worker", "replicas": 3}}
    assert stopped(scaled(), facts=facts, **told) is Reason.REVERSAL
    facts["entity"]["replicas"] = 6
    assert stopped(scaled(), facts=facts, **told) is None
    assert stopped(scaled(), facts={}, **told) is Reason.GUARD_FAILED, "unknown is no permission"


@pytest.mark.parametrize(
    "fields",
    [
        {"incident": incident(is_flapping=True)},
        {"incident": incident(chain=9)},
        {"with_breaker": msgspec.structs.replace(OPENED, locked=True)},
        {"with_breaker": OPENED},
    ],
)
@pytest.mark.parametrize("who", [{"by": "bob"}, {"is_rollback": True}])
def test_people_and_the_way_back_are_not_held(fields: dict[str, Any], who: dict[str, Any]) -> None:
    told = {**fields, **who, "runbook": None}
    assert stopped(**told) is None
    assert stopped(scaled(), **{**scaling(), **who, "runbook": None}) is None
