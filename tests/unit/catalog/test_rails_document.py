"""The policy's limits as people write them, and runbooks that would loosen them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.policy import PolicyDocument, compile_policy, load_policy
from agent.catalog.rails_document import RailsDocument, loose_guards
from agent.model.fault import FaultSeverity
from agent.model.policy import Policy, Rails
from agent.model.product import Floor
from agent.model.runbook import Budget, BudgetScope, Cooldown, Guard, Runbook
from tests.support.cases import runbook


def test_every_key_reaches_a_limit_and_every_limit_has_a_key() -> None:
    limits = {name.removesuffix("_seconds") for name in Rails.__struct_fields__}
    assert set(RailsDocument.model_fields) == limits


def test_what_is_left_out_is_as_the_model_says() -> None:
    assert compile_policy(PolicyDocument()).rails == Rails()


def test_reads_a_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "rails:\n  dwell: 2m\n  per_product: 3\n  share_per_hour: 25%\n"
        "  floor: {count: 2, share: 60%}\n  rate_per_minute: 0.5\n  watchdog: Deadman\n"
    )
    assert load_policy(file).rails == Rails(
        dwell_seconds=120.0,
        per_product=3,
        share_per_hour=0.25,
        floor=Floor(count=2, share=0.6),
        rate_per_minute=0.5,
        watchdog="Deadman",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dwel: 30s", 'did you mean "dwell"'),
        ("dwell: 30", "a duration needs a unit"),
        ("per_product: 0", "rails.per_product"),
        ("share_per_hour: 0.1", "rails.share_per_hour"),
        ("rate_per_minute: 0", "rails.rate_per_minute"),
    ],
)
def test_a_limit_that_does_not_fit_is_told_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f"rails:\n  {text}\n")
    with pytest.raises(FaultsError) as raised:
        load_policy(file)
    assert f"{file}:2:" in str(raised.value)
    assert said in str(raised.value)


def told(guard: Guard, policy: Policy | None = None) -> list[tuple[str, str]]:
    def place(one: Runbook, path: tuple[str, ...]) -> tuple[str, int, int]:
        return one.path, 7, len(path)

    faults = loose_guards([runbook(guard=guard)], policy or Policy(), place)
    assert all(f.severity is FaultSeverity.WARNING and f.line == 7 for f in faults)
    return [(f.path, f.message) for f in faults]


class TestLooseGuards:
    def test_a_cooldown_shorter_than_the_policys_has_no_effect(self) -> None:
        assert told(Guard(cooldown=Cooldown(every_seconds=60.0))) == [
            ("guard.cooldown.every", "1m has no effect: the policy's cooldown is 15m")
        ]
        assert told(Guard(cooldown=Cooldown(every_seconds=900.0))) == []

    def test_nor_has_a_shorter_dwell(self) -> None:
        assert told(Guard(dwell_seconds=5.0)) == [
            ("guard.dwell", "5s has no effect: the policy's rails.dwell is 1m")
        ]
        assert told(Guard(dwell_seconds=60.0)) == []

    def test_nor_has_more_at_a_time_than_may_be_in_hand(self) -> None:
        wide = Guard(budget=Budget(concurrent=5))
        assert told(wide) == [
            ("guard.budget.concurrent", "5 at a time has no effect: the policy allows 4")
        ]
        assert told(wide, Policy(rails=Rails(wip_per_product=5))) == []
        assert told(Guard(budget=Budget(scope=BudgetScope.FLEET, concurrent=10))) == []

    def test_who_says_nothing_loosens_nothing(self) -> None:
        assert told(Guard()) == []
