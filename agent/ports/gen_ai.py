"""OpenTelemetry's names for the work of sub-agents, as they stand in Prometheus.

The conventions for generative AI are still in development, and moved to a repository of their own
in 2026: this file is the only place that knows them. Read there at model/gen-ai/metrics.yaml:
`gen_ai.invoke_agent.duration` (one invocation of an agent, seconds), `gen_ai.client.operation.
duration` (one call of a model, seconds) and `gen_ai.client.token.usage` are histograms, and
`error.type` is there only where it ended in an error. OpenTelemetry's exporter for Prometheus
writes `_` for the dots, adds the unit `seconds`, and drops the unit `{token}`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.model.signals import Counters

AGENT_LABEL = "gen_ai_agent_name"
"""The label with `gen_ai.agent.name`."""
ERROR_LABEL = "error_type"
INVOCATIONS = "gen_ai_invoke_agent_duration_seconds"
OPERATIONS = "gen_ai_client_operation_duration_seconds"
TOKENS = "gen_ai_client_token_usage"


class Total(msgspec.Struct, frozen=True):
    """One running total: of which metric, and what it counts."""

    metric: str
    counts: str


TOTALS = {
    # Errors are asked first: what ends meanwhile is then more tasks, and never more errors.
    Total(INVOCATIONS, "errors"): f'{INVOCATIONS}_count{{{ERROR_LABEL}!=""}}',
    Total(OPERATIONS, "errors"): f'{OPERATIONS}_count{{{ERROR_LABEL}!=""}}',
    Total(INVOCATIONS, "tasks"): f"{INVOCATIONS}_count",
    Total(OPERATIONS, "tasks"): f"{OPERATIONS}_count",
    Total(INVOCATIONS, "seconds"): f"{INVOCATIONS}_sum",
    Total(OPERATIONS, "seconds"): f"{OPERATIONS}_sum",
    Total(TOKENS, "tokens"): f"{TOKENS}_sum",
}
"""What is selected for each."""


def queries(label: str = AGENT_LABEL) -> Mapping[Total, str]:
    """PromQL for all agents at once, in the order in which it is to be asked."""
    named = f'{label}!=""'
    return {
        total: f"sum by ({label}) ({_with(selected, named)})" for total, selected in TOTALS.items()
    }


def _with(selected: str, matcher: str) -> str:
    if selected.endswith("}"):
        return f"{selected[:-1]},{matcher}}}"
    return f"{selected}{{{matcher}}}"


def counters(found: Mapping[Total, float]) -> Counters | None:
    """The totals of one agent. Its invocations are its tasks, where they are counted; else its
    calls of models are. Without either it says nothing of its work."""
    kind = INVOCATIONS if Total(INVOCATIONS, "tasks") in found else OPERATIONS
    tasks = found.get(Total(kind, "tasks"))
    tokens = found.get(Total(TOKENS, "tokens"))
    if tasks is None and tokens is None:
        return None
    return Counters(
        tasks=tasks,
        # No series of errors: none has ended in one yet.
        errors=min(found.get(Total(kind, "errors"), 0.0), tasks) if tasks is not None else None,
        seconds=found.get(Total(kind, "seconds")),
        tokens=tokens,
    )
