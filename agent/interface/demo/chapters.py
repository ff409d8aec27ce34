"""The seven chapters: what breaks, what has to be seen, and how the world is mended afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agent.interface.demo.scene import Incident, Scene, expect
from agent.interface.demo.world import World

POISON = '{"fee_percent": "2,5"}\n'
CAUSE = "fee_percent was written with a comma"
RESOLVERS = ("alice", "bob", "alice")
COOLDOWN_SECONDS = 5.5
"""A little more than the cooldown of the settings."""
QUIET_SECONDS = 2.5
"""More than the time a page is held: a page too many would be there by then."""
RECIPE = ("config.restore", "process.restart")


@dataclass(frozen=True)
class Chapter:
    name: str
    title: str
    broken: str
    expected: str
    tell: Callable[[Scene], Awaitable[str]]
    """Breaks it, waits, and says what was seen. Raises NotSeen, or Unlike with what was."""
    mend: Callable[[World], Awaitable[None]]


async def hang(scene: Scene) -> str:
    if scene.fault:
        await scene.world.ask_service(
            f"{scene.world.layout.address('shop-front')}/refunds", {"amount": 0}
        )
    return await scene.healed("shop-front", by="process-hung", actions=["process.restart"])


async def release(scene: Scene) -> str:
    if scene.fault:
        await scene.world.deploy("pay-front", "v2")
    seen = await scene.healed("pay-front", by="bad-release", actions=["process.rollback_version"])
    version = (await scene.world.processes.status("pay-front")).version
    expect(version == "v1", f"{seen}; but it runs {version}")
    return f"{seen}; runs {version} again"


async def poisoned(scene: Scene) -> Incident:
    """A poisoned configuration, until its page is there."""
    if scene.fault:
        scene.world.configure("pay", POISON)
    return await scene.paged_for(await scene.opened(entity="pay-worker"))


async def resolved(scene: Scene, incident: Incident, *, who: str) -> None:
    for use in RECIPE:
        await scene.act(incident, use, who=who, target="pay-worker")
    await scene.ended(incident)
    await scene.resolve(incident, who=who, cause=CAUSE)
    await scene.credited(incident)
    count = int(scene.world.notes.get("resolved", "0")) + 1
    scene.world.notes["resolved"] = str(count)


async def config(scene: Scene) -> str:
    incident = await poisoned(scene)
    page = incident["pages"][0]
    seen = f"{incident['reason']}, routed to {incident['routed_to']}, {len(incident['steps'])} acts"
    expect(incident["reason"] == "no_runbook" and not incident["steps"], seen)
    expect(incident["routed_to"] == "team-pay", seen)
    diagnosis = diagnosed(incident["findings"])
    seen = f"{seen}; diagnosis: {diagnosis or 'none'}"
    expect(diagnosis and "config" in page["text"], f"{seen}; page: {page['text']}")
    scene.pages_expected = {"team-pay": 1}
    await resolved(scene, incident, who=RESOLVERS[0])
    return seen


def diagnosed(findings: dict[str, Any]) -> str:
    """What the findings say of the configuration, where they say it."""
    state = findings.get("config_state", {})
    log = findings.get("process_recent_log", {})
    if not state.get("changed") or not log.get("last_error"):
        return ""
    changed = [line for line in state["diff"] if line.startswith("+") and "+++" not in line]
    return f"configuration changed ({' '.join(changed)}), log: {log['last_error']}"


async def learning(scene: Scene) -> str:
    world = scene.world
    before = int(world.notes.get("resolved", "0"))
    for who in RESOLVERS[before:]:
        await resolved(scene, await poisoned(scene), who=who)
    scene.pages_expected = {"team-pay": len(RESOLVERS) - before}
    name = await proposal(scene)
    if scene.learned:
        body = {"state": "active", "why": "three times the same"}
        await world.post(f"/api/v1/promotions/{name}/approve", body, who="carol")
        scene.say(f"carol, who resolved none of them, approves {name}")
        await known(scene, name)
    await scene.rest(COOLDOWN_SECONDS, what="the cooldown of pay-worker")
    world.configure("pay", POISON)
    seen = await scene.healed("pay-worker", by=name, actions=RECIPE)
    return f"{before} + {len(RESOLVERS) - before} like resolutions, promoted; the fourth {seen}"


async def proposal(scene: Scene) -> str:
    async def look() -> str | None:
        found = await scene.world.get("/api/v1/promotions")
        return next((p["name"] for p in found if p["state"] == "proposed"), None)

    name = await scene.world.until(look, seconds=8.0, what="a runbook proposal")
    scene.say(f"the third like resolution proposes the runbook {name}, in shadow")
    return name


async def known(scene: Scene, name: str) -> None:
    async def look() -> bool:
        found = await scene.world.get("/api/v1/runbooks")
        return any(r["name"] == name and r["state"] == "active" for r in found)

    await scene.world.until(look, seconds=8.0, what=f"{name} to be active")


async def substrate(scene: Scene) -> str:
    world = scene.world
    if scene.fault:
        await world.suspend("ledger")

    async def look() -> list[Incident] | None:
        """All that burns, once the platform was told and both products are covered by it."""
        burning = await scene.fresh()
        roots = [i for i in burning if any(p["delivered"] for p in i["pages"])]
        covered = {
            i["product"] for i in burning for r in roots if i is r or i["held_by"] == r["id"]
        }
        return burning if {"shop", "pay"} <= covered else None

    await world.until(look, seconds=25.0, what="the platform's page, and both products under it")
    await scene.rest(QUIET_SECONDS, what="pages too many")
    burning = await scene.fresh()
    (root, *more) = [i for i in burning if i["pages"]]
    held = [i for i in burning if i["held_by"] == root["id"]]
    paged = ", ".join(f"{team} x {n}" for team, n in scene.paged().items())
    seen = f"one page for {len(burning)} incidents ({paged}), suspect {root['suspect']}"
    seen = f"{seen}, held back under it: {', '.join(sorted(str(i['entity']) for i in held))}"
    expect(not more and scene.paged() == {"platform": 1}, seen)
    expect(root["suspect"] == "ledger" and len(held) == len(burning) - 1, seen)
    expect(not any(i["steps"] for i in burning), f"{seen}; but something was acted on")
    scene.pages_expected = {"platform": 1}
    scene.say(seen)
    await scene.act(root, "process.restart", who="dave", target="ledger")
    for incident in burning:
        await scene.ended(incident)
    return f"{seen}; the ledger restarted by dave, all resolved"


async def silence(scene: Scene) -> str:
    if scene.fault:
        await scene.world.suspend("forecaster")
    return await scene.healed("forecaster", by="agent-silent", actions=("process.restart",))


async def leadership(scene: Scene) -> str:
    if scene.fault:
        await scene.world.deploy("shop-worker", "v2")
    incident = await scene.paged_for(await scene.opened(layer="outcome"))
    products = {p["name"]: p for p in await scene.world.get("/api/v1/products")}
    layers = {n: layer["colour"] for n, layer in products["shop"]["layers"].items()}
    told = ", ".join(f"{name} {colour}" for name, colour in layers.items())
    seen = f"{incident['title']} ({told}), routed to {incident['routed_to']}"
    expect(layers == {"product": "green", "machinery": "green", "outcome": "red"}, seen)
    expect(incident["routed_to"] == "team-shop" and not incident["steps"], seen)
    scene.pages_expected = {"team-shop": 1}
    await scene.act(incident, "process.rollback_version", who="alice", target="shop-worker")
    await scene.ended(incident)
    return f"{seen}; alice rolls back, it moves again, resolved"


# the world afterwards


async def mend_fronts(world: World) -> None:
    await world.mend("shop-front")


async def mend_release(world: World) -> None:
    await world.back_to("pay-front", "v1")


async def mend_config(world: World) -> None:
    state = await world.processes.config_state("pay-worker")
    if state["changed"]:
        await world.processes.restore_config("pay-worker", key=world.key())
        await world.processes.restart("pay-worker", key=world.key())


async def mend_ledger(world: World) -> None:
    await world.mend("ledger")


async def mend_forecaster(world: World) -> None:
    await world.mend("forecaster")


async def mend_worker(world: World) -> None:
    await world.back_to("shop-worker", "v1")


CHAPTERS = (
    Chapter(
        name="hang",
        title="1 A service hangs",
        broken="a refund locks shop-front's till twice: every request to it blocks for ever",
        expected="restarted by the runbook process-hung, verified, nobody paged",
        tell=hang,
        mend=mend_fronts,
    ),
    Chapter(
        name="release",
        title="2 A bad release",
        broken="pay-front v2 is deployed; it reads a field nobody sends, every order is a 500",
        expected="rolled back to v1 by the runbook bad-release, verified, nobody paged",
        tell=release,
        mend=mend_release,
    ),
    Chapter(
        name="config",
        title="3 A poisoned configuration that no runbook knows",
        broken="somebody writes fee_percent: 2,5 into pay-worker's configuration",
        expected="builder team-pay paged once with the diagnosis, nothing acted",
        tell=config,
        mend=mend_config,
    ),
    Chapter(
        name="learning",
        title="4 The same again: the rule of three",
        broken="the same poison, resolved through the agent until it is three times, and once more",
        expected="the third resolution proposes a runbook, carol approves it, the fourth time it "
        "heals by itself and nobody is paged for it",
        tell=learning,
        mend=mend_config,
    ),
    Chapter(
        name="substrate",
        title="5 What both products stand on fails",
        broken="the ledger stops dead: every order at both products fails",
        expected="platform paged exactly once, every product page held back under it",
        tell=substrate,
        mend=mend_ledger,
    ),
    Chapter(
        name="silence",
        title="6 A sub-agent falls silent",
        broken="the forecaster lives and does nothing: its heartbeats stop",
        expected="started again by a shipped runbook, proven by its next heartbeats, nobody paged",
        tell=silence,
        mend=mend_forecaster,
    ),
    Chapter(
        name="leadership",
        title="7 All is green and nothing is sold",
        broken="shop-worker v2 sets every order aside; no probe sees anything",
        expected="builder team-shop paged once by the outcome layer, nothing acted; it moves "
        "again and is resolved",
        tell=leadership,
        mend=mend_worker,
    ),
)
