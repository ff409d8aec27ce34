"""Ends a canary or blue-green rollout of Argo Rollouts: traffic goes back to the stable version.

Not for a Rollout that is through: there is nothing to end, and `kubernetes.argo_undo` brings an
earlier revision back. What is declared stays as it is, so the bad version comes again with the next
change; a person retries it or declares the old one.

Conditional on the version of the object that was read. One that is aborted already stays so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import judged, merged, rights_of
from agent.ports.cluster_walking import text, walk
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Abort(Params):
    target: str = Field(
        description="Rollout, as in `prod-a/rollout/web`, or a registered entity that is one."
    )


@action(
    name="kubernetes.argo_abort",
    params=Abort,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.NOTHING,
    availability=Availability.KEEPS,
    summary="Ends a rollout of Argo Rollouts; the stable version serves alone",
    needs="kubernetes",
    rights=(
        *rights_of(("rollout",), "get"),
        Right(kind="rollout", part="status", verbs=("patch",)),
    ),
)
async def abort(kit: ActKit, params: Abort) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=("rollout",))

    async def act(found: Json) -> Mapping[str, Any]:
        if walk(found, "status", "abort") is True:
            return {"changed": False}
        stable, now = text(found, "status", "stableRS"), text(found, "status", "currentPodHash")
        if not stable:
            raise Permanent(f"{ref.text} has no stable version to go back to")
        if stable == now:
            raise Permanent(f"{ref.text} is through: there is no rollout to end")
        body = merged(found, {"status": {"abort": True}})
        await kit.cluster.patch(ref, body, how=How.MERGE, part="status")
        return {"changed": True}

    result = await judged(kit.cluster, ref, act)
    kit.log.info("aborted", target=ref.text, changed=result["changed"])
    return result
