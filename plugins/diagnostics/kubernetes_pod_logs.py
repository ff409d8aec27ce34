"""The last lines of a pod's containers, and how many of them tell of an error.

Bounded and cleaned of control characters. `previous` reads what the container wrote before it ended
last, which is what a crash loop is about. Good for a page; no base for a decision where better
evidence exists.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


class Logs(Params):
    target: str = Field(
        description="Pod or workload of the inventory, or a registered entity that is one workload."
    )
    lines: int = Field(default=20, ge=1, le=200, description="How many lines, from the end.")
    previous: bool = Field(
        default=False,
        description="Those of the container that ended, in place of the one that runs.",
    )


class Lines(Result):
    lines: list[str] | None = Field(
        default=None, description="Oldest first, without control characters."
    )
    errors: int | None = Field(
        default=None, description="How many of these lines tell of an error."
    )
    last_error: str | None = Field(
        default=None, description="The last of them; empty: there is none."
    )


@diagnostic(
    name="kubernetes.pod_logs",
    params=Logs,
    result=Lines,
    summary="The last lines of a pod's containers, and the last error among them",
    needs="kubernetes",
)
async def pod_logs(kit: ReadKit, params: Logs) -> Lines:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
