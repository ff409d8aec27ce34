"""What a survey makes of what it gathered."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.survey_judging import survey_of
from agent.core.survey_rules import BlindRule, RuleSeen
from agent.core.survey_seen import (
    FiringSeen,
    Gathered,
    NeverActed,
    PastSeen,
    PrometheusSeen,
    TargetSeen,
)
from agent.model.alert import Layer
from agent.model.event import SurveyTaken
from agent.model.product import Entity, EntityKind, LeadershipMetric, Product, Registry, Sli, Slo
from agent.model.records import AgentSigns, SourceSigns
from agent.model.runbook import Match
from agent.model.signals import BlindSpotKind, SurveySigns
from tests.support.cases import REGISTRY, START, World, runbook

DAY = 86_400.0
PAST = PastSeen(days=90)
PROM = PrometheusSeen(place="prom", rules=(), blind=(), targets=(), firing=())
RULE = RuleSeen(name="Slow", group="shop", query="a > 1", labels={"product": "shop"})


def gathered(**fields: Any) -> Gathered:
    return Gathered(**{"at": START, "seconds": 1.0, "past": PAST, **fields})


def prom(**fields: Any) -> PrometheusSeen:
    return msgspec.structs.replace(PROM, **fields)


def found(world: World, kind: BlindSpotKind, **fields: Any) -> dict[str, str]:
    """Owner by subject."""
    return {
        s.subject: s.owner
        for s in survey_of(gathered(**fields), world.view).found
        if s.kind is kind
    }


def taken(**fields: Any) -> SurveyTaken:
    return survey_of(gathered(**fields), World().view)


def test_a_rule_without_its_metric_belongs_to_whose_product_it_speaks_of() -> None:
    blind = (BlindRule(rule=RULE, missing=("a",)),)
    one = prom(rules=(RULE,), blind=blind)
    kind = BlindSpotKind.METRIC_VANISHED
    spots = {s.subject: s for s in taken(prometheus=(one,)).found if s.kind is kind}
    assert spots["shop/Slow"].owner == "team-shop"
    assert spots["shop/Slow"].product == "shop"
    assert "nothing reports a" in spots["shop/Slow"].text
    nobodys = BlindRule(rule=msgspec.structs.replace(RULE, labels={}), missing=("a",))
    assert found(World(), kind, prometheus=(prom(blind=(nobodys,)),))["shop/Slow"] == "platform"


def test_of_several_each_finding_says_where_and_none_takes_the_place_of_another() -> None:
    broken = msgspec.structs.replace(RULE, error="unknown function")
    two = (prom(place="a", rules=(broken,)), prom(place="b", rules=(broken,)))
    assert set(found(World(), BlindSpotKind.RULE_BROKEN, prometheus=two)) == {
        "shop/Slow at a",
        "shop/Slow at b",
    }


def test_what_could_not_be_asked_is_said_and_is_in_no_list_of_what_was_looked_at() -> None:
    gone = PrometheusSeen(place="prom", could_not=("cannot be reached",))
    event = taken(prometheus=(gone,))
    assert {"rules@prom", "metrics@prom", "targets@prom", "alerts@prom"} <= set(event.missed)
    assert "products" in event.missed, "its rules may speak of any product"
    (spot,) = [s for s in event.found if s.kind is BlindSpotKind.NOT_SURVEYED]
    assert (spot.subject, spot.owner) == ("prom", "platform")
    assert "cannot be reached" in spot.text
    assert event.could_not == ("prom: cannot be reached",)


def test_a_store_that_does_not_answer_leaves_the_past_alone() -> None:
    event = taken(past=None, past_why="disk full", prometheus=(PROM,))
    assert {"past", "runbooks", "products", "alerts@prom"} <= set(event.missed)
    assert [s.subject for s in event.found if s.kind is BlindSpotKind.NOT_SURVEYED] == ["the past"]


def test_a_target_without_data_belongs_to_the_entity_of_its_job() -> None:
    target = TargetSeen(job="pay-api", instance="x:1", why="down")
    kind = BlindSpotKind.TARGET_WITHOUT_DATA
    assert found(World(), kind, prometheus=(prom(targets=(target,)),)) == {
        "pay-api/x:1": "team-pay"
    }


def test_what_fires_there_for_long_and_never_came_in_is_found() -> None:
    def fires(name: str, seconds: float = 3600.0, **labels: str) -> FiringSeen:
        return FiringSeen(name=name, labels={"alertname": name, **labels}, seconds=seconds)

    firing = (
        fires("Unheard", product="pay"),
        fires("OnItsWay", 60.0),
        fires("Watchdog"),
        fires("Informs", severity="none"),
        fires("Known"),
        fires("Open"),
    )
    world = World()
    world.fire(name="Open")
    past = PastSeen(days=90, names=frozenset({"Known"}))
    kind = BlindSpotKind.UNSEEN_ALERT
    seen = found(world, kind, prometheus=(prom(firing=firing),), past=past)
    assert seen == {"Unheard": "team-pay"}


def test_alerts_that_nobody_acted_on_are_named_with_how_often() -> None:
    row = NeverActed(name="Noise", product="pay", incidents=9, pages=4)
    event = taken(past=PastSeen(days=90, never_acted=(row,)))
    (spot,) = [s for s in event.found if s.kind is BlindSpotKind.UNSEEN_ALERT]
    assert (spot.subject, spot.owner) == ("Noise/pay", "team-pay")
    assert "9 incidents in 90 days, pages 4" in spot.text


def test_a_product_that_nothing_watches_is_one_finding_and_the_gravest() -> None:
    """`pay` has no signal of any layer; `shop` has its leadership metric only."""
    assert found(World(), BlindSpotKind.UNCOVERED) == {
        "pay": "team-pay",
        "shop/product": "team-shop",
    }


def test_a_product_is_covered_by_an_objective_a_probe_a_rule_or_an_alert_that_came() -> None:
    world = World()
    kind = BlindSpotKind.UNCOVERED
    assert "shop/product" in found(world, kind)
    assert "shop/product" not in found(world, kind, prometheus=(prom(rules=(RULE,)),))
    assert "shop/product" not in found(world, kind, probed=({"service": "shop-web"},))
    heard = PastSeen(days=90, heard=frozenset({("shop", Layer.PRODUCT)}))
    assert "shop/product" not in found(world, kind, past=heard)
    stated, watched = Slo(name="s"), Slo(name="s", sli=Sli(share="x"))
    for slo, is_covered in ((stated, False), (watched, True)):
        product = msgspec.structs.replace(REGISTRY.products["shop"], slos=(slo,))
        registry = Registry(products={"shop": product}, entities=REGISTRY.entities)
        assert ("shop/product" not in found(World(registry=registry), kind)) is is_covered


def test_an_agent_without_a_heartbeat_is_a_gap_and_no_agent_at_all_is_none() -> None:
    agent = Entity(name="bot", kind=EntityKind.AGENT, product="pay", owner="team-pay")
    product = Product(name="pay", builder="team-pay", tier="low")
    registry = Registry(products={"pay": product}, entities={"bot": agent})
    heard = PastSeen(days=90, heard=frozenset({("pay", Layer.PRODUCT)}))
    kind = BlindSpotKind.UNCOVERED
    seen = found(World(registry=registry), kind, past=heard)
    assert set(seen) == {"pay/machinery", "pay/outcome"}
    without = Registry(products={"pay": product})
    assert set(found(World(registry=without), kind, past=heard)) == {"pay/outcome"}


def test_a_member_that_was_never_heard_of_is_found_until_its_first_beat() -> None:
    world = World()
    kind = BlindSpotKind.MEMBER_SILENT
    assert found(world, kind) == {"scout": "team-agents"}
    missed = AgentSigns(agent="scout", last_at=0.0, alive=False, firing_since=START)
    world.keep("agent", "scout", missed)
    assert set(found(world, kind)) == {"scout"}
    world.beat()
    assert found(world, kind) == {}


def test_a_leadership_metric_that_was_never_read_is_found_until_its_first_reading() -> None:
    world = World()
    kind = BlindSpotKind.METRIC_VANISHED
    assert found(world, kind) == {"shop/orders": "team-shop"}
    world.measure(1.0)
    assert found(world, kind) == {}


@pytest.mark.parametrize(("query", "said"), [("", "give it a `query:`"), ("sum(x)", "finds in")])
def test_the_remedy_asks_for_no_query_where_there_is_one(query: str, said: str) -> None:
    metric = LeadershipMetric(name="orders", flat_for_seconds=60.0, query=query)
    shop = msgspec.structs.replace(REGISTRY.products["shop"], leadership_metric=metric)
    world = World(registry=Registry(products={"shop": shop}, entities=REGISTRY.entities))
    event = survey_of(Gathered(at=world.now, seconds=0.1), world.view)
    (spot,) = [s for s in event.found if s.kind is BlindSpotKind.METRIC_VANISHED]
    assert said in spot.remedy


def test_a_source_that_fell_silent_is_found() -> None:
    world = World()
    world.keep("source", "p@x", SourceSigns(source="p@x", last_at=0.0, firing_since=START - 7200))
    assert found(world, BlindSpotKind.SOURCE_SILENT) == {"p@x": "platform"}


def test_a_file_that_could_not_be_read_is_found() -> None:
    faults = (("catalog-info.yaml:3", "HS001: not YAML", "mend it"),)
    kind = BlindSpotKind.REGISTRY_FAULTY
    assert set(found(World(), kind, faults=faults)) == {"catalog-info.yaml:3"}


def book(name: str = "b", *alerts: str, **fields: Any) -> Any:
    return runbook(name, owner="team-shop", match=Match(alert=alerts or ("Slow",)), **fields)


def test_a_runbook_that_matched_nothing_for_90_days_is_found_and_one_that_did_is_not() -> None:
    world = World(book("never"), book("ran"), book("young"))
    first = {"never": START - 91 * DAY, "ran": START - 91 * DAY, "young": START - 89 * DAY}
    world.keep("survey", "survey", SurveySigns(at=START, runbooks=first))
    past = PastSeen(days=90, runbooks=frozenset({"ran"}))
    kind = BlindSpotKind.RUNBOOK_NEVER_RAN
    assert found(world, kind, past=past) == {"never": "team-shop"}


def test_a_runbook_is_counted_from_the_first_survey_that_saw_it() -> None:
    assert found(World(book()), BlindSpotKind.RUNBOOK_NEVER_RAN) == {}


def test_a_runbook_whose_alert_no_rule_raises_is_found_where_all_rules_could_be_read() -> None:
    world = World(book("a", "Slow"), book("b", "Mispelt", "Other"), book("c", "Sl*"))
    kind = BlindSpotKind.RUNBOOK_NEVER_RAN
    assert found(world, kind, prometheus=(prom(rules=(RULE,)),)) == {"b": "team-shop"}
    assert found(world, kind, prometheus=(prom(rules=None),)) == {}
    assert found(world, kind) == {}, "there is no Prometheus: alerts come from elsewhere"
    probed = frozenset({"Mispelt"})
    assert found(world, kind, prometheus=(prom(rules=(RULE,)),), probe_alerts=probed) == {}


def test_runbooks_that_come_with_the_agent_are_not_asked_of() -> None:
    world = World(book("a", "Nowhere", path="/shipped/x.yaml"))
    kind = BlindSpotKind.RUNBOOK_NEVER_RAN
    one = prom(rules=(RULE,))
    assert found(world, kind, prometheus=(one,), shipped="/shipped") == {}
    assert set(found(world, kind, prometheus=(one,), shipped="/other")) == {"a"}


def test_hostile_names_are_cleaned_and_bounded() -> None:
    rule = RuleSeen(name="x\x1b[31m" * 200, group="g\n", query="a", error="\x00" * 9_000)
    event = taken(prometheus=(prom(rules=(rule,)),))
    (spot,) = [s for s in event.found if s.kind is BlindSpotKind.RULE_BROKEN]
    assert "\x1b" not in spot.subject + spot.text
    assert len(spot.subject) <= 200
    assert len(spot.text) <= 500
