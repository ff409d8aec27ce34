"""An agent on the tests' cluster with the Roles that are made for it, and with each of their verbs
taken away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.cluster import ClusterPlace, Right
from agent.model.errors import HomeostatError
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.model.runbook import Call, Runbook
from agent.ports.cluster import How, RightsMissing
from agent.ports.cluster_kinds import KINDS, Ref
from agent.ports.plugin import Action, Diagnostic, Verification
from agent.runtime.cluster import Cluster
from agent.runtime.cluster_connection import ClusterConnection
from agent.runtime.cluster_granted import Granted, granted, missing
from agent.runtime.cluster_lending import LentToChange
from agent.runtime.cluster_rights import Need, Needs, needed
from agent.runtime.cluster_roles import ServiceAccount, manifests, roles
from tests.cluster.plane import Account, Plane
from tests.support.cases import plan, runbook
from tests.support.kits import RealClock
from tests.support.shipped import shipped
from tests.support.waiting import eventually

NODE = "rights-node"
SHAPE = "NAMESPACE"
"""Stands for the namespace of a test that is not begun."""


def shop(namespace: str, *, labelled: bool = False) -> Registry:
    """Product `shop`: one workload of each kind, and a node. `labelled`: or whatever has these
    labels."""
    kinds = ("deployment", "statefulset", "daemonset", "cronjob", "rollout")
    names = {f"the-{kind}": ClusterPlace(namespace=namespace, kind=kind, name=kind)
             for kind in kinds}  # fmt: skip
    if labelled:
        names = {"web": ClusterPlace(namespace=namespace, labels={"app": "web"})}
    entities = {
        name: Entity(
            name=name, kind=EntityKind.SERVICE, product="shop", owner="team", places=(place,)
        )
        for name, place in names.items()
    }
    entities["node"] = Entity(
        name="node", kind=EntityKind.SUBSTRATE, product=None, owner="platform",
        places=(ClusterPlace(kind="node", name=NODE),),
    )  # fmt: skip
    products = {"shop": Product(name="shop", builder="team", tier="low")}
    return Registry(products=products, entities=entities)


def everything() -> Runbook:
    """Uses each shipped plugin that asks a cluster for anything."""
    of = shipped().plugins.values()
    reads = [p.name for p in of if isinstance(p, Diagnostic | Verification) and p.rights]
    acts = [p.name for p in of if isinstance(p, Action) and p.rights]
    steps = [Call(id=f"s{number}", use=name) for number, name in enumerate(acts)]
    diagnose = tuple(Call(id=f"d{number}", use=name) for number, name in enumerate(reads))
    return runbook("all", plan("p", *steps), diagnose=diagnose, owner="platform")


def needs_of(registry: Registry, *, nodes: bool = True) -> Needs:
    return needed(
        ClusterSettings(nodes=nodes),
        policy=Policy(),
        registry=registry,
        runbooks=[everything()],
        plugins=shipped().plugins,
    )


def table() -> list[Need]:
    """Every verb of the Roles, one by one."""
    return [need for need in needs_of(shop(SHAPE)).all if need.namespace in (SHAPE, "")]


def word_of(need: Need) -> tuple[str, str]:
    """Its kind here, and its subresource."""
    plural, _, part = need.resource.partition("/")
    [word] = [k.word for k in KINDS.values() if (k.plural, k.group) == (plural, need.group)]
    return word, part


class Granting:
    """The service account `agent` of a namespace."""

    def __init__(self, plane: Plane, namespace: str) -> None:
        self.plane, self.namespace = plane, namespace
        self.subject = ServiceAccount(namespace=namespace, name="agent")
        self.account: Account | None = None
        self._known: dict[tuple[str, str, str], dict[str, Any]] = {}

    @property
    def settings(self) -> ClusterSettings:
        assert self.account is not None
        return ClusterSettings(kubeconfig=self.account.kubeconfig, nodes=True)

    async def grant(self, needs: Sequence[Need]) -> None:
        """Exactly these, and nothing that was granted before."""
        made = list(manifests(roles(Needs(all=tuple(needs))), self.subject))
        found = {
            (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one
            for one in made
        }
        emptied = [
            {**one, "rules": []}
            for key, one in self._known.items()
            if key not in found and "rules" in one
        ]
        self._known |= found
        if self.account is None:
            meta = {"name": "agent", "namespace": self.namespace}
            await self.plane.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        await self.plane.apply(*made, *emptied)
        if self.account is None:
            self.account = await self.plane.account_of(self.namespace, "agent")
        await eventually(lambda: self._is_known(needs), within=20, what="the Roles count")

    async def _is_known(self, needs: Sequence[Need]) -> bool:
        found = await self.review(needs)
        if missing(needs, found):
            return False
        told = {(g.group, g.resource, g.verb) for g in found.everywhere}
        told |= {(g.group, g.resource, g.verb) for of in found.inside.values() for g in of}
        return told <= {(need.group, need.resource, need.verb) for need in needs}

    async def review(self, needs: Sequence[Need]) -> Granted:
        spaces = {need.namespace for need in needs} - {""} | {self.namespace}
        connection = ClusterConnection(self.settings, RealClock())
        try:
            return await granted(connection, spaces)
        finally:
            await connection.close()

    async def forget(self) -> None:
        """What of it is in no namespace of the test."""
        for kind, namespace, name in self._known:
            if namespace != self.namespace:
                where = ["-n", namespace] if namespace else []
                await self.plane.kubectl("delete", kind, name, *where, "--ignore-not-found")

    async def refused(self, need: Need) -> str:
        """What the call that needs it is told; empty where the API server lets it through."""
        if need.verb == "watch":
            return await self._watch(need)
        view = View(policy=Policy(), registry=Registry(), runbooks=MatchIndex(()), plugins={})
        cluster = Cluster(self.settings, clock=RealClock(), view=view)
        try:
            await self._call(cluster, need)
        except RightsMissing as error:
            return str(error)
        except HomeostatError:
            return ""  # it was let through, and there is no such object or kind
        finally:
            await cluster.connection.close()
        return ""

    async def _call(self, cluster: Cluster, need: Need) -> None:
        word, part = word_of(need)
        rights = (Right(kind=word, verbs=(need.verb,), part=part),)
        lent = LentToChange(cluster, use="the test", rights=rights, seconds=10.0)
        ref = Ref(word, need.names[0] if need.names else "any", need.namespace)
        if need.verb == "list":
            await lent.list(word, namespace=need.namespace)
        elif (need.verb, part) == ("get", "log"):
            await lent.logs(ref)
        elif need.verb == "get":
            await lent.get(ref, part=part)
        elif need.verb == "patch":
            change = {"metadata": {"annotations": {"a": "b"}}}
            await lent.patch(ref, change, how=How.MERGE, part=part)
        elif (need.verb, part) == ("create", "eviction"):
            await lent.evict(ref, uid="none")
        elif need.verb == "create":
            await lent.create(word, need.namespace, {"metadata": {"name": "any"}})
        elif need.verb == "delete":
            await lent.delete(ref, uid="none")
        else:
            raise AssertionError(f"nothing here asks for {need.text}")

    async def _watch(self, need: Need) -> str:
        word, _ = word_of(need)
        async with self.watching() as (cluster, _view):
            watch = await eventually(
                lambda: cluster.watches.get((word, need.namespace)), within=10, what="it is watched"
            )
            await eventually(lambda: watch.lists, within=20, what="it is listed")
            # Refused right after the list, or never.
            await asyncio.sleep(1.0)
            return watch.trouble if watch.is_forbidden else ""

    def watching(self) -> Running:
        return Running(self.settings, shop(self.namespace))


class Running:
    """The watch, running: `async with granting.watching() as (cluster, view)`."""

    def __init__(self, settings: ClusterSettings, registry: Registry, **more: Any) -> None:
        settings = msgspec.structs.replace(settings, **more)
        self.view = View(policy=Policy(), registry=registry, runbooks=MatchIndex(()), plugins={})
        self.cluster = Cluster(settings, clock=RealClock(), view=self.view)

    async def __aenter__(self) -> tuple[Cluster, View]:
        self._running = asyncio.create_task(self.cluster.run())
        return self.cluster, self.view

    async def __aexit__(self, *_error: object) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self.cluster.connection.close()


async def bound_token(plane: Plane, namespace: str, account: str, pod: str) -> str:
    """A token that is worth something for as long as the pod is there, as the kubelet asks for."""
    found = await plane.get("Pod", namespace, pod)
    bound = {"kind": "Pod", "apiVersion": "v1", "name": pod, "uid": found["metadata"]["uid"]}
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600, "boundObjectRef": bound},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    answer = await plane.request("POST", path, body)
    assert answer.status == 201, answer.body
    return str(answer.json()["status"]["token"])


def write_catalog(folder: Path, namespace: str) -> None:
    """Product `shop` with its Deployment `web`."""
    spec = {"type": "service", "owner": "team", "system": "shop"}
    place = {"kubernetes": {"namespace": namespace, "deployment": "web"}}
    api = "backstage.io/v1alpha1"
    documents = [
        {"apiVersion": api, "kind": "System", "metadata": {"name": "shop"},
         "spec": {"owner": "team", "homeostat": {"tier": "low"}}},
        {"apiVersion": api, "kind": "Component", "metadata": {"name": "web"},
         "spec": {**spec, "homeostat": place}},
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n---\n".join(json.dumps(document) for document in documents)
    (folder / "catalog-info.yaml").write_text(text + "\n")
