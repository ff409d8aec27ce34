"""The nearest miss is what a person would try next."""

from __future__ import annotations

from agent.core.near_miss import near_misses
from agent.core.turn import Turn
from agent.model.event import Acknowledged
from agent.model.runbook import Match, Runbook, Truth
from tests.support.cases import START, When, World, runbook

CRASH = runbook("crash", match=Match(alert=("KubePodCrashLooping", "*CrashLoop*")))
DISK = runbook("disk", match=Match(alert=("KubePersistentVolumeFillingUp", "*DiskFull*")))
QUORUM = runbook("quorum", match=Match(alert=("etcdInsufficientMembers",)))
ELSEWHERE = runbook(
    "elsewhere",
    match=Match(alert=("KubePodNotReady",), labels={"severity": ("critical",), "zone": ("a", "b")}),
)


def nearest(name: str, *runbooks: Runbook, most: int = 10, **labels: str) -> list[tuple[str, str]]:
    world = World(*runbooks)
    case = world.fire(name=name, labels=labels)
    event = Acknowledged(at=START, subject=case.id, who="bob")
    turn = Turn(at=START, event=event, view=world.view, incident=case)
    told = next(iter(case.alerts.values())).labels
    found = near_misses(turn, told, most=most)
    assert [m.closeness for m in found] == sorted((m.closeness for m in found), reverse=True)
    assert all(0.0 <= m.closeness <= 1.0 for m in found)
    return [(m.runbook, m.clause) for m in found]


def test_a_runbook_for_this_very_alert_comes_first_with_what_kept_it_away() -> None:
    found = nearest("KubePodNotReady", CRASH, DISK, ELSEWHERE, zone="c")
    assert found[0] == ("elsewhere", "labels.zone: 'c' is not in ['a', 'b']")


def test_then_one_whose_name_speaks_of_the_same() -> None:
    found = nearest("KubeContainerCrashLoopy", DISK, QUORUM, CRASH)
    assert CRASH.name not in [n for n, _ in found], "its family has it"
    found = nearest("PodCrashes", DISK, QUORUM, CRASH)
    assert found[0] == (
        "crash", "alert: 'PodCrashes' is not in ['KubePodCrashLooping', '*CrashLoop*']",
    )  # fmt: skip
    assert nearest("KubePersistentVolumeInodesFillingUp", CRASH, QUORUM, DISK)[0][0] == "disk"


def test_a_word_that_all_use_tells_little() -> None:
    others = [runbook(f"k{n}", alert=f"KubeThing{n}Wrong") for n in range(20)]
    assert nearest("KubeMembersLost", *others, QUORUM)[0][0] == "quorum"


def test_a_misspelt_name_is_near() -> None:
    assert nearest("etcdinsuficientmembers", CRASH, DISK, QUORUM)[0][0] == "quorum"


def test_an_unknown_condition_is_told_as_unknown() -> None:
    when = When("alert.labels.zone", lambda f: bool(f["alert"]["labels"]["zone"]))
    world = World(runbook("zoned", match=Match(alert=("Hung",), when=when)))
    case = world.fire()
    event = Acknowledged(at=START, subject=case.id, who="bob")
    turn = Turn(at=START, event=event, view=world.view, incident=case)
    (missed,) = near_misses(turn, next(iter(case.alerts.values())).labels)
    assert (missed.clause, missed.truth) == ("when: alert.labels.zone", Truth.UNKNOWN)


def test_there_is_always_a_nearest_and_never_too_many() -> None:
    many = [runbook(f"r{n}", alert=f"Alert{n}") for n in range(300)]
    assert len(nearest("Nothing", *many)) == 10
    assert len(nearest("Nothing", *many, most=3)) == 3
    assert len(nearest("Unlike", QUORUM)) == 1
    assert nearest("Hung", runbook()) == [], "what matches is no miss"


def test_many_names_are_told_in_short() -> None:
    many = runbook("many", match=Match(alert=tuple(f"Alert{n}" for n in range(50))))
    ((_, clause),) = nearest("Other", many)
    assert clause.endswith("'Alert5', ... 44 more]")
