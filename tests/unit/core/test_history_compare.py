"""Then and now, and two sets of rules: what differs is named."""

from __future__ import annotations

import pytest

from agent.core.history import Kind, was
from agent.core.history_compare import between, since_then
from agent.model.incident import Incident, State
from agent.model.reason import Reason
from agent.model.runbook import (
    Runbook,
)
from tests.support.cases import (
    plan,
    runbook,
    step,
)
from tests.support.past import deciding, healed, now, past, routed, view


def test_what_was_decided_then_is_read_from_the_record() -> None:
    acted = was(healed(past()))
    assert (acted.kind, acted.runbook, acted.plan) == (Kind.ACTS, "hung", "restart")
    assert (acted.uses, acted.seconds) == (("process.restart",), 600.0)
    told = was(routed(past(), "team-shop", "process.restart"))
    assert (told.kind, told.routed_to, told.by) == (Kind.ROUTES, "team-shop", ("anna",))
    assert was(past()).kind is Kind.CLEARED
    assert was(past(reason=Reason.DECIDED_TO_SETTLE)).kind is Kind.SETTLES
    assert was(past(state=State.AWAITING_APPROVAL)).kind is Kind.ASKS
    assert was(past(silenced_by="s")).kind is Kind.SILENCED
    assert was(past(state=State.DIAGNOSING)).kind is Kind.UNKNOWN


def test_the_same_then_and_now_differs_in_nothing() -> None:
    incident = healed(past())
    (would,) = now(incident, of=view(runbook()))
    assert since_then(was(incident), would) == ()


@pytest.mark.parametrize(
    ("incident", "rules", "differs"),
    [
        (healed(past()), (), ("decision", "runbook")),
        (healed(past(), "old"), (runbook(),), ("runbook",)),
        (healed(past(), plan="old"), (runbook(),), ("plan",)),
        (healed(past()), (runbook(plans=(plan("restart", step("process.flush")),)),), ("actions",)),
        (routed(past(), "team-shop"), (runbook(),), ("decision", "runbook")),
        (routed(past(), "team-else"), (), ("route",)),
        (routed(past(), "team-shop"), (), ()),
        (past(), (), ()),
        (past(), (runbook(),), ("decision", "runbook")),
        (routed(past(), "team-shop"), (deciding(),), ()),
        (past(silenced_by="s"), (runbook(),), ()),
    ],
    ids=str,
)
def test_differences_are_named(
    incident: Incident, rules: tuple[Runbook, ...], differs: tuple[str, ...]
) -> None:
    (would,) = now(incident, of=view(*rules))
    assert since_then(was(incident), would) == differs


def test_two_sets_of_rules_differ_where_a_parameter_does() -> None:
    slow = runbook(plans=(plan("restart", step(grace_seconds=60)),))
    (old,), (new,) = now(past(), of=view(runbook())), now(past(), of=view(slow))
    assert between(old, new) == ("actions",)
    assert between(old, old) == ()
