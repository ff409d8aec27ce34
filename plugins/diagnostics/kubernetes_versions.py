"""Which versions of Kubernetes run, and whether an upgrade is under way.

Under way: the newest version came within the last day, and nodes have been changing to it within
the last two hours.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Versions(Params):
    pass


class VersionsState(Result):
    versions: list[str] | None = Field(
        default=None, description="All versions that run, newest first."
    )
    skew: int | None = Field(
        default=None, description="Minor versions between the newest and the oldest."
    )
    behind: int | None = Field(
        default=None, description="Nodes that are not of the newest version."
    )
    upgrading: bool | None = Field(default=None, description="An upgrade is under way.")
    changed_ago: Span | None = Field(
        default=None, description="How long ago a node changed its version last."
    )


@diagnostic(
    name="kubernetes.versions",
    params=Versions,
    result=VersionsState,
    summary="Versions of the control plane and the nodes, and whether they are being upgraded",
    needs="kubernetes",
)
async def versions(kit: ReadKit, params: Versions) -> VersionsState:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
