"""What plugins ask for and an API server does not serve."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.model.cluster import Right
from agent.model.errors import Temporary
from agent.runtime.cluster_connection import Reply
from agent.runtime.cluster_doctor import unserved

CORE = {"resources": [{"name": "pods"}, {"name": "pods/eviction"}, {"name": "nodes"}]}
GET_CERTIFICATES = Right(kind="certificate", verbs=("get",))


class Server:
    """Serves these paths and no others."""

    def __init__(self) -> None:
        self.served: dict[str, Any] = {"/api/v1": CORE}
        self.status = 404

    async def ask(self, method: str, path: str, *, timeout_seconds: float = 1.0) -> Reply:
        if path not in self.served:
            return Reply(status=self.status, body=b"{}")
        return Reply(status=200, body=json.dumps(self.served[path]).encode())


async def test_what_is_served_is_no_news() -> None:
    rights = (
        Right(kind="pod", verbs=("get",)),
        Right(kind="pod", verbs=("create",), part="eviction"),
    )
    assert await unserved(Server(), {"kubernetes.evict_pod": rights}) == ()


async def test_a_kind_nobody_installed_is_told_with_what_brings_it() -> None:
    """F-K8-14"""
    needs = {"kubernetes.certificate": (GET_CERTIFICATES,), "a": (GET_CERTIFICATES,)}
    (found,) = await unserved(Server(), needs)
    assert found.resource == "certificates.cert-manager.io"
    assert found.used_by == ("a", "kubernetes.certificate")
    assert found.is_needed
    assert not found.is_installed
    assert "cert-manager is not installed: install it, or nothing" in found.why


async def test_another_version_than_is_asked_for_is_told() -> None:
    """F-K8-14"""
    server = Server()
    server.served["/apis/cert-manager.io"] = {"versions": [{"version": "v1alpha2"}]}
    (found,) = await unserved(server, {"a": (GET_CERTIFICATES,)})
    assert found.is_installed
    assert "as v1alpha2, and v1 is asked for" in found.why


async def test_a_group_without_the_kind_is_told() -> None:
    server = Server()
    server.served["/apis/cert-manager.io/v1"] = {"resources": [{"name": "issuers"}]}
    (found,) = await unserved(server, {"a": (GET_CERTIFICATES,)})
    assert "without certificates" in found.why


async def test_what_a_plugin_does_without_is_told_as_that() -> None:
    metrics = Right(kind="podmetrics", verbs=("list",), optional=True)
    (found,) = await unserved(Server(), {"a": (metrics,)})
    assert not found.is_needed
    assert "a metrics server is not installed" in found.why


async def test_whoever_takes_any_workload_needs_none_of_argo() -> None:
    server = Server()
    server.served["/apis/apps/v1"] = {"resources": [{"name": "deployments"}]}
    rollout, web = Right(kind="rollout", verbs=("get",)), Right(kind="deployment", verbs=("get",))
    (found,) = await unserved(server, {"any": (rollout, web)})
    assert not found.is_needed
    (found,) = await unserved(server, {"any": (rollout, web), "argo": (rollout,)})
    assert found.is_needed


async def test_a_server_that_does_not_answer_is_no_server_that_serves_nothing() -> None:
    server = Server()
    server.status = 503
    with pytest.raises(Temporary, match="does not say what it serves"):
        await unserved(server, {"a": (GET_CERTIFICATES,)})
