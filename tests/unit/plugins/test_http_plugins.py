"""HTTP, PromQL and dependency plugins against real servers on loopback."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from agent.model.effect import Verdict
from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.ports.kit import ProcessStatus, Unreached
from tests.support.kits import ToldProcesses, lent
from tests.support.loopback import Received, json, never, serving, status
from tests.support.running import free_port
from tests.support.shipped import plugin, run


def entity(name: str, *needs: str, url: str | None = None, product: str | None = "p") -> Entity:
    return Entity(
        name=name,
        kind=EntityKind.SERVICE,
        product=product,
        owner="team",
        depends_on=needs,
        health_url=url,
    )


def registry(*entities: Entity, products: tuple[Product, ...] = ()) -> Registry:
    return Registry(entities={e.name: e for e in entities}, products={p.name: p for p in products})


async def read(
    name: str,
    *,
    known: Registry | None = None,
    processes: ToldProcesses | None = None,
    deadline_seconds: float = 5.0,
    **params: Any,
) -> Any:
    async with lent(products=lambda: known or Registry(), processes=processes) as kits:
        return await run(name, kits.read(deadline_seconds=deadline_seconds), **params)


# http.get


async def test_get_says_that_it_answers_and_a_number_of_its_json() -> None:
    answer = {"queue": {"depth": 17, "items": [{"n": 2.5}], "up": True, "name": "x"}}
    async with serving(json(answer)) as server:
        for path, value in {
            "queue.depth": 17.0,
            "queue.items.0.n": 2.5,
            "queue.up": 1.0,
            "queue.name": None,
            "queue.items.7.n": None,
            "queue.depth.deeper": None,
            "nothing": None,
        }.items():
            found = await read("http.get", url=server.url, json_path=path)
            assert (found.answers, found.status, found.value) == (True, 200, value), path


async def test_get_says_what_is_not_right() -> None:
    async with serving(status(500, body=b"{")) as server:
        found = await read("http.get", url=server.url, json_path="a")
        assert (found.answers, found.status, found.value) == (False, 500, None)
        assert (await read("http.get", url=server.url, expect=500)).answers
    async with serving(status(204)) as server:
        assert (await read("http.get", url=server.url)).answers
        assert not (await read("http.get", url=server.url, expect=200)).answers


async def test_get_no_answer_is_a_finding() -> None:
    async with serving(never) as server:
        found = await read("http.get", url=server.url, timeout_seconds=0.2)
        assert (found.answers, found.status, found.seconds) == (False, None, None)
        assert "did not answer" in found.why
        started = time.monotonic()
        await read("http.get", url=server.url, deadline_seconds=0.2)
        assert time.monotonic() - started < 0.5, "ends before the runtime ends it"
    found = await read("http.get", url=f"http://127.0.0.1:{free_port()}")
    assert "refuses the connection" in found.why


async def test_get_what_says_nothing_about_the_other_side_is_no_finding() -> None:
    with pytest.raises(Unreached):
        await read("http.get", url="http://nobody.invalid/")


@pytest.mark.parametrize("name", ["http.get", "http.responds"])
async def test_a_target_is_asked_at_its_health_address(name: str) -> None:
    async with serving(status(200)) as server:
        known = registry(entity("shop", url=server.url + "/healthz"), entity("mute"))
        found = await read(name, known=known, target="shop")
        assert found.status == 200
        assert server.received[0].path == "/healthz"
    with pytest.raises(Permanent, match="no health_url"):
        await read(name, known=known, target="mute")
    with pytest.raises(Permanent, match="no entity 'ghost'"):
        await read(name, known=known, target="ghost")


@pytest.mark.parametrize("name", ["http.get", "http.responds"])
def test_one_place_is_asked(name: str) -> None:
    params = plugin(name).params
    for wrong in ({}, {"url": "http://a", "target": "b"}, {"url": "http://a", "x": 1}):
        with pytest.raises(ValidationError):
            params.model_validate(wrong)


# http.responds


async def test_responds_has_three_verdicts() -> None:
    async with serving(status(200)) as server:
        assert (await read("http.responds", url=server.url)).verdict is Verdict.HELD
        found = await read("http.responds", url=server.url, expect=204)
        assert found.verdict is Verdict.FAILED
    async with serving(status(503)) as server:
        found = await read("http.responds", url=server.url)
        assert (found.verdict, found.status) == (Verdict.FAILED, 503)
    async with serving(never) as server:
        found = await read("http.responds", url=server.url, timeout_seconds=0.2)
        assert found.verdict is Verdict.FAILED
    found = await read("http.responds", url=f"http://127.0.0.1:{free_port()}")
    assert found.verdict is Verdict.FAILED
    found = await read("http.responds", url="http://nobody.invalid/")
    assert found.verdict is Verdict.INCONCLUSIVE


# prometheus.query and prometheus.recovered


def vector(*values: str) -> Any:
    rows = [{"metric": {"n": str(n)}, "value": [1, v]} for n, v in enumerate(values)]
    return json({"status": "success", "data": {"resultType": "vector", "result": rows}})


async def test_query_sums_up_the_series() -> None:
    async with serving(vector("3", "1", "2", "NaN")) as server:
        found = await read("prometheus.query", query="x", url=server.url)
    assert (found.has_data, found.value, found.series) == (True, 3.0, 3)
    assert (found.minimum, found.maximum) == (1.0, 3.0)


@pytest.mark.parametrize("values", [(), ("NaN",)])
async def test_query_without_data_has_no_number(values: tuple[str, ...]) -> None:
    async with serving(vector(*values)) as server:
        found = await read("prometheus.query", query="x", url=server.url)
    assert (found.has_data, found.series) == (False, 0)
    assert found.value is found.minimum is found.maximum is None


async def test_query_without_an_answer_is_temporary() -> None:
    with pytest.raises(Temporary):
        await read("prometheus.query", query="x", url=f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("values", "op", "threshold", "verdict", "value"),
    [
        (("0",), "==", 0, Verdict.HELD, 0.0),
        (("1", "2"), "<", 3, Verdict.HELD, 1.0),
        (("1", "5"), "<", 3, Verdict.FAILED, 5.0),
        (("+Inf",), "<=", 3, Verdict.FAILED, float("inf")),
        (("1",), ">=", 1, Verdict.HELD, 1.0),
        (("1",), ">", 1, Verdict.FAILED, 1.0),
        (("1",), "!=", 1, Verdict.FAILED, 1.0),
        ((), "<", 3, Verdict.INCONCLUSIVE, None),
        (("NaN",), "<", 3, Verdict.INCONCLUSIVE, None),
    ],
)
async def test_recovered(
    values: tuple[str, ...], op: str, threshold: float, verdict: Verdict, value: float | None
) -> None:
    async with serving(vector(*values)) as server:
        found = await read(
            "prometheus.recovered", query="x", op=op, threshold=threshold, url=server.url
        )
    assert (found.verdict, found.value) == (verdict, value)


async def test_recovered_without_an_answer_is_inconclusive_and_a_bad_query_permanent() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found = await read("prometheus.recovered", query="x", op="<", threshold=1, url=url)
    assert found.verdict is Verdict.INCONCLUSIVE
    async with serving(status(400, body=b"parse error")) as server:
        with pytest.raises(Permanent, match="parse error"):
            await read("prometheus.recovered", query="(", op="<", threshold=1, url=server.url)


# dependencies.health


async def test_dependencies_are_looked_at_through_others() -> None:
    def answer(request: Received) -> web.Response:
        return web.Response(status=200 if request.path == "/ok" else 500)

    async with serving(answer) as server:
        known = registry(
            entity("web", "api", "ghost"),
            entity("api", "cache", "db", "queue", "web"),
            entity("cache", url=server.url + "/ok", product=None),
            entity("db", "disk", url=server.url + "/bad", product=None),
            entity("queue"),
            entity("disk", url=f"http://127.0.0.1:{free_port()}/", product=None),
            entity("unrelated", url=server.url + "/bad"),
        )
        processes = ToldProcesses(
            {
                "api": ProcessStatus(name="api", known=True, alive=True, hung=True),
                "queue": ProcessStatus(name="queue", known=True, alive=False),
            }
        )
        found = await read("dependencies.health", known=known, processes=processes, target="web")
    assert found.sick == ["api", "db", "queue", "disk"]
    assert found.healthy == ["cache"]
    assert found.unknown == ["ghost"]
    assert found.summary == (
        "sick: api hangs, db answers 500, queue is dead, disk does not answer; "
        "1 healthy; unknown: ghost is not registered"
    )


async def test_a_process_says_itself_whether_it_answers() -> None:
    known = registry(
        entity("web", "a", "b", "c", "d"), entity("a"), entity("b"), entity("c"), entity("d")
    )
    processes = ToldProcesses(
        {
            "a": ProcessStatus(name="a", known=True, alive=True, answers=True),
            "b": ProcessStatus(name="b", known=True, alive=True, answers=False),
            "c": ProcessStatus(name="c", known=True, alive=True),
        }
    )
    found = await read("dependencies.health", known=known, processes=processes, target="web")
    assert (found.sick, found.healthy, found.unknown) == (["b"], ["a", "c"], ["d"])


async def test_a_product_stands_for_its_entities_and_needs_what_they_need() -> None:
    known = registry(
        entity("p-api", "cache"),
        entity("cache", product=None),
        entity("q-api", product="q"),
        products=(
            Product(name="p", builder="b", tier="low", depends_on=("q",)),
            Product(name="q", builder="b", tier="low"),
        ),
    )
    found = await read("dependencies.health", known=known, target="p")
    assert found.unknown == ["p-api", "q-api", "cache"]
    assert "nothing is sick" in found.summary


async def test_nothing_to_look_at_and_nobody_of_that_name() -> None:
    found = await read("dependencies.health", known=registry(entity("alone")), target="alone")
    assert found.summary == "it depends on nothing that is registered"
    with pytest.raises(Permanent, match="'ghost'"):
        await read("dependencies.health", target="ghost")


async def test_one_that_hangs_does_not_hide_the_others() -> None:
    async with serving(never) as hanging, serving(status(200)) as server:
        slow = [entity(f"slow-{n}", url=hanging.url) for n in range(12)]
        good = [entity(f"good-{n}", url=server.url) for n in range(12)]
        needs = [e.name for pair in zip(slow, good, strict=True) for e in pair]
        started = time.monotonic()
        found = await read(
            "dependencies.health",
            known=registry(entity("web", *needs), *slow, *good),
            target="web",
            deadline_seconds=4.0,
        )
        assert time.monotonic() - started < 4.0
    assert set(found.sick) == {e.name for e in slow}
    assert set(found.healthy) == {e.name for e in good}
