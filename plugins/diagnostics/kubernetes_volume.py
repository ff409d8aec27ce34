"""The volume behind a claim, or the fullest one of a workload: how full, and whether it can grow.

`next_bytes` is a quarter more than the capacity, rounded up to whole GiB, for
`kubernetes.expand_volume`: an absolute size, so that doing it twice grows it once. It is left out
where that would be more than the quota or the class of the storage allows. A workload without a
volume has `bound: false`, and nothing else is known.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Volume(Params):
    target: str = Field(
        description=(
            "Claim or workload of the inventory, or a registered entity that is one workload."
        ),
    )


class VolumeState(Result):
    claim: str | None = Field(default=None, description="Name of the claim in the inventory.")
    phase: str | None = Field(default=None, description="`Bound`, `Pending`, `Lost`, ...")
    bound: bool | None = Field(default=None, description="The claim has its volume.")
    pending_for: Span | None = Field(
        default=None, description="How long it has waited for one; left out where it is bound."
    )
    mounted: bool | None = Field(default=None, description="A pod that runs uses it.")
    storage_class: str | None = Field(default=None, description="Class of the storage.")
    expandable: bool | None = Field(
        default=None, description="That class lets volumes grow while they are in use."
    )
    resizing: bool | None = Field(default=None, description="It is growing now.")
    capacity_bytes: int | None = Field(default=None, description="Its size.")
    next_bytes: int | None = Field(default=None, description="The next size to grow to.")
    used: float | None = Field(default=None, description="Share of its space that is used.")
    inodes_used: float | None = Field(default=None, description="Share of its inodes that is used.")
    full_in: Span | None = Field(
        default=None,
        description="When it is full at the pace of the last hour; left out: not growing.",
    )
    growth_is_new: bool | None = Field(
        default=None,
        description="The pace of the last hour is more than twice that of the last day.",
    )


@diagnostic(
    name="kubernetes.volume",
    params=Volume,
    result=VolumeState,
    summary="A volume: how full, how soon full, and whether it can grow",
    needs="kubernetes",
)
async def volume(kit: ReadKit, params: Volume) -> VolumeState:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
