"""Roles made from the loaded runbooks, on a real API server: what they give is enough, each verb of
them is needed, and nothing beyond is granted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from agent.model.errors import HomeostatError
from agent.ports.cluster import RightsMissing
from agent.ports.plugin import Diagnostic
from agent.runtime.cluster_granted import excess, missing
from agent.runtime.cluster_rights import Need
from tests.cluster.granting import (
    NODE,
    SHAPE,
    Granting,
    needs_of,
    shop,
    table,
)
from tests.cluster.objects import deployment, path_of
from tests.cluster.plane import Plane
from tests.cluster.reading import reading
from tests.support.shipped import shipped
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


@pytest.fixture
async def agent(plane: Plane, namespace: str) -> AsyncIterator[Granting]:
    made = Granting(plane, namespace)
    yield made
    await made.forget()


def all_of(agent: Granting) -> list[Need]:
    return list(needs_of(shop(agent.namespace)).all)


@pytest.mark.parametrize("shape", table(), ids=lambda need: need.text.replace(" ", "-"))
async def test_each_verb_of_the_role_is_needed_and_its_lack_is_told(
    agent: Granting, shape: Need
) -> None:
    """F-K8-06: with it the call is let through; without it, refused by name, with the resource and
    the namespace."""
    every = all_of(agent)
    namespace = agent.namespace if shape.namespace == SHAPE else ""
    [need] = [one for one in every if (one.namespace, one.text) == (namespace, shape.text)]
    await agent.grant(every)
    assert await agent.refused(need) == ""
    await agent.grant([one for one in every if one != need])
    said = await agent.refused(need)
    verb = "list and watch" if need.verb == "watch" else need.verb
    what = f"{need.resource}.{need.group}" if need.group else need.resource
    if "/" in what and need.group:
        plural, _, part = need.resource.partition("/")
        what = f"{plural}.{need.group}/{part}"
    where = f" in {namespace}" if namespace else ""
    assert f"may not {verb} {what}{where}" in said
    assert "homeostat rbac" in said


async def test_with_exactly_its_roles_the_watch_is_in_sync(agent: Granting) -> None:
    await agent.plane.create(deployment("deployment", namespace=agent.namespace))
    every = all_of(agent)
    await agent.grant(every)
    async with agent.watching() as (cluster, view):
        await eventually(
            lambda: view.cluster is not None and view.cluster.seen_at is not None,
            within=30,
            what=f"in sync: {cluster.unsynced()[:3]}",
        )
        assert f"{agent.namespace}/deployment/deployment" in view.inventory
        assert not [watch.what for watch in cluster.watches.values() if watch.is_forbidden]
    found = await agent.review(every)
    assert missing(every, found) == ()
    assert excess(every, found) == ()


def params_for(diagnostic: Diagnostic, namespace: str) -> Any:
    """By the names that shipped diagnostics give their parameters; None: there is another one."""
    given = {"target": f"{namespace}/deployment/deployment", "namespace": namespace}
    fields = diagnostic.params.model_fields
    try:
        return diagnostic.params.model_validate({k: v for k, v in given.items() if k in fields})
    except ValidationError:
        return None


async def test_with_exactly_its_roles_every_diagnostic_reads_what_it_needs(
    agent: Granting,
) -> None:
    """Some of them find nothing in so small a cluster; none is refused anything."""
    await agent.plane.node(NODE)
    await agent.plane.create(deployment("deployment", namespace=agent.namespace))
    await agent.plane.rolled_out(agent.namespace, "deployment")
    await agent.grant(all_of(agent))
    assert agent.account is not None
    asked, refused = [], []
    async with reading(agent.account.kubeconfig, shop(agent.namespace)) as kit:
        for one in shipped().diagnostics():
            if not one.rights or (params := params_for(one, agent.namespace)) is None:
                continue
            asked.append(one.name)
            short = one.name.removeprefix("kubernetes.")
            try:
                await kit.ask(short, **params.model_dump(exclude_unset=True))
            except RightsMissing as error:
                refused.append(f"{one.name}: {error}")
            except HomeostatError:
                pass
    assert refused == []
    assert len(asked) > 15, asked


async def test_what_no_role_gives_is_refused(agent: Granting) -> None:
    """F-SEC-22: a stolen token reads no secrets, gets itself no more rights, deletes no pods but
    those of a runbook that deletes failed ones, and ends at the namespaces of its products."""
    needs = [one for one in all_of(agent) if (one.resource, one.verb) != ("pods", "delete")]
    await agent.grant(needs)
    assert agent.account is not None
    here, token = agent.namespace, agent.account.token
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces"
    more = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "more"},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}  # fmt: skip
    refused = [
        ("GET", path_of("Secret", here), None),
        ("GET", path_of("Secret", here, "any"), None),
        ("DELETE", path_of("Pod", here, "any"), None),
        ("DELETE", path_of("Pod", here), None),
        ("POST", path_of("Pod", here, "any", sub="exec"), {}),
        ("POST", path_of("ServiceAccount", here, "agent", sub="token"), {}),
        ("POST", f"{roles}/{here}/roles", more),
        ("PUT", f"{roles}/{here}/roles/agent-shop", more),
        ("GET", path_of("Pod", "default"), None),
        ("GET", path_of("Pod"), None),
        ("GET", path_of("Deployment", "kube-system"), None),
        ("PATCH", path_of("Deployment", here, "other"), {}),
        ("PATCH", path_of("Node", "", "other"), {}),
        ("DELETE", path_of("Node", "", NODE), None),
        ("GET", path_of("Namespace"), None),
    ]
    for method, path, body in refused:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = await agent.plane.request(method, path, body, token=token, content_type=kind)
        assert answer.status == 403, (method, path, answer.body)


async def test_what_is_granted_besides_is_found(agent: Granting) -> None:
    """By a Role of its own, and by one of the whole cluster."""
    every = all_of(agent)
    await agent.grant(every)
    more = Need(
        namespace=agent.namespace, product="other", group="", resource="secrets", verb="get"
    )
    wide = Need(group="", resource="pods", verb="list")
    await agent.grant([*every, more, wide])
    found = excess(every, await agent.review(every))
    told = {(one.namespace, one.text) for one in found}
    assert told == {(agent.namespace, "get secrets"), ("", "list pods")}
