"""Reading leadership metrics and the work of members, from a Prometheus that says what it likes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from agent.ports.gen_ai import AGENT_LABEL, INVOCATIONS, OPERATIONS, Total, counters, queries
from plugins.sources.prometheus_readings import BURST
from tests.support.loopback import Received, serving
from tests.support.prometheus_reading import reading_from, registry
from tests.support.running import free_port
from tests.support.waiting import eventually

AT = 1_750_000_000.5


def success(result: list[Any], kind: str = "vector") -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def sample(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [AT, value]}


class Answers:
    """By query: status and body. What is not among them finds nothing."""

    def __init__(self, given: Mapping[str, tuple[int, Any]]) -> None:
        self.given = dict(given)
        self.under_way = self.most = 0

    async def __call__(self, received: Received) -> web.Response:
        form = received.query if received.method == "GET" else _form(received.body)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.005)
        self.under_way -= 1
        status, body = self.given.get(form["query"], (200, success([])))
        if isinstance(body, bytes):
            return web.Response(status=status, body=body)
        return web.json_response(body, status=status)


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


async def test_one_number_is_a_reading_with_the_time_it_was_taken() -> None:
    answers = Answers({"sum(orders)": (200, success([sample("12.5")]))})
    async with (
        serving(answers) as server,
        reading_from(server.url, registry({"shop": "sum(orders)"})) as reading,
    ):
        await eventually(lambda: reading.measures("shop"), within=5, what="a reading")
    (first, *_) = reading.measures("shop")
    assert (first.metric, first.value, first.sent_at, first.fault) == ("orders", 12.5, AT, "")


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, success([sample("1", a="x"), sample("2", a="y")]), "finds 2 series and not one"),
        (200, success([[AT, "1"]], "matrix"), "gives a matrix"),
        (200, success([{"metric": {}, "histogram": [AT, {}]}]), "gives a histogram"),
        (200, success([AT, "text"], "scalar"), "gives text"),
        (400, {"status": "error", "error": "parse error: x"}, "refuses its query: parse error: x"),
        (422, {"status": "error", "error": "too many samples"}, "refuses its query: too many"),
        (200, success([sample("NaN")]), ""),
    ],
)
async def test_what_is_not_one_number_is_told_as_such(status: int, body: Any, fault: str) -> None:
    async with (
        serving(Answers({"q": (status, body)})) as server,
        reading_from(server.url, registry({"shop": "q"})) as reading,
    ):
        await eventually(lambda: reading.measures("shop"), within=5, what="a reading")
    (first, *_) = reading.measures("shop")
    assert math.isnan(first.value)
    assert fault in first.fault


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, success([])), (503, b"starting"), (200, b"<html>"), (200, b'{"status": 5}'), (302, b"")],
)
async def test_nothing_and_no_answer_are_no_readings_and_the_others_go_on(
    status: int, body: Any
) -> None:
    answers = Answers({"q": (status, body), "fine": (200, success([AT, "3"], "scalar"))})
    known = registry({"shop": "q", "pay": "fine"})
    async with serving(answers) as server, reading_from(server.url, known) as reading:
        await eventually(lambda: len(reading.measures("pay")) > 1, within=5, what="two rounds")
    assert reading.measures("shop") == []
    assert reading.measures("pay")[0].value == 3.0


async def test_nobody_there_and_a_store_that_cannot_write_end_nothing() -> None:
    answers = Answers({"q": (200, success([sample("1")]))})
    async with (
        serving(answers) as server,
        reading_from(server.url, registry({"shop": "q"})) as reading,
    ):
        reading.failures = 2
        await eventually(lambda: reading.measures("shop"), within=5, what="a reading")
    gone = f"http://127.0.0.1:{free_port()}"
    async with reading_from(gone, registry({"shop": "q"}), every_seconds=0.1) as reading:
        await asyncio.sleep(0.3)
    assert reading.signals == []


async def test_many_are_asked_a_few_at_once_and_a_long_query_too() -> None:
    long = "sum(orders)" + " + 0" * 1000
    queries_of = {f"p{n}": f"q{n}" for n in range(2 * BURST)} | {"long": long}
    found = {query: (200, success([sample("1")])) for query in queries_of.values()}
    answers = Answers(found)
    async with (
        serving(answers) as server,
        reading_from(server.url, registry(queries_of), at_once=3, every_seconds=1.0) as reading,
    ):
        await eventually(
            lambda: all(reading.measures(name) for name in queries_of), within=10, what="all"
        )
    assert answers.most == 3
    assert max(len(batch) for batch in reading.batches) <= BURST


async def test_a_product_that_is_registered_meanwhile_is_read() -> None:
    answers = Answers({"q": (200, success([sample("1")]))})
    async with serving(answers) as server, reading_from(server.url, registry({})) as reading:
        reading.registry = registry({"shop": "q"})
        await eventually(lambda: reading.measures("shop"), within=5, what="a reading")


# the work of members


def told(values: Mapping[Total, Mapping[str, str]]) -> dict[str, tuple[int, Any]]:
    return {
        queries()[total]: (
            200,
            success([sample(v, **{AGENT_LABEL: name}) for name, v in rows.items()]),
        )
        for total, rows in values.items()
    }


async def test_the_totals_of_registered_members_are_told_and_of_nobody_else() -> None:
    found = told(
        {
            Total(INVOCATIONS, "tasks"): {"Planner": "40", "stranger": "9"},
            Total(INVOCATIONS, "errors"): {"Planner": "3"},
            Total(INVOCATIONS, "seconds"): {"Planner": "80.5"},
            Total(OPERATIONS, "tasks"): {"Planner": "400", "drafter": "7"},
            Total(OPERATIONS, "seconds"): {"Planner": "60", "drafter": "NaN"},
            Total("gen_ai_client_token_usage", "tokens"): {"Planner": "12000"},
        }
    )
    known = registry({}, members={"planner": "Planner", "drafter": "", "idle": ""})
    async with serving(Answers(found)) as server, reading_from(server.url, known) as reading:
        await eventually(lambda: reading.telemetry("drafter"), within=5, what="telemetry")
    planner = reading.telemetry("planner")[0]
    assert planner.source == "prometheus"
    counted = planner.counters
    assert (counted.tasks, counted.errors, counted.seconds) == (40.0, 3.0, 80.5)
    assert counted.tokens == 12000.0
    drafter = reading.telemetry("drafter")[0].counters
    assert (drafter.tasks, drafter.errors, drafter.seconds, drafter.tokens) == (7, 0, None, None)
    assert {s.agent for s in reading.signals if hasattr(s, "agent")} == {"planner", "drafter"}


async def test_an_odd_row_says_nothing_of_the_others() -> None:
    tasks = Total(INVOCATIONS, "tasks")
    found = told({tasks: {"planner": "40"}})
    _, answer = found[queries()[tasks]]
    answer["data"]["result"].insert(0, {"metric": {AGENT_LABEL: "drafter"}, "histogram": [1, {}]})
    known = registry({}, members={"planner": "", "drafter": ""})
    async with serving(Answers(found)) as server, reading_from(server.url, known) as reading:
        await eventually(lambda: reading.telemetry("planner"), within=5, what="telemetry")
    assert reading.telemetry("drafter") == []


async def test_half_an_answer_is_none() -> None:
    found = told({Total(INVOCATIONS, "tasks"): {"planner": "40"}})
    found[queries()[Total(INVOCATIONS, "seconds")]] = (503, b"")
    answers = Answers({**found, "q": (200, success([sample("1")]))})
    known = registry({"shop": "q"}, members={"planner": ""})
    async with serving(answers) as server, reading_from(server.url, known) as reading:
        await eventually(lambda: reading.measures("shop"), within=5, what="a reading")
    assert reading.telemetry("planner") == []


def test_without_errors_none_failed_and_never_more_than_there_were() -> None:
    tasks, errors = Total(OPERATIONS, "tasks"), Total(OPERATIONS, "errors")
    fine, more = counters({tasks: 5.0}), counters({tasks: 5.0, errors: 6.0})
    assert fine is not None
    assert more is not None
    assert (fine.errors, more.errors) == (0.0, 5.0)
    assert counters({errors: 1.0}) is None
