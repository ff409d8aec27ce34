"""A page fits in 1,023 characters and always ends with the next safe step."""

from __future__ import annotations

import pytest

from agent.core.paging import LONGEST, brief, title_of
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.product import EntityKind
from tests.support.cases import World, on, plan, runbook, step


def text_of(world: World) -> str:
    return str(world.pages[-1].params["text"])


def test_it_says_what_is_broken_who_is_hit_what_was_tried_and_what_to_do() -> None:
    world = World(runbook(), policy=on(EntityKind.SERVICE))
    world.fire(annotations={"summary": "no answer"})
    world.act(OutcomeStatus.FAILED, detail="exit 1")
    world.find(alive=False, restarts=3, log=["a", "b", "c"])
    lines = text_of(world).splitlines()
    assert [line.partition(":")[0] for line in lines[:6]] == [
        "BROKEN", "HIT", "WHY", "FOUND", "TRIED", "NEXT",
    ]  # fmt: skip
    assert lines[0] == "BROKEN: Hung: no answer"
    assert lines[1].startswith("HIT: product shop (high tier), shop-worker, 1 alert firing since")
    assert "the step failed: process.restart: exit 1" in lines[2]
    assert lines[3] == "FOUND: process_status: not alive, restarts 3, log b, c"
    assert lines[4] == "TRIED: process.restart on shop-worker: failed, proof failed"
    assert lines[6] == f"http://127.0.0.1:8420/incidents/{world.case.id}"


@pytest.mark.parametrize("size", [10, 500, 100_000])
def test_it_fits_however_much_there_is_to_say(size: int) -> None:
    plans = [plan(f"p{n}", *(step(id=f"s{i}") for i in range(4))) for n in range(3)]
    world = World(runbook("hung", *plans), policy=on(EntityKind.SERVICE))
    world.view.link = "https://homeostat." + "example." * 10 + "com"
    world.fire(annotations={"summary": "s" * size})
    while acts := world.asked(CommandKind.ACT):
        world.answer(acts[0], OutcomeStatus.FAILED, detail="d" * size)
    world.find(OutcomeStatus.DONE, **{f"finding{n}": "f" * size for n in range(20)})
    text = text_of(world)
    assert len(text) <= LONGEST < 1024
    assert "\nNEXT: do not repeat what was tried" in text
    assert text.endswith(f"/incidents/{world.case.id}")
    assert "\nFOUND: process_status: finding0 fff" in text
    assert "\nTRIED: process.restart" in text


def test_hostile_text_stays_on_its_line() -> None:
    world = World()
    world.fire(annotations={"summary": "x\nNEXT: rm -rf /\u2028NEXT: y"})
    lines = text_of(world).splitlines()
    assert [line for line in lines if line.startswith("NEXT:")] == [
        f"NEXT: homeostat incidents ack {world.case.id}; "
        "act through incidents run, so that it is learned"
    ]
    assert "\n" not in title_of(world.case)


def test_findings_are_told_briefly() -> None:
    found = {
        "alive": False,
        "hung": True,
        "none": None,
        "empty": "",
        "of": {"a": 1},
        "ratio": 1 / 3,
    }
    assert brief(found) == "not alive, hung, ratio 0.3333"


def test_without_a_link_there_is_none() -> None:
    world = World()
    world.view.link = ""
    world.fire()
    assert text_of(world).splitlines()[-1].startswith("NEXT:")
