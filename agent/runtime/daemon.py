"""The daemon: the lane, the outbox, the timers and the sources around one store.

This is the facade the interface talks to. It decides nothing: every wish and every signal becomes
an event for the lane, and what people read comes from the store or the view.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import msgspec
import structlog

from agent.catalog.people import Principals
from agent.catalog.settings import Settings
from agent.core import blindness
from agent.core.halting import Place
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import Alert, Signal
from agent.model.decision import Decision
from agent.model.event import CommandFinished, Event, RunbooksRead, TimerFired
from agent.model.fault import Fault
from agent.model.incident import Incident
from agent.model.product import Registry
from agent.model.reason import Reason
from agent.model.records import Silence
from agent.ports.clock import Clock
from agent.ports.store import Quarantined, Snapshot, Store
from agent.runtime.calling import Calling
from agent.runtime.cluster import cluster_of
from agent.runtime.cluster_state import ClusterTelling
from agent.runtime.egress import written_by_people
from agent.runtime.escalating import Escalating
from agent.runtime.expecting import as_read
from agent.runtime.forgetting import forget
from agent.runtime.gauges import gauges
from agent.runtime.halt_files import HaltFiles
from agent.runtime.http_client import AiohttpHttp
from agent.runtime.intake import events_of
from agent.runtime.kit import Kits, members_of
from agent.runtime.lane import Lane, Undecidable, commands_of
from agent.runtime.last_resort import NAME, LastResort
from agent.runtime.notices import Notice, Notices
from agent.runtime.once import Once
from agent.runtime.outbox import Outbox
from agent.runtime.own_health import OwnHealth
from agent.runtime.processes import Processes
from agent.runtime.promoting import Promoting
from agent.runtime.reading import Reading, connections, load_plugins
from agent.runtime.redaction import Redaction
from agent.runtime.reloading import Reloading
from agent.runtime.signal_reading import SignalsInView
from agent.runtime.silencing import Silencing
from agent.runtime.sources import Sources
from agent.runtime.surveying import Surveying
from agent.runtime.telemetry import Telemetry
from agent.runtime.timers import Timers
from agent.runtime.token_file import check_tokens
from agent.runtime.view_state import ViewState

log = structlog.get_logger("daemon")

TRUNCATED = "truncated_group"
STUCK_SECONDS = 30.0
DRAIN_SECONDS = 28.0
"""With the 3 s that requests under way get before, and what is closed after, it stays below the
35 s in which a daemon that was told to stop is gone."""
CLOSE_SECONDS = 1.5
EXPIRY_GRACE_SECONDS = 75.0
"""Senders repeat what fires every minute. What they said while nobody listened was not heard, so a
promise to repeat cannot have been broken before they had the time to speak again."""
KEPT_BODY_BYTES = 64 * 1024
HOUSEKEEPING_SECONDS = 600.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    refused: Reason | None
    text: str
    incident: Incident | None


class Daemon:
    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        clock: Clock,
        redaction: Redaction | None = None,
    ) -> None:
        self.store, self._clock, self.redaction = store, clock, redaction or Redaction()
        self.registry = load_plugins(settings)
        for refused in self.registry.refused:
            log.error("plugin_refused", plugin=str(refused.path), why=refused.reason)
        self.telemetry = Telemetry(otlp_endpoint=settings.otlp_endpoint)
        self.view = View(
            policy=settings.policy,
            registry=Registry(),
            runbooks=MatchIndex(()),
            plugins=self.registry.facts(connections(settings)),
            link=settings.link,
        )
        self._state = ViewState(self.view)
        self.files = Reloading(
            settings,
            registry=self.registry,
            state=self._state,
            clock=clock,
            watch=self._watch,
            redaction=self.redaction,
        )
        http = AiohttpHttp(clock)
        self.processes = Processes(
            lambda: self.view.registry.entities, settings.data_dir / "processes", clock, http
        )
        self.kits = self._kits_of(settings, http)
        self.cluster_state = ClusterTelling(self.kits.cluster, view=self.view, clock=clock)
        self.lane = Lane(store=store, state=self._state, clock=clock, committed=self._committed)
        self.escalating = Escalating(
            view=self.view, timers=self._state.timers, clock=clock, submit=self.lane.submit
        )
        self.promoting = Promoting(
            self.registry, view=self.view, files=self.files, submit=self.lane.submit, clock=clock
        )
        self.halt_files = HaltFiles(settings, view=self.view, clock=clock, tell=self.ask)
        self.outbox = self._outbox_of(settings)
        self.timers, self.notices = Timers(clock=clock, fire=self._fire), Notices()
        self.sources = self._sources_of(settings)
        self._silencing = Silencing(view=self.view, clock=clock, submit=self.lane.submit)
        self.surveying = Surveying(
            view=self.view, store=store, clock=clock, files=self.files, submit=self.lane.submit
        )
        self.own_health = OwnHealth(
            self.files, view=self.view, store=store, clock=clock, lane=self.lane
        )
        self.once = Once(
            store=store, clock=clock, submit=self.lane.submit, receive=self.receive, ask=self.ask
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False

    def _kits_of(self, settings: Settings, http: AiohttpHttp) -> Kits:
        view, clock = self.view, self._clock
        return Kits(
            clock=clock,
            processes=self.processes,
            products=lambda: self.view.registry,
            signals=SignalsInView(view, clock),
            members=members_of(settings.sources, view=view, clock=clock, http=http),
            cluster=cluster_of(settings.kubernetes, clock=clock, view=view),
            prometheus_url=settings.prometheus_url,
            http=http,
            written=written_by_people(settings, view),
        )

    def _outbox_of(self, settings: Settings) -> Outbox:
        calling = Calling(
            registry=lambda: self.registry,
            kits=self.kits,
            channels=lambda: self.files.behind,
            view=self.view,
            last_resort=LastResort(settings.data_dir / NAME),
        )
        self.unfit, self.would_change = calling.unfit, calling.would_change
        end, halt = self._finish, self.halt_files
        return Outbox(clock=self._clock, view=self.view, runner=calling, finish=end, halt=halt)

    def _sources_of(self, settings: Settings) -> Sources:
        return Sources(
            uses=settings.sources,
            registry=self.registry,
            kit_for=lambda use: self.kits.source(
                emit=self.sources.emit_of(use),
                quarantine=self.quarantine,
                log_fields={"use": use.use},
            ),
            receive=self.receive,
            view=self.view,
            clock=self._clock,
            level_seconds=settings.level_check,
        )

    @property
    def settings(self) -> Settings:
        return self.files.settings

    @property
    def reading(self) -> Reading:
        """What was read from files last."""
        return self.files.reading

    @property
    def principals(self) -> Principals | None:
        return self.reading.principals

    def now(self) -> float:
        return self._clock.now()

    async def start(self) -> None:
        """Opens the store, judges what a stop left unfinished, and starts to listen."""
        snapshot = await self.store.open(now=self._clock.now())
        for warning in getattr(self.store, "warnings", ()):
            log.warning("store", warning=warning)
        self._state.load(snapshot)
        self.escalating.load()
        self.files.start()
        check_tokens(settings=self.settings, reading=self.reading)
        self._spawn(self.lane.run(), "lane")
        self.timers.load(
            self._state.timers, not_before={"expiry": self._clock.now() + EXPIRY_GRACE_SECONDS}
        )
        gauges(self)
        await self._watch()
        watched = blindness.watch(
            self.sources.asked, self.sources.listening, self.view, at=self.now()
        )
        await self.lane.submit([watched, *watched.emits])
        await self.halt_files.see()
        await self.own_health.begin()
        self._spawn(self.halt_files.run(), "halt files")
        self._spawn(self.timers.run(), "timers")
        self._recover(snapshot)
        if self.kits.cluster is not None:
            self._spawn(self.kits.cluster.run(), "cluster")
        self._spawn(self.sources.run(), "sources")
        self._spawn(self._housekeeping(), "housekeeping")
        self._spawn(self.escalating.run(), "escalation")
        self._spawn(self.files.run(), "reading")
        self._spawn(self.files.watch_files(), "watching")
        self._spawn(self.promoting.run(), "promoting")
        self._spawn(self.surveying.run(), "blind spots")
        self._spawn(self.own_health.run(), "own health")
        self._ready = True
        log.info(
            "started",
            runbooks=len(self.reading.runbooks.runbooks),
            products=len(self.view.registry.products),
            incidents=len(self.view.incidents),
            unfinished=len(snapshot.commands),
        )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def _recover(self, snapshot: Snapshot) -> None:
        for command in snapshot.commands:
            self.outbox.recover(command)

    async def failed(self) -> str:
        """Waits until a part of the daemon ends by itself, which it never should; says which."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        task = next(iter(done))
        error = None if task.cancelled() else task.exception()
        return f"{task.get_name()}: {error!r}"

    async def stop(self) -> None:
        """Drains: no new acts, what is under way gets its grace, everything decided is on disk."""
        self._ready = False
        for task in self._tasks:
            if task.get_name() != "lane":
                task.cancel()
        is_deciding = any(t.get_name() == "lane" and not t.done() for t in self._tasks)
        await self.outbox.drain(grace_seconds=DRAIN_SECONDS if is_deciding else 0.0)
        self.lane.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()
        self.notices.end()
        await self.kits.close()
        await self.store.close()
        self.telemetry.close()
        log.info("stopped")

    async def _watch(self) -> None:
        """Agents and leadership metrics that were never heard of get their timers."""
        at = self._clock.now()
        read = as_read(self.view, self._state.timers, at=at)
        news = [RunbooksRead(at=at)] if self.files.has_news else []
        if read or news:
            await self.lane.submit([*read, *news])

    async def _housekeeping(self) -> None:
        while True:
            await self._clock.sleep(HOUSEKEEPING_SECONDS)
            self._state.forget_old_acts(self._clock.now())
            await forget(self.lane, self.view, at=self._clock.now())

    # events in

    async def receive(self, signals: Sequence[Signal]) -> None:
        """Durable when it returns; raises StoreUnavailable where it is not. What cannot be decided
        about goes to quarantine, so that no sender repeats it for ever."""
        try:
            events = events_of(signals, at=self._clock.now(), view=self.view)
            await self.lane.submit([self.redaction.of(event) for event in events])
        except Undecidable as error:
            for event in error.events:
                body = msgspec.json.encode(event)
                await self.quarantine(body, source="decision", why=str(error))
        if any(isinstance(s, Alert) and TRUNCATED in s.flags for s in signals):
            self.sources.request_level_check()  # the sender left some out: ask for all of them
        self.telemetry.received(sum(1 for s in signals if isinstance(s, Alert)))

    async def quarantine(self, body: bytes, *, source: str, why: str) -> None:
        row = Quarantined(
            at=self._clock.now(),
            source=source[:100],
            why=self.redaction.text(why)[:500],
            body=self.redaction.raw(body)[:KEPT_BODY_BYTES],
            size=len(body),
        )
        await self.store.quarantine(row)
        log.warning("quarantined", source=row.source, size=row.size, why=row.why)

    async def ask(self, event: Event) -> Answer:
        """A person's wish. Durable when it returns, unless it was refused."""
        (decision,) = await self.lane.submit([event])
        return Answer(
            refused=decision.refused, text=decision.refused_text, incident=decision.incident
        )

    def halt_places(self) -> tuple[Place, ...]:
        return self.halt_files.places()

    async def put_silence(self, silence: Silence) -> None:
        await self._silencing.put(silence)

    async def expire_silence(self, silence_id: str) -> bool:
        """Ends it now, and looks at once at what still burns under it."""
        return await self._silencing.expire(silence_id)

    async def _fire(self, fired: Sequence[TimerFired]) -> None:
        await self.lane.submit(fired)

    async def _finish(self, event: CommandFinished) -> None:
        outcome = self.redaction.of(event.outcome)
        await self.lane.submit([msgspec.structs.replace(event, outcome=outcome)])

    def _committed(self, decisions: Sequence[Decision]) -> None:
        """After the commit: only now anything leaves."""
        for decision in decisions:
            for timer in decision.timers:
                self.timers.set(timer)
            if decision.incident and Reason.SIGNAL_STALE in decision.incident.waits_for:
                self.sources.request_level_check()
        self.escalating.committed(decisions)
        self.promoting.committed(decisions)
        for command in commands_of(decisions):
            self.outbox.dispatch(command)
        self.telemetry.committed(decisions, seconds=self.lane.commit_seconds)
        self.own_health.committed(decisions)
        self.notices.tell(decisions)
        self.kits.members.committed(decisions)

    # reading files

    async def reload(self) -> tuple[Fault, ...]:
        """Reads all files anew; what is wrong in them, and was not taken over, is returned."""
        return await self.files.reload()

    def request_reload(self) -> None:
        """The same, soon, and told in the log."""
        self.files.request()

    # what people see

    def is_ready(self) -> bool:
        return self._ready

    def unhealthy_because(self, *, of_pages: bool = True) -> str:
        """Empty while the decision loop makes progress, no part of the daemon has ended, and no
        page stands only in the file of last resort."""
        ended = not self._ready or any(task.done() for task in self._tasks)
        if ended or self.lane.stuck_seconds >= STUCK_SECONDS:
            return "the decision loop makes no progress"
        return self.escalating.unhealthy_because() if of_pages else ""

    def is_healthy(self) -> bool:
        return not self.unhealthy_because()

    def request_level_check(self) -> None:
        self.sources.request_level_check()

    def note_refusal(self, *, source: str, status: int, why: str) -> None:
        self.telemetry.refused(status=status)
        log.warning("refused", source=source, status=status, why=why[:200])

    def metrics(self) -> bytes:
        return self.telemetry.exposition()

    def subscribe(self) -> AsyncIterator[Notice]:
        """What changed, as it changes, until the daemon stops. A slow reader misses notices."""
        return self.notices.subscribe()
