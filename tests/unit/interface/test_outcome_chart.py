"""Drawings of signals: what is not known is drawn as not known, and a stall is not made usual."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.bins import grid_of
from agent.interface.console.outcome_chart import Chart, outcome_chart
from agent.interface.console.signals_pictures import bar, drift_picture, spread_seen
from agent.interface.console.usual_bins import UsualBins, stood_from, usual_of
from agent.model.records import ChangeRecord
from agent.model.series import DriftState, Moving
from agent.model.signals import ChangeKind
from tests.support.facade import NOW
from tests.support.signals_shown import ERRORS, LATENCY, ORDERS, drift_of, series_of

HOUR = 3600.0
VALUES = st.none() | st.floats(-1e15, 1e15, allow_nan=False)


def chart(values: list[float | None], usual: list[float | None], *, is_count: bool) -> Chart:
    change = ChangeRecord(
        product="p", entity="<e>", what="w", by="b", at=NOW + 90, kind=ChangeKind.RELEASE
    )
    return Chart(
        metric="<m>", began_at=NOW, bin_seconds=60.0, values=values, usual=usual,
        is_count=is_count, changes=(("1", change),),
    )  # fmt: skip


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=40), st.booleans(), st.booleans())
def test_whatever_was_read_is_drawn_within_its_frame(
    bins: list[tuple[float | None, float | None]], is_count: bool, is_large: bool
) -> None:
    values, usual = [v for v, _ in bins], [u for _, u in bins]
    drawn = outcome_chart(chart(values, usual, is_count=is_count), is_large=is_large)
    if all(v is None for v in values):
        assert drawn == ""
        return
    svg = ElementTree.fromstring(drawn)
    width, height = (float(n) for n in svg.attrib["viewBox"].split()[2:])
    numbers = [
        float(n) for path in svg.iter("path") for n in re.findall(r"-?[\d.]+", path.attrib["d"])
    ]
    assert all(0 <= x <= width for x in numbers[::2])
    assert all(0 <= y <= height for y in numbers[1::2])


def test_a_gap_is_a_grey_stretch_and_breaks_the_line() -> None:
    drawn = outcome_chart(
        chart([1.0, 2.0, None, None, 3.0], [None] * 5, is_count=True), is_large=False
    )
    assert drawn.count('class="unknown"') == 1
    seen = re.search(r'class="seen" d="(.*?)"', drawn)
    assert seen is not None
    assert seen[1].count("M") == 2
    assert "usual" not in re.findall(r'class="(\w+)', drawn), "what is not known is not drawn"


def test_what_is_usual_is_told_from_before_a_stall() -> None:
    series, _ = series_of(ORDERS, stalls_for=9 * HOUR)
    assert series.found.verdict is Moving.STALLED
    usual = usual_of(series, ORDERS, most=len(series.values))
    stood = stood_from(series)
    assert stood is not None
    pairs = zip(series.values[stood:], usual[stood:], strict=True)
    told = [(v, u) for v, u in pairs if v is not None and u is not None]
    assert len(told) > 20
    assert sum(v for v, _ in told) < 0.3 * sum(u for _, u in told)


def test_nothing_is_usual_within_the_first_season() -> None:
    series, _ = series_of(ORDERS)
    assert ORDERS.motion is not None
    season = grid_of(ORDERS.motion).season
    usual = usual_of(series, ORDERS, most=len(series.values))
    assert len(usual) == len(series.values)
    assert set(usual[:season]) == {None}
    assert None not in usual[2 * season :]


def test_a_metric_that_is_declared_otherwise_has_no_usual_bins() -> None:
    series, _ = series_of(ORDERS, days=3)
    assert ORDERS.motion is not None
    longer = msgspec.structs.replace(ORDERS.motion, cadence_seconds=2 * 86_400.0)
    other = msgspec.structs.replace(ORDERS, motion=longer)
    assert set(usual_of(series, other, most=50)) == {None}


def test_what_is_usual_is_told_once_for_a_series() -> None:
    series, _ = series_of(ORDERS, days=3)
    bins = UsualBins()
    first = bins.of("shop", series, ORDERS, most=50)
    assert bins.of("shop", series, ORDERS, most=50) is first
    more = msgspec.structs.replace(series, values=(*series.values, 1.0))
    assert bins.of("shop", more, ORDERS, most=50) is not first
    bins.forget_but(frozenset())
    assert bins.of("shop", series, ORDERS, most=50) is not first


@pytest.mark.parametrize(
    ("share", "kind", "width"),
    [(None, "unknown", None), (float("nan"), "unknown", None), (0.83, "good", "97.9"),
     (0.1, "low", "11.8"), (0.0, "bad", "0.0"), (-0.4, "bad", "0.0"), (7.0, "good", "118.0")],
)  # fmt: skip
def test_a_budget_that_is_not_known_has_no_bar(
    share: float | None, kind: str, width: str | None
) -> None:
    drawn = bar(share, label="<left>")
    assert f'class="share {kind}"' in drawn
    filled = re.search(r'class="filled" x="1" y="1" width="([\d.]+)"', drawn)
    assert (filled[1] if filled else None) == width
    assert "<left>" not in drawn


def test_a_drift_is_drawn_against_the_band_of_its_baseline() -> None:
    off = drift_of(ERRORS, off=3.0)
    drawn = drift_picture(ERRORS, off, told="t")
    assert 'circle class="off"' in drawn
    assert 'class="band"' in drawn
    assert 'circle class="well"' in drift_picture(LATENCY, drift_of(LATENCY), told="t")


def test_what_was_never_measured_is_not_drawn_and_what_is_learned_is_not_well() -> None:
    assert drift_picture(ERRORS, None, told="t") == ""
    assert drift_picture(ERRORS, DriftState(), told="t") == ""
    young = drift_of(LATENCY, windows=20)
    assert spread_seen(young, LATENCY) is None
    drawn = drift_picture(LATENCY, young, told="t")
    assert 'class="band"' not in drawn
    assert 'class="learning"' in drawn
