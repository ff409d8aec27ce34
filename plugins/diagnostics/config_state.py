"""Whether the configuration of a process differs from the last good copy, and in which lines.

Values that look like secrets are left out of the difference. Where no good copy is known, `known`
is false and `changed` is unknown: a process without a memory of health has no healthy state.
"""

from __future__ import annotations

from pydantic import Field

from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


class ConfigState(Params):
    target: str = Field(description="Name of the registered entity whose configuration it is.")


class ConfigStateResult(Result):
    known: bool = Field(description="There is a good copy to compare with.")
    changed: bool | None = Field(
        default=None, description="It differs from the good copy; unknown where there is none."
    )
    changed_seconds_ago: float | None = Field(
        default=None, description="Age of the file, where it differs and still exists."
    )
    path: str = Field(default="", description="Empty: the process declares no configuration.")
    diff: list[str] = Field(description="From good to now: at most 20 lines, secrets masked.")


@diagnostic(
    name="config.state",
    params=ConfigState,
    result=ConfigStateResult,
    summary="Whether a configuration differs from its last good copy, and how",
)
async def config_state(kit: ReadKit, params: ConfigState) -> ConfigStateResult:
    state = await kit.processes.config_state(params.target)
    known = bool(state["known"])
    return ConfigStateResult(
        known=known,
        changed=bool(state["changed"]) if known else None,
        changed_seconds_ago=state["changed_seconds_ago"],
        path=str(state["path"]),
        diff=list(state["diff"]),
    )
