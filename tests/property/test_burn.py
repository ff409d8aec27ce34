"""Whatever the objective and its window: the budget that is gone when somebody is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agent.core.burn import LONGEST_SECONDS, MOST_BAD, SHORTEST_SECONDS, budget, pairs, windows
from agent.core.promql import read
from agent.core.slo_rules import groups, interval_of
from agent.model.product import Product, Sli, Slo

OBJECTIVES = some.builds(
    Slo,
    name=some.just("pay"),
    journey=some.text(max_size=40),
    objective=some.floats(0.01, 0.999_999),
    window_seconds=some.integers(int(SHORTEST_SECONDS), int(LONGEST_SECONDS)).map(float),
    sli=some.just(Sli(bad="rate(b[$window])", total="rate(t[$window])")),
    least_events=some.integers(0, 1000).map(float),
)


@given(OBJECTIVES)
def test_a_full_long_window_at_its_factor_spends_the_share_that_is_said(slo: Slo) -> None:
    """2 %, 5 %, 10 % and 10 % of the budget; less only where an outage would else not be seen."""
    for pair in pairs(slo):
        spent = pair.threshold * pair.long / (budget(slo) * slo.window_seconds)
        if pair.threshold < MOST_BAD:
            assert spent == pytest.approx(pair.spent)
        else:
            assert spent <= pair.spent + 1e-9
        assert 0.0 < pair.threshold <= MOST_BAD < 1.0


@given(OBJECTIVES)
def test_windows_are_whole_and_in_order(slo: Slo) -> None:
    made = pairs(slo)
    assert [p.spent for p in made] == [0.02, 0.05, 0.10, 0.10]
    for pair in made:
        assert 1 <= pair.short < pair.long < slo.window_seconds
        assert pair.long / pair.short <= 12.0
    assert list(windows(slo)) == sorted(set(windows(slo)))
    assert 1 <= interval_of(slo) <= windows(slo)[0]


@given(OBJECTIVES)
def test_every_rule_can_be_read_and_has_the_labels_of_its_objective(slo: Slo) -> None:
    product = Product(name="shop", builder="team", tier="low", slos=(slo,))
    for group in groups([product], link="http://127.0.0.1:8420"):
        for rule in group["rules"]:
            read(rule["expr"])
            labels = rule["labels"]
            assert (labels["layer"], labels["product"], labels["slo"]) == ("product", "shop", "pay")
            assert ("record" in rule) != ("alert" in rule)
