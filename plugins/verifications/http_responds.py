"""Proof that something answers by HTTP again.

Held where the right status came in time; failed where another status came or nothing did, because a
service that refuses or hangs is known not to work; inconclusive where the question never got as far
as the other side.
"""

from __future__ import annotations

from agent.model.effect import Verdict
from agent.model.errors import Temporary
from agent.ports.http_question import HttpQuestion
from agent.ports.kit import ReadKit, Unreached
from agent.ports.plugin import Result, verification


class Responds(HttpQuestion):
    pass


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
    url = params.address(kit)
    try:
        reply = await kit.http.get(url, timeout_seconds=params.time(kit))
    except Unreached as error:
        return Response(verdict=Verdict.INCONCLUSIVE, status=None, seconds=None, why=str(error))
    except Temporary as error:
        return Response(verdict=Verdict.FAILED, status=None, seconds=None, why=str(error))
    right = params.is_right(reply.status)
    return Response(
        verdict=Verdict.HELD if right else Verdict.FAILED,
        status=reply.status,
        seconds=round(reply.seconds, 6),
        why=f"answered {reply.status} after {reply.seconds:.3f} s",
    )
