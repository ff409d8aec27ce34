"""The cluster as the API, the command and the page tell of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app
from agent.interface.cli.output import FINE
from agent.model.cluster_state import (
    AbsentState,
    AlertInCluster,
    ClusterState,
    Edited,
    PodState,
    PodWord,
    Sight,
)
from tests.support.caller import calling
from tests.support.cluster_shown import crashing, everything, release, state, watch, workload
from tests.support.facade import NOW, FakeFacade, everyone, running

EVIL = "<img src=x onerror=alert(1)>"
FORBIDDEN = "pods in shop: may not list and watch pods in shop (homeostat rbac)"


def blind(**fields: Any) -> ClusterState:
    missing = watch(sight=Sight.FORBIDDEN, said=FORBIDDEN)
    extra = watch(
        "cronjobs.batch", sight=Sight.NOT_SERVED, said="knows no cronjobs.batch", is_needed=False
    )
    watches = (missing, extra, watch(namespace="pay"))
    return state(
        workload(),
        workload("pay/deployment/ledger", product="pay"),
        **{"watches": watches, "trouble": FORBIDDEN, "seen_at": None, **fields},
    )


async def asked(cluster: ClusterState | None, path: str, token: str = "viewer") -> str:
    facade = FakeFacade(principals=everyone())
    facade.cluster = cluster
    async with running(facade) as (_, url), calling(url, token=f"{token}-token") as caller:
        reply = await caller.get(path)
        assert reply.status == 200, reply.text
        return reply.text


async def told(cluster: ClusterState | None, query: str = "", **more: str) -> Any:
    return json.loads(await asked(cluster, f"/api/v1/cluster{query}", **more))


async def page(cluster: ClusterState | None, **more: str) -> str:
    return " ".join((await asked(cluster, "/cluster", **more)).split())


async def test_where_no_cluster_is_connected_it_is_said_how() -> None:
    assert (await told(None))["connected"] is False
    assert "kubernetes: {kubeconfig:" in await page(None)


async def test_all_of_it_is_told_what_is_in_trouble_first() -> None:
    found = await told(everything())
    assert (found["connected"], found["in_sync"], found["version"]) == (True, True, "v1.37.0")
    assert (found["objects"], found["trouble"], found["remedy"]) == (49, "", "")
    first = found["workloads"][0]
    assert (first["name"], first["well"]) == ("shop/deployment/checkout", False)
    assert first["pods"][0] == {"name": "web-bad", "state": "failing", "restarts": 7}
    assert [one["broken"] for one in first["releases"]] == [False, True]
    assert first["alerts"][0]["incident"] == "inc-7"
    by_name = {one["name"]: one for one in found["workloads"]}
    assert by_name["shop/statefulset/db"]["kept_by"] == "argocd application shop"
    edited = by_name["shop/daemonset/proxy"]["edited"]
    assert (edited["by"], edited["held_until"] is not None) == ("kubectl-edit", True)
    assert found["nobodys"]["count"] == 2


async def test_a_hold_that_is_over_is_not_told_as_one() -> None:
    over = Edited(by="kubectl-edit", at=NOW - 4000, held_until=NOW - 3400)
    (found,) = (await told(state(workload(edited=over))))["workloads"]
    assert found["edited"]["held_until"] is None
    text = await page(state(workload(edited=over)))
    assert "edited by kubectl-edit" in text
    assert "left alone until" not in text


async def test_one_product_is_asked_for() -> None:
    found = await told(everything(), "?product=pay")
    assert [one["name"] for one in found["workloads"]] == ["pay/deployment/ledger"]
    assert found["objects"] == 7
    assert {one["namespace"] for one in found["watches"]} == {"pay"}
    assert found["nobodys"]["count"] == 0
    assert (await told(everything(), "?product=none"))["workloads"] == []


async def test_what_is_not_seen_is_told_with_its_remedy() -> None:
    """F-K8-06: and that nothing is done meanwhile."""
    found = await told(blind())
    assert (found["in_sync"], found["seen_at"], found["trouble"]) == (False, None, FORBIDDEN)
    assert found["remedy"] == "homeostat rbac | kubectl apply -f -"
    assert [w["state"] for w in found["watches"]] == ["forbidden", "not served", "watched"]
    text = await page(blind())
    assert "It is not seen whole, so nothing is done in it" in text
    assert "Remedy: homeostat rbac | kubectl apply -f -" in text
    assert "(it does without)" in text


async def test_others_are_told_that_something_is_missing_and_not_where() -> None:
    """F-SEC-11: nothing is done in a cluster that is not seen whole, whoever it is that is not."""
    found = await told(blind(), token="pay-viewer")
    assert found["in_sync"] is False
    assert found["trouble"].startswith("not all of it is seen where other products run")
    assert [one["name"] for one in found["workloads"]] == ["pay/deployment/ledger"]
    assert found["objects"] == 7
    assert "shop" not in json.dumps(found)
    assert "shop" not in (await page(blind(), token="pay-viewer")).replace("/shop", "")


async def test_where_nothing_is_declared_it_is_said_how_to() -> None:
    nothing = state(watches=(), trouble="no product says in which namespace it runs", seen_at=None)
    found = await told(nothing, token="pay-viewer")
    assert "spec.homeostat.kubernetes" in found["remedy"]
    assert "no product says in which namespace it runs" in await page(nothing)


async def test_an_alert_of_another_products_incident_is_not_shown_to_whoever_is_limited() -> None:
    """F-SEC-11: two products may run in one workload's namespace."""
    alert = AlertInCluster(
        name="KubePodCrashLooping", summary="s", since=NOW, incident="inc-9", product="shop"
    )
    mine = state(workload("pay/deployment/ledger", product="pay", alerts=(alert,)))
    assert "inc-9" in await page(mine)
    assert "inc-9" not in await page(mine, token="pay-viewer")


async def test_what_is_declared_and_not_there_is_told_to_its_people() -> None:
    gone = AbsentState(name="shop/deployment/wbe", entity="web", product="shop")
    one = state(absent=(gone,))
    assert (await told(one))["absent"][0]["name"] == gone.name
    assert (await told(one, token="pay-viewer"))["absent"] == []
    assert "<code>shop/deployment/wbe</code> of web" in await page(one)


def test_the_command_tells_what_is_declared_and_not_there() -> None:
    gone = AbsentState(name="shop/deployment/wbe", entity="web", product="shop")
    told = run(state(absent=(gone,))).output
    assert "declared, and not there: shop/deployment/wbe of web\n  remedy: see how" in told
    assert "not there" not in run(state()).output


def test_what_is_in_the_way_of_all_kinds_is_said_once() -> None:
    why = "the API server does not answer"
    kinds = ("pods", "jobs.batch", "deployments.apps", "statefulsets.apps")
    watches = tuple(watch(k, sight=Sight.BROKEN, said=f"{k} in shop: {why}") for k in kinds)
    text = run(state(watches=watches, trouble=watches[0].said, seen_at=None)).output
    assert "watched: 0 of 4 lists\n" in text
    named = "pods in shop, jobs.batch in shop, deployments.apps in shop and 1 more"
    assert f"broken: {named}: {why}; remedy: homeostat doctor" in text


async def test_hostile_names_stay_names() -> None:
    """F-SEC-09: images, field managers, applications and versions are anybody's text."""
    evil = release(version=EVIL, by=EVIL, revision=EVIL)
    one = workload(
        images=EVIL,
        kept_by=EVIL,
        revision=EVIL,
        pods=(PodState(name=EVIL, word=PodWord.FAILING, restarts=1),),
        releases=(evil,),
        rollout=evil,
        edited=Edited(by=EVIL, at=NOW, held_until=NOW + 60),
    )
    text = await page(state(one, nobodys=(EVIL,), trouble=EVIL, version=EVIL))
    assert "<img" not in text.partition("<main")[2]
    assert text.count("&lt;img src=x") >= 8


async def test_of_many_workloads_the_page_shows_the_worst_and_counts_the_rest() -> None:
    many = [workload(f"shop/deployment/w{i:03}") for i in range(500)]
    many[499] = crashing("shop/deployment/w499")
    text = await page(state(*many))
    assert text.count('<th scope="row">') == 40
    assert "KubePodCrashLooping" in text
    assert "And 460 more, all of them well: <code>homeostat cluster --product shop</code>" in text
    spread = [workload(f"p{i}/deployment/w", product=f"p{i % 50}") for i in range(1000)]
    text = await page(state(*(msgspec.structs.replace(w, ready=0) for w in spread)))
    assert text.count('<th scope="row">') == 300
    assert "20 of them not well" in text


async def test_of_many_pods_those_that_fail_are_drawn() -> None:
    bad = PodState(name="bad", word=PodWord.FAILING)
    good = [PodState(name=f"p{i}", word=PodWord.READY) for i in range(200)]
    text = await page(state(workload(pods=(bad, *good))))
    assert 'aria-label="1 failing, 200 ready"' in text
    assert text.count('class="failing"') == 2  # with the legend
    assert text.count('class="ready"') == 48


def run(cluster: ClusterState | None, *words: str) -> Result:
    """The command against a daemon that knows this of its cluster."""

    async def go() -> Result:
        facade = FakeFacade()
        facade.cluster = cluster
        async with running(facade) as (_, url):
            env = {"HOMEOSTAT_URL": url, "HOMEOSTAT_TOKEN": ""}
            return await asyncio.to_thread(CliRunner().invoke, app, ["cluster", *words], env=env)

    return asyncio.run(go())


def test_the_command_tells_the_same_in_lines() -> None:
    result = run(everything())
    assert result.exit_code == FINE
    lines = result.output.splitlines()
    assert lines[0] == "API server v1.37.0, 49 objects seen"
    row = next(line for line in lines if line.startswith("shop/deployment/checkout"))
    for word in ("2/3", "KubePodCrashLooping (inc-7)", "revision 5 failed, begun", "by ci"):
        assert word in row
    assert "its rollout stands still" in row
    assert "left alone until" in result.output
    assert "kept by argocd application shop; homeostat/ignore" in result.output
    assert "2 belong to nobody: shop/deployment/forgotten, shop/cronjob/old" in result.output


def test_the_command_narrows_and_says_what_is_not_seen() -> None:
    assert "checkout" not in run(everything(), "--product", "pay").output
    result = run(blind())
    assert f"NOT SEEN WHOLE, so nothing is done in it: {FORBIDDEN}" in result.output
    assert "not served (it does without): knows no cronjobs.batch" in result.output
    assert "no cluster is connected: write `kubernetes:`" in run(None).output


def test_the_command_prints_json_and_no_control_character() -> None:
    evil = state(workload(images="\x1b[31mred"), version="\x1b[2J")
    assert "\x1b" not in run(evil).output
    found = json.loads(run(evil, "--format", "json").output)
    assert found["workloads"][0]["images"] == "\x1b[31mred"
