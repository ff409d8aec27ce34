"""What is to be done after an incident: written down, told of when it is due, done."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.follow_ups import MOST_OF_ONE, is_overdue, of_incident, teller
from agent.model.decision import Decision
from agent.model.event import FollowUpPut
from agent.model.learning import FollowUp
from agent.model.reason import Reason
from tests.support.cases import START, World

DAY = 86_400.0
NEW = FollowUp(
    id="",
    incident="",
    product="shop",
    what="alert on the age of the queue",
    owner="team-shop",
    due_at=START + 7 * DAY,
    made_by="nobody",
    made_at=0.0,
)


def put(world: World, subject: str, given: FollowUp = NEW, *, who: str = "anna") -> Decision:
    event = FollowUpPut(at=world.now, subject=subject, who=who, follow_up=given)
    return world.tell(event)


def only(world: World) -> FollowUp:
    (found,) = world.view.follow_ups.values()
    return found


def test_one_is_kept_with_who_wrote_it_and_stands_in_the_timeline() -> None:
    world = World()
    case = world.fire()
    decision = put(world, case.id)
    kept = only(world)
    assert kept.id == f"f-{case.id.removeprefix('i-')}-1"
    assert (kept.incident, kept.product, kept.made_by) == (case.id, "shop", "anna")
    assert decision.journal[0].subject == case.id
    assert decision.journal[0].who == "anna"
    assert world.timer("due", f"follow_up:{kept.id}") == 7 * DAY


def test_the_owner_is_told_once_when_it_is_overdue_and_again_at_a_later_date() -> None:
    world = World()
    case = world.fire()
    put(world, case.id)
    world.wait(7 * DAY + 1)
    told = [e for d in world.batch.decisions for e in d.journal if e.kind == "announced"]
    assert len(told) == 1
    assert told[0].subject == case.id
    assert "team-shop" in told[0].text
    kept = only(world)
    assert is_overdue(kept, world.now)
    assert kept.told_at is not None
    put(world, case.id, msgspec.structs.replace(kept, due_at=world.now + DAY))
    assert only(world).told_at is None
    world.wait(DAY + 1)
    told = [e for d in world.batch.decisions for e in d.journal if e.kind == "announced"]
    assert len(told) == 2


def test_what_is_done_is_told_to_nobody() -> None:
    world = World()
    case = world.fire()
    put(world, case.id)
    put(world, case.id, msgspec.structs.replace(only(world), done_at=1.0, done_by="x"), who="ben")
    kept = only(world)
    assert (kept.done_by, kept.done_at) == ("ben", world.now)
    world.wait(8 * DAY)
    assert Reason.ANNOUNCED not in world.reasons
    assert not is_overdue(kept, world.now)


def test_one_that_is_opened_again_is_told_of_when_it_is_due() -> None:
    world = World()
    case = world.fire()
    put(world, case.id)
    put(world, case.id, msgspec.structs.replace(only(world), done_at=1.0))
    put(world, case.id, msgspec.structs.replace(only(world), done_at=None))
    assert (only(world).done_by, only(world).done_at) == (None, None)
    world.wait(8 * DAY)
    assert world.reasons.count(Reason.ANNOUNCED) == 1


def test_who_did_it_stays_who_did_it() -> None:
    world = World()
    case = world.fire()
    put(world, case.id)
    put(world, case.id, msgspec.structs.replace(only(world), done_at=1.0), who="ben")
    put(world, case.id, msgspec.structs.replace(only(world), what="another"), who="carl")
    assert (only(world).done_by, only(world).made_by, only(world).what) == (
        "ben",
        "anna",
        "another",
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"what": "  "}, "what is to be done"),
        ({"owner": ""}, "no owner"),
        ({"due_at": START}, "not ahead"),
        ({"due_at": float("nan")}, "no time"),
        ({"due_at": START + 4000 * DAY}, "ten years"),
        ({"id": "f-another-1"}, "no follow-up"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(fields: dict[str, object], why: str) -> None:
    world = World()
    case = world.fire()
    decision = put(world, case.id, msgspec.structs.replace(NEW, **fields))
    assert decision.refused is Reason.MOVE_REFUSED
    assert why in decision.refused_text
    assert world.view.follow_ups == {}


def test_one_of_another_incident_cannot_be_changed_through_this_one() -> None:
    world = World()
    one = world.fire()
    put(world, one.id)
    kept = only(world)
    assert put(world, "i-other", kept).refused is Reason.MOVE_REFUSED


def test_an_incident_has_a_bounded_number() -> None:
    world = World()
    case = world.fire()
    for _ in range(MOST_OF_ONE):
        assert put(world, case.id).refused is None
    assert "no more are kept" in put(world, case.id).refused_text
    assert len(of_incident(case.id, world.view)) == MOST_OF_ONE


def test_text_is_cleaned_and_bounded() -> None:
    """F-SEC-24: free text is text: no control character, no expression, no end."""
    world = World()
    case = world.fire()
    hostile = "a\x1b]0;x\x07\u202e\nkind: Runbook\n=entity.name ${x}" + "y" * 5000
    put(world, case.id, msgspec.structs.replace(NEW, what=hostile, owner="team\u2066-shop" * 50))
    kept = only(world)
    assert len(kept.what) <= 500
    assert len(kept.owner) <= 100
    assert not {"\x1b", "\x07", "\u202e", "\n", "\u2066"} & set(kept.what + kept.owner)


def test_where_the_owner_is_nobody_known_the_builder_is_told() -> None:
    world = World()
    kept = msgspec.structs.replace(NEW, owner="team-shpo")
    assert teller(kept, world.view) == "team-shop"
    assert teller(msgspec.structs.replace(kept, product=None), world.view) == "platform"
    assert teller(NEW, world.view) == "team-shop"


def test_a_timer_that_comes_twice_or_too_early_says_nothing() -> None:
    world = World()
    case = world.fire()
    put(world, case.id)
    subject = f"follow_up:{only(world).id}"
    early = world.late("due", subject)
    assert early.emits == ()
    assert early.timers[0].due == only(world).due_at
    world.wait(8 * DAY)
    assert world.late("due", subject) == Decision()
    assert world.late("due", "follow_up:f-none") == Decision()


async def test_what_is_kept_and_what_was_told_is_in_the_store() -> None:
    world = World()
    case = world.fire()
    put(world, case.id)
    world.wait(8 * DAY)
    store = await world.stored()
    assert await store.records("follow_up") == {only(world).id: only(world)}
    assert dict(await store.records("announced")) == world.view.announced
    assert len(world.view.announced) == 1
