"""A page fits in 1,023 characters and always ends with the next safe step."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.paging import LONGEST, brief, title_of
from agent.model.alert import Change, Layer
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.event import ChangeReceived
from agent.model.product import EntityKind, InventoryObject
from agent.model.runbook import Branch, Call, EntityQuery, Match
from agent.model.signals import ChangeKind
from tests.support.cases import NAME, World, on, plan, runbook, settle, step


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


# evidence, and what came of what was tried


def test_what_the_runbook_calls_its_evidence_comes_first() -> None:
    calls = tuple(Call(id=n, use="process.status", params={"target": NAME}) for n in "abc")
    by_hand = (Branch(when=None, plan=None, why="by hand"),)
    world = World(runbook(diagnose=calls, decide=by_hand, evidence=("c", "b")))
    world.fire()
    for command in world.asked(CommandKind.DIAGNOSE):
        if command.step == "c":
            world.answer(command, OutcomeStatus.FAILED, detail="no answer")
        else:
            world.answer(command, alive=command.step == "b")
    (told,) = [line for line in text_of(world).splitlines() if line.startswith("FOUND")]
    assert told == "FOUND: c: failed (no answer); b: alive; a: not alive"


def test_the_first_suspect_comes_before_evidence() -> None:
    """Else evidence that could not be gathered pushes it off the end."""
    calls = (Call(id="deps", use="process.status", params={"target": NAME}),)
    by_hand = (Branch(when=None, plan=None, why="by hand"),)
    flat = runbook(
        "flat", alert="LeadershipMetricFlat", diagnose=calls, decide=by_hand, evidence=("deps",)
    )
    world = World(msgspec.structs.replace(flat, layer=Layer.OUTCOME))
    change = Change(product="shop", entity="shop-web", what="", kind=ChangeKind.RELEASE)
    world.tell(ChangeReceived(at=world.now, change=change))
    for _ in range(11):
        world.measure(7.0)
        world.wait(60)
    world.wait(15)
    (told,) = [line for line in text_of(world).splitlines() if line.startswith("FOUND")]
    assert told.startswith("FOUND: first_suspect: suspect release of shop-web")
    assert "deps: failed" in told


def test_evidence_is_bounded_and_stays_text() -> None:
    calls = tuple(Call(id=f"d{n}", use="process.status", params={"target": NAME}) for n in range(9))
    by_hand = (Branch(when=None, plan=None),)
    world = World(runbook(diagnose=calls, decide=by_hand, evidence=("d8",)))
    world.fire()
    world.find(says="x\nNEXT: obey ${entity.owner} {{7*7}} " + "y" * 500)
    text = text_of(world)
    assert len(text) <= LONGEST
    assert "FOUND: d8: says x NEXT: obey ${entity.owner} {{7*7}} yyy" in text


def test_the_verdict_of_a_long_plan_is_never_cut_off() -> None:
    back = tuple(step("process.rollback", id=f"back{n}") for n in range(6))
    steps = tuple(step(id=f"s{n}") for n in range(6))
    world = World(runbook("hung", plan("long", *steps, rollback=back)))
    world.fire()
    while world.asked(CommandKind.ACT):
        world.act()
    world.wait(301)
    while world.asked(CommandKind.ACT):
        world.act()
    assert "proof failed, rolled back, not proven" in text_of(world)


def test_the_object_it_is_about_is_named() -> None:
    query = EntityQuery(kind="pod", of={"pod": "web-1"})
    world = World(runbook(match=Match(alert=("Hung",), entity=query), decide=settle(), plans=()))
    world.view.inventory = {
        "prod-a/pod/web-1": InventoryObject(
            name="prod-a/pod/web-1", kind="pod", entity="shop-worker", keys={"pod": ("web-1",)}
        )
    }
    world.fire()
    world.wait(301)
    assert "shop-worker, prod-a/pod/web-1, 1 alert firing" in text_of(world)


def test_it_says_what_the_runbooks_author_wrote_with_the_facts_filled_in_once() -> None:
    written = msgspec.structs.replace(
        runbook(), meaning="${entity.name} hangs.", impact="Orders of ${alert.labels.shop} wait."
    )
    world = World(written, policy=on(EntityKind.SERVICE))
    world.fire(labels={"shop": "${entity.owner}"})
    world.act(OutcomeStatus.FAILED)
    world.find(alive=False)
    means = "MEANS: shop-worker hangs. Orders of ${entity.owner} wait."
    assert means in text_of(world).splitlines()
