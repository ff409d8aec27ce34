"""Which runbook: the most specific, in the order of what may run, and never by a tie."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.matching import MatchIndex, best, failing_clause, specificity
from agent.core.turn import Turn
from agent.model.alert import Alert, Layer
from agent.model.command import CommandKind
from agent.model.event import Acknowledged, Approved
from agent.model.product import InventoryObject
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from agent.model.runbook import Call, Lifecycle, Match, Plan, Runbook, Truth
from tests.support.cases import START, WATCHED, Value, When, World, alert, plan, runbook

LABELS = {"alertname": "Hung", "severity": "critical"}


def test_the_index_narrows_by_name_and_labels() -> None:
    named = runbook("named")
    anything = runbook("any", match=Match(alert=()))
    other = runbook("other", alert="Other")
    labelled = runbook("labelled", match=Match(alert=("Hung",), labels={"severity": ("info",)}))
    index = MatchIndex([named, anything, other, labelled])
    assert [r.name for r in index.candidates(LABELS)] == ["named", "any"]
    assert [r.name for r in index.candidates({})] == ["any"]


def test_pinned_versions_are_found_by_digest_only() -> None:
    old = runbook("named", digest="old")
    index = MatchIndex([runbook("named")], pinned=[old])
    assert index.by_digest("old") is old
    assert index.by_digest("unknown") is None
    assert [r.digest for r in index.candidates(LABELS)] == ["digest-named"]


def test_one_digest_for_two_runbooks_is_none() -> None:
    """What was chosen would not be what runs: the harmless one could stand for the other."""
    one, two = runbook("one", digest="same"), runbook("two", digest="same")
    for index in (
        MatchIndex([one, two]),
        MatchIndex([one], pinned=[two]),
        MatchIndex([one, two, one]),
    ):
        assert index.by_digest("same") is None
    assert MatchIndex([one], pinned=[one]).by_digest("same") is one
    world = World(one, runbook("two", digest="same", alert="Other"))
    assert world.fire().reason is Reason.RUNBOOK_NOT_RUNNABLE
    assert world.asked(CommandKind.ACT) == []


def test_more_matchers_win() -> None:
    general = runbook("general")
    special = runbook("special", match=Match(alert=("Hung",), product="shop"))
    assert best([general, special]) == (special, False)


def test_a_tie_chooses_nothing() -> None:
    assert best([runbook("a"), runbook("b")]) == (None, True)
    world = World(runbook("a"), runbook("b"))
    case = world.fire()
    assert case.reason is Reason.AMBIGUOUS_RUNBOOKS
    assert case.reason_text == "a, b"
    assert world.paged == ["team-shop"]


def test_what_may_run_goes_before_a_shadow_that_is_more_specific() -> None:
    active = runbook("active")
    shadow = runbook(
        "shadow", match=Match(alert=("Hung",), product="shop"), lifecycle=Lifecycle.SHADOW
    )
    assert best([active, shadow]) == (active, False)
    assert best([shadow]) == (shadow, False)


def test_drafts_and_what_is_suspended_or_retired_never_match() -> None:
    for state in (Lifecycle.DRAFT, Lifecycle.SUSPENDED, Lifecycle.RETIRED):
        assert best([runbook(lifecycle=state)]) == (None, False)


def near_miss(match: Match) -> tuple[str, Truth] | None:
    world = World()
    case = world.fire()
    event = Acknowledged(at=START, subject=case.id, who="bob")
    turn = Turn(at=START, event=event, view=world.view, incident=case)
    missed = failing_clause(turn, runbook(match=match), next(iter(case.alerts.values())).labels)
    return (missed.clause.partition(":")[0], missed.truth) if missed else None


def test_the_first_clause_that_fails_is_named() -> None:
    name = ("Hung",)
    assert near_miss(Match(alert=name)) is None
    assert near_miss(Match(alert=name, labels={"pod": ("a",)})) == ("labels.pod", Truth.UNKNOWN)
    assert near_miss(Match(alert=name, labels={"severity": ("info",)})) == (
        "labels.severity",
        Truth.FALSE,
    )
    assert near_miss(Match(alert=name, layer=Layer.OUTCOME)) == ("layer", Truth.FALSE)
    assert near_miss(Match(alert=name, product="pay")) == ("product", Truth.FALSE)


def test_an_unknown_condition_is_no_match() -> None:
    missing = When("labels.zone", lambda f: f["alert"]["labels"]["zone"] == "a")
    assert near_miss(Match(alert=("Hung",), when=missing)) == ("when", Truth.UNKNOWN)
    world = World(runbook(match=Match(alert=("Hung",), when=missing)))
    assert world.fire().reason is Reason.NO_RUNBOOK
    assert (
        World(runbook(match=Match(alert=("Hung",), when=missing)))
        .fire(labels={"zone": "a"})
        .runbook
        == "hung"
    )


def test_an_incident_keeps_the_version_it_began_with() -> None:
    world = World(runbook())
    case = world.fire()
    assert case.digest == "digest-hung"
    texts = [r for d in world.batch.decisions for r in d.records if r.kind == "runbook_text"]
    assert [t.key for t in texts] == ["digest-hung"]


# families


def family(name: str, *globs: str, **fields: object) -> Runbook:
    return runbook(name, match=Match(alert=globs, **fields))


def test_a_glob_is_for_a_family_of_alerts() -> None:
    world = World(family("crash", "*Crash*", "*Loop?"))
    assert world.fire(name="KubePodCrashLooping").runbook == "crash"
    assert world.fire(name="Fine", entity="shop-web").runbook is None


def test_an_exact_name_beats_a_glob_and_the_narrower_glob_a_wider_one() -> None:
    wide, narrow = family("wide", "*", "*z*"), family("narrow", "*Pod*Loop*", "?*")
    exact = family("exact", "KubePodCrashLooping", "*")
    name = "KubePodCrashLooping"
    assert best([wide, narrow, exact], name) == (exact, False)
    assert best([wide, narrow], name) == (narrow, False)
    assert specificity(narrow.match, name) == (1, False, len("PodLoop"), 0)
    assert specificity(exact.match, "Other") == (1, False, 0, 0)


def test_more_matchers_beat_an_exact_name() -> None:
    exact = family("exact", "KubePod")
    labelled = family("labelled", "Kube*", labels={"severity": ("critical",)})
    assert best([exact, labelled], "KubePod") == (labelled, False)
    layered = family("layered", "Kube*", layer=Layer.PRODUCT)
    assert best([family("plain", "Kube*"), layered], "KubePod") == (layered, False)


def test_two_globs_with_as_many_letters_choose_nothing() -> None:
    world = World(family("a", "*Pod*"), family("b", "*Kub*"))
    assert world.fire(name="KubePod").reason is Reason.AMBIGUOUS_RUNBOOKS


def test_of_two_globs_with_as_many_letters_the_one_that_begins_with_more_of_them_wins() -> None:
    team, suffix = family("team", "Kub*"), family("suffix", "*Pod")
    assert best([team, suffix], "KubePod") == (team, False)
    assert best([team, family("split", "Ku*d")], "KubePod") == (team, False)


def test_the_alerts_name_is_the_first_clause() -> None:
    clause = near_miss(Match(alert=("Hu?", "Other"), labels={"pod": ("a",)}))
    assert clause == ("alert", Truth.FALSE)
    assert near_miss(Match(alert=("H*g",))) is None


# which alert


POD = Value("alert.labels.pod")
FIX = Call(id="fix", use="process.restart", params={"target": POD})


def of_pods(*plans: Plan, **fields: Any) -> World:
    world = World(runbook("hung", *plans, **fields))
    world.view.inventory = {
        name: InventoryObject(name=name, kind="pod", entity="shop-worker")
        for name in ("a-1", "b-1")
    }
    return world


def of_pod(name: str, world: World, **labels: str) -> Alert:
    return alert(starts_at=world.now, labels={"pod": name, **labels})


def test_the_way_back_is_from_what_was_done() -> None:
    back = Call(id="back", use="process.rollback", params={"target": POD})
    world = of_pods(plan("fix", FIX, verify=WATCHED, rollback=(back,)))
    first = of_pod("a-1", world)
    world.fire(first)
    world.now += 1
    world.fire(of_pod("b-1", world))
    world.now += 1
    world.act()
    world.now += 1
    world.clear(first)
    world.wait(6)
    world.find(alive=False, lost=True)
    command = world.only(CommandKind.ACT)
    assert (command.use, command.target) == ("process.rollback", "a-1")


def test_what_was_approved_is_done_to_what_it_was_approved_for() -> None:
    world = of_pods(plan("fix", FIX), lifecycle=Lifecycle.ASSISTED)
    first = of_pod("a-1", world)
    world.fire(first)
    world.now += 1
    world.fire(of_pod("b-1", world))
    world.now += 1
    world.clear(first)
    world.tell(Approved(at=world.now, subject=world.case.id, who="olga"))
    assert world.only(CommandKind.ACT).target == "a-1"


def silenced(world: World) -> World:
    matcher = SilenceMatcher(name="alertname", value="Hung")
    world.keep(
        "silence",
        "s",
        Silence(
            id="s",
            matchers=(matcher,),
            starts_at=world.now - 1,
            ends_at=world.now + 100,
            created_by="bob",
            comment="",
            updated_at=world.now,
        ),
    )
    return world


def test_it_is_the_alert_the_runbook_matched_that_is_read() -> None:
    tier = Match(alert=("Hung",), labels={"tier": ("x",)})
    world = silenced(of_pods(plan("fix", FIX), match=tier))
    world.fire(of_pod("a-1", world, tier="y"))
    world.now += 1
    second = of_pod("b-1", world, tier="x")
    world.fire(second)
    world.wait(200)
    assert world.case.matched == second.identity
    assert world.only(CommandKind.ACT).target == "b-1"


def test_of_several_it_is_the_one_that_started_first() -> None:
    world = silenced(of_pods(plan("fix", FIX)))
    late, early = of_pod("a-1", world), of_pod("b-1", world)
    world.fire(late)
    world.fire(msgspec.structs.replace(early, starts_at=early.starts_at - 60))
    world.wait(200)
    assert world.only(CommandKind.ACT).target == "b-1"


def of_two(mine: When) -> World:
    world = silenced(of_pods(plan("fix", FIX), match=Match(alert=("Hung",), when=mine)))
    for pod in ("a-1", "b-1"):
        world.now += 1
        world.fire(msgspec.structs.replace(of_pod(pod, world), annotations={"for": pod}))
    world.wait(200)
    return world


def test_a_condition_is_asked_of_each_alert_with_all_that_is_its_own() -> None:
    """The labels of one with the annotations of another would be an alert that nobody sent."""
    second = When("annotations.for", lambda f: f["alert"]["annotations"]["for"] == "b-1")
    assert of_two(second).only(CommandKind.ACT).target == "b-1"
    mixed = When(
        "labels.pod and annotations.for",
        lambda f: f["alert"]["labels"]["pod"] != f["alert"]["annotations"]["for"],
    )
    assert of_two(mixed).case.reason is Reason.NO_RUNBOOK
