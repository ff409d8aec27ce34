"""The state of a pod, or of all pods of a workload: ready, restarted, and how they ended last.

Where there are several, `available` is true only for all of them, `restarts` is their sum, and what
ended or waits is told of the worst one: the longest not ready, then the one with most restarts.
Restarts are counted within `since`, because the counter of a pod never goes back.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Pods(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )
    since: Span = Field(
        default=timedelta(minutes=30), description="How far back restarts and terminations count."
    )


class PodStatus(Result):
    pods: int | None = Field(default=None, description="How many there are.")
    ready: int | None = Field(default=None, description="How many of them are ready.")
    available: bool | None = Field(default=None, description="All of them are ready.")
    unavailable_for: Span | None = Field(
        default=None, description="How long the worst one has not been ready; 0 where all are."
    )
    restarts: int | None = Field(
        default=None, description="Restarts of their containers within `since`."
    )
    reason: str | None = Field(
        default=None,
        description="How a container of the worst one ended last: `Error`, `OOMKilled`, ...",
    )
    exit_code: int | None = Field(default=None, description="The exit code it ended with.")
    oom_killed: bool | None = Field(
        default=None,
        description="A container was killed within `since` because it used up its memory.",
    )
    waiting: str | None = Field(
        default=None,
        description="Why it does not run: `CrashLoopBackOff`, `ImagePullBackOff`; or empty.",
    )
    unscheduled: int | None = Field(default=None, description="Pods for which no node was found.")
    worst: str | None = Field(
        default=None,
        description="Name of the worst one in the inventory; left out where all are ready.",
    )
    worst_node: str | None = Field(default=None, description="The node it runs on.")
    worst_node_ready: bool | None = Field(
        default=None, description="That node is ready and under no pressure."
    )
    nodes: int | None = Field(default=None, description="Nodes with pods that are not ready.")


@diagnostic(
    name="kubernetes.pod_status",
    params=Pods,
    result=PodStatus,
    summary="Readiness, restarts and last terminations of a pod or of a workload's pods",
    needs="kubernetes",
)
async def pod_status(kit: ReadKit, params: Pods) -> PodStatus:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
