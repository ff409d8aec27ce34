"""Silences: whom they cover, what they hold back, and that nothing is forgotten under them."""

from __future__ import annotations

import time

import msgspec
import pytest

from agent.core.silence import covers, is_usable
from agent.model.event import Acknowledged
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import START, World, alert, runbook


def matcher(
    value: str, *, name: str = "pod", regex: bool = False, equal: bool = True
) -> SilenceMatcher:
    return SilenceMatcher(name=name, value=value, is_regex=regex, is_equal=equal)


def silence(*matchers: SilenceMatcher, ends_in: float = 100.0, at: float = START) -> Silence:
    return Silence(
        id="s1",
        matchers=matchers,
        starts_at=at,
        ends_at=at + ends_in,
        created_by="bob",
        comment="planned",
        updated_at=at,
    )


@pytest.mark.parametrize(
    ("one", "labels", "is_covered"),
    [
        (matcher("a"), {"pod": "a"}, True),
        (matcher("a"), {"pod": "ab"}, False),
        (matcher("a", equal=False), {"pod": "b"}, True),
        (matcher("a", equal=False), {}, True),
        (matcher("a.*", regex=True), {"pod": "abc"}, True),
        (matcher("a", regex=True), {"pod": "ba"}, False),  # anchored
        (matcher("a|b", regex=True), {"pod": "b"}, True),
        (matcher("a.*", regex=True, equal=False), {"pod": "b"}, True),
        (matcher("", regex=False), {}, True),
        (matcher(".*-prod-.*", regex=True), {"pod": "eu-prod-web"}, True),
        (matcher("a.*", regex=True), {"pod": "a" * 2000}, False),  # too long to be tried
        (matcher("b.*", regex=True, equal=False), {"pod": "a" * 2000}, False),
        (matcher("(", regex=True), {"pod": "("}, False),
        (matcher("(", regex=True, equal=False), {"pod": "x"}, False),
    ],
)
def test_matchers_are_those_of_alertmanager(
    one: SilenceMatcher, labels: dict[str, str], is_covered: bool
) -> None:
    assert covers(silence(one), labels, START) is is_covered


def test_in_force_from_its_start_to_its_end() -> None:
    told = silence(matcher("a"))
    assert not covers(told, {"pod": "a"}, START - 1)
    assert covers(told, {"pod": "a"}, START + 99)
    assert not covers(told, {"pod": "a"}, START + 100)


def test_a_silence_without_matchers_covers_nothing() -> None:
    assert not covers(silence(), {"pod": "a"}, START)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|aa)+$", "(.*)*x", r"(a)\1", "(?:a+)+", "a" * 300, ".*.*.*.*.*.*x"],
)
def test_patterns_that_backtrack_without_end_are_not_usable(pattern: str) -> None:
    began = time.perf_counter()
    one = matcher(pattern, regex=True)
    assert not is_usable(one)
    assert not covers(silence(one), {"pod": "a" * 5000 + "!"}, START)
    assert time.perf_counter() - began < 0.5


async def test_a_silenced_incident_waits_for_the_end_and_is_then_looked_at() -> None:
    world = World(runbook())
    world.keep("silence", "s1", silence(matcher("Hung", name="alertname")))
    case = world.fire()
    assert case.state is State.OPEN
    assert case.silenced_by == "s1"
    assert world.commands == []
    assert await world.ledger() == {case.id: ["suppressed"]}
    world.wait(101)
    assert world.case.state is State.ACTING
    assert await world.ledger() == {case.id: ["open"]}


async def test_what_clears_under_a_silence_is_over() -> None:
    world = World()
    world.keep("silence", "s1", silence(matcher("Hung", name="alertname")))
    world.fire()
    world.clear()
    assert world.case.state is State.RESOLVED
    assert world.case.outcome is None
    assert world.pages == []
    assert sorted((await world.ledger())[world.case.id]) == ["duplicate", "suppressed"]


async def test_an_alert_that_no_silence_covers_does_not_drown_in_a_silenced_incident() -> None:
    world = World()
    world.keep("silence", "s1", silence(matcher("a")))
    world.fire(alert(labels={"pod": "a"}))
    assert world.case.silenced_by == "s1"
    world.fire(alert(labels={"pod": "b"}))
    assert world.case.silenced_by is None
    assert world.case.state is State.ESCALATED
    assert world.paged == ["team-shop"]
    assert await world.ledger() == {world.case.id: ["routed", "routed"]}
    assert world.timer("silence_end") is None


def test_a_second_silenced_alert_changes_nothing() -> None:
    world = World()
    world.keep("silence", "s1", silence(matcher("Hung", name="alertname")))
    world.fire(alert(labels={"pod": "a"}))
    world.fire(alert(labels={"pod": "b"}))
    assert world.case.silenced_by == "s1"
    assert world.pages == []


def test_a_silence_that_was_made_longer_holds_on() -> None:
    world = World()
    world.keep("silence", "s1", silence(matcher("Hung", name="alertname")))
    world.fire()
    world.keep("silence", "s1", silence(matcher("Hung", name="alertname"), ends_in=500.0))
    world.wait(150)
    assert world.case.silenced_by == "s1"
    assert world.timer("silence_end") == 350.0
    world.wait(351)
    assert world.paged == ["team-shop"]


def test_a_page_that_waits_is_not_sent_if_somebody_silences_it_meanwhile() -> None:
    world = World()
    world.fire(entity="shop-web")
    assert world.timer("page_hold") == 15.0
    world.keep("silence", "s1", silence(matcher("Hung", name="alertname"), ends_in=50.0))
    world.wait(16)
    assert world.pages == []
    assert world.case.silenced_by == "s1"
    world.wait(60)
    assert world.case.silenced_by is None
    assert world.paged == ["team-shop"]


def test_so_too_where_it_was_looked_at_before() -> None:
    world = World(policy=None)
    world.view.policy = type(world.view.policy)(default_diagnostics={"service": ("process.log",)})
    world.fire(entity="shop-web")
    world.find(lines=["a"])
    assert world.case.state is State.DIAGNOSING
    world.keep("silence", "s1", silence(matcher("Hung", name="alertname"), ends_in=50.0))
    world.wait(16)
    assert world.case.silenced_by == "s1"
    world.wait(60)
    assert world.case.state is State.DIAGNOSING, "it is looked at anew"
    assert len({c.id for c in world.commands}) == len(world.commands)


def test_who_acknowledges_a_silenced_incident_has_it() -> None:
    world = World()
    world.keep("silence", "s1", silence(matcher("Hung", name="alertname")))
    world.fire()
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    assert world.case.state is State.ACKNOWLEDGED
    assert Reason.ACKNOWLEDGED in world.reasons


def test_a_silence_that_names_the_product_covers_what_the_registry_says_is_its() -> None:
    """Who is limited to products has to name one; alerts mostly do not carry that label."""
    world = World()
    mine = SilenceMatcher(name="product", value="shop")
    silence = Silence(
        id="s",
        matchers=(mine,),
        starts_at=START,
        ends_at=START + 600,
        created_by="rita",
        comment="moving",
        updated_at=START,
    )
    world.keep("silence", "s", silence)
    assert world.fire(entity="shop-worker").silenced_by == "s"
    assert world.fire(entity="pay-api").silenced_by is None
    elsewhere = msgspec.structs.replace(silence, id="am/s", source="alertmanager:am")
    world.keep("silence", "s", None)
    world.keep("silence", "am/s", elsewhere)
    assert world.fire(name="Other", entity="shop-worker").silenced_by is None
