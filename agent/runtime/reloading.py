"""Reading files anew while the daemon runs: on a signal, on request, and when they have changed.

What is read replaces what was there in one go, or not at all. Reading happens in a thread, because
ten thousand runbooks take seconds and the decision must not wait for them. A fault in the settings,
the products or the tokens leaves everything as it was; a fault in a runbook's file leaves the last
good version of that file, and the other files are taken over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec
import structlog

from agent.catalog.faults import FaultsError
from agent.catalog.runbooks import RunbookSet
from agent.catalog.settings import Settings, Use
from agent.core.matching import MatchIndex
from agent.model.errors import StoreUnavailable
from agent.model.fault import Fault, FaultSeverity
from agent.model.product import Registry
from agent.ports.clock import Clock
from agent.runtime.last_good import errors_by_file, with_last_good
from agent.runtime.reading import (
    Reading,
    approvers_of,
    channels_of,
    read,
    runbook_folders,
    with_products_own,
)
from agent.runtime.redaction import Redaction
from agent.runtime.registry import PluginRegistry
from agent.runtime.signature import SETTLED_SECONDS, Settled, Signature, signature_of
from agent.runtime.token_ends import TokenEnds
from agent.runtime.uses import renewed
from agent.runtime.view_state import ViewState, replaced

log = structlog.get_logger("reloading")

POLL_SECONDS = 2.0
STORE_PAUSE_SECONDS = 2.0
MOST_WAITS = 10
"""Files that are written again and again are read all the same, after so many seconds."""
MOST_RACES = 3


class Reloading:
    """Holds what was read last (`reading`, `settings`) and keeps the view in step with it."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: PluginRegistry,
        state: ViewState,
        clock: Clock,
        watch: Callable[[], Awaitable[None]],
        redaction: Redaction | None = None,
    ) -> None:
        self.settings = settings
        self.settings_again: Callable[[], Settings] = lambda: settings
        self.reading = Reading(
            registry=Registry(),
            runbooks=RunbookSet(),
            index=MatchIndex(()),
            principals=None,
            faults=(),
            secrets=frozenset(),
        )
        self.refused: frozenset[str] = frozenset()
        """Files whose present version is not the one in use."""
        self.faults: tuple[Fault, ...] = ()
        """What is wrong in the files as they are now, whether they are in use or not."""
        self._registry, self._state, self._clock = registry, state, clock
        self._watch = watch
        self.has_news = False
        """Whether the runbooks are others than those that were last told of (`RunbooksRead`)."""
        self.behind: Mapping[str, Use] = {}
        """What is behind each channel of the view, by its id."""
        self._redaction = redaction or Redaction()
        self._token_ends = TokenEnds()
        self._wanted = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._settled = Settled(())

    def start(self) -> None:
        """With the store open: what was learned is written as files and read like the rest."""
        # Before the reading: what is written meanwhile is seen as changed. So are the folders that
        # products name, which are only known after it: they are read once more.
        self._settled = Settled(self._signature())
        self._take(self._reading_of(self.settings)())
        self.refused = frozenset(errors_by_file(self.reading.runbooks))
        self.faults = self.reading.faults
        for fault in self.reading.faults:
            is_error = fault.severity is FaultSeverity.ERROR
            (log.error if is_error else log.warning)("fault", fault=str(fault))

    def request(self) -> None:
        """Reads all of it soon; what comes of it is told in the log."""
        self._wanted.set()

    async def reload(self) -> tuple[Fault, ...]:
        """Reads all files anew (of the settings, `uses.RENEWED`). Returns what is wrong."""
        async with self._one_at_a_time:
            await self._until_written()
            signature = await asyncio.to_thread(self._signature)
            try:
                return await self._reload()
            finally:
                self._settled.taken(signature)

    async def run(self) -> None:
        """On request, and where a promotion was decided: the set of runbooks changes with it."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.reload()
            except StoreUnavailable as error:
                log.warning("reload_not_stored", error=str(error)[:300])
                await self._clock.sleep(STORE_PAUSE_SECONDS)
                self._wanted.set()

    async def watch_files(self) -> None:
        """Asks for a reload once changed files have stood still for a second."""
        while True:
            await self._clock.sleep(POLL_SECONDS)
            self._token_ends.tell(self.reading.principals, at=self._clock.now())
            now = await asyncio.to_thread(self._signature)
            if self._settled.is_due(now, at=self._clock.monotonic()):
                log.info("files_changed")
                self._wanted.set()

    def _signature(self) -> Signature:
        settings = self.settings
        own = with_products_own(runbook_folders(settings), self.reading.registry)
        paths = [*own, *settings.products, *settings.on_call]
        paths += [Path(file) for file in self.reading.staff.files]
        paths += [p for p in (settings.file, settings.tokens_file) if p is not None]
        paths += [Path(file) for file in settings.policy.files]
        paths += self.reading.principals.files if self.reading.principals is not None else ()
        return signature_of(paths)

    async def _until_written(self) -> None:
        """A file touched a moment ago may be half of what it will be."""
        before = await asyncio.to_thread(self._signature)
        for _ in range(MOST_WAITS):
            newest = max((entry[3] for entry in before), default=0) / 1e9
            if not 0 <= self._clock.now() - newest < SETTLED_SECONDS:
                return
            await self._clock.sleep(SETTLED_SECONDS)
            after = await asyncio.to_thread(self._signature)
            if after == before:
                return
            before = after

    def _reading_of(self, settings: Settings) -> Callable[[], Reading]:
        """What is to be read, with what is known now: to be called in a thread, where nothing that
        changes may be looked at."""
        return partial(
            read,
            settings,
            self._registry.plugins,
            promotions=list(self._state.view.promotions.values()),
            pinned=dict(self._state.pinned),
            cache=True,
        )

    async def _read_apart(self, settings: Settings) -> Reading:
        """Beside the loop. Where an incident was pinned to an old version meanwhile, that
        version would be missing, so it is read once more."""
        for _ in range(MOST_RACES):
            known = set(self._state.pinned)
            reading = await asyncio.to_thread(self._reading_of(settings))
            if known >= set(self._state.pinned):
                return reading
        return self._reading_of(settings)()

    async def _reload(self) -> tuple[Fault, ...]:
        try:
            settings, waiting = renewed(self.settings, self.settings_again())
        except FaultsError as error:
            return self._refuse(error.faults)
        reading = await self._read_apart(settings)
        usable = self._usable(reading)
        if usable is None:
            return self._refuse(reading.faults)
        found, self.refused = usable
        self.faults = reading.faults
        self.settings = settings
        self._take(found)
        replaced(self._state.view, policy=settings.policy)
        self._state.use_rules()
        await self._watch()
        self.has_news = False
        if waiting:
            log.warning("waits_for_a_restart", settings=waiting)
        errors = [f for f in reading.faults if f.severity is FaultSeverity.ERROR]
        for fault in errors:
            log.error("last_good_stays", fault=str(fault))
        log.info("reloaded", runbooks=len(found.runbooks.runbooks), refused=len(self.refused))
        return reading.faults if errors else ()

    def _refuse(self, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
        self.refused = frozenset(f.file for f in faults if f.severity is FaultSeverity.ERROR)
        self.faults = faults
        for fault in faults:
            log.error("reload_refused", fault=str(fault))
        return faults

    def _usable(self, reading: Reading) -> tuple[Reading, frozenset[str]] | None:
        """What may be taken over of it: all, or all but the runbooks' files that are wrong; and
        which files those are."""
        if reading.is_good:
            return reading, frozenset()
        in_runbooks = {f for faults in errors_by_file(reading.runbooks).values() for f in faults}
        others = [f for f in reading.faults if f not in in_runbooks]
        if any(f.severity is FaultSeverity.ERROR for f in others):
            return None
        merged = with_last_good(reading.runbooks, self.reading.runbooks)
        if merged is None:
            return None
        runbooks, refused = merged
        # By its digest also a version only an open incident still uses is found.
        pinned = [
            found
            for digest in self._state.pinned
            if (found := reading.index.by_digest(digest)) is not None
        ]
        index = MatchIndex(runbooks.runbooks, pinned)
        return msgspec.structs.replace(reading, runbooks=runbooks, index=index), refused

    def _take(self, reading: Reading) -> None:
        digests = {r.digest for r in self.reading.runbooks.runbooks}
        news = digests != {r.digest for r in reading.runbooks.runbooks}
        self.has_news = self.has_news or news
        self.reading = reading
        self._redaction.know(reading.secrets)
        self._token_ends.tell(reading.principals, at=self._clock.now())
        channels, self.behind = channels_of(self.settings, reading.staff)
        replaced(
            self._state.view,
            registry=reading.registry,
            runbooks=reading.index,
            channels=channels,
            on_call=reading.staff.on_call,
            approvers=approvers_of(reading.principals, reading.registry),
        )
