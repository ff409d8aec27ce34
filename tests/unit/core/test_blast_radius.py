"""How far it reaches: from the graph and what burns now."""

from __future__ import annotations

import msgspec

from agent.core.blast_radius import Assessment, assess, shared
from agent.model.alert import AlertStatus, Layer
from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.incident import AlertState, Incident, Radius, State
from agent.model.policy import Policy
from agent.model.product import Edge, EdgeKind, EntityKind, Registry
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import REGISTRY, START, World, runbook
from tests.support.fleets import registry_of, service, substrate

HEALTHY = {"status": {"healthy": ["cache"]}}
SICK = {"status": {"sick": ["cache"]}}


def judged(world: World, **changes: object) -> Assessment:
    return assess(msgspec.structs.replace(world.case, **changes), world.view)


def test_one_product_burns() -> None:
    world = World()
    world.fire(entity="shop-web")
    assert judged(world).radius is Radius.PRODUCT


def test_substrate_is_systemic() -> None:
    world = World()
    world.fire(entity="cache")
    found = judged(world)
    assert (found.radius, found.suspect) == (Radius.SYSTEMIC, "cache")


def test_an_unknown_product_widens() -> None:
    world = World()
    world.fire(entity="ghost")
    found = judged(world)
    assert (found.radius, found.suspect, found.reason) == (
        Radius.SYSTEMIC,
        None,
        Reason.PRODUCT_UNKNOWN,
    )


def test_a_dependency_that_is_known_to_be_sick() -> None:
    world = World()
    world.fire(entity="shop-web")
    found = judged(world, findings=SICK)
    assert (found.radius, found.path) == (Radius.SYSTEMIC, ("shop-web", "cache"))


def test_a_dependency_with_an_incident_of_its_own() -> None:
    world = World()
    world.fire(name="Down", entity="cache")
    world.fire(entity="shop-web")
    assert judged(world).suspect == "cache"


def test_several_products_on_something_nobody_vouches_for() -> None:
    world = World()
    world.fire(entity="pay-api")
    world.fire(entity="shop-web")
    assert judged(world).suspect == "cache"
    assert judged(world, findings=HEALTHY).radius is Radius.PRODUCT, "this one vouches for it"


def test_two_services_of_one_product_are_one_product() -> None:
    world = World()
    world.fire(name="Slow", entity="shop-web")
    world.fire(entity="shop-web")
    assert judged(world).radius is Radius.PRODUCT


def test_what_was_silenced_or_is_over_does_not_burn() -> None:
    world = World()
    matcher = SilenceMatcher(name="entity", value="pay-api")
    world.keep(
        "silence",
        "s1",
        Silence(
            id="s1",
            matchers=(matcher,),
            starts_at=START,
            ends_at=START + 99,
            created_by="bob",
            comment="",
            updated_at=START,
        ),
    )
    world.fire(entity="pay-api")
    world.fire(entity="shop-web")
    assert judged(world).radius is Radius.PRODUCT


def test_a_product_stands_on_what_its_parts_stand_on() -> None:
    world = World()
    case = world.fire(entity="unknown", labels={"product": "shop"})
    assert case.entity is None
    assert shared(REGISTRY, case) == {"cache"}


# suspects and what they hit


def seen(*burning: str, registry: Registry) -> World:
    """These entities burn, and no page went out yet: all wait for a common cause."""
    world = World(registry=registry, policy=Policy(page_hold_seconds=60.0))
    for name in burning:
        incident = msgspec.structs.replace(
            blank(name, registry), alerts={f"am/{name}": firing(name)}
        )
        world.tell(Decision(incident=incident))
    return world


def blank(name: str, registry: Registry) -> Incident:
    entity = registry.entities.get(name)
    return Incident(
        id=f"i-{name}",
        key=name,
        title=name,
        state=State.OPEN,
        layer=Layer.PRODUCT,
        product=entity.product if entity else name,
        entity=name if entity else None,
        severity="critical",
        opened_at=START,
        updated_at=START,
    )


def firing(name: str) -> AlertState:
    return AlertState(
        identity=f"am/{name}",
        name="Hung",
        status=AlertStatus.FIRING,
        labels={"entity": name},
        starts_at=START,
    )


def of(name: str, world: World, **findings: object) -> Assessment:
    incident = world.incident(f"i-{name}")
    return assess(msgspec.structs.replace(incident, findings=findings), world.view)


def doubtful(to: str) -> tuple[Edge, ...]:
    return (Edge(to=to, kind=EdgeKind.LEARNED, confidence=0.2),)


CHAIN = registry_of(
    service("web", "shop", "api"),
    service("api", "shop", "db"),
    service("db", "shop", kind=EntityKind.RESOURCE),
    service("till", "pay", "api"),
)


def test_the_suspect_is_the_deepest_thing_that_burns() -> None:
    found = of("web", seen("web", "api", "db", registry=CHAIN))
    assert (found.radius, found.suspect) == (Radius.PRODUCT, "db")
    assert found.path == ("web", "api", "db")


def test_what_burns_alone_suspects_nothing_else() -> None:
    found = of("web", seen("web", registry=CHAIN))
    assert (found.radius, found.suspect, found.path) == (Radius.PRODUCT, None, ())


def test_the_suspect_explains_most_of_what_burns() -> None:
    registry = registry_of(
        service("web", "shop", "small", "big"),
        service("small", "shop"),
        service("big", "shop"),
        service("other", "shop", "big"),
    )
    assert of("web", seen("web", "small", "big", "other", registry=registry)).suspect == "big"


def test_of_equals_the_deepest_and_then_the_first_by_name() -> None:
    registry = registry_of(
        service("web", "shop", "flat", "deep", "b", "a"),
        service("flat", "shop", "under"),
        service("under", "shop"),
        service("deep", "shop"),
        service("a", "shop"),
        service("b", "shop"),
    )
    assert of("web", seen("web", "flat", "deep", registry=registry)).suspect == "deep"
    assert of("web", seen("web", "a", "b", registry=registry)).suspect == "a"


def test_a_service_whose_failure_hits_another_product_is_systemic() -> None:
    world = seen("api", "till", registry=CHAIN)
    for name, path in (("till", ("till", "api")), ("api", ("api",))):
        found = of(name, world)
        assert (found.radius, found.reason) == (Radius.SYSTEMIC, Reason.RADIUS_CROSSES)
        assert (found.suspect, found.path) == ("api", path)


def test_two_products_that_burn_apart_are_two() -> None:
    registry = registry_of(service("web", "shop"), service("till", "pay"))
    world = seen("web", "till", registry=registry)
    assert of("web", world).radius is of("till", world).radius is Radius.PRODUCT


def test_a_shared_resource_without_a_product_is_systemic() -> None:
    registry = registry_of(
        service("web", "shop", "queue"), service("queue", None, kind=EntityKind.RESOURCE)
    )
    world = seen("queue", "web", registry=registry)
    assert of("web", world).radius is of("queue", world).radius is Radius.SYSTEMIC


def test_what_is_shared_is_systemic_even_where_another_suspect_explains_more() -> None:
    registry = registry_of(
        service("web", "shop", "cache", "db"),
        service("db", "shop"),
        service("a", "shop", "db"),
        service("b", "shop", "db"),
        substrate("cache"),
    )
    found = of("web", seen("web", "db", "a", "b", "cache", registry=registry))
    assert (found.radius, found.suspect) == (Radius.SYSTEMIC, "cache")


def test_a_doubtful_dependency_widens_and_the_doubt_is_told() -> None:
    registry = registry_of(
        service("web", "shop", "api", edges=doubtful("api")), service("api", "pay")
    )
    found = of("web", seen("web", "api", registry=registry))
    assert (found.radius, found.suspect) == (Radius.SYSTEMIC, "api")
    assert found.doubt == ("that web depends on api is sure to 20% only",)


def test_the_doubt_of_another_product_that_makes_it_cross_is_told_too() -> None:
    registry = registry_of(
        service("api", "shop"), service("till", "pay", "api", edges=doubtful("api"))
    )
    found = of("api", seen("api", "till", registry=registry))
    assert found.reason is Reason.RADIUS_CROSSES
    assert found.doubt == ("that till depends on api is sure to 20% only",)


def test_a_sure_way_is_shown_though_a_doubtful_one_is_shorter() -> None:
    registry = registry_of(
        service("web", "shop", "cache", "api", edges=doubtful("cache")),
        service("api", "shop", "cache"),
        substrate("cache"),
    )
    found = of("web", seen("web", "cache", registry=registry))
    assert (found.path, found.doubt) == (("web", "api", "cache"), ())


def test_a_doubtful_dependency_counts_half_where_suspects_are_compared() -> None:
    registry = registry_of(
        service("web", "shop", "sure", "unsure"),
        service("sure", "shop"),
        service("unsure", "shop"),
        service("a", "shop", "unsure", "sure", edges=doubtful("unsure")),
        service("b", "shop", "unsure", edges=doubtful("unsure")),
    )
    burning = ("web", "sure", "unsure", "a", "b")
    assert of("web", seen(*burning, registry=registry)).suspect == "sure"


def test_what_is_in_no_catalog_may_be_everybodys() -> None:
    registry = registry_of(service("web", "shop", "ghost"), service("till", "pay", "ghost"))
    found = of("web", seen("web", "till", registry=registry))
    assert (found.radius, found.suspect) == (Radius.SYSTEMIC, "ghost")
    assert found.doubt == ("ghost stands in no catalog",)


def test_of_what_diagnostics_found_sick_one_that_burns_nowhere_is_a_suspect_too() -> None:
    found = of("web", seen("web", registry=CHAIN), look={"sick": ["db"]})
    assert (found.radius, found.suspect) == (Radius.PRODUCT, "db")


def test_a_runbook_cannot_make_the_radius_smaller() -> None:
    """F-SEC-27: an active runbook of one product's team for something that several share."""
    world = World(runbook("mine", owner="team-shop", tier="low"))
    case = world.fire(entity="cache")
    world.wait(120)
    case = world.incident(case.id)
    assert (case.radius, case.routed_to) == (Radius.SYSTEMIC, "platform")
    assert world.asked(CommandKind.ACT) == []
