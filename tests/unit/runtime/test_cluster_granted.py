"""What is granted against what is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from agent.model.errors import Temporary
from agent.runtime.cluster_connection import Reply
from agent.runtime.cluster_granted import NOWHERE, Granted, excess, granted, missing
from agent.runtime.cluster_rights import Need

Rules = list[dict[str, Any]]
BASIC = {
    "apiGroups": ["authorization.k8s.io"],
    "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    "verbs": ["create"],
}


def rule(group: str, resource: str, *verbs: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    told = {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
    return {**told, "resourceNames": list(names)} if names else told


class Server:
    """Grants these rules by namespace, and those of the empty one everywhere."""

    def __init__(self, rules: Mapping[str, Rules], **status: Any) -> None:
        self.rules, self.status = rules, status
        self.asked: list[str] = []

    async def ask(
        self, method: str, path: str, *, body: Any = None, timeout_seconds: float = 1.0
    ) -> Reply:
        space = body["spec"]["namespace"]
        self.asked.append(space)
        found = [*self.rules.get("", []), BASIC, *self.rules.get(space, [])]
        told = {"status": {"resourceRules": found, "incomplete": False, **self.status}}
        return Reply(status=201, body=json.dumps(told).encode())


def need(verb: str, resource: str, group: str = "", **fields: Any) -> Need:
    return Need(**{"namespace": "shop", **fields}, verb=verb, resource=resource, group=group)


async def found(rules: Mapping[str, Rules]) -> Granted:
    return await granted(Server(rules), ("shop",))


NEEDED = (
    need("list", "pods"),
    need("patch", "deployments", "apps", names=("web",)),
    need("list", "nodes", namespace=""),
)
EXACT: dict[str, Rules] = {
    "shop": [rule("", "pods", "list"), rule("apps", "deployments", "patch", names=("web",))],
    "": [rule("", "nodes", "list")],
}


async def test_what_is_exact_lacks_nothing_and_has_nothing_besides() -> None:
    told = await found(EXACT)
    assert missing(NEEDED, told) == ()
    assert excess(NEEDED, told) == ()


@pytest.mark.parametrize("lost", range(3))
async def test_each_right_that_is_taken_away_is_missed(lost: int) -> None:
    rules = {space: list(of) for space, of in EXACT.items()}
    space, number = [("shop", 0), ("shop", 1), ("", 0)][lost]
    del rules[space][number]
    assert missing(NEEDED, await found(rules)) == (NEEDED[lost],)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("shop", rule("", "secrets", "get", "list")), "shop: get, list secrets"),
        (("shop", rule("", "pods", "delete")), "shop: delete pods"),
        (("shop", rule("*", "*", "*")), "shop: * *.*"),
        (("shop", rule("apps", "deployments", "patch")), "shop: patch deployments.apps"),
        (
            ("shop", rule("apps", "deployments", "patch", names=("db",))),
            "shop: patch deployments.apps (db)",
        ),
        (("", rule("", "nodes", "patch")), ": patch nodes"),
        (("", rule("", "pods", "list")), ": list pods"),
    ],
)
async def test_whatever_is_beyond_is_told(more: tuple[str, Any], said: str) -> None:
    rules = {**EXACT, more[0]: [*EXACT[more[0]], more[1]]}
    told = [f"{one.namespace}: {one.text}" for one in excess(NEEDED, await found(rules))]
    assert said in told


async def test_a_wildcard_grants_what_is_needed_and_is_too_much() -> None:
    told = await found({"shop": [], "": [rule("*", "*", "*")]})
    assert missing(NEEDED, told) == ()
    assert [one.text for one in excess(NEEDED, told)] == ["* *.*"]


@pytest.mark.parametrize(
    ("granted_rule", "covers"),
    [
        (rule("", "*/eviction", "create"), True),
        (rule("", "pods/eviction", "create"), True),
        (rule("", "pods", "create"), False),
        (rule("", "pods/*", "create"), False),
        (rule("policy", "pods/eviction", "create"), False),
        (rule("", "pods/eviction", "create", names=("web-1",)), False),
    ],
)
async def test_subresources_are_granted_by_their_own_name(
    granted_rule: dict[str, Any], covers: bool
) -> None:
    wanted = need("create", "pods/eviction")
    assert (missing([wanted], await found({"shop": [granted_rule]})) == ()) is covers


async def test_names_that_lack_it_are_told_alone() -> None:
    wanted = need("get", "deployments", "apps", names=("api", "web"))
    rules = {"shop": [rule("apps", "deployments", "get", names=("web",))]}
    [lacking] = missing([wanted], await found(rules))
    assert lacking.names == ("api",)


async def test_another_namespace_does_not_count() -> None:
    server = Server({"other": [rule("", "pods", "list")]})
    told = await granted(server, ("other", "shop"))
    assert missing([need("list", "pods")], told) == (need("list", "pods"),)
    assert server.asked == [NOWHERE, "other", "shop"]


async def test_a_part_of_the_answer_is_told_as_such() -> None:
    error = "webhook authorizer does not support user rule resolution"
    told = await granted(Server(EXACT, incomplete=True, evaluationError=error), ("shop",))
    assert told.unknown == (f"the API server tells only a part: {error}",)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"status": []}', b'{"status": "x"}'])
async def test_no_answer_is_not_taken_for_no_rights(body: bytes) -> None:
    class Strange(Server):
        async def ask(self, *_args: Any, **_more: Any) -> Reply:
            return Reply(status=201, body=body)

    with pytest.raises(Temporary):
        await granted(Strange({}), ("shop",))


async def test_an_expired_token_is_no_answer() -> None:
    class Refusing(Server):
        async def ask(self, *_args: Any, **_more: Any) -> Reply:
            return Reply(status=401, body=b'{"message": "Unauthorized"}')

    with pytest.raises(Temporary, match="401: Unauthorized"):
        await granted(Refusing({}), ("shop",))


async def test_hostile_rules_are_passed_over() -> None:
    strange: Rules = [
        {"apiGroups": None, "resources": "pods", "verbs": 3},
        {"apiGroups": [1, ""], "resources": ["pods"], "verbs": ["list", None]},
    ]
    told = await found({"shop": strange})
    assert missing([need("list", "pods")], told) == ()
