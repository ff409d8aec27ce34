"""Who is told: once, the right team, after a moment for a common cause, and by another way."""

from __future__ import annotations

import msgspec

from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import Acknowledged, ResolvedByPerson
from agent.model.incident import Ending, PlanRun, Radius, State
from agent.model.policy import Policy
from agent.model.product import EntityKind
from agent.model.reason import Reason
from tests.support.careful import CAREFUL
from tests.support.cases import (
    REGISTRY,
    STATUS,
    WATCHED,
    World,
    alert,
    on,
    plan,
    runbook,
    step,
)


def names(world: World) -> list[str]:
    return [str(c.params["channel"]) for c in world.pages]


def test_the_builder_of_the_product() -> None:
    world = World()
    case = world.fire()
    assert (case.routed_to, case.radius) == ("team-shop", Radius.PRODUCT)
    assert names(world) == ["shop-hook"]


def test_the_owner_of_an_agent_without_a_product() -> None:
    world = World()
    assert world.fire(entity="scout").routed_to == "team-agents"
    assert names(world) == ["terminal"], "a team without channels has the default"


def test_the_owner_of_a_sub_agent_before_the_builder_of_what_it_works_for() -> None:
    scout = msgspec.structs.replace(REGISTRY.entities["scout"], product="shop")
    entities = {**REGISTRY.entities, "scout": scout}
    world = World(registry=msgspec.structs.replace(REGISTRY, entities=entities))
    case = world.fire(entity="scout", labels={"layer": "machinery"})
    assert (case.product, case.routed_to) == ("shop", "team-agents")


def test_what_nobody_owns_goes_to_the_platform() -> None:
    world = World()
    case = world.fire(entity="ghost")
    assert case.routed_to == "platform"
    assert "add it to a catalog-info.yaml" in case.pages[0].text


def test_a_page_waits_a_moment_where_a_common_cause_could_show() -> None:
    world = World()
    world.fire(entity="shop-web")
    assert world.case.state is State.OPEN
    assert world.pages == []
    world.wait(15)
    assert world.paged == ["team-shop"]


def test_it_does_not_wait_where_somebody_vouches_for_what_is_below() -> None:
    world = World(policy=on(EntityKind.SERVICE))
    world.fire(entity="shop-web")
    world.find(healthy=["cache"])
    assert world.paged == ["team-shop"]


def test_further_alerts_page_nobody_again() -> None:
    world = World()
    for pod in "abc":
        world.fire(labels={"pod": pod})
    assert len(world.pages) == 1


async def test_a_systemic_failure_pages_the_platform_once() -> None:
    world = World()
    shop = world.fire(entity="shop-web")
    root = world.fire(name="Down", entity="cache")
    assert world.paged == ["platform"]
    assert "substrate cache, products shop" in world.pages[0].params["text"]
    pay = world.fire(entity="pay-api")
    for case in (shop, pay):
        held = world.incident(case.id)
        assert (held.held_by, held.state) == (root.id, State.ESCALATED)
        assert world.timer("page_hold", case.id) is None
    world.wait(600)
    assert len(world.pages) == 1
    ledger = await world.ledger()
    assert (ledger[shop.id], ledger[root.id]) == (["suppressed"], ["routed"])


def test_what_comes_later_is_held_too() -> None:
    world = World()
    root = world.fire(name="Down", entity="cache")
    late = world.fire(entity="shop-web")
    assert late.held_by == root.id
    assert world.paged == ["platform"]


def test_two_products_on_one_substrate_are_one_page_without_an_alert_of_its_own() -> None:
    world = World()
    world.fire(entity="shop-web")
    second = world.fire(entity="pay-api")
    assert second.suspect == "cache"
    assert world.paged == ["platform"]
    assert "substrate cache, products pay, shop" in world.pages[0].params["text"]
    assert "look at cache first" in world.pages[0].params["text"]


def test_a_common_cause_is_not_healed_from_inside_one_product() -> None:
    world = World(runbook())
    world.fire(name="Down", entity="cache")
    world.fire(entity="shop-web")
    assert world.asked(CommandKind.ACT) == []


async def test_what_still_burns_after_the_common_cause_goes_to_its_builder() -> None:
    world = World(policy=on(EntityKind.SERVICE))
    world.fire(name="Down", entity="cache")
    held = world.fire(entity="shop-web")
    world.find(alive=False)
    assert world.incident(held.id).held_by is not None
    world.clear(alert("Down", "cache"))
    assert world.timer("release", held.id) == 60.0
    world.wait(61)
    world.find(alive=False)
    world.wait(16)
    assert world.paged == ["platform", "team-shop"]
    assert world.incident(held.id).held_by is None
    assert (await world.ledger())[held.id] == ["routed"]
    assert len({c.id for c in world.commands}) == len(world.commands), "diagnosed anew"


async def test_what_is_over_with_the_common_cause_is_over() -> None:
    world = World()
    world.fire(name="Down", entity="cache")
    held = world.fire(entity="shop-web")
    world.clear(alert("Down", "cache"))
    world.clear(alert(entity="shop-web"))
    world.wait(120)
    assert world.incident(held.id).outcome is Ending.ROUTED
    assert world.paged == ["platform"]
    assert sorted((await world.ledger())[held.id]) == ["duplicate", "suppressed"]


def test_a_root_that_a_person_resolves_lets_go_too() -> None:
    world = World()
    root = world.fire(name="Down", entity="cache")
    held = world.fire(entity="shop-web")
    world.tell(ResolvedByPerson(at=world.now, subject=root.id, who="bob", cause="disk"))
    assert world.timer("release", held.id) == 60.0


def test_who_takes_it_while_the_page_waits_is_not_paged() -> None:
    world = World()
    world.fire(entity="shop-web")
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    world.wait(60)
    assert world.pages == []
    assert world.case.routed_to == "bob"


# what a plan left in doubt

FAILS = plan("risky", verify=WATCHED)
BACK = step("process.rollback", id="back")


def failed_in_doubt(world: World) -> None:
    """The proof of the plan under way says that it is not well."""
    world.act()
    world.wait(6)
    world.find(alive=False, lost=True)


def test_a_page_about_what_is_in_doubt_does_not_wait_for_a_common_cause() -> None:
    world = World(runbook("hung", FAILS))
    world.fire(alert(entity="shop-web", starts_at=world.now))
    failed_in_doubt(world)
    assert world.case.reason is Reason.VERIFICATION_FAILED
    assert world.timer("page_hold") is None
    assert world.paged == ["team-shop"]


def test_in_doubt_and_quiet_before_the_next_plan_began_is_told_too() -> None:
    careful = plan("second", step("process.rollback", id="second"), verify=CAREFUL)
    world = World(runbook("hung", FAILS, careful))
    world.fire(alert(entity="shop-web", starts_at=world.now))
    failed_in_doubt(world)
    assert (world.case.plan, world.case.state) == ("second", State.DIAGNOSING)
    world.clear()
    assert (world.case.state, world.paged) == (State.ESCALATED, ["team-shop"])
    assert world.case.reason is Reason.VERIFICATION_FAILED


def test_findings_for_a_page_are_waited_for_though_it_went_quiet() -> None:
    policy = Policy(default_diagnostics={"alert": ("process.log",)})
    world = World(runbook("hung", FAILS), policy=policy)
    world.fire(alert(entity="shop-web", starts_at=world.now))
    failed_in_doubt(world)
    world.clear()
    world.find(lines=3)
    world.wait(60)
    assert world.paged == ["team-shop"]


def test_what_is_in_doubt_is_not_held_back_under_a_root() -> None:
    world = World(runbook("hung", plan("risky", verify=WATCHED, rollback=(BACK,))))
    first = world.fire(alert(entity="shop-web", starts_at=world.now)).id
    world.act()
    world.fire(alert("CacheDown", entity="cache", starts_at=world.now))
    world.wait(6)
    world.find(alive=False, lost=True)
    world.act(OutcomeStatus.FAILED)
    case = world.incident(first)
    assert (case.reason, case.held_by) == (Reason.ROLLBACK_FAILED, None)
    assert [page.to for page in case.pages] == ["platform"]
    assert case.suspect is None, "others are held under the root, not under this one"


def test_what_was_held_before_it_was_in_doubt_is_told_when_it_goes_quiet() -> None:
    world = World(runbook("hung", FAILS))
    world.fire(alert(entity="shop-web", starts_at=world.now))
    in_doubt = PlanRun(plan="risky", verdict=Verdict.INCONCLUSIVE)
    held = msgspec.structs.replace(
        world.case,
        state=State.ESCALATED,
        held_by="root",
        routed_to="platform",
        plans=(in_doubt,),
        steps=(),
    )
    world.state.incidents[held.id] = held
    world.clear()
    assert len(world.case.pages) == 1


def test_a_second_start_does_not_act_on_what_went_quiet() -> None:
    """An earlier plan is in doubt, so it is not closed; nor is that a reason to go on."""
    world = World(runbook("hung", FAILS, diagnose=(STATUS,)))
    world.fire(alert(entity="shop-worker", starts_at=world.now))
    in_doubt = PlanRun(plan="risky", verdict=Verdict.FAILED, reason=Reason.WORSENED, attempt=1)
    again = msgspec.structs.replace(world.case, plans=(in_doubt,), attempt=2)
    world.state.incidents[again.id] = again
    world.clear()
    assert world.case.is_open
    world.find(alive=False)
    assert world.asked(CommandKind.ACT) == []
    assert (world.case.reason, world.paged) == (Reason.WORSENED, ["team-shop"])
