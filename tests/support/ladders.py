"""People on call for stories about escalation: ladders, rotations and channels that can be told
what to say."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.view import Channel
from agent.model.command import CommandKind
from agent.model.on_call import OnCall, Rung, RungKind
from agent.model.policy import PluginFacts, Policy
from agent.model.runbook import Runbook
from tests.support.cases import World

EVERYTHING = ("page", "update", "acknowledged", "resolved", "change")


@dataclass
class Fixed:
    """A rotation of one person, or of nobody; the test changes who it is."""

    person: str | None
    text: str = "fixed"

    def on_call(self, at: float) -> str | None:
        return self.person

    def until(self, at: float) -> float | None:
        return None


def channel(name: str, use: str = "hook") -> Channel:
    return Channel(id=f"{name}/0", use=use)


CHANNELS = {
    "team-shop": (channel("team-shop"),),
    "person:alice": (channel("person:alice"),),
    "person:bob": (channel("person:bob"),),
    "platform": (channel("platform"),),
    "default": (Channel(id="default/0", use="terminal"),),
    "last-resort": (Channel(id="last-resort/0", use="last-resort"),),
}
SHOP = (
    Rung(kind=RungKind.ON_CALL, to="shop-primary", ack_seconds=300.0),
    Rung(kind=RungKind.PERSON, to="bob", ack_seconds=300.0),
    Rung(kind=RungKind.TEAM, to="team-shop", ack_seconds=600.0),
)
PLATFORM = (Rung(kind=RungKind.TEAM, to="platform", ack_seconds=600.0),)


def on_call(
    who: str | None = "alice",
    *,
    shop: tuple[Rung, ...] = SHOP,
    platform: tuple[Rung, ...] = PLATFORM,
    repeat: int = 0,
) -> OnCall:
    return OnCall(
        rotations={"shop-primary": Fixed(who)},
        people={"alice": "person:alice", "bob": "person:bob"},
        ladders={"team-shop": shop, "platform": platform},
        repeats={"team-shop": repeat},
    )


def staffed(*runbooks: Runbook, policy: Policy | None = None, **told: object) -> World:
    """A world in which team-shop and the platform have people on call."""
    world = World(*runbooks, policy=policy)
    world.view.channels = dict(CHANNELS)
    world.view.on_call = on_call(**told)  # type: ignore[arg-type]
    facts = PluginFacts(name="hook", kind="notifier", tells=EVERYTHING)
    world.view.plugins = {**world.view.plugins, "hook": facts}
    return world


def told(world: World, telling: str = "page") -> list[str]:
    """Channels in the order they were told so, repeats of one message counted once."""
    return [
        str(c.params["channel"]).removesuffix("/0")
        for c in world.commands
        if c.kind is CommandKind.NOTIFY and c.params["telling"] == telling and c.attempt == 1
    ]
