"""One page speaks for many: who is the root, whom it holds, and what happens when it is over."""

from __future__ import annotations

from agent.core.release import let_go
from agent.model.event import Acknowledged, Released, ResolvedByPerson, Widened
from agent.model.incident import Radius, State
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle
from tests.support.cases import World, alert, runbook
from tests.support.fleets import registry_of, service, substrate

COMPANY = registry_of(
    service("web", "shop", "api"),
    service("api", "shop"),
    service("till", "pay", "api"),
    service("news", "press", "api"),
    service("apart", "lab"),
)


def company(*runbooks: object, registry: Registry = COMPANY) -> World:
    return World(*runbooks, registry=registry)  # type: ignore[arg-type]


def test_a_builders_incident_that_hits_another_product_is_told_to_the_platform_once() -> None:
    world = company()
    root = world.fire(entity="api")
    assert (root.routed_to, root.radius) == ("team-shop", Radius.PRODUCT)
    till = world.fire(entity="till")
    news = world.fire(entity="news")
    assert world.paged == ["team-shop", "platform"]
    widened = world.incident(root.id)
    assert (widened.radius, widened.suspect, widened.state) == (
        Radius.SYSTEMIC,
        "api",
        State.ESCALATED,
    )
    assert (widened.reason, widened.reason_text) == (Reason.WIDENED, till.id)
    for case in (till, news):
        assert world.incident(case.id).held_by == root.id
        assert world.incident(case.id).radius_path == (case.entity, "api")


def test_who_has_it_already_keeps_it_and_the_platform_is_told() -> None:
    world = company()
    root = world.fire(entity="api")
    world.tell(Acknowledged(at=world.now, subject=root.id, who="bob"))
    world.fire(entity="till")
    assert world.paged == ["team-shop", "platform"]
    told = world.incident(root.id)
    assert (told.state, told.acknowledged_by) == (State.ESCALATED, "bob"), "nobody of the platform"


def test_an_approval_that_is_asked_for_does_not_hide_that_others_are_hit() -> None:
    world = company(runbook(lifecycle=Lifecycle.ASSISTED))
    root = world.fire(entity="api")
    world.wait(120)
    assert world.incident(root.id).state is State.AWAITING_APPROVAL
    world.fire(name="Other", entity="till")
    assert world.incident(root.id).state is State.ESCALATED
    assert world.paged == ["team-shop", "platform"]


def test_a_product_that_burns_for_itself_is_not_widened() -> None:
    world = company()
    root = world.fire(entity="api")
    world.fire(entity="apart")
    assert world.paged == ["team-shop", "team-lab"]
    assert world.incident(root.id).radius is Radius.PRODUCT


def test_a_word_that_comes_too_late_widens_nothing() -> None:
    world = company()
    root = world.fire(entity="api")
    world.tell(ResolvedByPerson(at=world.now, subject=root.id, who="bob", cause="disk"))
    world.tell(Widened(at=world.now, subject=root.id, by="i-other"))
    assert world.paged == ["team-shop"]


def test_the_incident_on_the_suspect_itself_is_the_root() -> None:
    registry = registry_of(
        service("web", "shop", "cache"), service("till", "pay", "cache"), substrate("cache")
    )
    world = company(registry=registry)
    web = world.fire(entity="web")
    till = world.fire(entity="till")
    assert world.incident(web.id).held_by == till.id
    late = world.fire(entity="cache")
    assert late.held_by == till.id, "its page names the cache as suspect"
    world.clear(alert(entity="till"))
    world.wait(200)
    assert not world.incident(till.id).is_open
    assert world.incident(web.id).held_by == late.id
    assert world.paged == ["platform", "platform"]


def test_what_was_let_go_for_another_root_is_not_let_go_here() -> None:
    world = company()
    root = world.fire(entity="api")
    till = world.fire(entity="till")
    world.tell(Released(at=world.now, subject=till.id, root="i-other"))
    assert world.timer("release", till.id) is None
    world.tell(Released(at=world.now, subject=till.id, root=root.id, after=5.0))
    assert world.timer("release", till.id) == 65.0


def test_only_those_below_the_suspect_are_held_back() -> None:
    registry = registry_of(
        service("web", "shop", "cache"),
        service("till", "pay", "queue"),
        substrate("cache"),
        substrate("queue"),
    )
    world = company(registry=registry)
    web, till = world.fire(entity="web"), world.fire(entity="till")
    root = world.fire(name="Down", entity="cache")
    assert world.incident(web.id).held_by == root.id
    assert world.incident(till.id).held_by is None


def test_a_second_systemic_page_waits_a_moment_for_what_it_may_be_part_of() -> None:
    world = company(registry=registry_of(substrate("cache"), substrate("queue")))
    world.fire(entity="cache")
    world.fire(entity="queue")
    assert world.paged == ["platform"]
    world.wait(16)
    assert world.paged == ["platform", "platform"]


def test_those_let_go_come_product_by_product_the_oldest_first() -> None:
    world = World(registry=COMPANY, policy=Policy(page_hold_seconds=900.0))
    held = []
    for entity in ("api", "web", "till"):
        for name in ("A", "B"):
            held.append(world.fire(name=name, entity=entity))
            world.wait(1)
    events = let_go(held, at=world.now, longest=900.0)
    names = [world.incident(e.subject).entity for e in events]
    assert names == ["till", "api", "till", "api", "web", "web"]
    assert [e.after for e in events] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_very_many_are_let_go_faster_so_that_none_waits_too_long() -> None:
    world = World(registry=COMPANY)
    case = world.fire(entity="api")
    events = let_go([case] * 1_000, at=world.now, longest=500.0)
    assert events[-1].after == 499.5
