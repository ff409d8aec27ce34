"""Proof that a process is up: it lives, does not hang, and answers where it has a health address.

Failed only where it is plainly down, hung or answers with an error. Just started and not listening
yet, or not long enough up, is inconclusive: the next look decides. What cannot be looked at is
inconclusive too.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.effect import Verdict
from agent.ports.kit import ProcessStatus, ReadKit
from agent.ports.plugin import Params, Result, verification

STARTING = "starting"


class Up(Params):
    target: str = Field(description="Name of the registered entity that has to be up.")
    for_seconds: float = Field(
        default=0.0, ge=0, description="It has to be up for so long before that counts."
    )


class UpResult(Result):
    verdict: Verdict
    alive: bool
    hung: bool
    answers: bool | None = None
    uptime_seconds: float | None = None
    version: str = ""
    detail: str = ""


@verification(
    name="process.up",
    params=Up,
    result=UpResult,
    summary="A supervised process lives, does not hang, and answers",
)
async def up(kit: ReadKit, params: Up) -> UpResult:
    seen = await kit.processes.status(params.target)
    return UpResult(
        verdict=_verdict(seen, params.for_seconds),
        alive=seen.alive,
        hung=seen.hung,
        answers=seen.answers,
        uptime_seconds=seen.uptime_seconds,
        version=seen.version,
        detail=seen.detail,
    )


def _verdict(seen: ProcessStatus, for_seconds: float) -> Verdict:
    if not seen.known:
        return Verdict.INCONCLUSIVE
    if not seen.alive or seen.hung:
        return Verdict.FAILED
    if seen.answers is False:
        return Verdict.INCONCLUSIVE if seen.detail == STARTING else Verdict.FAILED
    if seen.answers is None and seen.detail:
        return Verdict.INCONCLUSIVE  # it has a health address, and it could not be asked
    if for_seconds > 0 and (seen.uptime_seconds is None or seen.uptime_seconds < for_seconds):
        return Verdict.INCONCLUSIVE
    return Verdict.HELD
