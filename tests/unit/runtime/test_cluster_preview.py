"""What would change, as lines: short, complete, without secrets and without what always changes."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster_kinds import Ref
from agent.ports.plugin import Action, Params
from agent.runtime.cluster_lending import Showing, Write
from agent.runtime.cluster_preview import foresee, lines_of
from tests.support.kits import ToldProcesses, lent

WEB = Ref("deployment", "web", "prod-a")


def lines(before: Any, after: Any, *, part: str = "", body: Any = None) -> list[str]:
    return list(lines_of(Showing(Write("patch", WEB, part, body or {}), before, after)))


def pod(*containers: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


def test_a_part_of_a_list_goes_by_its_name() -> None:
    before = pod({"name": "app", "image": "a:1"}, {"name": "log", "image": "l:1"})
    after = pod(
        {"name": "new", "image": "n:1"},
        {"name": "app", "image": "a:2"},
        {"name": "log", "image": "l:1"},
    )
    assert lines(before, after)[1:] == [
        '  spec.template.spec.containers[app].image: "a:1" -> "a:2"',
        '  spec.template.spec.containers[new].name: none -> "new"',
        '  spec.template.spec.containers[new].image: none -> "n:1"',
    ]


def test_what_the_server_keeps_for_itself_is_left_out() -> None:
    meta = {"resourceVersion": "1", "generation": 1, "managedFields": [{"a": 1}]}
    other = {"resourceVersion": "2", "generation": 2, "managedFields": []}
    before = {"metadata": meta, "status": {"replicas": 1}}
    after = {"metadata": other, "status": {"replicas": 2}}
    assert lines(before, after) == ["change prod-a/deployment/web", "  nothing"]


def test_a_part_is_compared_as_far_as_it_was_written() -> None:
    before = {"spec": {"replicas": 1, "paused": True}, "metadata": {"labels": {"a": "b"}}}
    scale = {"kind": "Scale", "spec": {"replicas": 5}, "status": {"replicas": 1}}
    assert lines(before, scale, part="scale", body={"spec": {"replicas": 5}}) == [
        "change prod-a/deployment/web, its scale",
        "  spec.replicas: 1 -> 5",
    ]


def test_secrets_are_not_shown() -> None:
    def env(value: str) -> Any:
        return pod({"name": "app", "env": [{"name": "DB_PASSWORD", "value": value}]})

    told = lines(env("old-secret"), env("new-secret"))[1:]
    assert told == [
        "  spec.template.spec.containers[app].env[DB_PASSWORD].value: (not shown) -> (not shown)"
    ]


def test_values_are_one_line_and_bounded() -> None:
    (_, line) = lines({"data": {"a": "x"}}, {"data": {"a": "\x1b[31m" + "y" * 10_000 + "\nz"}})
    assert len(line) < 300
    assert "\x1b" not in line
    deep: Any = "end"
    for _ in range(500):
        deep = {"a": deep}
    assert len(lines({"spec": {}}, {"spec": deep})) == 2


class Nothing(Params):
    pass


def action(run: Any) -> Action:
    return Action(
        name="kubernetes.some",
        params=Nothing,
        effect=Effect.CONDITIONAL,
        reversal=Reversal.NOTHING,
        availability=Availability.KEEPS,
        summary="some",
        run=run,
        needs="kubernetes",
    )


async def test_without_a_cluster_it_says_so() -> None:
    async def run(kit: Any, params: Nothing) -> dict[str, Any]:
        await kit.cluster.find("web")
        return {}

    async with lent() as kits:
        found = await foresee(kits, action(run), Nothing(), key="k")
    assert "no Kubernetes is connected" in found.fails


@pytest.mark.parametrize("error", [Permanent("it is paused"), ValueError("it is paused")])
async def test_whatever_it_raises_is_told(error: Exception) -> None:
    async def run(kit: Any, params: Nothing) -> dict[str, Any]:
        raise error

    async with lent() as kits:
        found = await foresee(kits, action(run), Nothing(), key="k")
    assert "it is paused" in found.fails


async def test_what_acts_on_anything_else_cannot_be_tried_out() -> None:
    """F-GRD-11: what it would write by is not lent."""

    async def run(kit: Any, params: Nothing) -> dict[str, Any]:
        await kit.processes.restart("web", key=kit.key)
        return {}

    async def post(kit: Any, params: Nothing) -> dict[str, Any]:
        await kit.http.post("http://127.0.0.1:1/", body=b"", timeout_seconds=1.0)
        return {}

    async def tell(kit: Any, params: Nothing) -> dict[str, Any]:
        await kit.members.tell("scout", key=kit.key)
        return {}

    processes = ToldProcesses()
    async with lent(processes=processes) as kits:
        for each, why in ((run, "no attribute"), (post, "only reads"), (tell, "no attribute")):
            found = await foresee(kits, action(each), Nothing(), key="k")
            assert why in found.fails, each
    assert processes.done == []
