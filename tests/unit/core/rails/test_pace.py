"""How often something is done."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.guard import Question, Stop, ask
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.policy import PluginFacts, Rails
from agent.model.product import Entity, EntityKind, Registry
from agent.model.reason import Reason
from agent.model.records import Act, Storm
from tests.support.cases import REGISTRY, START
from tests.support.guarding import act, failed, question
from tests.support.policies import OUT_OF_THE_WAY

MINUTE, HOUR = 60.0, 3600.0


def only(**limits: Any) -> Rails:
    return msgspec.structs.replace(OUT_OF_THE_WAY, wait_seconds=300.0, **limits)


def stopped(asked: Question) -> Stop:
    stop = ask(asked)
    assert stop is not None
    return stop


def shop_of(size: int) -> Registry:
    """The shop with so many services, and one thing that others share with it."""
    names = ["shop-worker", *(f"s-{n}" for n in range(size - 1))]
    made = {
        name: Entity(name=name, kind=EntityKind.SERVICE, product="shop", owner="team-shop")
        for name in names
    }
    return msgspec.structs.replace(REGISTRY, entities=made)


def touched(name: str, ago: float = 10 * MINUTE, **fields: Any) -> Act:
    told = {"key": f"{name}/{ago}", "target": name, "entity": name, "incident_id": f"i-{name}"}
    return act(**{**told, "at": START - ago, **fields})


class TestShare:
    @pytest.mark.rail("share_per_hour")
    def test_one_target_an_hour_of_a_small_product(self) -> None:
        stop = stopped(question(touched("s-1", 58 * MINUTE), rails=only(share_per_hour=0.1)))
        assert stop.reason is Reason.SHARE_EXHAUSTED
        assert stop.after_seconds == pytest.approx(2 * MINUTE)

    @pytest.mark.rail("share_per_hour")
    def test_a_share_of_a_large_one(self) -> None:
        limits, shop = only(share_per_hour=0.1), shop_of(39)
        three = [touched(f"s-{n}") for n in range(3)]
        assert ask(question(*three[:2], rails=limits, registry=shop)) is None
        stop = stopped(question(*three, rails=limits, registry=shop))
        assert stop.text == "s-0, s-1, s-2; 3 of 39 within an hour"

    def test_its_own_target_does_not_count_twice(self) -> None:
        again = touched("shop-worker", 20 * MINUTE)
        assert ask(question(again, rails=only(share_per_hour=0.1))) is None

    @pytest.mark.parametrize(
        "other",
        [
            touched("s-1", 61 * MINUTE),
            touched("s-1", status=OutcomeStatus.REFUSED),
            touched("pay-api", product="pay"),
        ],
    )
    def test_what_does_not_count(self, other: Act) -> None:
        assert ask(question(other, rails=only(share_per_hour=0.1))) is None

    @pytest.mark.rail("share_per_hour")
    def test_where_the_hour_is_long_from_over_nobody_waits_for_it(self) -> None:
        stop = stopped(question(touched("s-1"), rails=only(share_per_hour=0.1)))
        assert (stop.reason, stop.after_seconds) == (Reason.SHARE_EXHAUSTED, None)


def burst(count: int, *, ago: float = 1.0) -> list[Act]:
    """So many acts on other things, at once."""
    return [touched(f"s-{n}", ago, product="pay") for n in range(count)]


DEFAULT = only(rate_per_minute=6.0, rate_burst=10, storm_rate_per_minute=0.6)


class TestRate:
    @pytest.mark.rail("rate")
    def test_after_the_burst_a_token_comes_every_ten_seconds(self) -> None:
        assert ask(question(*burst(9), rails=DEFAULT)) is None
        stop = stopped(question(*burst(10), rails=DEFAULT))
        assert stop.reason is Reason.RATE_EXHAUSTED
        assert stop.after_seconds == pytest.approx(9.0)
        assert ask(question(*burst(10, ago=11.0), rails=DEFAULT)) is None

    @pytest.mark.rail("rate")
    def test_people_take_tokens_too(self) -> None:
        by_people = [msgspec.structs.replace(a, by="bob") for a in burst(10)]
        assert stopped(question(*by_people, rails=DEFAULT)).reason is Reason.RATE_EXHAUSTED
        asked = question(*burst(10), rails=DEFAULT, by="bob", runbook=None)
        assert stopped(asked).reason is Reason.RATE_EXHAUSTED

    def test_what_was_refused_took_none(self) -> None:
        refused = [msgspec.structs.replace(a, status=OutcomeStatus.REFUSED) for a in burst(20)]
        assert ask(question(*refused, rails=DEFAULT)) is None

    def test_the_way_back_asks_for_none(self) -> None:
        asked = question(*burst(20), rails=DEFAULT, is_rollback=True, runbook=None)
        assert ask(asked) is None

    @pytest.mark.rail("rate")
    def test_after_a_storm_it_is_half(self) -> None:
        asked = question(*burst(5), rails=DEFAULT)
        assert ask(asked) is None
        over = START - 301.0
        asked.view.storms = {"pay": Storm(scope="pay", began_at=over - 60, last_at=over)}
        stop = stopped(asked)
        assert (stop.reason, stop.text) == (
            Reason.RATE_EXHAUSTED,
            "3 a minute after a burst of 5",
        )

    @pytest.mark.rail("rate")
    def test_in_a_storm_a_persons_tokens_come_slowly(self) -> None:
        asked = question(*burst(10, ago=60.0), rails=DEFAULT, by="bob", runbook=None)
        assert ask(asked) is None
        asked.view.storms = {"shop": Storm(scope="shop", began_at=START - 60, last_at=START)}
        assert stopped(asked).reason is Reason.RATE_EXHAUSTED


class TestCooldown:
    @pytest.mark.rail("cooled_down")
    @pytest.mark.parametrize(("bad", "minutes"), [(1, 15), (2, 30), (3, 60), (4, 120)])
    def test_it_doubles_with_each_run_in_a_row_that_did_not_help(
        self, bad: int, minutes: int
    ) -> None:
        limits = only(cooldown_longest_seconds=4 * HOUR)
        runs = [failed(n) for n in range(bad)]
        last = minutes * MINUTE - 1.0
        runs[0] = msgspec.structs.replace(runs[0], at=START - last)
        runs[1:] = [
            msgspec.structs.replace(r, at=START - 5 * HOUR - n) for n, r in enumerate(runs[1:])
        ]
        stop = stopped(question(*runs, rails=limits))
        assert (stop.reason, stop.text) == (
            Reason.COOLDOWN,
            f"1 s of {minutes * MINUTE:.0f} s left",
        )
        runs[0] = msgspec.structs.replace(runs[0], at=START - last - 1.0)
        assert ask(question(*runs, rails=limits)) is None

    @pytest.mark.rail("cooled_down")
    def test_what_came_back_was_not_the_end_of_it(self) -> None:
        limits = only(cooldown_longest_seconds=4 * HOUR)
        held = [
            msgspec.structs.replace(failed(n), verdict=Verdict.HELD, relapsed=True, at=START - at)
            for n, at in enumerate((20 * MINUTE, 6 * HOUR))
        ]
        assert stopped(question(*held, rails=limits)).reason is Reason.COOLDOWN
        well = [msgspec.structs.replace(a, relapsed=False) for a in held]
        assert ask(question(*well, rails=limits)) is None

    @pytest.mark.rail("cooled_down")
    def test_what_only_contains_waits_for_nothing_but_itself(self) -> None:
        repaired = msgspec.structs.replace(failed(0), at=START - 60.0)
        asked = question(repaired, rails=only(), use="agent.quarantine")
        word = PluginFacts(name="agent.quarantine", kind="action", effect="idempotent")
        asked.view.plugins = {**asked.view.plugins, word.name: word}
        assert stopped(asked).reason is Reason.COOLDOWN
        word = msgspec.structs.replace(word, contains=True)
        asked.view.plugins = {**asked.view.plugins, word.name: word}
        assert ask(asked) is None
        again = msgspec.structs.replace(repaired, use=word.name)
        asked.view.acts = {"shop-worker": (again,)}
        assert stopped(asked).reason is Reason.COOLDOWN

    def test_it_has_an_end(self) -> None:
        limits = only(cooldown_longest_seconds=30 * MINUTE)
        runs = [msgspec.structs.replace(failed(n), at=START - 31 * MINUTE - n) for n in range(4)]
        assert ask(question(*runs, rails=limits)) is None
