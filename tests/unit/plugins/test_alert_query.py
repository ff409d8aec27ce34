"""Something is found out about any alert, and nothing that comes with it is evaluated."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agent.ports.kit import Sample
from tests.support.shipped import plugin, run

HOSTILE = 'x"} or vector(1) # \\ \n|.*'


class Prometheus:
    """Answers by the beginning of the question, and remembers what it was asked."""

    def __init__(self, **answers: dict[str, float]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def query(
        self, expression: str, *, url: str | None, timeout_seconds: float
    ) -> tuple[Sample, ...]:
        self.asked.append(expression)
        word = expression.partition(" ")[0].partition("(")[0]
        if expression.startswith("count(ALERTS"):
            word = "alerts"
        found = self.answers.get(word, {})
        return tuple(
            Sample(labels={"__name__": name} if name else {}, value=value, at=0.0)
            for name, value in found.items()
        )


class Kit:
    def __init__(self, promql: Prometheus) -> None:
        self.promql = promql
        self.deadline_seconds = 5.0


async def asked(told: Prometheus, **params: Any) -> Any:
    return await run("alert.query", Kit(told), alert="DiskFull", **params)


async def test_each_metric_is_told_in_one_line_however_many_series_it_has() -> None:
    told = Prometheus(
        alerts={"": 3},
        count={"free_bytes": 1, "size_bytes": 1, "up": 4},
        min={"free_bytes": 12e8, "size_bytes": 5e10, "up": 0},
        max={"free_bytes": 12e8, "size_bytes": 5e10, "up": 1},
    )
    found = await asked(told, metrics=["free_bytes", "up", "size_bytes", "nobody"], labels={})
    assert found.now == ["free_bytes 1.2e+09", "up 0 to 1 in 4 series", "size_bytes 5e+10"]
    assert (found.has_data, found.series, found.firing) == (True, 6, 3)
    assert (found.least["up"], found.greatest["up"]) == (0.0, 1.0)


async def test_where_nothing_is_known_of_its_rule_those_like_it_are_counted() -> None:
    found = await asked(told := Prometheus(alerts={"": 2}))
    assert (found.firing, found.has_data, found.now) == (2, False, [])
    assert told.asked == ['count(ALERTS{alertname="DiskFull",alertstate="firing"})']


async def test_no_data_is_no_number() -> None:
    found = await asked(Prometheus(), metrics=["up"])
    assert (found.has_data, found.firing, found.series, found.least) == (False, 0, 0, {})


async def test_a_label_may_be_missing_from_a_series_and_those_of_the_rule_are_left_out() -> None:
    told = Prometheus()
    labels = {"alertname": "DiskFull", "severity": "page", "instance": "10.0.0.7:9100"}
    await asked(told, metrics=["up"], labels=labels)
    selector = '{__name__=~"up",instance=~"10\\\\.0\\\\.0\\\\.7:9100|"}'
    assert told.asked[1:] == [f"{n} by (__name__) ({selector})" for n in ("count", "min", "max")]


@pytest.mark.parametrize(
    "params",
    [
        {"metrics": ["up", HOSTILE, "a b", ""]},
        {"metrics": ["up"], "labels": {HOSTILE: "x", "a-b": "x"}},
        {"metrics": ["up"], "labels": {"job": HOSTILE}},
        {"metrics": ["up"], "labels": {"job": "x" * 1_001}},
        {"metrics": ["up"], "labels": {f"l{n}": "x" for n in range(500)}},
        {"metrics": [f"m{n}" for n in range(500)]},
    ],
)
async def test_nothing_from_outside_becomes_part_of_the_question(params: dict[str, Any]) -> None:
    """What is asked is a selector of names and quoted values, and nothing besides."""
    told = Prometheus()
    found = plugin("alert.query")
    await found.run(Kit(told), found.params.model_validate({"alert": HOSTILE, **params}))
    text = r'"(?:[^"\\\n]|\\.)*"'
    matcher = rf"\w+=~?{text}"
    question = re.compile(
        rf"(?:count\(ALERTS)?(?:\w+ by \(__name__\) \()?{{{matcher}(?:,{matcher})*}}\)"
    )
    for each in told.asked:
        assert question.fullmatch(each), each
        assert len(each) < 10_000
