"""Which of the things a target depends on, directly or through others, are sick.

The graph is the catalog's (`dependsOn`). A dependency is sick where its process is known and is
dead, hung or does not answer, or where its health address does not answer 2xx; it is unknown where
nothing can be asked, which is never taken for health. All are asked at the same time, each with a
share of the deadline, so that one that hangs does not hide the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum

from pydantic import Field

from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity, Registry
from agent.ports.kit import ReadKit, Unreached
from agent.ports.plugin import Params, Result, diagnostic

AT_ONCE = 8
DEPENDENCIES_MOST = 200
ASK_MOST_SECONDS = 2.0


class Health(Params):
    target: str = Field(min_length=1, description="Registered entity or product that is looked at")


class Dependencies(Result):
    sick: list[str]
    healthy: list[str]
    unknown: list[str]
    """Neither a known process nor a health address, or it could not be asked."""
    summary: str


class State(Enum):
    SICK = "sick"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


@diagnostic(
    name="dependencies.health",
    params=Health,
    result=Dependencies,
    summary="Looks at everything the target depends on: what is sick, healthy, unknown",
)
async def health(kit: ReadKit, params: Health) -> Dependencies:
    names = dependencies(kit.registry, params.target)
    rounds = -(-len(names) // AT_ONCE) or 1
    timeout_seconds = min(ASK_MOST_SECONDS, kit.deadline_seconds * 0.8 / rounds)
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(name: str) -> tuple[State, str]:
        entity = kit.registry.entities.get(name)
        if entity is None:
            return State.UNKNOWN, f"{name} is not registered"
        async with gate:
            try:
                async with asyncio.timeout(timeout_seconds):
                    return await _look(kit, entity, timeout_seconds)
            except TimeoutError:
                return State.UNKNOWN, f"{name} could not be looked at in time"

    looks = await asyncio.gather(*(look(name) for name in names))
    by_state = {
        state: [name for name, (found, _) in zip(names, looks, strict=True) if found is state]
        for state in State
    }
    return Dependencies(
        sick=by_state[State.SICK],
        healthy=by_state[State.HEALTHY],
        unknown=by_state[State.UNKNOWN],
        summary=_summary(looks),
    )


def dependencies(registry: Registry, target: str) -> list[str]:
    """Names of entities the target depends on, nearest first. A product stands for its entities.

    Raises Permanent for a target that is neither entity nor product.
    """
    if target not in registry.entities and target not in registry.products:
        raise Permanent(f"neither an entity nor a product {target!r} is registered")
    seen = {target}
    found: list[str] = []
    waiting = deque([target])
    while waiting and len(found) < DEPENDENCIES_MOST:
        name = waiting.popleft()
        for needed in _needs(registry, name):
            if needed in seen:
                continue
            seen.add(needed)
            waiting.append(needed)
            if needed in registry.entities or needed not in registry.products:
                found.append(needed)
    return found


def _needs(registry: Registry, name: str) -> tuple[str, ...]:
    entity = registry.entities.get(name)
    needs = entity.depends_on if entity is not None else ()
    product = registry.products.get(name)
    if product is not None:
        parts = tuple(part.name for part in registry.entities_of(name))
        needs = (*needs, *product.depends_on, *parts)
    return needs


async def _look(kit: ReadKit, entity: Entity, timeout_seconds: float) -> tuple[State, str]:
    name = entity.name
    status = await kit.processes.status(name)
    if status.known:
        if not status.alive:
            return State.SICK, f"{name} is dead"
        if status.hung:
            return State.SICK, f"{name} hangs"
        if status.answers is not None:
            word = "answers" if status.answers else "does not answer"
            return State.HEALTHY if status.answers else State.SICK, f"{name} {word}"
    if entity.health_url is None:
        if status.known:
            return State.HEALTHY, f"{name} is alive"
        return State.UNKNOWN, f"{name} cannot be asked"
    try:
        # a little less than the time of the look, so that this one ends first
        reply = await kit.http.get(entity.health_url, timeout_seconds=timeout_seconds * 0.9)
    except Unreached as error:
        return State.UNKNOWN, f"{name}: {error}"
    except Temporary:
        return State.SICK, f"{name} does not answer"
    if 200 <= reply.status < 300:
        return State.HEALTHY, f"{name} answers"
    return State.SICK, f"{name} answers {reply.status}"


def _summary(looks: list[tuple[State, str]]) -> str:
    if not looks:
        return "it depends on nothing that is registered"
    sick = [text for state, text in looks if state is State.SICK]
    unknown = [text for state, text in looks if state is State.UNKNOWN]
    healthy = len(looks) - len(sick) - len(unknown)
    parts = ["sick: " + ", ".join(sick) if sick else "nothing is sick"]
    parts.append(f"{healthy} healthy")
    if unknown:
        parts.append("unknown: " + ", ".join(unknown))
    return "; ".join(parts)
