"""What changed shortly before a metric stalled is the first suspect, and only that: a suspect."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.suspects import FINDING, Suspect, ago, suspects
from agent.model.alert import Change
from agent.model.event import ChangeReceived
from agent.model.product import Entity, EntityKind
from agent.model.records import AgentSigns
from agent.model.series import DriftState
from agent.model.signals import ChangeKind, ChangePhase, Mode
from tests.support.cases import REGISTRY, START, World

DAY = 86_400.0
PICKER = Entity(name="picker", kind=EntityKind.AGENT, product="shop", owner="team-shop")


def world() -> World:
    entities = {**REGISTRY.entities, "picker": PICKER}
    return World(registry=msgspec.structs.replace(REGISTRY, entities=entities))


def changed(
    where: World, entity: str, kind: ChangeKind, *, before: float, what: str = "", **told: str
) -> None:
    change = Change(
        product=where.view.registry.entities[entity].product or "",
        entity=entity,
        what=what,
        by=told.get("by", ""),
        kind=kind,
        version=told.get("version", ""),
        phase=ChangePhase(told.get("phase", "done")),
    )
    where.tell(ChangeReceived(at=START - before, change=change))


def suspected(where: World, *, cadence: float = DAY) -> tuple[Suspect, ...]:
    return suspects("shop", where.view, since=START, cadence_seconds=cadence)


def test_a_release_is_told_with_version_place_time_and_by_whom() -> None:
    where = world()
    changed(where, "shop-web", ChangeKind.RELEASE, before=2100, version="1.4.2", by="argocd")
    (one,) = suspected(where)
    assert one.text == "release 1.4.2 of shop-web, 35 min before, by argocd"
    assert (one.entity, one.kind, one.version) == ("shop-web", "release", "1.4.2")


def test_the_nearer_the_more_suspect() -> None:
    where = world()
    for before in (40_000.0, 600.0, 9_000.0):
        changed(where, "shop-web", ChangeKind.RELEASE, before=before, version=str(before))
    assert [one.version for one in suspected(where)] == ["600.0", "9000.0", "40000.0"]


def test_machinery_and_releases_come_before_what_else_was_changed_nearer() -> None:
    where = world()
    changed(where, "shop-web", ChangeKind.SCALE, before=60, what="3 replicas")
    changed(where, "shop-web", ChangeKind.CONFIGURATION, before=600, what="cache size")
    changed(where, "picker", ChangeKind.MACHINERY, before=7200, what="another model")
    assert [one.kind for one in suspected(where)] == ["machinery", "configuration", "scale"]


def test_what_came_after_the_onset_is_suspect_after_what_came_before_it() -> None:
    where = world()
    changed(where, "shop-web", ChangeKind.RELEASE, before=-200, version="2")
    changed(where, "shop-web", ChangeKind.CONFIGURATION, before=60, what="cache size")
    assert [one.kind for one in suspected(where)] == ["configuration", "release"]


def test_what_it_stands_on_is_suspect_after_what_it_is_made_of() -> None:
    where = world()
    changed(where, "cache", ChangeKind.RELEASE, before=600, version="9")
    changed(where, "shop-web", ChangeKind.RELEASE, before=3600, version="2")
    changed(where, "pay-api", ChangeKind.RELEASE, before=60, version="7")
    assert [one.entity for one in suspected(where)] == ["shop-web", "cache"]


@pytest.mark.parametrize(("before", "seen"), [(DAY + 1, 0), (DAY, 1), (-300.0, 1), (-301.0, 0)])
def test_only_what_happened_shortly_before_is_suspect(before: float, seen: int) -> None:
    where = world()
    changed(where, "shop-web", ChangeKind.RELEASE, before=before, version="2")
    assert len(suspected(where)) == seen


def test_members_that_are_not_as_they_should_be_are_suspect() -> None:
    where = world()
    where.keep("drift", "picker/errors", DriftState(firing_since=START - 600))
    signs = AgentSigns(
        agent="picker", last_at=START, alive=True, mode=Mode.OBSERVE, unpinned_since=START - 60
    )
    where.keep("agent", "picker", signs)
    assert [one.text for one in suspected(where)] == [
        "picker runs another version or configuration than declared",
        "picker drifts in its errors",
        "picker is in quarantine",
    ]


def test_one_release_told_twice_is_one_suspect() -> None:
    where = world()
    for before, phase in ((900.0, "started"), (600.0, "rolled_back")):
        changed(where, "shop-web", ChangeKind.RELEASE, before=before, version="2", phase=phase)
    assert [one.text for one in suspected(where)] == [
        "release 2 of shop-web (rolled back), 10 min before"
    ]


def test_a_release_that_was_under_way_when_it_began_counts_from_its_own_beginning() -> None:
    where = world()
    changed(where, "shop-web", ChangeKind.RELEASE, before=900, version="2", phase="started")
    changed(where, "shop-web", ChangeKind.RELEASE, before=-1800, version="2")
    assert [one.text for one in suspected(where)] == ["release 2 of shop-web, 15 min before"]


def test_hostile_words_are_bounded_and_many_changes_are_few_suspects() -> None:
    where = world()
    for number in range(20):
        changed(
            where,
            "shop-web",
            ChangeKind.OTHER,
            before=60.0 + number,
            what="x" * 5000,
            version=f"{number}" + "y\n" * 5000,
            by="z" * 5000,
        )
    known = suspected(where)
    assert len(known) == 5
    assert all(len(one.text) < 250 and "\n" not in one.text for one in known)


def flat(where: World) -> None:
    for _ in range(11):
        where.measure(7.0)
        where.wait(60)
    where.wait(15)


def test_the_builder_reads_the_first_suspect_on_the_page() -> None:
    where = world()
    changed(where, "shop-web", ChangeKind.RELEASE, before=2100, version="1.4.2", by="argocd")
    changed(where, "shop-web", ChangeKind.CONFIGURATION, before=4000, what="cache size")
    flat(where)
    (alert,) = where.case.alerts.values()
    told = "release 1.4.2 of shop-web, 35 min before, by argocd"
    assert alert.annotations["description"].startswith(f"First suspect: {told}. Besides: ")
    assert told in where.pages[0].params["text"]
    found = where.case.findings[FINDING]
    assert found["suspect"] == told
    assert found["ranked"]["2"]["kind"] == "configuration"
    assert where.case.steps == ()


def test_where_nothing_changed_the_page_says_so() -> None:
    where = world()
    flat(where)
    assert "nothing that is known of changed" in where.pages[0].params["text"]


def test_other_incidents_have_no_such_finding() -> None:
    where = world()
    changed(where, "shop-web", ChangeKind.RELEASE, before=60, version="2")
    where.fire()
    where.wait(60)
    assert FINDING not in where.case.findings


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 s"), (2100, "35 min"), (7300, "2 h"), (90_000, "25 h"), (400_000, "5 days")],
)
def test_times_as_people_say_them(seconds: float, text: str) -> None:
    assert ago(seconds) == text
