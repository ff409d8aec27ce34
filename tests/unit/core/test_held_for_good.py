"""Nobody is held under something that does not call people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.catalog.settings import Use
from agent.core.audit_escalation import audit, mended
from agent.core.reaching import MOST_PAGES
from agent.core.release import let_go
from agent.model.event import Acknowledged, Held
from agent.model.incident import Incident, Page, State
from agent.model.policy import InhibitRule, Policy
from agent.model.records import Silence, SilenceMatcher
from agent.ports.plugin import Notifier, Params
from agent.runtime.calling import Calling
from agent.runtime.last_resort import LastResort
from agent.runtime.registry import PluginRegistry
from tests.support.cases import START, World, alert
from tests.support.fleets import fleet, registry_of, service, substrate

SHARED = registry_of(service("web", "shop", "cache"), service("till", "pay", "cache"),
                     substrate("cache"), substrate("rack"))  # fmt: skip
OWNED = registry_of(service("api", "shop"), service("till", "pay", "api"))
LOOKS = Policy(default_diagnostics={"substrate": ("process.status",)})


def fire(world: World, entity: str, severity: str = "critical", name: str = "Down") -> Incident:
    return world.fire(name=name, entity=entity, labels={"severity": severity})


def now(world: World, case: Incident) -> Incident:
    return world.incident(case.id)


def silenced(world: World, name: str) -> None:
    body = Silence(
        id="s1",
        matchers=(SilenceMatcher(name="alertname", value=name),),
        starts_at=world.now,
        ends_at=world.now + 86_400.0,
        created_by="anna",
        comment="known",
        updated_at=world.now,
    )
    world.keep("silence", "s1", body)


# how severe


@pytest.mark.parametrize("severity", ["error", "warning", "info", "none"])
def test_what_is_less_severe_speaks_for_nothing_worse(severity: str) -> None:
    world = World(registry=SHARED)
    root = fire(world, "cache", severity)
    web, till = fire(world, "web"), fire(world, "till")
    world.wait(60)
    assert world.paged == ["platform", "platform"]
    assert {now(world, c).held_by for c in (web, till)} in ({None, web.id}, {None, till.id})
    assert now(world, root).held_by is None


def test_what_is_as_severe_or_less_is_held() -> None:
    world = World(registry=SHARED)
    root = fire(world, "cache", "error")
    cases = [fire(world, "web", "error"), fire(world, "till", "info")]
    world.wait(60)
    assert world.paged == ["platform"]
    assert {now(world, case).held_by for case in cases} == {root.id}


def test_a_root_that_comes_later_holds_only_what_it_speaks_for() -> None:
    world = World(registry=SHARED)
    web = fire(world, "web")
    also = fire(world, "web", "warning", name="Slow")
    assert not now(world, web).pages
    root = fire(world, "cache", "warning")
    assert now(world, also).held_by == root.id
    world.tell(Held(at=world.now, subject=web.id, root=root.id))
    assert now(world, web).held_by is None
    world.wait(60)
    assert now(world, web).pages


def test_what_is_held_and_becomes_worse_than_its_root_is_told() -> None:
    world = World(registry=SHARED)
    fire(world, "cache", "warning")
    web = fire(world, "web", "warning")
    assert now(world, web).held_by is not None
    world.wait(100)
    world.fire(alert("Down", "web", labels={"severity": "critical", "x": "2"}, starts_at=world.now))
    world.wait(20)
    assert (now(world, web).held_by, now(world, web).severity) == (None, "critical")
    assert "[critical]" in str(world.pages[-1].params["title"])


def test_in_a_storm_too_a_page_speaks_for_nothing_worse() -> None:
    world = World(registry=fleet(20, 9))
    for number in range(3):
        fire(world, f"p0-s{number}", "info")
    assert world.paged == ["team-p0"]
    down = fire(world, "p0-s8")
    also = fire(world, "p0-s7")
    assert world.paged == ["team-p0", "team-p0"]
    assert (now(world, down).held_by, now(world, also).held_by) == (None, down.id)


# what does not speak any more


def test_a_root_that_is_silenced_before_anybody_was_told_lets_go() -> None:
    """F-NT-08: the person who silenced the root said nothing of what stands on it."""
    world = World(registry=SHARED, policy=LOOKS)
    root = fire(world, "cache", name="CacheDown")
    web, till = fire(world, "web"), fire(world, "till")
    assert now(world, web).held_by == now(world, till).held_by == root.id
    assert not now(world, root).pages
    silenced(world, "CacheDown")
    world.find(sick=[])
    assert now(world, root).silenced_by == "s1"
    world.wait(200)
    assert world.paged == ["platform"]
    assert sorted(bool(now(world, case).pages) for case in (web, till)) == [False, True]


def test_a_root_that_is_inhibited_before_anybody_was_told_lets_go() -> None:
    rule = InhibitRule(
        source=(SilenceMatcher(name="alertname", value="Rack"),),
        target=(SilenceMatcher(name="alertname", value="CacheDown"),),
    )
    policy = msgspec.structs.replace(LOOKS, inhibit_rules=(rule,))
    world = World(registry=SHARED, policy=policy)
    root = fire(world, "cache", name="CacheDown")
    web = fire(world, "web")
    assert now(world, web).held_by == root.id
    fire(world, "rack", "info", name="Rack")
    world.wait(1)
    assert now(world, root).inhibited_by is not None
    world.find(sick=[])
    world.wait(200)
    assert now(world, web).held_by is None
    assert now(world, web).pages


def test_a_root_that_is_held_itself_lets_go() -> None:
    world = World(registry=SHARED, policy=LOOKS)
    root = fire(world, "cache")
    web = fire(world, "web")
    other = fire(world, "rack", name="Other")
    world.tell(Held(at=world.now, subject=root.id, root=other.id))
    assert now(world, root).held_by == other.id
    assert world.timer("release", web.id) == world.view.policy.release_seconds


def test_the_most_severe_are_let_go_first_and_of_those_the_oldest() -> None:
    world = World(registry=SHARED, policy=Policy(page_hold_seconds=900.0))
    cases = []
    for number, severity in enumerate(("info", "warning", "critical", "critical")):
        cases.append(fire(world, "web", severity, name=f"A{number}"))
        world.wait(1)
    events = let_go(cases, at=world.now, longest=900.0)
    assert [e.subject for e in events] == [cases[n].id for n in (2, 3, 1, 0)]


# the auditor


def mend(world: World) -> list[tuple[str, str]]:
    findings = audit(world.view, world.state.timers, world.now)
    world.tell(mended(findings, world.now))
    world.wait(20)
    return [(f.subject, f.timer) for f in findings]


@pytest.mark.parametrize(
    "fields",
    [{"state": State.RESOLVED}, {"silenced_by": "s1"}, {"inhibited_by": "a"}, {"held_by": "i-x"},
     {"severity": "info"}],
)  # fmt: skip
def test_the_auditor_lets_go_of_what_nothing_speaks_for(fields: dict[str, Any]) -> None:
    world = World(registry=SHARED)
    root, web = fire(world, "cache"), fire(world, "web")
    assert now(world, web).held_by == root.id
    assert mend(world) == []
    changed = msgspec.structs.replace(now(world, root), pages=(), **fields)
    world.tell(msgspec.structs.replace(world.batch.decisions[-1], incident=changed, emits=()))
    assert (web.id, "release") in mend(world)
    holder = world.state.incidents.get(now(world, web).held_by or "", now(world, web))
    assert holder.held_by is None
    assert [p.severity for p in (holder,) if p.pages] == ["critical"]


def test_the_auditor_leaves_alone_what_is_about_to_be_let_go() -> None:
    world = World(registry=SHARED)
    root, web = fire(world, "cache"), fire(world, "web")
    world.clear(alert("Down", "cache"))
    assert not now(world, root).is_open
    assert world.timer("release", web.id) is not None
    assert audit(world.view, world.state.timers, world.now) == ()


def test_the_auditor_routes_what_nothing_is_due_for() -> None:
    """A timer was lost: it burns, and nobody would ever hear of it."""
    world = World(registry=SHARED)
    case = fire(world, "web")
    assert world.timer("page_hold", case.id) is not None
    world.state.timers.pop((case.id, "page_hold"))
    assert mend(world) == [], "it may have begun just now"
    world.wait(60)
    assert mend(world) == [(case.id, "page_hold")]
    assert world.paged == ["team-shop"]
    assert mend(world) == []


# who has the root


class Kits:
    def notify(self, **_told: Any) -> None:
        return None


async def test_the_platform_is_really_called_where_the_builder_has_the_root(tmp_path: Path) -> None:
    """At the moment of sending it is asked once more whether somebody has it."""
    world = World(registry=OWNED)
    root = fire(world, "api")
    world.tell(Acknowledged(at=world.now, subject=root.id, who="anna"))
    till = fire(world, "till")
    assert now(world, till).held_by == root.id
    page = world.pages[-1]
    assert page.params["to"] == "platform"
    sent: list[str] = []

    async def hook(_kit: Any, _params: Any, message: Any) -> str:
        sent.append(message.to)
        return "ok"

    plugin = Notifier(name=page.use, params=Params, summary="keeps", run=hook)
    calling = Calling(
        registry=lambda: PluginRegistry({page.use: plugin}),
        kits=Kits(),  # type: ignore[arg-type]
        channels=lambda: {str(page.params["channel"]): Use(use=page.use)},
        view=world.view,
        last_resort=LastResort(tmp_path / "last-resort.jsonl"),
    )
    assert await calling.call(page) == {"receipt": "ok"}
    assert sent == ["platform"]
    world.tell(Acknowledged(at=world.now, subject=root.id, who="pia"))
    assert now(world, root).acknowledged_by == "pia"
    assert "withheld" in await calling.call(page)


def test_the_first_page_is_kept_however_many_follow() -> None:
    world = World(registry=OWNED)
    case = fire(world, "api", "warning")
    first = now(world, case).pages[0]
    more = tuple(
        Page(id=f"{case.id}/page/{n}/x", to="x", channel="x", at=START + n, text="", wave=n)
        for n in range(2, MOST_PAGES + 1)
    )
    known = msgspec.structs.replace(now(world, case), pages=(first, *more))
    world.state.incidents[case.id] = known
    labels = {"severity": "critical", "x": "2"}
    world.fire(alert("Down", "api", labels=labels, starts_at=world.now))
    pages = now(world, case).pages
    assert len(pages) == MOST_PAGES
    assert (pages[0], pages[1]) == (first, more[1])
    assert pages[-1].wave == MOST_PAGES + 1
