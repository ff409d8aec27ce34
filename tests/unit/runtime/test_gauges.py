"""Numbers that are read when somebody asks for them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.own import OwnState
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.runtime.gauges import gauges
from agent.runtime.telemetry import Telemetry


def exposed(view: View, *, silent: float) -> dict[str, float]:
    """By a daemon of which there is only what is measured."""
    parts: Any = SimpleNamespace(
        view=view,
        outbox=SimpleNamespace(under_way=0),
        files=SimpleNamespace(refused=()),
        lane=SimpleNamespace(commits=0),
        escalating=SimpleNamespace(unheard=0),
        own_health=SimpleNamespace(spent=0.0, advises_only=False, late=0),
        cluster_state=SimpleNamespace(silent_seconds=silent),
        telemetry=Telemetry(),
    )
    try:
        gauges(parts)
        said = parts.telemetry.exposition().decode()
    finally:
        parts.telemetry.close()
    found = re.findall(r"^(homeostat_\w+)(?:\{[^}]*\})? (\S+)$", said, re.M)
    return {name: float(value) for name, value in found}


def test_the_ledger_is_in_balance_until_it_was_looked_at_and_then_as_it_was_found() -> None:
    view = View(policy=Policy(), registry=Registry(), runbooks=MatchIndex(()), plugins={})
    assert exposed(view, silent=0.0)["homeostat_ledger_unbalanced"] == 0.0
    view.own = {"own": OwnState(at=1.0, unbalanced=-3)}
    found = exposed(view, silent=42.0)
    assert found["homeostat_ledger_unbalanced"] == -3.0
    assert found["homeostat_cluster_watch_silent"] == 42.0
