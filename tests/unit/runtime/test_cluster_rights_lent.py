"""Each shipped plugin, and every request there is: what it declares is sent, all else is refused
before. Roles are made of the same declarations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.cluster import Right
from agent.model.errors import Permanent
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.ports.cluster import How, RightsMissing
from agent.ports.cluster_kinds import KINDS, Ref
from agent.ports.plugin import Action
from agent.runtime.cluster import Cluster
from agent.runtime.cluster_connection import Reply
from agent.runtime.cluster_lending import Lent, LentToChange, LentToShow
from agent.runtime.kit import Kits
from tests.support.clock import TestClock
from tests.support.kits import ToldProcesses
from tests.support.shipped import shipped

PARTS = ("", "log", "eviction", "scale", "status")
DECLARING = [
    p for p in shipped().plugins.values() if getattr(p, "rights", ()) and hasattr(p, "needs")
]
Asked = tuple[str, str, str, str]
"""Verb, kind, subresource, namespace."""
NAMESPACES = ("shop", "kube-system", "default")


REFUSAL = rb"""{"reason": "Forbidden",
"message": "any is forbidden: User \"agent\" cannot do resource \"any\""}"""


class Refusing:
    """An API server that refuses everything, and counts."""

    def __init__(self) -> None:
        self.sent = 0

    async def ask(self, method: str, path: str, **_more: Any) -> Reply:
        self.sent += 1
        return Reply(status=403, body=REFUSAL)


def every_request(*, changes: bool) -> list[Asked]:
    return [(*what, space) for what in every_verb(changes=changes) for space in NAMESPACES]


def every_verb(*, changes: bool) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for kind in KINDS:
        found += [("get", kind, part) for part in PARTS if part not in ("eviction", "log")]
        found += [("list", kind, "")]
        if changes:
            found += [("patch", kind, part) for part in PARTS]
            found += [("create", kind, ""), ("delete", kind, "")]
    found += [("get", "pod", "log")]
    return [*found, ("create", "pod", "eviction")] if changes else found


async def send(lent: Any, verb: str, kind: str, part: str, space: str) -> None:
    ref = Ref(kind, "any", space)
    if verb == "list":
        await lent.list(kind, namespace=space)
    elif part == "log" and verb == "get":
        await lent.logs(ref)
    elif verb == "get":
        await lent.get(ref, part=part)
    elif verb == "patch":
        await lent.patch(ref, {}, how=How.MERGE, part=part)
    elif part == "eviction":
        await lent.evict(ref, uid="u")
    elif verb == "create":
        await lent.create(kind, space, {})
    else:
        await lent.delete(ref, uid="u")


def declared(rights: Sequence[Right]) -> set[Asked]:
    return {
        (verb, right.kind, right.part, space)
        for right in rights
        for verb in right.verbs
        for space in NAMESPACES
        if right.namespace in ("", space)
    }


@pytest.mark.parametrize("plugin", DECLARING, ids=lambda plugin: plugin.name)
async def test_only_what_a_plugin_declares_is_sent(plugin: Any) -> None:
    view = View(policy=Policy(), registry=Registry(), runbooks=MatchIndex(()), plugins={})
    cluster = Cluster(ClusterSettings(), clock=TestClock(), view=view)
    server: Any = Refusing()
    cluster.connection = server
    kinds: list[type[Lent]] = [Lent]
    if isinstance(plugin, Action):
        kinds = [LentToChange, LentToShow]
    for kind in kinds:
        lent = kind(cluster, use=plugin.name, rights=plugin.rights, seconds=1.0)
        let_through = set()
        for asked in every_request(changes=isinstance(plugin, Action)):
            before = server.sent
            with pytest.raises(Permanent) as refused:
                await send(lent, *asked)
            if isinstance(refused.value, RightsMissing):
                let_through.add(asked)
            else:
                assert f"{plugin.name} does not declare" in str(refused.value)
            assert (server.sent > before) == (asked in let_through)
        assert let_through == declared(plugin.rights)


async def test_the_kits_lend_with_the_rights_of_the_plugin_and_no_others() -> None:
    processes: Any = ToldProcesses()
    kits = Kits(clock=TestClock(), processes=processes, products=Registry)
    reader = kits.read(deadline_seconds=1.0, use="k.look").cluster
    actor = kits.act(key="k", deadline_seconds=1.0, use="k.act").cluster
    for lent in (reader, actor):
        with pytest.raises(Permanent, match="does not declare that it may get pods"):
            await lent.get(Ref("pod", "any", "shop"))
    assert not hasattr(reader, "patch")
    assert not hasattr(reader, "delete")
    await kits.close()
