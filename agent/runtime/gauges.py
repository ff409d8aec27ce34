"""Numbers that are read when somebody asks for them: what stands open, and what is under way."""

from __future__ import annotations

from typing import Protocol

from agent.core.view import View
from agent.runtime.cluster_state import ClusterTelling
from agent.runtime.escalating import Escalating
from agent.runtime.lane import Lane
from agent.runtime.outbox import Outbox
from agent.runtime.own_health import OwnHealth
from agent.runtime.reloading import Reloading
from agent.runtime.telemetry import Telemetry


class Parts(Protocol):
    """Of the daemon, what is measured."""

    view: View
    outbox: Outbox
    files: Reloading
    lane: Lane
    escalating: Escalating
    own_health: OwnHealth
    telemetry: Telemetry
    cluster_state: ClusterTelling


def gauges(parts: Parts) -> None:
    view, gauge = parts.view, parts.telemetry.gauge
    gauge("homeostat.incidents.open", "Open incidents", lambda: len(view.incidents))
    gauge("homeostat.outbox.under_way", "Commands under way", lambda: parts.outbox.under_way)
    gauge("homeostat.halted", "1: the kill switch is on", lambda: float(bool(view.halt)))
    gauge(
        "homeostat.files.refused",
        "Files whose present version is not in use",
        lambda: len(parts.files.refused),
    )
    gauge(
        "homeostat.pages.unheard",
        "Open incidents whose page stands only in the file of last resort",
        lambda: parts.escalating.unheard,
    )
    gauge("homeostat.commits", "Durable commits since start", lambda: parts.lane.commits)
    gauge(
        "homeostat.own.budget.spent",
        "Share of the agent's own error budget that is spent; NaN: it cannot be told",
        lambda: parts.own_health.spent,
    )
    gauge(
        "homeostat.own.advises_only",
        "1: it does nothing by itself",
        lambda: float(parts.own_health.advises_only),
    )
    gauge(
        "homeostat.own.decisions.late",
        "Decisions since start that came later than the agent's objective allows",
        lambda: parts.own_health.late,
    )
    gauge(
        "homeostat.ledger.unbalanced",
        "By how many alerts the ledger is out of balance",
        lambda: float(own.unbalanced) if (own := view.own.get("own")) else 0.0,
    )
    gauge(
        "homeostat.cluster.watch.silent",
        "Seconds since the watch of a cluster that was silent longest spoke",
        lambda: parts.cluster_state.silent_seconds,
    )
