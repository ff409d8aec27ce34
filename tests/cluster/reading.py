"""A diagnostic asked as the daemon asks it: with the rights it declares, of a real API server, and
of a Prometheus that says what the test tells it to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.errors import Permanent
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.ports.kit import Sample
from agent.ports.plugin import Diagnostic
from agent.runtime.cluster import Cluster
from agent.runtime.cluster_lending import Lent
from agent.runtime.http_client import AiohttpHttp, ReadingHttp
from agent.runtime.kit import LentToRead, ReadingProcesses, StructLog
from agent.runtime.members import NoMembers, ReadingMembers
from agent.runtime.signal_reading import NoSignals
from tests.cluster.plane import Plane
from tests.support.kits import RealClock, ToldProcesses
from tests.support.shipped import plugin


class ToldPrometheus:
    """Answers a question by the first text it contains. Without any answers there is none."""

    def __init__(self, answers: Mapping[str, float | list[Sample]] | None = None) -> None:
        self.answers, self.asked = answers, list[str]()

    async def query(
        self, expression: str, *, url: str | None, timeout_seconds: float
    ) -> tuple[Sample, ...]:
        self.asked.append(expression)
        if self.answers is None:
            raise Permanent("no Prometheus is configured")
        for text, answer in self.answers.items():
            if text in expression:
                given = answer if isinstance(answer, list) else [sample(answer)]
                return tuple(given)
        return ()


def sample(value: float, **labels: str) -> Sample:
    return Sample(labels=labels, value=value, at=0.0)


class Reading:
    def __init__(self, cluster: Cluster, http: AiohttpHttp, registry: Registry) -> None:
        self.cluster, self._http, self._registry = cluster, http, registry
        self.prometheus = ToldPrometheus()

    async def ask(self, name: str, /, **params: Any) -> Any:
        """What `kubernetes.NAME` finds."""
        asked = plugin(f"kubernetes.{name}")
        assert isinstance(asked, Diagnostic)
        lent = Lent(self.cluster, use=asked.name, rights=asked.rights, seconds=15.0)
        processes: Any = ToldProcesses()
        kit = LentToRead(
            http=ReadingHttp(self._http),
            promql=self.prometheus,
            processes=ReadingProcesses(processes),
            signals=NoSignals(),
            members=ReadingMembers(NoMembers()),
            cluster=lent,
            registry=self._registry,
            log=StructLog({}),
            deadline_seconds=15.0,
        )
        return await asked.run(kit, asked.params.model_validate(params))


@asynccontextmanager
async def reading(kubeconfig: Path, registry: Registry | None = None) -> AsyncIterator[Reading]:
    known = registry or Registry()
    clock = RealClock()
    view = View(policy=Policy(), registry=known, runbooks=MatchIndex(()), plugins={})
    cluster = Cluster(ClusterSettings(kubeconfig=kubeconfig), clock=clock, view=view)
    http = AiohttpHttp(clock)
    try:
        yield Reading(cluster, http, known)
    finally:
        await cluster.connection.close()
        await http.close()


async def put(plane: Plane, *objects: Mapping[str, Any]) -> None:
    """By kubectl, so of any kind."""
    everything = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    await plane.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(everything))


async def put_status(plane: Plane, kind: str, namespace: str, name: str, status: Any) -> None:
    """As the controller of that kind would write it."""
    where = ["-n", namespace] if namespace else []
    change = json.dumps({"status": status})
    await plane.kubectl(
        "patch", kind, name, *where, "--subresource=status", "--type=merge", "-p", change
    )
