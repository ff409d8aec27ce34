"""Shipped actions on the tests' cluster: each with an account that has the rights it declares, and
no others."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.cluster import Asked, Foreseen, Right
from agent.model.effect import Probed
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.ports.cluster_kinds import KINDS
from agent.ports.plugin import Action
from agent.runtime.cluster import Cluster
from agent.runtime.cluster_preview import foresee
from agent.runtime.kit import Kits
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.objects import Object, rule
from tests.cluster.plane import Plane
from tests.support.kits import RealClock, ToldProcesses
from tests.support.shipped import plugin

AGENT = Asked()
PERSON = Asked(by_person=True, keep_off_seconds=0.0)
MACHINES = ("ci", "tests", "Python")
"""Those that set a test up: what is created without a name goes by that of the client."""
NUMBERS = itertools.count(1)


def rules_of(rights: tuple[Right, ...], *, without: str = "") -> tuple[list[Object], list[Object]]:
    """For a Role, and for a ClusterRole."""
    inside: list[Object] = []
    wide: list[Object] = []
    for right in rights:
        kind = KINDS[right.kind]
        what = f"{kind.plural}/{right.part}" if right.part else kind.plural
        verbs = [verb for verb in right.verbs if verb != without]
        if not verbs:
            continue
        made = rule(kind.group, what, " ".join(verbs))
        (inside if kind.is_namespaced else wide).append(made)
    return inside, wide


class Acting:
    """`registry` may be set: what entities are, by places."""

    def __init__(self, plane: Plane, namespace: str, proxy: FaultProxy | None) -> None:
        self._plane, self._namespace, self._proxy = plane, namespace, proxy
        self._kits: dict[str, Kits] = {}
        self.registry = Registry()
        self.after_reading: Callable[[], Awaitable[None]] | None = None
        """Called each time an object was read by name."""
        self.without = ""
        """A verb that accounts made from now on do not have."""

    async def __call__(
        self, name: str, key: str = "i-1/1/plan/step", *, asked: Asked = AGENT, **params: Any
    ) -> Mapping[str, Any]:
        action = _action(name)
        kits = await self._kits_for(action)
        kit = kits.act(
            key=key, deadline_seconds=15.0, use=action.name, rights=action.rights, asked=asked
        )
        if self.after_reading is not None:
            _interrupt(kit.cluster, self.after_reading)
        return await action.run(kit, action.params.model_validate(params))

    async def probe(self, name: str, key: str, **params: Any) -> Probed:
        action = _action(name)
        assert action.probe_function is not None
        kits = await self._kits_for(action)
        kit = kits.read(deadline_seconds=15.0, use=action.name, rights=action.rights)
        return await action.probe_function(kit, action.params.model_validate(params), key)

    async def foresee(self, name: str, key: str = "shown", **params: Any) -> Foreseen:
        action = _action(name)
        kits = await self._kits_for(action)
        return await foresee(kits, action, action.params.model_validate(params), key=key)

    async def pause(self) -> None:
        await asyncio.sleep(0.2)

    async def back(self, result: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """The way back that an action told of."""
        return await self(result["undo"]["use"].split(".")[1], key, **result["undo"]["with"])

    async def _kits_for(self, action: Action) -> Kits:
        if action.name in self._kits:
            return self._kits[action.name]
        inside, wide = rules_of(action.rights, without=self.without)
        account = await self._plane.account(
            self._namespace, f"agent-{next(NUMBERS)}", rules=inside, cluster_rules=wide
        )
        if self._proxy is not None:
            account = self._proxy.account(account)
        view = View(policy=Policy(), registry=self.registry, runbooks=MatchIndex(()), plugins={})
        settings = ClusterSettings(kubeconfig=account.kubeconfig, machines=MACHINES)
        cluster = Cluster(settings, clock=RealClock(), view=view)
        kits = Kits(
            clock=RealClock(),
            processes=ToldProcesses(),
            products=lambda: self.registry,
            cluster=cluster,
        )
        self._kits[action.name] = kits
        return kits

    async def close(self) -> None:
        for kits in self._kits.values():
            await kits.close()


def _interrupt(cluster: Any, then: Callable[[], Awaitable[None]]) -> None:
    get = cluster.get

    async def interrupted(ref: Any, *, part: str = "") -> Any:
        found = await get(ref, part=part)
        await then()
        return found

    cluster.get = interrupted


def _action(name: str) -> Action:
    found = plugin(f"kubernetes.{name}")
    assert isinstance(found, Action)
    return found


@asynccontextmanager
async def acting(
    plane: Plane, namespace: str, *, proxy: FaultProxy | None = None
) -> AsyncIterator[Acting]:
    made = Acting(plane, namespace, proxy)
    try:
        yield made
    finally:
        await made.close()
