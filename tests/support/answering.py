"""A daemon for tests of the interface whose answers are those of the real decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.model.command import CommandKind
from agent.model.event import ActionRequested, Event
from tests.support.cases import World
from tests.support.clock import TestClock
from tests.support.facade import FakeAnswer, FakeFacade, FakePrincipals


@dataclass
class Deciding(FakeFacade):
    """Its answers are those of the decision about this world."""

    world: World = field(default_factory=World)
    heals: bool = False
    """Whether what people do through it helps: the alert is over as soon as the act is."""

    async def ask(self, event: Event) -> FakeAnswer:
        self.asked.append(event)
        decision = self.world.tell(event)
        if isinstance(event, ActionRequested) and decision.refused is None:
            self.world.act()
            if self.heals:
                self.world.clear()
        await self.keep()
        return FakeAnswer(decision.refused, decision.refused_text, decision.incident)

    async def keep(self) -> None:
        made, self.world.batch.decisions[:] = list(self.world.batch.decisions), []
        await self.store.commit(made)

    def acts(self) -> Sequence[str]:
        return [c.use for c in self.world.commands if c.kind is CommandKind.ACT]


def deciding(world: World, principals: FakePrincipals | None = None) -> Deciding:
    clock = TestClock(world.now)
    return Deciding(principals=principals, view=world.view, clock=clock, world=world)
