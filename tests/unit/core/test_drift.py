"""Whether one aspect of a member's work drifted away from its baseline."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from agent.core.drift import Drifted, judge, take, window_seconds
from agent.model.series import DriftState
from agent.model.signals import Aspect, Baseline

EVERY, DAY = 300.0, 86_400.0
IN_A_DAY = 288
LATENCY = Baseline(aspect=Aspect.LATENCY, mean=2.0, spread=0.3)


class Member:
    """Windows of five minutes, and when they were said to drift."""

    def __init__(self, baseline: Baseline, *, memory: float = 0.5, seed: int = 1) -> None:
        self.baseline = baseline
        self.state: DriftState | None = None
        self.rng, self.memory, self.now = random.Random(seed), memory, 0.0
        self.at = 0.0
        self.began: list[float] = []
        self.said = Drifted(drifting=False)

    def window(self, value: float, *, weight: float = 20.0) -> Drifted:
        self.at += EVERY
        self.state = take(self.state, self.baseline, at=self.at, value=value, weight=weight)
        before, self.said = self.said, judge(self.state, self.baseline)
        if self.said.drifting and not before.drifting:
            self.began.append(self.at)
        return self.said

    def noise(self) -> float:
        fresh = math.sqrt(1 - self.memory**2) * self.rng.gauss(0, 1)
        self.now = self.memory * self.now + fresh
        return self.now

    def windows(self, count: int, value: Callable[[float], float]) -> Member:
        for _ in range(count):
            self.window(value(self.noise()))
        return self

    def days(self, count: float, *, off: float = 0.0) -> Member:
        """Latencies that are off by so many spreads."""
        return self.windows(round(count * IN_A_DAY), lambda noise: 2 + 0.3 * (noise + off))


@pytest.mark.parametrize("memory", [0.0, 0.4, 0.8])
@pytest.mark.parametrize("spread", [0.3, None])
def test_a_calm_month_with_memory_is_no_drift(memory: float, spread: float | None) -> None:
    baseline = Baseline(aspect=Aspect.LATENCY, mean=2.0, spread=spread)
    assert Member(baseline, memory=memory).days(30).began == []


@pytest.mark.parametrize(("memory", "off"), [(0.0, 1.5), (0.4, 2), (0.6, 2), (0.8, 3)])
def test_a_step_is_found_within_a_day(memory: float, off: float) -> None:
    member = Member(LATENCY, memory=memory).days(5)
    member.days(1, off=off)
    assert len(member.began) == 1
    assert member.said.since is not None
    assert abs(member.said.since - 5 * DAY) < DAY / 4
    assert member.said.effect == pytest.approx(off, abs=0.8)
    assert member.said.text.startswith("latency ")


def test_a_slow_ramp_is_found_since_the_declared_mean_is_never_learned_away() -> None:
    member = Member(LATENCY).days(5)
    for step in range(20 * IN_A_DAY):
        member.window(2 + 0.3 * (member.noise() + 4 * step / (20 * IN_A_DAY)))
    assert len(member.began) == 1
    assert member.began[0] < 15 * DAY


def test_an_improvement_is_no_incident() -> None:
    assert Member(LATENCY).days(5).days(3, off=-4).began == []


def test_of_work_less_is_worse_and_more_is_not() -> None:
    work = Baseline(aspect=Aspect.WORK, mean=100.0, spread=10.0)
    more = Member(work).windows(2 * IN_A_DAY, lambda n: 100 + 10 * n)
    assert more.windows(IN_A_DAY, lambda n: 150 + 10 * n).began == []
    less = Member(work).windows(2 * IN_A_DAY, lambda n: 100 + 10 * n)
    assert len(less.windows(IN_A_DAY, lambda n: 70 + 10 * n).began) == 1


def test_a_member_that_does_nothing_drifts_in_its_work() -> None:
    work = Baseline(aspect=Aspect.WORK, mean=100.0, spread=10.0)
    member = Member(work).windows(2 * IN_A_DAY, lambda n: 100 + 10 * n)
    for _ in range(IN_A_DAY // 2):
        member.window(0.0, weight=0.0)
    assert len(member.began) == 1


def test_single_wild_windows_and_a_slow_quarter_of_an_hour_are_no_drift() -> None:
    member = Member(LATENCY).days(5)
    for _ in range(20):
        member.days(0.3)
        for _ in range(3):
            member.window(60.0)
    assert member.began == []


def test_a_drift_ends_once_with_some_windows_as_they_should_be() -> None:
    member = Member(LATENCY).days(5).days(4, off=3)
    assert len(member.began) == 1
    assert member.window(2.0).drifting, "one good window ends nothing"
    assert not member.days(1).said.drifting
    assert len(member.began) == 1


def by_day(at: float) -> float:
    return 1 + 0.8 * math.cos(at / DAY * 2 * math.pi)


def test_what_comes_and_goes_by_day_is_season_and_half_of_it_is_drift() -> None:
    work = Baseline(aspect=Aspect.WORK, mean=100.0, season_seconds=DAY)
    member = Member(work)
    for _ in range(14 * IN_A_DAY):
        member.window(100 * by_day(member.at + EVERY) * (1 + 0.2 * member.noise()))
    assert member.began == []
    for _ in range(IN_A_DAY):
        member.window(45 * by_day(member.at + EVERY) * (1 + 0.2 * member.noise()))
    assert len(member.began) == 1


def test_a_window_of_one_task_weighs_less_than_one_of_many() -> None:
    errors = Baseline(aspect=Aspect.ERRORS, mean=0.02, spread=0.03)

    def member() -> Member:
        return Member(errors).windows(2 * IN_A_DAY, lambda n: max(0.0, 0.02 + 0.03 * n))

    busy, quiet = member(), member()
    for _ in range(40):
        busy.window(0.1, weight=20.0)
        quiet.window(0.1, weight=1.0)
    assert busy.said.drifting
    assert not quiet.said.drifting


def test_nothing_is_said_before_the_noise_is_known() -> None:
    assert Member(LATENCY).windows(90, lambda n: 9.0 + n).began == []
    assert judge(None, LATENCY) == Drifted(drifting=False)


def test_a_member_that_never_failed_may_fail_once_but_not_all_the_time() -> None:
    never = Baseline(aspect=Aspect.ERRORS, mean=0.0)
    member = Member(never).windows(2 * IN_A_DAY, lambda n: 0.0)
    member.window(0.05)
    assert member.began == []
    assert len(member.windows(20, lambda n: 0.05).began) == 1


def test_what_is_no_number_or_comes_late_or_twice_changes_nothing() -> None:
    member = Member(LATENCY).days(1)
    known = member.state
    assert known is not None
    for at, value, weight in (
        (member.at, 9.0, 1.0),
        (member.at - 1, 9.0, 1.0),
        (member.at + 300, math.nan, 1.0),
        (member.at + 300, 9.0, math.inf),
        (member.at + 300, 9.0, 0.0),
    ):
        assert take(known, LATENCY, at=at, value=value, weight=weight) is known


def test_a_gap_leaves_what_is_known_as_it_is() -> None:
    member = Member(LATENCY).days(5)
    member.at += 2 * DAY
    assert member.days(5).began == []


def test_windows_are_short_enough_for_the_time_a_change_has_to_be_found_in() -> None:
    assert window_seconds(LATENCY) == 300.0
    hour = Baseline(aspect=Aspect.WORK, mean=1.0, within_seconds=3600.0)
    assert window_seconds(hour) == 60.0
    assert window_seconds(hour, least=5.0) == 12.5
