"""How a product's leadership metric is declared, and what is wrong with one that makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.model.product import LeadershipMetric
from agent.model.signals import Direction, Motion

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
PLACE = "catalog-info.yaml:3:49: HS301 spec.homeostat.leadership_metric"


def write(folder: Path, keys: str) -> Path:
    file = folder / "catalog-info.yaml"
    file.write_text(
        "kind: System\nmetadata: {name: shop}\n"
        f"spec: {{owner: t, homeostat: {{leadership_metric: {{{keys}}}}}}}\n"
    )
    return file


def metric_of(folder: Path, keys: str) -> LeadershipMetric:
    registry, warnings = load_registry([write(folder, keys)])
    assert warnings == ()
    found = registry.products["shop"].leadership_metric
    assert found is not None
    return found


def said_by(folder: Path, keys: str) -> str:
    with pytest.raises(FaultsError) as caught:
        load_registry([write(folder, keys)])
    (fault,) = caught.value.faults
    return str(fault).replace(f"{folder}/", "")


def test_the_old_form_keeps_its_meaning(tmp_path: Path) -> None:
    found = metric_of(tmp_path, "name: orders, flat_for: 30m")
    assert found == LeadershipMetric(name="orders", flat_for_seconds=1800.0)


def test_every_key(tmp_path: Path) -> None:
    keys = (
        "name: teams, cadence: 1d, direction: down, kind: level, season: 7d, least: 5%,"
        " query: 'sum(active_teams)', flat_for: 2d"
    )
    motion = Motion(
        cadence_seconds=DAY,
        direction=Direction.DOWN,
        is_count=False,
        season_seconds=WEEK,
        least=0.05,
    )
    assert metric_of(tmp_path, keys) == LeadershipMetric(
        name="teams", motion=motion, query="sum(active_teams)", flat_for_seconds=2 * DAY
    )


@pytest.mark.parametrize(
    ("keys", "season"),
    [
        ("cadence: 1d", DAY),
        ("cadence: 1h", DAY),
        ("cadence: 59m", None),
        ("cadence: 3d", None),
        ("cadence: 3d, season: 7d", WEEK),
        ("cadence: 6h, season: none", None),
    ],
)
def test_without_a_word_it_is_a_count_with_the_season_of_a_day(
    tmp_path: Path, keys: str, season: float | None
) -> None:
    motion = metric_of(tmp_path, f"name: orders, {keys}").motion
    assert motion is not None
    assert (motion.is_count, motion.direction, motion.season_seconds) == (
        True,
        Direction.UP,
        season,
    )


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("name: x", "nothing says how it is expected to move"),
        ("name: x, query: sum(x)", "nothing says how it is expected to move"),
        ("name: x, flat_for: 1h, season: 1d", "`season` means nothing without `cadence`"),
        ("name: x, cadence: 40d", "`cadence` is longer than a month"),
        ("name: x, cadence: 5ms", "`cadence` is shorter than a second"),
        ("name: x, cadence: 1d, direction: down", "a count only goes up"),
        ("name: x, cadence: 2d, season: 1d", "a cadence of 2d is longer than the season of 1d"),
        ("name: x, cadence: 1d, least: 0%", "`least: 0%` is never fallen short of"),
    ],
)
def test_what_makes_no_sense_is_said_with_a_remedy(tmp_path: Path, keys: str, said: str) -> None:
    told = said_by(tmp_path, keys)
    assert told.startswith(f"{PLACE}: {said}")
    assert told.endswith(")")


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ("name: x, cadence: 1d, query: 'sum(x'", "query", "this is not PromQL"),
        ("name: x, cadence: 1d, query: ''", "query", ""),
        ("name: '', cadence: 1d", "name", ""),
        ("name: x, cadence: 60", "cadence", "a duration needs a unit"),
        ("name: x, cadence: 1d, least: 0.5", "least", "a percentage"),
        ("name: x, cadence: 1d, kind: gauge", "kind", 'the text "gauge" is not one of'),
        ("name: x, cadense: 1d, flat_for: 1h", "cadense", 'unknown key "cadense"'),
    ],
)
def test_a_wrong_value_is_said_at_its_key(tmp_path: Path, keys: str, key: str, said: str) -> None:
    told = said_by(tmp_path, keys)
    assert f"leadership_metric.{key}: {said}" in told
