"""How many pods of a workload may be missing on purpose, by its disruption budget.

An eviction asks the same budget again at the moment it is made; this is for deciding and for pages.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import Json
from agent.ports.cluster_kinds import ref_of
from agent.ports.cluster_questions import GETS_WORKLOADS, workload
from agent.ports.cluster_scalers import budget_seen, budgets_of
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic

BUDGET = "poddisruptionbudget"


class Disrupted(Params):
    target: str = Field(
        description="Workload, budget or registered entity, as in `prod-a/poddisruptionbudget/web`."
    )


class DisruptionBudget(Result):
    exists: bool | None = Field(default=None, description="There is a budget.")
    allowed: int | None = Field(default=None, description="So many pods may be evicted now.")
    healthy: int | None = Field(default=None, description="Pods that count as healthy.")
    wanted: int | None = Field(default=None, description="Pods that have to stay healthy.")


@diagnostic(
    name="kubernetes.disruption_budget",
    params=Disrupted,
    result=DisruptionBudget,
    summary="The disruption budget of a workload: how many pods may go",
    needs="kubernetes",
    rights=(*GETS_WORKLOADS, Right(kind="poddisruptionbudget", verbs=("get", "list"))),
)
async def disruption_budget(kit: ReadKit, params: Disrupted) -> DisruptionBudget:
    seen = budget_seen(await _budgets(kit, params.target))
    if seen is None:
        return DisruptionBudget(exists=False)
    return DisruptionBudget(
        exists=True, allowed=seen.allowed, healthy=seen.healthy, wanted=seen.wanted
    )


async def _budgets(kit: ReadKit, target: str) -> tuple[Json, ...]:
    named = ref_of(target)
    if named is not None and named.kind == BUDGET:
        budget = await kit.cluster.get(named)
        return () if budget is None else (budget,)
    found = await workload(kit.cluster, target)
    budgets = await kit.cluster.list(BUDGET, namespace=found.ref.namespace)
    return budgets_of(budgets, found.labels)
