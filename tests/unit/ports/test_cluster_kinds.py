"""Names of objects, and the paths they are served at."""

from __future__ import annotations

import pytest

from agent.ports.cluster_kinds import Ref, path_of, ref_of


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("shop/deployment/web", Ref("deployment", "web", "shop")),
        ("node/n1", Ref("node", "n1")),
        ("deployment/web", None),
        ("shop/node/n1", None),
        ("shop/gadget/web", None),
        ("shop//web", None),
        ("web", None),
        ("a/b/c/d", None),
    ],
)
def test_a_name_of_the_inventory_names_one_object(text: str, ref: Ref | None) -> None:
    assert ref_of(text) == ref
    if ref is not None:
        assert ref.text == text


@pytest.mark.parametrize(
    ("ref", "part", "path"),
    [
        (Ref("pod", "a", "s"), "log", "/api/v1/namespaces/s/pods/a/log"),
        (Ref("deployment", "a", "s"), "", "/apis/apps/v1/namespaces/s/deployments/a"),
        (Ref("node", "n"), "", "/api/v1/nodes/n"),
        (Ref("pod", "../../x", "s"), "", "/api/v1/namespaces/s/pods/..%2F..%2Fx"),
        (Ref("pod", "a?b#c", ".."), "", "/api/v1/namespaces/%2E/pods/a%3Fb%23c"),
    ],
)
def test_no_name_leads_anywhere_else(ref: Ref, part: str, path: str) -> None:
    assert path_of(ref.kind, ref.namespace, ref.name, part) == path
