"""Whether pods find room: who waits for a node, how long, and whether nodes can be added.

Without a namespace it is about the whole cluster. `spare_cpu` and `spare_memory` are what would be
left of what nodes offer, after all requests, if the largest node were lost.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Scheduling(Params):
    namespace: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Only pods of this namespace; of all where absent.",
    )


class SchedulingState(Result):
    waiting: int | None = Field(default=None, description="Pods for which no node was found.")
    waiting_for: Span | None = Field(
        default=None, description="How long the first of them has waited; left out where none does."
    )
    reasons: list[str] | None = Field(default=None, description="Why, most frequent first.")
    spare_cpu: float | None = Field(
        default=None,
        description="Share of CPU left without the largest node; negative: too little.",
    )
    spare_memory: float | None = Field(
        default=None, description="Share of memory left without the largest node."
    )
    used_cpu: float | None = Field(
        default=None, description="Share of the CPU on offer that is really used."
    )
    used_memory: float | None = Field(
        default=None, description="Share of the memory on offer that is really used."
    )
    grows_itself: bool | None = Field(
        default=None, description="Something adds nodes, and may add at least one more."
    )


@diagnostic(
    name="kubernetes.scheduling",
    params=Scheduling,
    result=SchedulingState,
    summary="Pods that find no node, what is spare, and whether nodes can be added",
    needs="kubernetes",
)
async def scheduling(kit: ReadKit, params: Scheduling) -> SchedulingState:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
