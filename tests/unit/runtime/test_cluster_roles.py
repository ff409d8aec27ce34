"""Needs as Roles: as few rules as say them, and no name of anybody's that gets out of its place."""

from __future__ import annotations

import json
from typing import Any

import yaml

from agent.runtime.cluster_rights import Need, Needs
from agent.runtime.cluster_roles import (
    ServiceAccount,
    as_json,
    as_name,
    as_values,
    as_yaml,
    manifests,
    roles,
)

OPS = ServiceAccount(namespace="ops", name="agent")


def need(verb: str, resource: str, group: str = "", **fields: Any) -> Need:
    told = {"namespace": "shop", "product": "web", "by": ("rb by k.act",), **fields}
    return Need(verb=verb, resource=resource, group=group, **told)


def needs(*of: Need) -> Needs:
    return Needs(all=of)


def test_resources_with_the_same_verbs_and_names_are_one_rule() -> None:
    [role] = roles(
        needs(
            need("list", "pods"),
            need("get", "pods"),
            need("list", "events"),
            need("get", "deployments", "apps", names=("web",)),
            need("patch", "deployments", "apps", names=("web",)),
            need("list", "deployments", "apps"),
        )
    )
    assert [rule.manifest for rule in role.rules] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "verbs": ["get", "patch"],
            "resourceNames": ["web"],
        },
    ]


def test_each_product_has_a_role_of_its_own_in_each_namespace() -> None:
    made = roles(
        needs(
            need("get", "pods"),
            need("get", "pods", product="db"),
            need("get", "pods", namespace="data"),
            need("list", "nodes", namespace="", product=""),
        )
    )
    found = [
        (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])
        for one in manifests(made, OPS)
    ]
    assert found == [
        ("ClusterRole", None, "ops-agent"),
        ("ClusterRoleBinding", None, "ops-agent"),
        ("Role", "data", "agent-web"),
        ("RoleBinding", "data", "agent-web"),
        ("Role", "shop", "agent-db"),
        ("RoleBinding", "shop", "agent-db"),
        ("Role", "shop", "agent-web"),
        ("RoleBinding", "shop", "agent-web"),
    ]
    subjects = [one["subjects"] for one in manifests(made, OPS) if "subjects" in one]
    assert all(
        of == [{"kind": "ServiceAccount", "name": "agent", "namespace": "ops"}] for of in subjects
    )


def test_all_formats_say_the_same() -> None:
    made = roles(
        needs(
            need("get", "pods/log"),
            need("list", "nodes", namespace="", product=""),
            need("get", "pods", names=("no", "0123", "1e3")),
        )
    )
    text = as_yaml(made, OPS, ["head"])
    assert list(yaml.safe_load_all(text)) == json.loads(as_json(made, OPS))["items"]
    inside, wide = (
        [rule.manifest for role in made if bool(role.namespace) is is_in for rule in role.rules]
        for is_in in (True, False)
    )
    assert yaml.safe_load(as_values(made, ["head"])) == {
        "rbac": {
            "roles": [{"namespace": "shop", "name": "web", "rules": inside}],
            "clusterRules": wide,
        }
    }


def test_nothing_needed_is_values_that_grant_nothing() -> None:
    assert yaml.safe_load(as_values((), ["head"])) == {"rbac": {"roles": []}}


def test_a_name_cannot_leave_its_comment() -> None:
    evil = "rb\n- {apiGroups: ['*'], resources: ['*'], verbs: ['*']}\n\x85\u2028#"
    made = roles(needs(need("get", "pods", by=(evil,))))
    for text in (as_yaml(made, OPS, [evil]), as_values(made, [evil])):
        assert "*" not in json.dumps(list(yaml.safe_load_all(text)))


def test_products_keep_their_names_where_objects_can_have_them_and_stay_apart_elsewhere() -> None:
    assert as_name("shop") == "shop"
    assert as_name("") == ""
    odd = ["Shop", "sHop", "sh_op", "sh.op", "-", "x" * 90, "x" * 91]
    names = [as_name(one) for one in odd]
    assert len(set(names)) == len(odd)
    assert all(len(name) < 63 and name.strip("-") == name and "_" not in name for name in names)
