"""The measured action: one POST that names its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Effect, Reversal
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Post(Params):
    target: str = Field(description="Name of the entity.")
    url: str = Field(description="Where to post it.")


@action(
    name="bench.post",
    params=Post,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NOTHING,
    summary="Posts the target's name",
)
async def post(kit: ActKit, params: Post) -> Mapping[str, Any]:
    reply = await kit.http.post(params.url, body=params.target.encode(), timeout_seconds=5)
    return {"status": reply.status}
