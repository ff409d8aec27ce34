"""Proof that something answers by HTTP again.

Held where the right status came in time; failed where another status came or nothing did, because a
service that refuses or hangs is known not to work; inconclusive where the question never got as far
as the other side.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from agent.model.effect import Verdict
from agent.model.errors import Permanent, Temporary
from agent.ports.kit import ReadKit, Unreached
from agent.ports.plugin import Params, Result, verification


class Responds(Params):
    url: str | None = Field(default=None, description="Address to ask; or give `target`")
    target: str | None = Field(
        default=None, description="Registered entity whose health address is asked"
    )
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Time the answer has, in seconds"
    )
    expect: int | None = Field(
        default=None, ge=100, le=599, description="Status that is right; any 2xx where absent"
    )

    @model_validator(mode="after")
    def one_place(self) -> Self:
        if (self.url is None) == (self.target is None):
            raise ValueError("give either `url` or `target`")
        return self


class Response(Result):
    verdict: Verdict
    status: int | None
    """None where nothing answered."""
    seconds: float | None
    why: str


@verification(
    name="http.responds",
    params=Responds,
    result=Response,
    summary="Proves that an address answers by HTTP with the right status",
)
async def responds(kit: ReadKit, params: Responds) -> Response:
    url = params.url or _health_url(kit, params.target or "")
    timeout_seconds = min(params.timeout_seconds, kit.deadline_seconds * 0.9)
    try:
        reply = await kit.http.get(url, timeout_seconds=timeout_seconds)
    except Unreached as error:
        return Response(verdict=Verdict.INCONCLUSIVE, status=None, seconds=None, why=str(error))
    except Temporary as error:
        return Response(verdict=Verdict.FAILED, status=None, seconds=None, why=str(error))
    right = 200 <= reply.status < 300 if params.expect is None else reply.status == params.expect
    return Response(
        verdict=Verdict.HELD if right else Verdict.FAILED,
        status=reply.status,
        seconds=round(reply.seconds, 6),
        why=f"answered {reply.status} after {reply.seconds:.3f} s",
    )


def _health_url(kit: ReadKit, target: str) -> str:
    entity = kit.registry.entities.get(target)
    if entity is None:
        raise Permanent(f"no entity {target!r} is registered")
    if entity.health_url is None:
        raise Permanent(f"{target!r} has no health_url in the catalog")
    return entity.health_url
