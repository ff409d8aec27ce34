"""Asks members of the machinery what has a known answer, as the catalog declares it.

Which probes there are is read anew at each turn, so that a changed catalog needs no restart. Each
probe is asked in its own rhythm, the first time at a moment spread by its name, and never twice at
a time; one that hangs delays no other. What is said is only whether the answer was right: what to
make of several wrong ones is decided elsewhere. An answer that did not come, that is no 2xx, or
that cannot be compared is no wrong answer.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from functools import partial
from typing import Any, Protocol

import msgspec
from pydantic import Field

from agent.model.alert import Alive, ReferenceAnswer
from agent.model.errors import HomeostatError
from agent.model.signals import ReferenceProbe
from agent.ports.kit import SourceKit
from agent.ports.plugin import Params, stream_source

LONGEST_SAID = 200
SIGN_SECONDS = 30.0
FIRST_WITHIN_SECONDS = 30.0
"""The first round is spread over so long."""


class ProbingKit(SourceKit, Protocol):
    """What this source is lent besides."""

    def holds(self, pattern: str, text: str) -> bool | None:
        """Whether the regular expression is found in the text, in bounded time; None: it cannot be
        told."""
        ...


class ReferenceProbes(Params):
    every_seconds: float = Field(
        default=1.0, gt=0, le=60, description="how often it is looked which probes are due"
    )
    at_once: int = Field(default=16, ge=1, le=256, description="how many are asked at a time")


class Rounds:
    """Which probe is due when. `seen` is its declaration: a changed one begins anew."""

    def __init__(self, *, first_within: float = FIRST_WITHIN_SECONDS) -> None:
        self._due: dict[tuple[str, ReferenceProbe], float] = {}
        self._first_within = first_within

    def due(
        self, declared: list[tuple[str, ReferenceProbe]], now: float
    ) -> list[tuple[str, ReferenceProbe]]:
        """Those to ask now; each comes again after its own time."""
        known = {key: self._due[key] for key in declared if key in self._due}
        for key in declared:
            if key not in known:
                known[key] = now + self._delay(*key)
        self._due = known
        ready = [key for key, at in known.items() if at <= now]
        for agent, probe in ready:
            known[agent, probe] = now + probe.every_seconds
        # A clock that was set back must not put a probe off for longer than its own rhythm.
        for key, at in known.items():
            known[key] = min(at, now + max(key[1].every_seconds, self._first_within))
        return ready

    def _delay(self, agent: str, probe: ReferenceProbe) -> float:
        share = zlib.crc32(f"{agent}/{probe.name}".encode()) / 0xFFFFFFFF
        return share * min(self._first_within, probe.every_seconds)


@stream_source(
    name="reference_probes",
    params=ReferenceProbes,
    summary="Asks sub-agents and proxies their declared questions with known answers",
)
async def ask_all(kit: ProbingKit, params: ReferenceProbes) -> None:
    rounds, turns = Rounds(), asyncio.Semaphore(params.at_once)
    under_way: dict[tuple[str, str], asyncio.Task[None]] = {}
    signed_at: float | None = None
    try:
        while True:
            now = kit.now()
            for agent, probe in rounds.due(declared_in(kit), now):
                name = (agent, probe.name)
                if name not in under_way:
                    asking = asyncio.create_task(ask_one(kit, turns, agent, probe))
                    under_way[name] = asking
                    asking.add_done_callback(partial(forget, under_way, name))
            if signed_at is None or not 0 <= now - signed_at < SIGN_SECONDS:
                signed_at = now
                await say(kit, Alive(source=""))
            await kit.sleep(params.every_seconds)
    finally:
        for asking in list(under_way.values()):
            asking.cancel()


def forget(
    under_way: dict[tuple[str, str], asyncio.Task[None]],
    name: tuple[str, str],
    _: asyncio.Task[None],
) -> None:
    under_way.pop(name, None)


def declared_in(kit: SourceKit) -> list[tuple[str, ReferenceProbe]]:
    return [
        (entity.name, probe)
        for entity in kit.registry.entities.values()
        if entity.member is not None
        for probe in entity.member.probes
    ]


async def ask_one(
    kit: ProbingKit, turns: asyncio.Semaphore, agent: str, probe: ReferenceProbe
) -> None:
    async with turns:
        await say(kit, await answer_of(kit, agent, probe))


async def say(kit: SourceKit, signal: ReferenceAnswer | Alive) -> None:
    try:
        await kit.emit([signal])
    except HomeostatError as error:  # the next answer says it again
        kit.log.warning("reference_probes.not_stored", why=str(error)[:200])


async def answer_of(kit: ProbingKit, agent: str, probe: ReferenceProbe) -> ReferenceAnswer:
    try:
        if probe.body is None:
            reply = await kit.http.get(probe.url, timeout_seconds=probe.timeout_seconds)
        else:
            reply = await kit.http.post(
                probe.url,
                body=probe.body.encode(),
                timeout_seconds=probe.timeout_seconds,
                headers={"content-type": "application/json"},
            )
    except HomeostatError as error:
        return ReferenceAnswer(
            agent=agent, probe=probe.name, is_right=None, said=str(error)[:LONGEST_SAID]
        )
    is_right, said = judged(kit, probe, status=reply.status, body=reply.body)
    return ReferenceAnswer(
        agent=agent,
        probe=probe.name,
        is_right=is_right,
        said=said[:LONGEST_SAID],
        seconds=reply.seconds,
    )


def judged(
    kit: ProbingKit, probe: ReferenceProbe, *, status: int, body: bytes
) -> tuple[bool | None, str]:
    """Whether the answer is the expected one, and what it was."""
    if not 200 <= status < 300:
        return None, f"it answers {status}"
    text = body.decode("utf-8", errors="replace")
    if probe.path:
        found = at_path(body, probe.path)
        if found is None:
            return False, f"nothing at {probe.path}: {text}"
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return kit.holds(probe.expect, text), text


def at_path(body: bytes, path: str) -> object:
    """The value at a dotted path of a JSON document; numbers index lists. None: there is none."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    found: object = value
    return found
