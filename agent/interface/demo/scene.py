"""One chapter's view of the world: what is new since it began, and how people answer it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from agent.interface.demo.world import NotSeen, World

OPENS_SECONDS = 15.0
HEALS_SECONDS = 30.0
PAGES_SECONDS = 12.0
ACTS_SECONDS = 12.0
CLEARS_SECONDS = 20.0

Incident = dict[str, Any]


class Unlike(NotSeen):
    """Something was seen, and it was not what was expected."""


def expect(holds: object, seen: str) -> None:
    if not holds:
        raise Unlike(seen)


class Scene:
    def __init__(self, world: World, *, fault: bool, learned: bool) -> None:
        self.world = world
        self.fault = fault
        """Whether something is broken at all; left out, the chapter must not come true."""
        self.learned = learned
        """Whether what was learned is approved."""
        self.pages_expected: Mapping[str, int] = {}
        self._known: set[str] = set()
        self._pages_before = len(world.pages())

    async def begin(self) -> None:
        self._known = {i["id"] for i in await self.world.incidents()}

    def say(self, text: str) -> None:
        self.world.teller.says(text)

    def paged(self) -> dict[str, int]:
        """Pages since the chapter began, by team."""
        return dict(Counter(p["to"] for p in self.world.pages()[self._pages_before :]))

    async def fresh(self) -> list[Incident]:
        """Incidents that were not there when the chapter (or its last round) began."""
        return [i for i in await self.world.incidents() if i["id"] not in self._known]

    async def opened(self, *, entity: str | None = None, layer: str | None = None) -> Incident:
        """The new incident of this entity (or layer); from then on it is not new any more."""
        what = entity or f"the {layer} layer"

        async def look() -> Incident | None:
            for incident in await self.fresh():
                if entity in (None, incident["entity"]) and layer in (None, incident["layer"]):
                    return incident
            return None

        found = await self.world.until(look, seconds=OPENS_SECONDS, what=f"an incident of {what}")
        self._known.add(found["id"])
        self.say(f"incident {found['id']}: {found['title']}")
        return found

    async def paged_for(self, incident: Incident) -> Incident:
        """The incident once its page was delivered."""

        async def look() -> Incident | None:
            now = await self.world.incident(incident["id"])
            if now["state"] == "resolved" and not now["pages"]:
                raise Unlike(f"{now['id']} ended as {now['outcome']}, and nobody was paged")
            return now if any(p["delivered"] for p in now["pages"]) else None

        now = await self.world.until(look, seconds=PAGES_SECONDS, what="a page")
        teams = ", ".join(sorted({p["to"] for p in now["pages"]}))
        self.say(f"page to {teams}: {now['reason_text'] or now['reason']}")
        return now

    async def ended(self, incident: Incident) -> Incident:
        async def look() -> Incident | None:
            now = await self.world.incident(incident["id"])
            return now if now["state"] == "resolved" else None

        return await self.world.until(look, seconds=CLEARS_SECONDS, what="the end of the incident")

    async def healed(self, entity: str, *, by: str, actions: Sequence[str]) -> str:
        """Waits for an incident of the entity and its healing; says what was seen."""
        incident = await self.opened(entity=entity)

        async def look() -> Incident | None:
            now = await self.world.incident(incident["id"])
            return now if now["state"] == "resolved" or now["pages"] else None

        end = await self.world.until(look, seconds=HEALS_SECONDS, what=f"{entity} to be healed")
        did = [step["use"] for step in end["steps"] if step["status"] == "done"]
        if end["outcome"] != "healed":
            teams = ", ".join(sorted({p["to"] for p in end["pages"]})) or "nobody"
            raise Unlike(f"{end['state']}, {end['reason_text'] or end['reason']}; told: {teams}")
        what = f"{end['runbook']}: {', '.join(did)}; proof {end['verdict']}"
        seen = f"{end['outcome']} by runbook {what}"
        if self.world.first_heal_at is None:
            self.world.first_heal_at = self.world.clock.monotonic()
        expect(end["verdict"] == "held" and end["runbook"] == by and did == list(actions), seen)
        return seen

    # people, through the agent

    async def act(self, incident: Incident, use: str, *, who: str, target: str) -> None:
        """A person runs one action through the agent, and it is done."""
        path = f"/api/v1/incidents/{incident['id']}"
        await self.world.post(f"{path}/run", {"use": use, "with": {"target": target}}, who=who)

        async def look() -> str | None:
            steps = (await self.world.incident(incident["id"]))["steps"]
            mine = [s for s in steps if s["use"] == use and s["by"] == who]
            return mine[-1]["status"] if mine else None

        what = f"{use} on {target}, asked for by {who}"
        status = await self.world.until(look, seconds=ACTS_SECONDS, what=what)
        expect(status == "done", f"{what}: {status}")
        self.say(f"{who} runs {use} on {target} through the agent: {status}")

    async def resolve(self, incident: Incident, *, who: str, cause: str) -> None:
        """Says afterwards what it was."""
        path = f"/api/v1/incidents/{incident['id']}/resolve"
        await self.world.post(path, {"cause": cause}, who=who)
        self.say(f"{who} resolves it: {cause}")

    async def credited(self, incident: Incident) -> None:
        """Once it has stayed quiet for long enough that what was done is what mended it."""

        async def look() -> str | None:
            timeline = (await self.world.incident(incident["id"]))["timeline"]
            return next((e["text"] for e in timeline if e["kind"] == "credit"), None)

        told = await self.world.until(look, seconds=CLEARS_SECONDS, what="the credit for it")
        self.say(told)

    async def rest(self, seconds: float, *, what: str) -> None:
        self.world.teller.waits(what, seconds)
        await asyncio.sleep(seconds)
