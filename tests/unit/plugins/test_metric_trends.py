"""Diagnostics over the series of one metric, against a server that answers as Prometheus does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.support.kits import lent
from tests.support.loopback import Answer, Received, serving
from tests.support.shipped import plugin, run

NOW = 'queue{queue="mail"}'
THEN = NOW + " offset 600000ms"


def prometheus(answers: Mapping[str, Sequence[float]], asked: list[str]) -> Answer:
    def answer(received: Received) -> web.Response:
        query = received.query["query"]
        asked.append(query)
        result = [
            {"metric": {"n": str(n)}, "value": [0, str(value)]}
            for n, value in enumerate(answers.get(query, ()))
        ]
        data = {"resultType": "vector", "result": result}
        return web.json_response({"status": "success", "data": data})

    return answer


async def read(
    name: str, answers: Mapping[str, Sequence[float]], **params: Any
) -> tuple[Any, list[str]]:
    asked: list[str] = []
    async with serving(prometheus(answers, asked)) as server, lent() as kits:
        return await run(name, kits.read(deadline_seconds=5.0), url=server.url, **params), asked


# prometheus.series


async def test_series_are_added_and_compared() -> None:
    found, asked = await read(
        "prometheus.series", {'up{job="a"}': [1, 0, 1]}, metric="up", labels={"job": "a"}
    )
    assert asked == ['up{job="a"}']
    assert (found.has_data, found.series, found.total) == (True, 3, 2.0)
    assert (found.least, found.greatest, found.mean) == (0.0, 1.0, pytest.approx(2 / 3))


async def test_no_series_is_no_number() -> None:
    found, _ = await read("prometheus.series", {}, metric="up")
    assert (found.has_data, found.series) == (False, 0)
    assert (found.total, found.least, found.greatest, found.mean) == (None, None, None, None)


@pytest.mark.parametrize(
    ("reading", "question"),
    [
        ("rate", "rate(errors_total{}[600000ms])"),
        ("increase", "increase(errors_total{}[600000ms])"),
        ("change", "delta(errors_total{}[600000ms])"),
        ("changes", "changes(errors_total{}[600000ms])"),
        ("least", "min_over_time(errors_total{}[600000ms])"),
        ("greatest", "max_over_time(errors_total{}[600000ms])"),
        ("mean", "avg_over_time(errors_total{}[600000ms])"),
    ],
)
async def test_a_reading_over_time_looks_back(reading: str, question: str) -> None:
    found, asked = await read(
        "prometheus.series", {question: [4]}, metric="errors_total", reading=reading, over="10m"
    )
    assert asked == [question]
    assert found.total == 4.0


@pytest.mark.parametrize("over", ["0s", "31d", "soon"])
def test_how_far_it_looks_back_is_bounded(over: str) -> None:
    with pytest.raises(ValidationError):
        plugin("prometheus.series").params(metric="up", over=over)


# prometheus.trend


async def trend(now: Sequence[float], then: Sequence[float]) -> Any:
    answers = {NOW: now, THEN: then}
    found, asked = await read(
        "prometheus.trend", answers, metric="queue", labels={"queue": "mail"}, over="10m"
    )
    assert asked == [NOW, THEN]
    return found


async def test_what_shrinks_is_told_with_the_time_it_takes() -> None:
    found = await trend([30, 10], [50, 10])
    assert (found.value, found.earlier) == (40.0, 60.0)
    assert (found.falling, found.growing) == (True, False)
    assert found.empty_in == timedelta(minutes=20)
    assert found.model_dump(mode="json")["empty_in"] == 1200.0


@pytest.mark.parametrize(
    ("now", "then", "falling", "growing"),
    [([9], [3], False, True), ([3], [3], False, False), ([0], [0], False, False)],
)
async def test_what_does_not_shrink_is_never_empty(
    now: list[float], then: list[float], falling: bool, growing: bool
) -> None:
    found = await trend(now, then)
    assert (found.falling, found.growing, found.empty_in) == (falling, growing, None)


async def test_what_is_at_zero_is_empty_now() -> None:
    assert (await trend([0], [5])).empty_in == timedelta(0)


async def test_what_falls_below_zero_is_not_on_its_way_to_empty() -> None:
    found = await trend([-2], [1])
    assert (found.falling, found.empty_in) == (True, None)


async def test_one_look_without_data_is_no_trend() -> None:
    for now, then in ([[1.0], []], [[], [1.0]]):
        found = await trend(now, then)
        assert (found.has_data, found.falling, found.growing) == (False, None, None)


async def test_a_pace_of_centuries_is_no_pace() -> None:
    found = await trend([1e15 - 1], [1e15])
    assert (found.falling, found.empty_in) == (True, None)
