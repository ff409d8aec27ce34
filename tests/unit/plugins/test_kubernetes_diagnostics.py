"""Diagnostics of Kubernetes over objects that are broken in every way: what cannot be read is
unknown, and never an error of ours or a guess."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from agent.model.errors import Permanent, Temporary
from agent.ports.cluster import Gone, LogText, Rejected, RightsMissing
from agent.ports.cluster_walking import moment
from tests.support.shipped import plugin
from tests.support.told_cluster import ToldCluster, ToldKit, recorded

WEB, RUN, NODE = "shop/deployment/web", "shop/job/nightly", "node/node-1"
ABOUT = {
    "pod_status": WEB,
    "rollout_history": WEB,
    "rollout_status": WEB,
    "events": WEB,
    "pod_logs": WEB,
    "owner_chain": "shop/deployment/web",
    "recent_edits": WEB,
    "gitops_owner": WEB,
    "node_status": NODE,
    "job_status": RUN,
    "release": WEB,
}
WRONG: tuple[Any, ...] = (
    None,
    7,
    -1,
    "",
    "x" * 5000,
    "\x1b[31m\u202e",
    [],
    [None],
    {},
    {"": None},
    True,
)


def told() -> dict[str, Any]:
    found = recorded()
    return {
        "deployment": [found["deployment"]],
        "replicaset": found["replica_sets"],
        "pod": found["pods"],
        "event": found["events"],
        "job": [found["job"]],
        "node": [found["node"]],
    }


def a_cluster(**objects: Any) -> ToldCluster:
    found = told() | objects
    at = moment(found["event"][0], "lastTimestamp") if found["event"] else None
    return ToldCluster((at or 1_795_319_150.0) + 60, **found)


async def ask(name: str, cluster: ToldCluster, /, **params: Any) -> Any:
    asked = plugin(f"kubernetes.{name}")
    params.setdefault("target", ABOUT[name])
    kit: Any = ToldKit(cluster)
    return await asked.run(kit, asked.params.model_validate(params))


def paths(thing: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside: Iterable[tuple[Any, Any]] = thing.items() if isinstance(thing, dict) else ()
    if isinstance(thing, list):
        inside = enumerate(thing[:1])
    for key, value in inside:
        yield from paths(value, (*path, key))


def broken(thing: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    made = copy.deepcopy(thing)
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = wrong
    return made


@pytest.mark.parametrize("name", ABOUT)
async def test_what_was_recorded_is_read(name: str) -> None:
    found = await ask(name, a_cluster())
    known = {k for k, v in found.model_dump().items() if v is not None}
    assert known or name == "release"


READ = {
    "deployment": ("pod_status", "rollout_history", "rollout_status", "recent_edits", "release"),
    "replicaset": ("rollout_history", "pod_status", "release"),
    "pod": ("pod_status", "pod_logs", "rollout_history", "job_status"),
    "event": ("events", "node_status"),
    "job": ("job_status",),
    "node": ("node_status",),
}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for kind, names in READ.items() for name in names]
)
async def test_no_field_that_is_broken_is_an_error_of_ours(name: str, kind: str) -> None:
    first = told()[kind][0]
    places = [path for path in paths(first) if path and path[:2] != ("metadata", "managedFields")]
    for number, path in enumerate(places):
        wrong = WRONG[number % len(WRONG)]
        objects = told()
        objects[kind][0] = broken(first, path, wrong)
        try:
            found = await ask(name, a_cluster(**objects))
        except (Permanent, Temporary):
            continue
        # What comes out can be written down, and is bounded.
        assert len(found.model_dump_json()) < 20_000, (path, wrong)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ["rollout_history", "recent_edits", "gitops_owner"])
async def test_broken_writers_are_no_error(name: str, wrong: Any) -> None:
    web = recorded()["deployment"]
    entry = web["metadata"]["managedFields"][0]
    for made in (
        broken(web, ("metadata", "managedFields"), wrong),
        broken(web, ("metadata", "managedFields", 0), wrong),
        broken(web, ("metadata", "managedFields", 0, "time"), wrong),
        broken(web, ("metadata", "managedFields", 0, "manager"), wrong),
        broken(web, ("metadata", "managedFields", 0, "fieldsV1"), wrong),
        broken(web, ("metadata", "managedFields", 0, "fieldsV1"), {"f:spec": wrong}),
    ):
        assert entry is not None
        await ask(name, a_cluster(deployment=[made]))


@pytest.mark.parametrize("name", sorted(set(ABOUT) - {"events", "node_status", "release"}))
async def test_what_is_gone_is_told_to_be_gone(name: str) -> None:
    gone = ToldCluster(0.0)
    with pytest.raises(Gone, match="is not there"):
        await ask(name, gone)


async def test_a_node_that_is_gone_is_known_to_be_gone() -> None:
    found = await ask("node_status", ToldCluster(0.0))
    assert found.exists is False
    assert set(found.model_dump(exclude={"exists"}).values()) == {None}


@pytest.mark.parametrize(
    "target", ["10.1.2.3:9100", "[2001:db8::1]:9100", "2001:db8::1", "A B", ""]
)
async def test_an_address_that_no_node_has_is_unknown(target: str) -> None:
    assert (await ask("node_status", ToldCluster(0.0), target=target)).exists is None


@pytest.mark.parametrize(
    "why", [Gone("no log"), Rejected("previous terminated container not found")]
)
async def test_a_log_that_is_not_there_is_unknown(why: Exception) -> None:
    cluster = a_cluster()
    cluster.log_text = why
    found = await ask("pod_logs", cluster, previous=True)
    assert (found.lines, found.errors, found.last_error) == (None, None, None)


async def test_a_log_that_may_not_be_read_is_an_error() -> None:
    """F-K8-06: rights that are missing are told, and not taken for an empty log."""
    cluster = a_cluster()
    cluster.log_text = RightsMissing("rights missing")
    with pytest.raises(RightsMissing):
        await ask("pod_logs", cluster)


async def test_the_log_is_that_of_the_pod_and_container_in_trouble() -> None:
    cluster = a_cluster()
    cluster.log_text = LogText(lines=("\x1b[31mfatal\x1b[0m: x",), is_cut=True)
    found = await ask("pod_logs", cluster, previous=True)
    crashing = cluster.objects["pod"][0]["metadata"]["name"]
    assert cluster.logs_asked == [(crashing, "app", True)]
    assert (found.lines, found.last_error, found.cut) == (["fatal: x"], "fatal: x", True)


async def test_pods_of_another_workload_with_the_same_labels_are_not_its_own() -> None:
    objects = told()
    foreign = copy.deepcopy(objects["pod"][0])
    foreign["metadata"]["name"] = "stranger"
    foreign["metadata"]["ownerReferences"][0]["uid"] = "somebody-else"
    orphan = copy.deepcopy(foreign)
    orphan["metadata"].pop("ownerReferences")
    found = await ask("pod_status", a_cluster(pod=[*objects["pod"], foreign, orphan]))
    assert found.pods == 3


async def test_an_owner_of_the_same_name_and_another_uid_is_none() -> None:
    """F-K8-08: an object that was replaced is another one."""
    objects = told()
    pod = objects["pod"][0]
    target = f"shop/pod/{pod['metadata']['name']}"
    whole = await ask("owner_chain", a_cluster(), target=target)
    assert (whole.chain[-1], whole.workload) == (WEB, WEB)
    pod["metadata"]["ownerReferences"][0]["uid"] = "another"
    found = await ask("owner_chain", a_cluster(**objects), target=target)
    assert (found.chain, found.workload, found.workload_kind) == ([target], None, None)


async def test_while_the_controller_has_not_seen_the_newest_declaration_history_waits() -> None:
    objects = told()
    objects["deployment"][0]["metadata"]["generation"] += 1
    with pytest.raises(Temporary, match="no revision yet"):
        await ask("rollout_history", a_cluster(**objects))


async def test_terminating_pods_and_those_that_were_replaced_are_not_counted() -> None:
    objects = told()
    first, second, third = objects["pod"]
    first["metadata"]["deletionTimestamp"] = "2026-11-22T03:45:50Z"
    second["status"]["phase"] = "Failed"
    found = await ask("pod_status", a_cluster(**objects))
    assert (found.pods, found.ready, found.available) == (1, 1, False)
    assert third["status"]["phase"] == "Running"


async def test_who_belongs_to_no_entity_has_no_watch_window() -> None:
    assert (await ask("rollout_history", a_cluster())).watched is None
    found = await ask("release", a_cluster())
    assert (found.count, found.target) == (None, None)
