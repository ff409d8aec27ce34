"""How many pods of a workload may be missing on purpose, by its disruption budget.

An eviction asks the same budget again at the moment it is made; this is for deciding and for pages.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


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
)
async def disruption_budget(kit: ReadKit, params: Disrupted) -> DisruptionBudget:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
