"""The error budget of an objective: kept, spent, back, and not known any more."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent.core.objectives import UNKNOWN_SECONDS, is_unknown, settled
from agent.model.alert import SloReading
from agent.model.decision import Decision
from agent.model.event import SloRead
from agent.model.product import Product, Registry, Sli, Slo
from agent.model.reason import Reason
from agent.model.signals import SloSigns
from tests.support.cases import START, World

KEY = "shop/pay"
SPOT = f"metric_vanished/objective {KEY}"


def world(**fields: Any) -> World:
    told: dict[str, Any] = {
        "name": "pay",
        "journey": "a customer pays",
        "objective": 0.99,
        "sli": Sli(bad="rate(b[$window])", total="rate(t[$window])"),
    }
    slo = Slo(**{**told, **fields})
    shop = Product(name="shop", builder="team-shop", tier="high", slos=(slo,))
    return World(registry=Registry(products={"shop": shop}))


def read(
    w: World, bad: float | None, *, after: float = 60.0, product: str = "shop", **fields: Any
) -> list[Reason]:
    """A reading comes in; the reasons that go into the journal."""
    w.now += after
    reading = SloReading(product=product, slo="pay", bad=bad, **fields)
    return [line.reason for line in w.tell(SloRead(at=w.now, reading=reading)).journal]


def signs(w: World) -> SloSigns:
    return w.view.objectives[KEY]


def test_what_is_spent_is_the_share_of_bad_events_over_that_allowed() -> None:
    w = world()
    assert read(w, 0.004, events=5000.0, burn={"1h": 0.4, "6h": math.inf}) == []
    kept = signs(w)
    assert kept.spent == pytest.approx(0.4)
    assert (kept.bad, kept.events, kept.burn) == (0.004, 5000.0, {"1h": 0.4})
    assert kept.spent_since is None


def test_that_it_is_spent_is_told_once_and_that_it_is_back_once() -> None:
    w = world()
    read(w, 0.009)
    assert read(w, 0.0101) == [Reason.BUDGET_SPENT]
    spent_at = w.now
    assert read(w, 0.012) == []
    assert signs(w).spent_since == spent_at
    # Hardly below is not yet back: it would be told by turns.
    assert read(w, 0.0099) == []
    assert read(w, 0.0101) == []
    assert read(w, 0.009) == [Reason.BUDGET_BACK]
    assert signs(w).spent_since is None


def test_no_word_is_no_good_word() -> None:
    """What was spent stays spent, and after a while nothing is known."""
    w = world()
    read(w, 0.02)
    assert read(w, None) == []
    assert signs(w).spent_since is not None
    assert not is_unknown(signs(w), at=w.now)
    w.now += UNKNOWN_SECONDS
    assert is_unknown(signs(w), at=w.now + 1)
    assert signs(w).spent == pytest.approx(2.0)


def test_without_a_word_for_long_it_is_a_blind_spot_of_its_builder() -> None:
    """Once, with owner and remedy, and it ends by itself."""
    w = world()
    said = [read(w, None) for _ in range(20)]
    assert said.count([Reason.BLIND_SPOT_FOUND]) == 1
    spot = w.view.blind_spots[SPOT]
    assert (spot.owner, spot.product) == ("team-shop", "shop")
    assert "homeostat slo rules" in spot.remedy
    assert not w.commands, "nobody is paged for it"
    assert read(w, 0.001) == [Reason.BLIND_SPOT_GONE]
    assert w.view.blind_spots[SPOT].gone_at == w.now
    assert not is_unknown(signs(w), at=w.now)


def test_where_nobody_came_nothing_is_spent_and_nothing_is_missing() -> None:
    w = world()
    for _ in range(20):
        assert read(w, None, events=0.0) == []
    assert (signs(w).spent, signs(w).events) == (0.0, 0.0)
    assert SPOT not in w.view.blind_spots


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 1.5, 99.0])
def test_what_is_no_share_says_nothing(bad: float) -> None:
    w = world()
    read(w, 0.002)
    read(w, bad)
    assert signs(w).spent == pytest.approx(0.2)
    assert signs(w).unknown_since == w.now


def test_words_about_what_nobody_declared_are_let_be() -> None:
    w = world()
    assert read(w, 0.5, product="other") == []
    stated = world(sli=None)
    read(stated, 0.5)
    assert not w.view.objectives
    assert not stated.view.objectives


def test_the_same_word_is_not_written_down_each_time() -> None:
    w = world()
    read(w, 0.002)
    first = signs(w)
    read(w, 0.002)
    assert signs(w) is first
    read(w, 0.002, after=240.0)
    assert signs(w).last_at == w.now


def test_of_what_was_never_read_nothing_is_known() -> None:
    assert is_unknown(None, at=START)
    assert is_unknown(SloSigns(product="shop", slo="pay", last_at=START), at=START)


def test_what_is_not_declared_any_more_leaves_nothing_behind() -> None:
    w = world()
    for _ in range(20):
        read(w, None)
    assert w.view.blind_spots[SPOT].gone_at is None
    assert settled(w.view, at=w.now) == Decision(), "it is declared"
    w.view.registry = Registry(products={"shop": Product(name="shop", builder="b", tier="high")})
    w.tell(settled(w.view, at=w.now))
    assert w.view.blind_spots[SPOT].gone_at == w.now
    assert (w.view.objectives, settled(w.view, at=w.now)) == ({}, Decision())
