"""What keeps an object, and whether it takes differences back by itself."""

from __future__ import annotations

from typing import Any

import pytest

from agent.ports.cluster_gitops import state_of
from agent.ports.cluster_kinds import Ref

WEB = Ref("deployment", "web", "shop")


def application(status: str, policy: Any = None, /, **resource: str) -> dict[str, Any]:
    named = {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"}
    resources = [{**named, **resource}] if resource else []
    told = {"sync": {"status": status}, "resources": resources}
    return {"spec": {"syncPolicy": policy}, "status": told}


@pytest.mark.parametrize(
    ("keeper", "in_sync"),
    [
        (application("Synced"), True),
        (application("OutOfSync"), False),
        (application("Unknown"), None),
        (application("OutOfSync", status="Synced"), True),
        (application("Synced", status="OutOfSync"), False),
        (application("OutOfSync", status="Synced", name="other"), False),
        ({}, None),
    ],
)
def test_the_object_itself_counts_before_the_whole_application(
    keeper: dict[str, Any], in_sync: bool | None
) -> None:
    assert state_of("application", keeper, WEB).in_sync is in_sync


@pytest.mark.parametrize(
    ("policy", "itself"),
    [
        (None, False),
        ({"automated": None}, False),
        ({"automated": {"prune": True}}, False),
        ({"automated": {"selfHeal": True}}, True),
        ({"automated": {"selfHeal": True, "enabled": False}}, False),
    ],
)
def test_only_an_application_that_heals_itself_takes_differences_back(
    policy: Any, itself: bool
) -> None:
    assert state_of("application", application("Synced", policy), WEB).syncs_itself is itself


@pytest.mark.parametrize(
    ("kind", "spec", "itself"),
    [
        ("kustomization", {}, True),
        ("kustomization", {"suspend": True}, False),
        ("helmrelease", {}, False),
        ("helmrelease", {"driftDetection": {"mode": "warn"}}, False),
        ("helmrelease", {"driftDetection": {"mode": "enabled"}}, True),
        ("helmrelease", {"driftDetection": {"mode": "enabled"}, "suspend": True}, False),
    ],
)
def test_flux_takes_them_back_unless_it_is_suspended(
    kind: str, spec: dict[str, Any], itself: bool
) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    found = state_of(kind, {"spec": spec, "status": ready}, WEB)
    assert (found.in_sync, found.syncs_itself) == (True, itself)
