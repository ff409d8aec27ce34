"""Kits: what a plugin is lent for one call, no more than its kind may have.

The clients behind them (one HTTP session, one pool of threads for PromQL) live as long as the
daemon; a kit is a small value around them with the deadline, the key and the log of one call. What
only reads gets views that do not have the methods that write, so that a diagnostic which tries to
act fails as a programming error and not as an accident in production.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from agent.catalog.addresses import origin_of
from agent.core.probe_answers import holds
from agent.model.alert import Signal
from agent.model.cluster import BY_THE_AGENT, Asked, Right
from agent.model.errors import Permanent
from agent.model.product import Entity, Registry
from agent.ports.clock import Clock
from agent.ports.cluster import ClusterControl, ClusterReader, ClusterWatch
from agent.ports.kit import (
    ActKit,
    Certificates,
    FolderSeen,
    Http,
    Log,
    MemberControl,
    MemberReader,
    NotifyKit,
    ProcessControl,
    ProcessReader,
    ProcessStatus,
    ProcessUse,
    PromQL,
    ReadKit,
    Sample,
    SignalReader,
    SourceKit,
)
from agent.runtime.cluster import Cluster, WatchedCluster
from agent.runtime.cluster_lending import NO_CLUSTER, Lent, LentToChange
from agent.runtime.egress import Written
from agent.runtime.http_client import AiohttpHttp, ReadingHttp
from agent.runtime.members import Members, NoMembers, ReadingMembers
from agent.runtime.members import members_of as members_of
from agent.runtime.promql_client import PromQLThreads
from agent.runtime.signal_reading import NoSignals

Emit = Callable[[Sequence[Signal]], Awaitable[None]]


class Quarantine(Protocol):
    async def __call__(self, body: bytes, *, source: str, why: str) -> None: ...


class StructLog:
    """The structured log of one plugin call, with its fields bound."""

    __slots__ = ("_logger",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._logger = structlog.get_logger("homeostat.plugin").bind(**fields)

    def info(self, event: str, **fields: Any) -> None:
        self._logger.info(event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._logger.warning(event, **fields)


class ReadingProcesses:
    """The reading side of a process supervisor, and nothing else of it."""

    __slots__ = ("_all",)

    def __init__(self, processes: ProcessReader) -> None:
        self._all = processes

    async def status(self, name: str) -> ProcessStatus:
        return await self._all.status(name)

    async def use(self, name: str) -> ProcessUse | None:
        return await self._all.use(name)

    async def folder(self, name: str, folder: str, *, pattern: str) -> FolderSeen:
        return await self._all.folder(name, folder, pattern=pattern)

    async def certificates(self, name: str, *, file: str) -> Certificates:
        return await self._all.certificates(name, file=file)

    async def recent_log(self, name: str, *, lines: int) -> tuple[str, ...]:
        return await self._all.recent_log(name, lines=lines)

    async def done_with_key(self, name: str, key: str) -> bool | None:
        return await self._all.done_with_key(name, key)

    async def config_state(self, name: str) -> Mapping[str, Any]:
        return await self._all.config_state(name)


class WrittenPromQL:
    """PromQL that is asked only where people wrote that it is: no alert may name a Prometheus."""

    __slots__ = ("_promql", "_written")

    def __init__(self, promql: PromQL, written: Written) -> None:
        self._promql, self._written = promql, written

    async def query(
        self, expression: str, *, url: str | None, timeout_seconds: float
    ) -> tuple[Sample, ...]:
        if url is not None:
            origin = origin_of(url)
            if origin is None or not self._written(*origin):
                raise Permanent(
                    "nobody wrote the address of this Prometheus into the settings or a runbook"
                )
        return await self._promql.query(expression, url=url, timeout_seconds=timeout_seconds)


@dataclass(slots=True)
class LentToRead:
    http: Http
    promql: PromQL
    processes: ProcessReader
    signals: SignalReader
    members: MemberReader
    cluster: ClusterReader
    registry: Registry
    log: Log
    deadline_seconds: float


@dataclass(slots=True)
class LentToAct:
    http: Http
    promql: PromQL
    processes: ProcessControl
    signals: SignalReader
    members: MemberControl
    cluster: ClusterControl
    registry: Registry
    log: Log
    deadline_seconds: float
    key: str

    def entity(self, name: str) -> Entity:
        entity = self.registry.entities.get(name)
        if entity is None:
            raise Permanent(f"no entity {name!r} is registered")
        return entity


@dataclass(slots=True)
class LentToNotify:
    http: Http
    log: Log
    deadline_seconds: float
    secrets: Mapping[str, str]
    clock: Clock

    def now(self) -> float:
        return self.clock.now()

    def __repr__(self) -> str:
        return f"LentToNotify(secrets={sorted(self.secrets)})"


@dataclass(slots=True)
class LentToSource:
    http: Http
    processes: ProcessReader
    products: Callable[[], Registry]
    log: Log
    emit_signals: Emit
    keep: Quarantine
    clock: Clock
    watched: Cluster | None = None

    @property
    def cluster(self) -> ClusterWatch:
        if self.watched is None:
            raise Permanent(NO_CLUSTER)
        return WatchedCluster(self.watched)

    @property
    def registry(self) -> Registry:
        """Read anew at each look: a source lives longer than one reading of the catalog."""
        return self.products()

    async def emit(self, signals: Sequence[Signal]) -> None:
        await self.emit_signals(signals)

    async def quarantine(self, body: bytes, *, source: str, why: str) -> None:
        await self.keep(body, source=source, why=why)

    def holds(self, pattern: str, text: str) -> bool | None:
        """For the source of reference probes (core/probe_answers.py)."""
        return holds(pattern, text)

    def now(self) -> float:
        return self.clock.now()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


class Kits:
    """Makes kits. `products` is asked for the registry at each kit, so that a reload is seen.

    Sources and notifiers have their addresses from the settings. Those of what reads and acts come
    by way of runbooks, which may compute them from an alert: with `written`, they lead inside only
    where people wrote them (egress.py); without it nothing is known of that, and they may.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        processes: ProcessControl,
        products: Callable[[], Registry],
        signals: SignalReader | None = None,
        members: Members | NoMembers | None = None,
        prometheus_url: str | None = None,
        prometheus_method: str = "POST",
        http: AiohttpHttp | None = None,
        written: Written | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self._clock, self.cluster = clock, cluster
        self._processes = processes
        self._products = products
        self._http = http or AiohttpHttp(clock)
        self._computed_http = AiohttpHttp(clock, written=written) if written else self._http
        self._threads = PromQLThreads(clock, url=prometheus_url, method=prometheus_method)
        self._promql: PromQL = WrittenPromQL(self._threads, written) if written else self._threads
        self._reading_http = ReadingHttp(self._computed_http)
        self._reading_processes = ReadingProcesses(processes)
        self._signals = signals or NoSignals()
        self.members = members or NoMembers()
        self._reading_members = ReadingMembers(self.members)

    @property
    def http(self) -> AiohttpHttp:
        return self._http

    def read(
        self,
        *,
        deadline_seconds: float,
        log_fields: Mapping[str, Any] | None = None,
        use: str = "",
        rights: Sequence[Right] = (),
    ) -> ReadKit:
        return LentToRead(
            http=self._reading_http,
            promql=self._promql,
            processes=self._reading_processes,
            signals=self._signals,
            members=self._reading_members,
            cluster=Lent(self.cluster, use=use, rights=rights, seconds=deadline_seconds),
            registry=self._products(),
            log=StructLog(log_fields or {}),
            deadline_seconds=deadline_seconds,
        )

    def act(
        self,
        *,
        key: str,
        deadline_seconds: float,
        log_fields: Mapping[str, Any] | None = None,
        use: str = "",
        rights: Sequence[Right] = (),
        asked: Asked = BY_THE_AGENT,
    ) -> ActKit:
        return LentToAct(
            http=self._computed_http,
            promql=self._promql,
            processes=self._processes,
            signals=self._signals,
            members=self.members,
            cluster=LentToChange(
                self.cluster, use=use, rights=rights, seconds=deadline_seconds, asked=asked
            ),
            registry=self._products(),
            log=StructLog({"key": key, **(log_fields or {})}),
            deadline_seconds=deadline_seconds,
            key=key,
        )

    def notify(
        self,
        *,
        secrets: Mapping[str, str],
        deadline_seconds: float,
        log_fields: Mapping[str, Any] | None = None,
    ) -> NotifyKit:
        return LentToNotify(
            http=self._http,
            log=StructLog(log_fields or {}),
            deadline_seconds=deadline_seconds,
            secrets=dict(secrets),
            clock=self._clock,
        )

    def source(
        self,
        *,
        emit: Emit,
        quarantine: Quarantine,
        log_fields: Mapping[str, Any] | None = None,
    ) -> SourceKit:
        return LentToSource(
            http=self._http,
            processes=self._reading_processes,
            products=self._products,
            log=StructLog(log_fields or {}),
            emit_signals=emit,
            keep=quarantine,
            clock=self._clock,
            watched=self.cluster,
        )

    async def close(self) -> None:
        await self.members.close()
        if self.cluster is not None:
            await self.cluster.connection.close()
        await self._computed_http.close()
        await self._http.close()
        await self._threads.close()
