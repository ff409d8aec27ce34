"""Actions on a cluster where it is doubtful what they would hit: none of them guesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agent.model.cluster import Asked, ClusterPlace
from agent.model.errors import Permanent
from agent.model.product import Entity, EntityKind, Registry
from agent.ports.cluster import How, Json
from agent.ports.cluster_kinds import Ref
from tests.support.shipped import plugin
from tests.support.told_cluster import ToldCluster, ToldKit
from tests.support.watched import ago

NOW = 1_000_000.0
WEB = "shop/deployment/web"


class Control(ToldCluster):
    """Implements ports.cluster.ClusterControl; keeps what was written."""

    asked = Asked(decided_at=NOW - 60, keep_off_seconds=600.0)

    def __init__(self, **objects: Sequence[Json]) -> None:
        super().__init__(NOW, **objects)
        self.written: list[tuple[str, Any]] = []

    async def patch(
        self, ref: Ref, body: Sequence[Json] | Json, *, how: How, part: str = ""
    ) -> Json:
        self.written.append((ref.text, body))
        found = await self.get(ref)
        assert found is not None
        return found

    async def delete(self, ref: Ref, *, uid: str) -> None:
        self.written.append((ref.text, uid))


async def act(name: str, cluster: Control, registry: Registry | None = None, **params: Any) -> Any:
    kit: Any = ToldKit(cluster, registry)
    kit.key = "i-1/1/plan/step"
    action = plugin(f"kubernetes.{name}")
    return await action.run(kit, action.params.model_validate(params))


def thing(name: str = "web", *, spec: Any = None, status: Any = None, **meta: Any) -> Json:
    told = {"name": name, "namespace": "shop", "uid": f"u-{name}", "resourceVersion": "7"}
    return {"metadata": {**told, **meta}, "spec": spec or {}, "status": status or {}}


def written(by: str, seconds_ago: float, fields: Any) -> Json:
    return {
        "manager": by,
        "operation": "Update",
        "time": ago(seconds_ago, now=NOW),
        "fieldsV1": fields,
    }


IMAGE: Any = {"f:spec": {"f:template": {"f:spec": {"f:containers": {}}}}}
STARTED_ANEW: Any = {
    "f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:homeostat/restarted-by": {}}}}}
}
REVISION = "deployment.kubernetes.io/revision"


def template(image: str) -> Json:
    named = [{"name": "app", "image": image}]
    volumes = [{"name": "c", "configMap": {"name": "web-5f7c9"}}]
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": named, "volumes": volumes},
    }


def deployed(*writers: Json) -> Control:
    """Revision 3 runs, and those before it are kept."""
    selector = {"matchLabels": {"app": "web"}}
    web = thing(
        spec={"selector": selector, "template": template("shop:3")},
        status={"observedGeneration": 3},
        generation=3,
        annotations={REVISION: "3"},
        managedFields=list(writers),
    )
    owner = {"kind": "Deployment", "name": "web", "uid": "u-web", "controller": True}
    sets = [
        thing(
            f"web-{n}",
            spec={"template": template(f"shop:{n}")},
            annotations={REVISION: str(n)},
            ownerReferences=[owner],
        )
        for n in (1, 2, 3)
    ]
    maps = [thing("web-5f7c9"), thing("web-older")]
    return Control(deployment=[web], replicaset=sets, configmap=maps)


CHANGES: dict[str, Any] = {
    "rollout_undo": {"target": WEB, "to": 1},
    "patch_image": {"target": WEB, "container": "app", "image": "shop:1"},
    "config_restore": {
        "target": WEB,
        "source": "shop/configmap/web-5f7c9",
        "to": "shop/configmap/web-older",
    },
}


@pytest.mark.parametrize("name", CHANGES)
async def test_what_was_delivered_since_it_was_decided_is_not_undone(name: str) -> None:
    """The decision was about revision 2, and meanwhile the fix came as revision 3."""
    cluster = deployed(written("ci", 7200, IMAGE), written("argo-fixer-controller", 30, IMAGE))
    with pytest.raises(Permanent, match="since this was decided"):
        await act(name, cluster, **CHANGES[name])
    assert cluster.written == []


@pytest.mark.parametrize("name", CHANGES)
async def test_what_was_decided_about_is_changed(name: str) -> None:
    """Pods that were started anew, and what the agent itself wrote, are no other release."""
    writers = (
        written("ci", 90, IMAGE),
        written("homeostat", 30, IMAGE),
        written("kube-controller-manager", 5, {"f:metadata": {}}),
        written("ci-restarts", 20, STARTED_ANEW),
    )
    cluster = deployed(*writers)
    cluster.machines = lambda: ("ci*",)  # type: ignore[method-assign]
    assert (await act(name, cluster, **CHANGES[name]))["changed"]
    assert len(cluster.written) == 1


def pods() -> list[Json]:
    owner = {"kind": "StatefulSet", "name": "web", "uid": "u-web", "controller": True}
    ended = [{"type": "Ready", "status": "False", "lastTransitionTime": ago(9000, now=NOW)}]
    status = {"phase": "Failed", "conditions": ended}
    marked: Any = ({}, {"annotations": {"homeostat/ignore": "true"}}, {})
    return [
        thing(f"web-{n}", status=status, ownerReferences=[owner], **more)
        for n, more in enumerate(marked)
    ]


async def test_one_pod_that_is_to_be_left_alone_stops_none_of_the_others() -> None:
    web = thing(spec={"selector": {"matchLabels": {"app": "web"}}})
    cluster = Control(statefulset=[web], pod=pods())
    done = await act("delete_failed_pods", cluster, target="shop/statefulset/web")
    assert (done["deleted"], done["left"], done["names"]) == (2, 1, ["web-0", "web-2"])
    assert cluster.written == [("shop/pod/web-0", "u-web-0"), ("shop/pod/web-2", "u-web-2")]


def entity(name: str, product: str) -> Entity:
    place = ClusterPlace(namespace="shop", kind="deployment", name=name)
    return Entity(name=name, kind=EntityKind.SERVICE, product=product, owner="ana", places=(place,))


async def test_the_only_certificate_where_others_live_too_may_be_theirs() -> None:
    site = {"web": entity("web", "shop"), "till": entity("till", "another")}
    cluster = Control(certificate=[thing("tls")])
    with pytest.raises(Permanent, match="another"):
        await act("renew_certificate", cluster, Registry(entities=site), target="web")
    assert cluster.written == []
    del site["till"]
    done = await act("renew_certificate", cluster, Registry(entities=site), target="web")
    assert done == {"changed": True, "certificate": "shop/certificate/tls"}


def node(*writers: Json, **meta: Any) -> Control:
    made = thing("n", spec={"unschedulable": True}, managedFields=list(writers), **meta)
    return Control(node=[made])


CLOSED: Any = {"f:spec": {"f:unschedulable": {}}}
OURS = {"homeostat/cordoned-by": "i-1/1/plan/cordon"}


async def test_a_node_that_another_machine_closed_is_not_opened() -> None:
    """It is being replaced, or its system renewed."""
    cluster = node(written("upgrade-controller", 900, CLOSED))
    with pytest.raises(Permanent, match="was closed by upgrade-controller"):
        await act("uncordon", cluster, target="node/n")
    assert cluster.written == []


@pytest.mark.parametrize(
    "cluster",
    [
        node(written("homeostat", 900, CLOSED)),
        node(written("kwok", 900, CLOSED), annotations=OURS),
        node(annotations=OURS),
    ],
)
async def test_a_node_that_the_agent_closed_is_opened(cluster: Control) -> None:
    assert (await act("uncordon", cluster, target="node/n"))["changed"]


async def test_an_image_whose_answer_was_lost_still_has_its_way_back() -> None:
    """F-K8-05"""
    cluster = deployed()
    first = await act("patch_image", cluster, **CHANGES["patch_image"])
    ((_, body),) = cluster.written
    web = cluster.objects["deployment"][0]
    web["metadata"]["annotations"] = body[-1]["value"]
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:1"
    again = await act("patch_image", cluster, **CHANGES["patch_image"])
    assert again == first
    assert again["undo"]["with"]["image"] == "shop:3"
    assert len(cluster.written) == 1
