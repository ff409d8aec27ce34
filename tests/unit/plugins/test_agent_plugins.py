"""What is done to members of the machinery, and how they are looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity
from agent.model.signals import Aspect, MemberSeen, Mode
from agent.ports.kit import MemberTold
from agent.ports.plugin import Action
from agent.runtime.kit import Kits
from agent.runtime.registry import plugin_facts
from plugins.actions.agent_quarantine import quarantine
from plugins.actions.agent_release import release
from plugins.actions.agent_repin import repin
from plugins.diagnostics.agent_state import State, StateResult, state
from tests.support.kits import RealClock, ToldProcesses
from tests.support.told_members import SeenMembers, ToldMembers, member, registry

ACTIONS = (quarantine, release, repin)


class House:
    """Members that can be told something, and kits over them."""

    def __init__(self, members: ToldMembers, kits: Kits) -> None:
        self.members, self.kits = members, kits

    def mode(self) -> Mode:
        return self.members.words["indexer"].mode

    async def run(self, action: Action, key: str = "k", **params: Any) -> Mapping[str, Any]:
        checked = action.params.model_validate({"target": "indexer", **params})
        return await action.run(self.kits.act(key=key, deadline_seconds=5.0), checked)

    async def undo(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Walks the way back a result names."""
        by_name = {action.name: action for action in ACTIONS}
        told = dict(result["undo"]["with"])
        return await self.run(by_name[result["undo"]["use"]], "back", **told)

    async def state(self, target: str = "indexer") -> StateResult:
        kit = self.kits.read(deadline_seconds=5.0)
        result = await state.run(kit, State(target=target))
        assert isinstance(result, StateResult)
        return result


@asynccontextmanager
async def house(*entities: Entity, seen: tuple[MemberSeen, ...] = ()) -> AsyncIterator[House]:
    members = ToldMembers()
    kits = Kits(
        clock=RealClock(),
        processes=ToldProcesses(),  # type: ignore[arg-type]
        products=lambda: registry(*entities),
        signals=SeenMembers(*seen),
        members=members,
    )
    try:
        yield House(members, kits)
    finally:
        await kits.close()


def test_what_rails_and_previews_are_told_of_them() -> None:
    facts = {action.name: plugin_facts(action) for action in ACTIONS}
    assert {f.effect for f in facts.values()} == {Effect.IDEMPOTENT.value}
    assert {f.reversal for f in facts.values()} == {Reversal.SNAPSHOT.value}
    assert facts["agent.quarantine"].undone_by == "agent.release"
    assert facts["agent.release"].undone_by == "agent.quarantine"
    assert {name: f.availability for name, f in facts.items()} == {
        "agent.quarantine": Availability.REMOVES.value,
        "agent.release": Availability.KEEPS.value,
        "agent.repin": Availability.INTERRUPTS.value,
    }


async def test_quarantine_and_release_name_each_other_as_the_way_back() -> None:
    async with house() as made:
        put = await made.run(quarantine, "k1")
        assert made.mode() is Mode.OBSERVE
        told = {"target": "indexer", "instead_of": "k1"}
        assert put["undo"] == {"use": "agent.release", "with": told}
        assert "undo" not in await made.run(quarantine, "k2"), "it was in quarantine already"
        out = await made.run(release, "k3")
        assert made.mode() is Mode.ACT
        told = {"target": "indexer", "instead_of": "k3"}
        assert out["undo"] == {"use": "agent.quarantine", "with": told}
        assert "undo" not in await made.run(release, "k4")


async def test_quarantine_leaves_what_it_is_to_run_as_it_was_told() -> None:
    async with house() as made:
        await made.run(repin, "k1", version="1.4")
        await made.run(quarantine, "k2")
        assert made.members.words["indexer"] == MemberTold(
            mode=Mode.OBSERVE, version="1.4", key="k2"
        )


async def test_repin_tells_what_is_declared_and_back_what_was_told_before() -> None:
    async with house(member(version="1.4.2", config_hash="ab12")) as made:
        await made.run(repin, "k1", version="1.3")
        result = await made.run(repin, "k2")
        assert (result["version"], result["config_hash"]) == ("1.4.2", "ab12")
        assert made.members.words["indexer"].version == "1.4.2"
        await made.undo(result)
        told = made.members.words["indexer"]
        assert (told.version, told.config_hash) == ("1.3", "")


async def test_repin_of_what_is_told_already_has_nothing_to_take_back() -> None:
    async with house(member(version="1.4.2")) as made:
        await made.run(repin, "k1")
        assert "undo" not in await made.run(repin, "k2")


async def test_repin_where_nothing_is_declared_says_what_to_do() -> None:
    async with house() as made:
        with pytest.raises(Permanent, match="declare its `version`"):
            await made.run(repin)
        assert made.members.words == {}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
async def test_a_target_that_is_not_registered_is_told_nothing(action: Action) -> None:
    async with house(member(version="1")) as made:
        with pytest.raises(Permanent, match="registered"):
            await made.run(action, target="$(reboot)")
        assert made.members.words == {}
    with pytest.raises(ValidationError):
        action.params.model_validate({"target": "indexer", "moed": "observe"})


async def test_state_has_what_it_says_beside_what_it_was_told() -> None:
    seen = MemberSeen(
        name="indexer",
        is_known=True,
        alive=True,
        heard_seconds_ago=3.0,
        worked_seconds_ago=600.0,
        version="1.3",
        mode=Mode.ACT,
        drifting=(Aspect.ERRORS,),
        probes_wrong=("sum",),
    )
    async with house(member(version="1.4"), seen=(seen,)) as made:
        await made.run(quarantine)
        found = await made.state()
    assert (found.alive, found.mode_said, found.mode_told) == (True, "act", "observe")
    assert (found.in_quarantine, found.observes) == (True, False), "it has not followed yet"
    assert (found.version, found.version_declared, found.as_pinned) == ("1.3", "1.4", False)
    assert (found.drifting, found.probes_wrong) == (["errors"], ["sum"])
    assert found.model_dump(mode="json")["worked_ago"] == 600.0


async def test_state_of_one_that_follows() -> None:
    seen = MemberSeen(name="indexer", is_known=True, alive=True, version="1", mode=Mode.OBSERVE)
    async with house(member(version="1"), seen=(seen,)) as made:
        await made.run(quarantine)
        found = await made.state()
    assert (found.in_quarantine, found.observes, found.as_pinned) == (True, True, True)


@pytest.mark.parametrize("why", [Temporary("no broker"), Permanent("no way to it")])
async def test_what_cannot_be_read_is_unknown_and_not_released(why: Exception) -> None:
    async with house() as made:
        made.members.failing = why
        found = await made.state()
    assert (found.known, found.alive) == (False, False)
    assert (found.mode_told, found.in_quarantine, found.observes) == (None, None, None)
    assert found.as_pinned is None
    assert str(why) in found.detail


async def test_state_of_what_is_no_member_is_an_error() -> None:
    async with house() as made:
        with pytest.raises(Permanent, match="registered"):
            await made.state("web")


async def test_a_diagnostic_cannot_tell_anybody_anything() -> None:
    async with house() as made:
        kit = made.kits.read(deadline_seconds=1.0)
        assert not hasattr(kit.members, "tell")
