"""The ConfigMaps and Secrets a workload reads: what changed, and whether its pods know.

The good copy is the content while the workload was last wholly available for an hour. Kubernetes
keeps no history of these objects; the inventory does. Values of Secrets are never shown.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Configured(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )


class ConfigState(Result):
    known: bool | None = Field(default=None, description="There is a good copy to compare with.")
    changed: bool | None = Field(
        default=None, description="What is declared differs from the good copy."
    )
    changed_ago: Span | None = Field(default=None, description="How long ago it was changed.")
    changed_by: str | None = Field(default=None, description="Who changed it.")
    changed_by_person: bool | None = Field(default=None, description="Whether that is a person.")
    source: str | None = Field(
        default=None, description="The object that changed, as in `prod-a/configmap/web`."
    )
    loaded: bool | None = Field(default=None, description="All pods run with what is declared now.")
    diff: list[str] | None = Field(
        default=None, description="From good to now: at most 20 lines, Secrets as names only."
    )


@diagnostic(
    name="kubernetes.config_state",
    params=Configured,
    result=ConfigState,
    summary="What changed in a workload's configuration since it was last well",
    needs="kubernetes",
)
async def config_state(kit: ReadKit, params: Configured) -> ConfigState:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
