"""Whatever comes in, series of readings stay sound."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core import drift, motion
from agent.core.bins import grid_of
from agent.model.product import LeadershipMetric
from agent.model.series import DriftState, MotionSeries, OpenBin
from agent.model.signals import Aspect, Baseline, Direction, Motion

DAY = 86_400.0

motions = st.builds(
    Motion,
    cadence_seconds=st.floats(60.0, 40 * DAY),
    direction=st.sampled_from(Direction),
    is_count=st.booleans(),
    season_seconds=st.none() | st.sampled_from((DAY, 7 * DAY)),
    least=st.none() | st.floats(0.0, 1.0),
)
numbers = st.floats(-1e12, 1e12) | st.sampled_from((math.nan, math.inf, -math.inf, 0.0, 5.0))
steps = st.tuples(st.floats(-DAY, 3 * DAY), numbers)
baselines = st.builds(
    Baseline,
    aspect=st.sampled_from(Aspect),
    mean=st.floats(-1e6, 1e6),
    spread=st.none() | st.floats(0.0, 1e6),
    shift=st.none() | st.floats(-1e6, 1e6),
    season_seconds=st.none() | st.sampled_from((DAY, 7 * DAY)),
)


@settings(max_examples=150, deadline=None)
@given(motions, st.lists(steps, max_size=200))
def test_any_readings_leave_a_series_that_is_bounded_and_can_be_judged(
    how: Motion, readings: list[tuple[float, float]]
) -> None:
    metric = LeadershipMetric(name="m", motion=how)
    grid = grid_of(how)
    series: MotionSeries | None = None
    open: OpenBin | None = None
    at = 1e9
    for step, value in readings:
        before, last = series, open
        series, open = motion.take(series, open, metric, at=at + step, value=value)
        at = max(at, at + step)
        assert len(series.values) <= grid.most <= 700
        assert all(v is None or math.isfinite(v) for v in series.values)
        if last is not None and last.began_at == open.began_at:
            assert series is before, "no bin was closed"
        said = motion.judge(series, open, metric, at=at)
        assert 0.0 <= said.chance <= 1.0
        assert math.isfinite(said.effect)
        assert said.text


@settings(max_examples=150, deadline=None)
@given(
    baselines, st.lists(st.tuples(st.floats(-600, 3600), numbers, st.floats(0, 1e4)), max_size=300)
)
def test_any_windows_leave_a_sum_that_is_finite_and_can_be_judged(
    baseline: Baseline, windows: list[tuple[float, float, float]]
) -> None:
    state: DriftState | None = None
    at = 1e9
    for step, value, weight in windows:
        at += step
        state = drift.take(state, baseline, at=at, value=value, weight=weight)
        assert math.isfinite(state.sum)
        assert state.sum >= 0.0
        assert math.isfinite(drift.judge(state, baseline).effect)
