"""Who speaks and who listens is found by key: a storm does not go through everything that burns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agent.core.advance import advance
from agent.core.inhibition import TIMER
from agent.core.speakers import Speakers
from agent.model.event import Acknowledged
from agent.model.incident import Incident
from agent.model.policy import Policy
from tests.support.cases import World, alert, received, resolved
from tests.support.inhibiting import rule

CRITICAL = rule("severity=critical", "severity=warning", "instance")


class NeverWalked(dict[str, Incident]):
    def values(self) -> Any:
        raise AssertionError("it goes through all open incidents")

    def items(self) -> Any:
        raise AssertionError("it goes through all open incidents")

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("it goes through all open incidents")


def warned(number: int, entity: str = "shop-worker") -> Any:
    labels = {"severity": "warning", "instance": f"i{number}"}
    return alert(f"Slow{number}", entity, labels=labels)


def critical(number: int) -> Any:
    return alert(f"Down{number}", "scout", labels={"instance": f"i{number}"})


def world() -> World:
    return World(policy=Policy(inhibit_rules=(CRITICAL,)))


def test_an_alert_that_speaks_for_nobody_costs_the_same_however_much_burns() -> None:
    w = world()
    for number in range(30):
        w.fire(critical(number))
    w.view.incidents = NeverWalked(w.state.incidents)
    decision = advance(None, received(critical(99), w.now), w.view)
    assert decision.incident is not None
    assert [t for t in decision.timers if t.name == TIMER] == []


def test_an_alert_finds_those_that_listen_to_it_and_nobody_was_told_of() -> None:
    w = world()
    waiting = w.fire(warned(1, "shop-web"))
    assert waiting.page_held_until is not None
    told = w.fire(warned(2))
    assert told.pages
    timers = [
        t.subject
        for number in (1, 2)
        for t in advance(None, received(critical(number), w.now), w.view).timers
        if t.name == TIMER
    ]
    assert timers == [waiting.id]


def test_who_listens_is_kept_as_one_look_finds_it() -> None:
    w = world()
    for number in range(6):
        w.fire(warned(number, "shop-web" if number % 2 else "pay-api"))
        w.wait(4)
    w.fire(critical(5))
    acknowledged = w.fire(warned(4, "pay-api"))
    w.tell(Acknowledged(at=w.now, subject=acknowledged.id, who="ann"))
    w.tell(received(resolved(warned(3, "shop-web"), w.now), w.now))
    fresh = Speakers()
    fresh.use(w.view.policy.inhibit_rules, w.state.incidents.values())
    assert {k: set(v) for k, v in fresh.listening.items()} == {
        k: set(v) for k, v in w.view.listening.items()
    }


def test_what_is_taken_back_with_its_batch_does_not_go_on_listening() -> None:
    w = world()
    w.state.keep()
    w.fire(warned(1, "shop-web"))
    assert w.view.listening
    w.state.take_back()
    assert w.view.listening == {}


def test_rules_read_anew_find_who_listens_already() -> None:
    w = World()
    w.fire(warned(1, "shop-web"))
    w.view.policy = msgspec.structs.replace(w.view.policy, inhibit_rules=(CRITICAL,))
    w.state.use_rules()
    w.fire(critical(1))
    w.wait(0)
    assert any(i.inhibited_by is not None for i in w.incidents)
