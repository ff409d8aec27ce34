"""Whether a leadership metric moves as it is expected to."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from agent.core.motion import Moved, judge, take
from agent.model.product import LeadershipMetric
from agent.model.series import MotionSeries, Moving, OpenBin
from agent.model.signals import Direction, Motion

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def metric(
    *,
    cadence: float = DAY,
    season: float | None = DAY,
    is_count: bool = True,
    direction: Direction = Direction.UP,
    least: float | None = None,
) -> LeadershipMetric:
    motion = Motion(
        cadence_seconds=cadence,
        season_seconds=season,
        is_count=is_count,
        direction=direction,
        least=least,
    )
    return LeadershipMetric(name="orders_total", motion=motion)


class Reader:
    """Reads a metric every ten minutes and notes when it was said to stand still."""

    def __init__(self, of: LeadershipMetric) -> None:
        self.metric = of
        self.series: MotionSeries | None = None
        self.open: OpenBin | None = None
        self.at = 0.0
        self.stalls: list[Moved] = []
        self.told_at: list[float] = []
        self.moved = Moved(verdict=Moving.UNKNOWN)

    def read(self, value: float) -> Moved:
        self.at += 10 * MINUTE
        self.series, self.open = take(self.series, self.open, self.metric, at=self.at, value=value)
        before, self.moved = self.moved, judge(self.series, self.open, self.metric, at=self.at)
        if self.moved.verdict is Moving.STALLED and before.verdict is not Moving.STALLED:
            self.stalls.append(self.moved)
            self.told_at.append(self.at)
        return self.moved

    def days(self, count: float, value_at: Callable[[float], float]) -> Reader:
        for _ in range(round(count * DAY / (10 * MINUTE))):
            self.read(value_at(self.at))
        return self


class Shop:
    """Some sixty orders an hour by day and hardly any by night, each by itself."""

    def __init__(self, *, seed: int = 1, an_hour: float = 60.0) -> None:
        self.rng = random.Random(seed)
        self.an_hour = an_hour
        self.total = 0.0
        self.left = 1.0

    def __call__(self, at: float) -> float:
        due = self.an_hour * self.left / 6 * (1 + 0.9 * math.cos((at / DAY - 0.6) * 2 * math.pi))
        self.total += max(0, round(self.rng.gauss(due, math.sqrt(due))))
        return self.total


def test_a_shop_moves_as_usual_by_day_and_by_night() -> None:
    reader = Reader(metric()).days(25, Shop())
    assert reader.stalls == []
    assert reader.moved.verdict is Moving.MOVING
    assert reader.moved.text == "orders_total moves as usual"


@pytest.mark.parametrize("hour", [0, 4, 9, 15, 21])
@pytest.mark.parametrize("left", [0.0, 0.15])
def test_a_stop_and_a_leak_are_found_within_a_cadence_at_any_time(hour: int, left: float) -> None:
    shop = Shop()
    reader = Reader(metric()).days(14 + hour / 24, shop)
    began, shop.left = reader.at, left
    reader.days(1, shop)
    assert len(reader.stalls) == 1
    since = reader.stalls[0].since
    assert since is not None
    assert abs(since - began) <= 8 * HOUR


def test_what_is_said_names_what_was_done_and_what_is_usual() -> None:
    shop = Shop()
    reader = Reader(metric()).days(14.5, shop)
    shop.left = 0.0
    reader.days(0.5, shop)
    assert reader.moved.effect < 0.5
    assert reader.moved.chance <= 0.001
    assert reader.moved.text.startswith("orders_total: ")
    assert "is usual at that time" in reader.moved.text


def test_two_thirds_of_the_orders_are_a_holiday_and_no_stall() -> None:
    shop = Shop()
    reader = Reader(metric()).days(14, shop)
    shop.left = 0.67
    assert reader.days(1, shop).stalls == []


def test_a_product_may_ask_for_more_than_half() -> None:
    shop = Shop(an_hour=600)
    reader = Reader(metric(least=0.9)).days(14, shop)
    shop.left = 0.67
    assert len(reader.days(1, shop).stalls) == 1


def test_a_stall_does_not_become_usual_by_lasting_and_ends_when_it_moves_again() -> None:
    shop = Shop()
    reader = Reader(metric()).days(14, shop)
    shop.left = 0.1
    reader.days(6, shop)
    assert len(reader.stalls) == 1
    assert reader.moved == reader.stalls[0], "it still stands"
    shop.left = 1.0
    reader.days(0.75, shop)
    assert reader.moved.verdict is Moving.MOVING
    reader.days(6, shop)
    assert len(reader.stalls) == 1


def test_little_history_is_not_known_and_never_a_stall() -> None:
    reader = Reader(metric()).days(5, Shop())
    assert reader.moved.verdict is Moving.UNKNOWN
    assert "too little is known" in reader.moved.text
    reader.days(0.4, lambda at: 7e9)
    assert reader.stalls == []


def test_one_reading_says_nothing() -> None:
    reader = Reader(metric())
    assert reader.read(5.0).verdict is Moving.UNKNOWN
    assert judge(None, None, metric(), at=0.0).text == "orders_total: nothing was read yet"


def test_a_first_reading_that_is_no_number_spoils_nothing() -> None:
    reader = Reader(metric())
    reader.read(math.nan)
    reader.at += DAY
    reader.days(14, Shop())
    assert reader.moved.verdict is Moving.MOVING


def test_a_metric_that_is_read_no_more_is_not_known_and_not_stalled() -> None:
    reader = Reader(metric()).days(14, Shop())
    later = judge(reader.series, reader.open, reader.metric, at=reader.at + 6 * HOUR)
    assert later.verdict is Moving.UNKNOWN
    assert "nothing was read for 21600 s" in later.text


def test_a_restart_of_the_counter_is_no_stall() -> None:
    shop = Shop()
    reader = Reader(metric())
    for _ in range(16):
        reader.days(1, shop)
        shop.total = 0.0
    assert reader.stalls == []


def test_hours_without_a_reading_and_readings_that_are_no_numbers_are_no_stall() -> None:
    shop = Shop()
    reader = Reader(metric()).days(14.3, shop)
    for _ in range(30):
        shop(reader.at)
        reader.at += 10 * MINUTE
    for n in range(60):
        value = shop(reader.at)
        reader.read(math.nan if n % 3 == 0 else value)
    reader.days(2, shop)
    assert reader.stalls == []
    assert reader.moved.verdict is Moving.MOVING


def test_a_frozen_level_is_a_stall_though_it_has_no_direction() -> None:
    rng = random.Random(3)
    of = metric(is_count=False, direction=Direction.ANY)
    reader = Reader(of).days(10, lambda at: 50 + rng.gauss(0, 4))
    reader.days(1, lambda at: 51.0)
    assert len(reader.stalls) == 1
    assert "stands at 51" in reader.stalls[0].text
    reader.days(0.2, lambda at: 50 + rng.gauss(0, 4))
    assert reader.moved.verdict is Moving.MOVING


def test_a_level_that_stands_each_night_is_not_frozen() -> None:
    rng = random.Random(3)

    def by_day(at: float) -> float:
        return 50 + (rng.gauss(0, 4) if at % DAY > DAY / 3 else 0.0)

    of = metric(is_count=False, direction=Direction.ANY)
    assert Reader(of).days(20, by_day).stalls == []


class Accounts:
    """Accounts come by day and some go again."""

    def __init__(self, *, sign: float = 1.0) -> None:
        self.shop, self.sign, self.ended = Shop(seed=5), sign, False
        self.goes = random.Random(6)
        self.count = 50_000.0

    def __call__(self, at: float) -> float:
        before = self.shop.total
        came = self.shop(at) - before
        gone = came if self.ended else 0.2 * came
        self.count += self.sign * (came - round(gone + self.goes.gauss(0, 1)))
        return self.count


@pytest.mark.parametrize(("direction", "sign"), [(Direction.UP, 1.0), (Direction.DOWN, -1.0)])
def test_growth_that_ends_is_found_within_a_cadence(direction: Direction, sign: float) -> None:
    accounts = Accounts(sign=sign)
    reader = Reader(metric(is_count=False, direction=direction)).days(15, accounts)
    assert reader.stalls == []
    accounts.ended = True
    reader.days(1, accounts)
    assert len(reader.stalls) == 1
    assert "went" in reader.stalls[0].text
    accounts.ended = False
    assert reader.days(1.5, accounts).moved.verdict is Moving.MOVING


def test_a_level_that_changes_less_than_was_declared_is_a_stall() -> None:
    """An eighth of what it is, each day, where it goes a fiftieth."""
    of = metric(is_count=False, least=0.125)
    assert len(Reader(of).days(15, Accounts()).stalls) == 1
    assert Reader(metric(is_count=False, least=0.005)).days(15, Accounts()).stalls == []


def test_an_ordinary_reading_leaves_the_series_as_it_is() -> None:
    reader = Reader(metric()).days(2, Shop())
    reader.at += 50 * MINUTE
    reader.read(99_999.0)
    before = reader.series
    reader.at -= 9 * MINUTE
    reader.read(99_999.0)
    assert reader.series is before


def test_a_metric_that_is_declared_anew_begins_anew() -> None:
    reader = Reader(metric()).days(12, Shop())
    reader.metric = metric(cadence=DAY / 2)
    assert reader.read(1.0).verdict is Moving.UNKNOWN
    assert reader.series is not None
    assert reader.series.values == ()


def test_what_is_kept_is_bounded() -> None:
    reader = Reader(metric(cadence=HOUR, season=7 * DAY)).days(40, Shop())
    assert reader.series is not None
    assert len(reader.series.values) <= 700


def opening(at: float, *, opens: float = 9.0) -> float:
    """Of a shop with doors: how busy it is against the average of its day."""
    return 2.4 if opens <= at % DAY / HOUR < opens + 9 else 0.05


class Counted:
    """Orders that come by themselves, an hour's worth of them told by `rate`."""

    def __init__(self, rate: Callable[[float], float], *, seed: int) -> None:
        self.rng, self.rate, self.total, self.at = random.Random(seed), rate, 0.0, 0.0

    def __call__(self, at: float) -> float:
        due, self.at = self.rate(at) * (at - self.at) / HOUR, at
        while (due := due - self.rng.expovariate(1)) > 0:
            self.total += 1
        return self.total


def test_when_a_launch_is_over_that_is_no_stall() -> None:
    for season in (DAY, 7 * DAY):
        shop = Counted(lambda at: 30.0 * (8 if 35 * DAY <= at < 37 * DAY else 1), seed=1)
        reader = Reader(metric(season=season)).days(44, shop)
        assert reader.stalls == [], season


def test_after_a_step_up_a_stop_is_found_within_a_cadence() -> None:
    stop = 23.4 * DAY
    shop = Counted(lambda at: 0.0 if at >= stop else 90.0 if at >= 21 * DAY else 30.0, seed=1)
    reader = Reader(metric()).days(25, shop)
    assert len(reader.told_at) == 1
    assert stop < reader.told_at[0] <= stop + DAY


@pytest.mark.parametrize("later", [-1.0, 1.0])
def test_when_the_clocks_change_a_shop_that_opens_an_hour_off_is_no_stall(later: float) -> None:
    def rate(at: float) -> float:
        return 60 * opening(at, opens=9.0 + (later if at >= 20 * DAY else 0.0))

    reader = Reader(metric(cadence=6 * HOUR)).days(26, Counted(rate, seed=2))
    assert reader.stalls == []


def test_a_shop_that_does_not_open_at_all_is_found_within_a_cadence_of_its_opening() -> None:
    closed = 20 * DAY
    shop = Counted(lambda at: 60 * opening(at) if at < closed else 0.0, seed=2)
    reader = Reader(metric(cadence=6 * HOUR)).days(20.7, shop)
    assert len(reader.told_at) == 1
    assert closed < reader.told_at[0] <= closed + 15 * HOUR


def test_one_order_in_an_hour_is_rough_and_no_stall_until_none_comes() -> None:
    stop, wrong = 40.4 * DAY, 0
    for seed in range(6):
        shop = Counted(
            lambda at: 0.0 if at >= stop else 1 + 0.7 * math.cos(at / DAY * 2 * math.pi), seed=seed
        )
        reader = Reader(metric()).days(42, shop)
        wrong += sum(at <= stop for at in reader.told_at)
        assert any(stop < at <= stop + DAY for at in reader.told_at), seed
    assert wrong <= 1, "in 242 days"


def test_of_what_comes_three_times_a_day_the_first_long_pause_is_no_stall() -> None:
    wrong = [Reader(metric()).days(12, Counted(lambda at: 0.125, seed=n)).stalls for n in range(12)]
    assert sum(map(len, wrong)) <= 1


def seldom(reader: Reader, shop: Counted, *, until: float, every: float) -> None:
    while reader.at < until:
        reader.at += every - 10 * MINUTE
        reader.read(shop(reader.at + 10 * MINUTE))


def test_what_is_read_in_every_other_bin_is_judged_all_the_same() -> None:
    stop = 20.4 * DAY
    shop = Counted(lambda at: 0.0 if at >= stop else 60.0, seed=3)
    reader = Reader(metric())
    seldom(reader, shop, until=stop, every=2 * HOUR)
    assert reader.moved.text == "orders_total moves as usual"
    seldom(reader, shop, until=stop + DAY, every=2 * HOUR)
    assert reader.moved.verdict is Moving.STALLED


def test_what_is_read_too_seldom_for_its_cadence_is_not_known_and_said_to_be() -> None:
    reader = Reader(metric(season=7 * DAY))
    seldom(reader, Counted(lambda at: 60.0, seed=3), until=40 * DAY, every=3.5 * HOUR)
    assert reader.moved.verdict is Moving.UNKNOWN
    assert "report it more often" in reader.moved.text


def test_a_share_that_is_told_is_below_what_is_enough() -> None:
    for hour in range(0, 24, 6):
        shop = Shop(seed=hour)
        reader = Reader(metric(cadence=6 * HOUR)).days(20 + hour / 24, shop)
        shop.left = 0.2
        reader.days(0.4, shop)
        assert [stall.effect < 0.5 for stall in reader.stalls] == [True], hour
