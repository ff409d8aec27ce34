"""What rules would have decided about the past, from what the past recorded and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.hindsight import Hindsight
from agent.core.history import INVENTORY, Kind, Step, Would
from agent.core.matching import NearMiss
from agent.model.product import EntityKind, Registry
from agent.model.reason import Reason
from agent.model.runbook import (
    Budget,
    Cooldown,
    EntityQuery,
    Guard,
    Lifecycle,
    Match,
)
from tests.support.cases import (
    START,
    STATUS,
    Value,
    fact,
    on,
    requiring,
    runbook,
    settle,
)
from tests.support.past import HOUR, deciding, healed, now, past, ran, routed, view


def test_what_a_runbook_would_do_is_said_with_its_target_and_parameters() -> None:
    (would,) = now(past(), of=view(runbook()))
    assert (would.kind, would.runbook, would.plan) == (Kind.ACTS, "hung", "restart")
    wanted = Step(use="process.restart", target="shop-worker", params={"target": "shop-worker"})
    assert would.steps == (wanted,)
    assert (would.reason, would.lacks, would.at) == (None, (), START)


def test_an_incident_nothing_matches_goes_to_its_builder_and_the_nearest_clause_is_told() -> None:
    narrow = runbook(match=Match(alert=("Hung",), labels={"severity": ("warning",)}))
    (would,) = now(past(), of=view(narrow))
    assert (would.kind, would.routed_to) == (Kind.ROUTES, "team-shop")
    assert would.reason is Reason.NO_RUNBOOK
    assert would.near_miss is not None
    assert would.near_miss.runbook == "hung"
    assert "severity" in would.near_miss.clause


def test_two_that_fit_equally_choose_nothing() -> None:
    (would,) = now(past(), of=view(runbook("one"), runbook("two")))
    assert (would.kind, would.reason) == (Kind.ROUTES, Reason.AMBIGUOUS_RUNBOOKS)


def test_the_plan_follows_from_the_findings_recorded_then() -> None:
    gone = past(1, findings={"process_status": {"alive": False}})
    lives = past(2, findings={"process_status": {"alive": True}}, at=2 * HOUR)
    one, two = now(gone, lives, of=view(deciding(), policy=on(EntityKind.SERVICE)))
    assert (one.kind, one.plan, one.why) == (Kind.ACTS, "restart", "it is gone")
    assert (two.kind, two.reason, two.why) == (
        Kind.ROUTES,
        Reason.DECIDED_TO_ESCALATE,
        "it lives",
    )


def test_a_fact_nobody_gathered_is_unknown_and_named() -> None:
    (would,) = now(past(), of=view(deciding()))
    assert (would.kind, would.reason, would.lacks) == (
        Kind.UNKNOWN,
        Reason.FACTS_UNKNOWN,
        ("status",),
    )


def test_a_fact_of_the_same_name_from_another_question_is_not_taken_for_it() -> None:
    other = msgspec.structs.replace(STATUS, use="process.log")
    old = runbook("old", diagnose=(other,))
    recorded = past(runbook="old", digest=old.digest, findings={"status": {"alive": False}})
    (would,) = now(recorded, of=view(deciding()), old=(old,))
    assert (would.kind, would.lacks) == (Kind.UNKNOWN, ("status",))


def test_the_same_question_under_another_name_is_an_answer() -> None:
    called = msgspec.structs.replace(STATUS, id="looked")
    old = runbook("old", diagnose=(called,))
    recorded = past(runbook="old", digest=old.digest, findings={"looked": {"alive": False}})
    (would,) = now(recorded, of=view(deciding()), old=(old,))
    assert (would.kind, would.plan) == (Kind.ACTS, "restart")


def test_where_the_old_text_is_lost_names_have_to_do() -> None:
    recorded = past(runbook="old", digest="lost", findings={"status": {"alive": False}})
    (would,) = now(recorded, of=view(deciding()))
    assert would.kind is Kind.ACTS


def test_the_cooldown_counts_what_people_really_did() -> None:
    person = routed(past(1, "Other"), "team-shop", "process.restart")
    _, soon, later = now(person, past(2, at=700.0), past(3, at=HOUR), of=view(runbook()))
    assert (soon.kind, soon.reason) == (Kind.ROUTES, Reason.COOLDOWN)
    assert later.kind is Kind.ACTS


def test_what_is_not_known_leaves_the_record_as_it_is() -> None:
    """Nobody can say whether it would have acted, so what the agent did then still counts."""
    unclear = healed(past(1, "Unclear"), "old")
    rules = view(msgspec.structs.replace(deciding(), match=Match(alert=("Unclear",))), runbook("b"))
    first, second = now(unclear, past(2, at=600.0), of=rules)
    assert (first.kind, second.reason) == (Kind.UNKNOWN, Reason.COOLDOWN)


def test_what_would_have_been_done_stands_in_the_place_of_what_was() -> None:
    """The first is healed then and now; the second meets the cooldown of the first, not its own."""
    pasts = [healed(past(n, at=n * 600.0, minutes=5)) for n in range(4)]
    kinds = [w.reason for w in now(*pasts, of=view(runbook()))]
    assert kinds == [None, Reason.COOLDOWN, None, Reason.COOLDOWN]


def test_a_runs_own_limit_counts_what_it_would_have_done_itself() -> None:
    limited = runbook(guard=Guard(cooldown=Cooldown(most=2, within_seconds=6 * HOUR)))
    pasts = [past(n, at=n * HOUR) for n in range(4)]
    kinds = [w.kind for w in now(*pasts, of=view(limited))]
    assert kinds == [Kind.ACTS, Kind.ACTS, Kind.ROUTES, Kind.ROUTES]


def test_acts_of_more_than_a_day_ago_are_forgotten() -> None:
    pasts = [past(n, at=n * 5 * HOUR) for n in range(12)]
    decided = now(*pasts, of=view(runbook()))
    stopped = [n for n, w in enumerate(decided) if w.reason is Reason.DAILY_ATTEMPTS_EXHAUSTED]
    acted = [n for n, w in enumerate(decided) if w.kind is Kind.ACTS]
    assert stopped == []
    assert acted == list(range(12))


def test_an_act_that_was_old_before_anything_else_happened_is_no_trouble() -> None:
    incidents = [past(n, at=n * 48 * HOUR) for n in (1, 2, 3)]
    told = now(*incidents, of=view(runbook()))
    assert [w.kind for w in told] == [Kind.ACTS] * 3


def test_a_step_under_way_keeps_the_target_busy_until_it_ends() -> None:
    begun = msgspec.structs.replace(past(1, minutes=0.1), product="shop")
    long = ran(begun, by="anna", after=0.0, status=None)
    (_, would) = now(long, past(2, at=60.0, name="Slow"), of=view(runbook(alert="Slow")))
    assert would.reason is Reason.TARGET_BUSY


def test_what_else_burned_at_that_moment_counts_for_a_budget() -> None:
    careful = runbook(guard=Guard(budget=Budget(min_healthy=0.9)))
    other = past(1, "Other", entity="shop-web", minutes=30)
    during, after = now(other, past(2, at=60.0), past(3, at=2 * HOUR), of=view(careful))[1:]
    assert during.reason is Reason.BUDGET_MIN_HEALTHY
    assert after.kind is Kind.ACTS


def test_a_common_cause_of_that_moment_goes_to_the_platform() -> None:
    cache = past(1, "Down", entity="cache", product=None, minutes=30)
    web = past(2, "Hung", entity="shop-web", at=60.0)
    (_, would) = now(cache, web, of=view(runbook()))
    assert (would.kind, would.reason) == (Kind.ROUTES, Reason.RADIUS_SYSTEMIC)
    assert would.routed_to == "platform"


@pytest.mark.parametrize(
    ("lifecycle", "kind", "reason"),
    [
        (Lifecycle.ACTIVE, Kind.ACTS, None),
        (Lifecycle.ASSISTED, Kind.ASKS, Reason.RUNBOOK_NEEDS_APPROVAL),
        (Lifecycle.SHADOW, Kind.ROUTES, Reason.RUNBOOK_IN_SHADOW),
        (Lifecycle.DRAFT, Kind.ROUTES, Reason.NO_RUNBOOK),
    ],
)
def test_the_lifecycle_has_its_say(lifecycle: Lifecycle, kind: Kind, reason: Reason | None) -> None:
    (would,) = now(past(), of=view(runbook(lifecycle=lifecycle)))
    assert (would.kind, would.reason) == (kind, reason)


def test_a_runbook_that_settles_says_why() -> None:
    (would,) = now(past(), of=view(runbook(decide=settle())))
    assert (would.kind, would.why) == (Kind.SETTLES, "nightly batch")


def test_an_object_of_the_inventory_is_known_by_name_where_the_record_has_it() -> None:
    about = Match(
        alert=("Hung",),
        entity=EntityQuery(kind="deployment", of={"namespace": Value("alert.labels.namespace")}),
    )
    labels = {"namespace": "prod"}
    found = past(1, labels=labels, target="prod/deployment/worker")
    lost = past(2, labels=labels, at=2 * HOUR)
    one, two = now(found, lost, of=view(runbook(match=about)))
    assert (one.kind, one.steps[0].target) == (Kind.ACTS, "prod/deployment/worker")
    assert (two.kind, two.lacks) == (Kind.UNKNOWN, (INVENTORY,))


def test_what_the_inventory_knew_of_it_is_lacking() -> None:
    about = Match(
        alert=("Hung",),
        entity=EntityQuery(kind="deployment", of={"namespace": Value("alert.labels.namespace")}),
    )
    careful = runbook(match=about, guard=requiring(fact("entity.replicas", 3)))
    recorded = past(labels={"namespace": "prod"}, target="prod/deployment/worker")
    (would,) = now(recorded, of=view(careful))
    assert (would.kind, would.reason) == (Kind.UNKNOWN, Reason.REQUIREMENT_UNKNOWN)
    assert would.lacks == (INVENTORY,)


def test_a_silenced_incident_is_left_in_peace() -> None:
    (would,) = now(past(silenced_by="s-1"), of=view(runbook()))
    assert would.kind is Kind.SILENCED


def test_where_nothing_is_registered_the_names_of_the_history_count() -> None:
    told = routed(past(1, "Other"), "team-own")
    one, two = now(told, past(2, at=HOUR), of=view(runbook(), registry=Registry()))
    assert (one.kind, one.routed_to) == (Kind.ROUTES, "team-own")
    assert (two.kind, two.steps[0].target) == (Kind.ACTS, "shop-worker")


def test_today_s_registry_says_who_it_is_about() -> None:
    gone = past(entity="sold", product="old")
    (would,) = now(gone, of=view(runbook()))
    assert (would.kind, would.routed_to) == (Kind.ROUTES, "platform")


def test_deciding_twice_gives_the_same() -> None:
    pasts = [past(n, "Hung" if n % 2 else "Other", at=n * 400.0) for n in range(20)]
    rules = view(deciding(), runbook("other", alert="Other"))
    assert now(*pasts, of=rules) == now(*pasts, of=rules)


def test_an_incident_without_an_alert_is_nobody_s() -> None:
    assert Hindsight(view(runbook())).decide(past(alerts=0)) is None


# with one candidate only


def test_of_one_candidate_only_its_own_incidents_are_decided() -> None:
    rules = view(runbook(), runbook("other", alert="Other"))
    seen = Hindsight(rules, only="hung")
    assert seen.decide(past(1, "Other")) is None
    mine = seen.decide(past(2, at=HOUR))
    assert isinstance(mine, Would)
    assert mine.runbook == "hung"


def test_a_clause_that_keeps_the_candidate_away_is_a_near_miss() -> None:
    narrow = runbook(match=Match(alert=("Hung",), labels={"severity": ("warning",)}))
    miss = Hindsight(view(narrow), only="hung").decide(past())
    assert isinstance(miss, NearMiss)
    later = runbook(match=Match(alert=("Hung",), when=fact("alert.labels.severity", "info")))
    would = Hindsight(view(later), only="hung").decide(past())
    assert isinstance(would, Would)
    assert would.near_miss is not None
    assert would.near_miss.clause.startswith("when: ")


def test_a_more_specific_runbook_keeps_it() -> None:
    specific = runbook("exact", match=Match(alert=("Hung",), labels={"severity": ("critical",)}))
    would = Hindsight(view(runbook(), specific), only="hung").decide(past())
    assert isinstance(would, Would)
    assert (would.runbook, would.near_miss) == ("exact", None)


def test_what_others_did_stands_where_the_candidate_was_not_chosen() -> None:
    specific = runbook("exact", match=Match(alert=("Hung",), labels={"severity": ("critical",)}))
    seen = Hindsight(view(runbook(), specific), only="hung")
    seen.decide(past(1))  # `exact` would act here, but nobody did
    would = seen.decide(past(2, at=60.0, labels={"severity": "warning"}))
    assert isinstance(would, Would)
    assert (would.runbook, would.kind) == ("hung", Kind.ACTS)
