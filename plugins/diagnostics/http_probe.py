"""Asks an address by HTTP and says what came back, as a finding.

No answer is a finding too, not a failure of the diagnostic: that something refuses the connection
is what the runbook wants to know. Only what says nothing about the other side (its name cannot be
resolved, there is no way to it) is raised as temporary.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from agent.model.errors import Permanent, Temporary
from agent.ports.http_question import HttpQuestion
from agent.ports.kit import HttpReply, ReadKit, Unreached
from agent.ports.plugin import Result, diagnostic


class Get(HttpQuestion):
    json_path: str | None = Field(
        default=None,
        description="Dotted path to a number in a JSON answer, as in `queue.depth` or `items.0.n`",
    )


class Answer(Result):
    answers: bool
    """An answer with the right status came in time."""
    status: int | None
    """None where nothing answered."""
    seconds: float | None
    value: float | None
    """The number at `json_path`; None where there is none (true is 1, false is 0)."""
    why: str


@diagnostic(
    name="http.get",
    params=Get,
    result=Answer,
    summary="Asks an address by HTTP: whether it answers, its status, a number in its JSON",
)
async def get(kit: ReadKit, params: Get) -> Answer:
    url = params.address(kit)
    try:
        reply = await kit.http.get(url, timeout_seconds=params.time(kit))
    except Unreached:
        raise
    except Temporary as error:
        return Answer(answers=False, status=None, seconds=None, value=None, why=str(error))
    right = params.is_right(reply.status)
    return Answer(
        answers=right,
        status=reply.status,
        seconds=round(reply.seconds, 6),
        value=_number(reply, params.json_path),
        why=f"answered {reply.status} after {reply.seconds:.3f} s",
    )


def _number(reply: HttpReply, path: str | None) -> float | None:
    if path is None:
        return None
    try:
        found: Any = reply.json()
    except Permanent:
        return None
    for word in path.split("."):
        if isinstance(found, dict) and word in found:
            found = found[word]
        elif isinstance(found, list) and word.isascii() and word.isdigit():
            if int(word) >= len(found):
                return None
            found = found[int(word)]
        else:
            return None
    # a whole number beyond 64 bits may not fit a float, and is no reading
    return float(found) if isinstance(found, int | float) and abs(found) < 1e300 else None
