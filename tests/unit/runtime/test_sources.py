"""What runs the sources: level checks look at all members of a group together, and go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from agent.catalog.settings import Use
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import Alert, AlertStatus, Alive, Signal
from agent.model.errors import HomeostatError, Permanent, StoreUnavailable
from agent.model.incident import AlertState
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.runtime.registry import PluginRegistry, shipped_plugins_folder
from agent.runtime.sources import Sources, name_of
from tests.support.decisions import make_incident
from tests.support.kits import RealClock, lent
from tests.support.loopback import Loopback, Received, serving
from tests.support.waiting import eventually

LIVE = "0123456789abcdef"
OTHER = "fedcba9876543210"


@dataclass
class Member:
    """An Alertmanager that lists what it is told to; None: it answers with an error."""

    fingerprints: list[str] | None
    meanwhile: Callable[[], None] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, _: Received) -> web.StreamResponse:
        if self.meanwhile is not None:
            self.meanwhile()
        if self.fingerprints is None:
            return web.Response(status=503)
        return web.json_response(
            [
                {
                    "labels": {"alertname": self.names.get(fingerprint, f"A-{fingerprint}")},
                    "status": {"state": self.states.get(fingerprint, "active")},
                    "startsAt": "2026-03-01T10:00:00Z",
                    "fingerprint": fingerprint,
                }
                for fingerprint in self.fingerprints
            ]
        )


@dataclass
class Taken:
    servers: list[Loopback]
    sources: Sources | None = None
    signals: list[Signal] = field(default_factory=list)
    errors: list[HomeostatError] = field(default_factory=list)

    async def receive(self, signals: Sequence[Signal]) -> None:
        if self.errors:
            raise self.errors.pop()
        self.signals += signals

    @property
    def alerts(self) -> list[Alert]:
        return [s for s in self.signals if isinstance(s, Alert)]

    @property
    def alive(self) -> set[str]:
        return {s.source for s in self.signals if isinstance(s, Alive)}

    async def rounds(self, number: int) -> None:
        """Until every member was asked so often again, and what they said is looked at."""
        for server in self.servers:
            server.received.clear()
        await eventually(
            lambda: all(len(s.received) > number for s in self.servers), within=5, what="asked"
        )


def view() -> View:
    identity = f"alertmanager/{LIVE}"
    state = AlertState(
        identity=identity, name="A", status=AlertStatus.FIRING, labels={"alertname": "A"},
        starts_at=100.0,
    )  # fmt: skip
    return View(
        policy=Policy(),
        registry=Registry(),
        runbooks=MatchIndex([]),
        plugins={},
        incidents={"i-1": make_incident("i-1", alerts={identity: state})},
        live={identity: "i-1"},
    )


@asynccontextmanager
async def checking(
    first: Member, second: Member, *, every: float = 0.01, pause: float = 0.01
) -> AsyncIterator[Taken]:
    async with serving(first) as one, serving(second) as two, lent() as kits:
        taken = Taken([one, two])
        taken.sources = Sources(
            uses=[
                Use(use="alertmanager.level", params={"url": s.url}, where=s.url)
                for s in (one, two)
            ],
            registry=PluginRegistry.load([shipped_plugins_folder()]),
            kit_for=lambda _: kits.source(emit=taken.receive, quarantine=_never),
            receive=taken.receive,
            view=view(),
            clock=RealClock(),
            level_seconds=every,
            pause_seconds=pause,
        )
        task = asyncio.create_task(taken.sources.run())
        try:
            yield taken
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _never(*_: object, **__: object) -> None:
    raise AssertionError


@pytest.mark.parametrize("members", [([LIVE], []), ([], [LIVE])])
async def test_what_one_of_two_lists_is_firing(members: tuple[list[str], list[str]]) -> None:
    async with checking(*map(Member, members)) as taken:
        await taken.rounds(4)
        assert taken.alerts == []


async def test_what_none_of_them_lists_twice_is_over() -> None:
    async with checking(Member([]), Member([])) as taken:
        await eventually(lambda: taken.alerts, within=5, what="it is over")
    alert = taken.alerts[0]
    assert (alert.identity, alert.status) == (f"alertmanager/{LIVE}", AlertStatus.RESOLVED)
    assert alert.inferred


async def test_nothing_is_inferred_while_one_cannot_be_asked() -> None:
    away = Member(None)
    async with checking(Member([OTHER]), away) as taken:
        await taken.rounds(4)
        assert {a.fingerprint for a in taken.alerts} == {OTHER}, "what is new is told all the same"
        assert taken.sources is not None
        assert list(taken.sources.level_failures) == [taken.servers[1].url]
        away.fingerprints = []
        await eventually(lambda: any(a.inferred for a in taken.alerts), within=5, what="it is over")
        assert taken.sources.level_failures == {}


async def test_what_cannot_be_stored_is_told_at_the_next_check() -> None:
    async with checking(Member([LIVE, OTHER]), Member([LIVE])) as taken:
        taken.errors = [StoreUnavailable("full"), Permanent("a defect")]
        await eventually(lambda: taken.alerts, within=5, what="told in the end")
    assert taken.errors == []
    assert {a.fingerprint for a in taken.alerts} == {OTHER}


async def test_what_is_asked_for_during_a_check_is_another_one() -> None:
    """The answer on its way may be older than the reason to ask."""
    member = Member([LIVE])
    async with checking(member, Member([LIVE]), every=3600) as taken:
        sources = taken.sources
        assert sources is not None
        await eventually(lambda: taken.servers[1].received, within=5, what="the first check")

        def once() -> None:
            member.meanwhile = None
            sources.request_level_check()

        member.meanwhile = once
        sources.request_level_check()
        await eventually(lambda: len(taken.servers[0].received) == 3, within=5, what="two more")


async def test_a_source_with_a_defect_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(_: object) -> None:
        raise KeyError("a defect")

    async with checking(Member([LIVE]), Member([OTHER])) as taken:
        assert taken.sources is not None
        plugin = taken.sources._plugin(taken.sources._levels[0])
        own = plugin.firing  # type: ignore[union-attr]
        first = taken.servers[0].url

        async def firing(kit: object, params: object) -> object:
            return defect(kit) if params.url == first else await own(kit, params)  # type: ignore[attr-defined,arg-type,func-returns-value]

        monkeypatch.setattr(plugin, "firing", firing)
        await eventually(
            lambda: OTHER in {a.fingerprint for a in taken.alerts}, within=5, what="the other"
        )
        await eventually(
            lambda: taken.sources and taken.sources.level_failures, within=5, what="told"
        )
        assert not any(a.inferred for a in taken.alerts)


def names(taken: Taken) -> list[str]:
    return [f"alertmanager@{s.url.removeprefix('http://')}" for s in taken.servers]


async def test_who_answers_lives_and_who_does_not_is_not_vouched_for_by_the_other() -> None:
    async with checking(Member([]), Member(None)) as taken:
        await taken.rounds(2)
        assert taken.sources is not None
        assert taken.alive == {names(taken)[0]}
        assert taken.sources.asked == set(names(taken))


async def test_what_all_of_them_list_is_the_latest_word_on_who_fires() -> None:
    """Without those that a person or another alert speaks for there."""
    second = Member([OTHER], states={OTHER: "suppressed"})
    async with checking(Member([LIVE]), second) as taken:
        await taken.rounds(2)
        assert taken.sources is not None
        known = taken.sources._view
        assert known.levels["alertmanager"].identities == {f"alertmanager/{LIVE}"}
        second.fingerprints = None
        await taken.rounds(2)
        before = known.levels["alertmanager"].at
        await taken.rounds(2)
        assert known.levels["alertmanager"].at == before, "half an answer is no fresh word"


async def test_a_watchdog_in_the_list_is_a_sign_of_life_and_never_new() -> None:
    """F-STORM-07"""
    async with checking(Member([LIVE, OTHER], names={OTHER: "Watchdog"}), Member([])) as taken:
        await taken.rounds(3)
        assert taken.alerts == []
        assert "watchdog:alertmanager" in taken.alive


async def test_steps_that_wait_for_a_fresh_word_do_not_ask_all_the_time() -> None:
    async with checking(Member([LIVE]), Member([]), every=3600, pause=0.5) as taken:
        await eventually(lambda: taken.servers[0].received, within=5, what="the first check")
        assert taken.sources is not None
        for _ in range(40):
            taken.sources.request_level_check()
            await asyncio.sleep(0.005)
        assert len(taken.servers[0].received) <= 2
        await eventually(lambda: len(taken.servers[0].received) >= 2, within=5, what="one more")


@pytest.mark.parametrize(
    ("use", "params", "name"),
    [
        ("alertmanager.level", {"url": "http://ann:secret@am:9093/x/"}, "alertmanager@am:9093/x"),
        ("mqtt", {"host": "broker", "port": 8883}, "mqtt@broker:8883"),
        ("mqtt", {"host": "broker"}, "mqtt@broker"),
        ("prober", {}, "prober"),
    ],
)
def test_a_source_is_named_after_where_it_is(use: str, params: dict[str, str], name: str) -> None:
    assert name_of(Use(use=use, params=params)) == name


async def test_a_source_that_says_it_lives_is_given_its_name() -> None:
    async with checking(Member([]), Member([])) as taken:
        assert taken.sources is not None
        emit = taken.sources.emit_of(Use(use="mqtt", params={"host": "broker", "port": 1883}))
        await emit([Alive(source=""), Alive(source="other")])
        assert {"mqtt@broker:1883", "other"} <= taken.alive
