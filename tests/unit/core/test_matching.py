"""Which runbook: the most specific, in the order of what may run, and never by a tie."""

from __future__ import annotations

from agent.core.matching import MatchIndex, best, failing_clause, specificity
from agent.core.turn import Turn
from agent.model.alert import Layer
from agent.model.event import Acknowledged
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Match, Runbook, Truth
from tests.support.cases import START, When, World, runbook

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
