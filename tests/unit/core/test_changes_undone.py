"""A release that was rolled back names the incident for which it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.model.alert import Change
from agent.model.effect import OutcomeStatus
from agent.model.event import ChangeReceived
from agent.model.policy import PluginFacts
from agent.model.signals import ChangeKind, ChangePhase
from tests.support.cases import World
from tests.support.guarding import act

UNDO = PluginFacts(name="kube.undo", kind="action", effect="conditional", declares=True)
RESTART = msgspec.structs.replace(UNDO, name="kube.restart", declares=False)


def undone_for(*, phase: ChangePhase = ChangePhase.ROLLED_BACK, **fields: Any) -> str:
    world = World()
    world.view.plugins = {**world.view.plugins, UNDO.name: UNDO, RESTART.name: RESTART}
    given = {
        "target": "prod-a/deployment/web",
        "entity": "shop-web",
        "use": UNDO.name,
        "at": world.now - 5,
        **fields,
    }
    made = act(incident_id="i-7", **given)
    world.keep("act", made.key, made)
    change = Change(
        product="shop", entity="shop-web", what="x", kind=ChangeKind.RELEASE, phase=phase
    )
    world.tell(ChangeReceived(at=world.now, change=change))
    (kept,) = world.view.changes["shop-web"]
    return kept.undone_for


def test_by_the_act_that_undid_it() -> None:
    assert undone_for() == "i-7"
    assert undone_for(by="ana") == "i-7", "a person through the agent as well"


@pytest.mark.parametrize("status", [None, OutcomeStatus.UNKNOWN])
def test_the_word_of_it_may_come_before_the_answer_of_the_step(status: Any) -> None:
    assert undone_for(status=status) == "i-7"


def test_an_entity_may_be_the_target_itself() -> None:
    assert undone_for(target="shop-web", entity="") == "i-7"


@pytest.mark.parametrize(
    "fields",
    [
        {"entity": "shop-worker"},
        {"use": RESTART.name},
        {"use": "nobody.knows"},
        {"status": OutcomeStatus.FAILED},
        {"status": OutcomeStatus.REFUSED},
        {"is_rollback": True},
        {"phase": ChangePhase.FAILED},
    ],
    ids=str,
)
def test_other_acts_and_other_phases_say_nothing(fields: dict[str, Any]) -> None:
    assert undone_for(**fields) == ""


def test_an_act_of_long_ago_says_nothing() -> None:
    world = World()
    assert undone_for(at=world.now - 1800, ended_at=world.now - 1000) == ""
