"""Runs what listens: stream sources for as long as the daemon lives, level sources every minute.

A source that ends or raises is started again with a growing pause; the others go on. What it was
told and could not be stored is not acknowledged by it, so nothing is lost by that.

A level source that answers has given a sign of life, and what all members of a group say together
is kept as the latest word on who fires (`View.levels`): before an act, that is how fresh an alert
is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec
import structlog
from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter

from agent.catalog.settings import Use
from agent.core.blindness import WATCHDOG, is_watchdog
from agent.core.level import SUPPRESSED, compare
from agent.core.view import LevelReading, View
from agent.model.alert import Alert, Alive, Signal
from agent.model.errors import HomeostatError, Permanent
from agent.ports.clock import Clock
from agent.ports.kit import SourceKit
from agent.ports.plugin import LevelSource, StreamSource
from agent.runtime.intake import complete
from agent.runtime.registry import PluginRegistry

log = structlog.get_logger("sources")

LONGEST_PAUSE_SECONDS = 30.0
LEVEL_TIMEOUT_SECONDS = 20.0
SHORTEST_PAUSE_SECONDS = 2.0
"""Between two level checks, however many steps wait for a fresh word."""

KitFor = Callable[[Use], SourceKit]
Receive = Callable[[Sequence[Signal]], Awaitable[None]]
Answer = Sequence[Alert] | None


class Sources:
    def __init__(
        self,
        *,
        uses: Sequence[Use],
        registry: PluginRegistry,
        kit_for: KitFor,
        receive: Receive,
        view: View,
        clock: Clock,
        level_seconds: float,
        pause_seconds: float = SHORTEST_PAUSE_SECONDS,
    ) -> None:
        self._registry, self._kit_for, self._receive = registry, kit_for, receive
        self._view, self._clock, self._every = view, clock, level_seconds
        self._pause = min(pause_seconds, level_seconds)
        self._streams = [u for u in uses if isinstance(self._plugin(u), StreamSource)]
        self._levels = [u for u in uses if isinstance(self._plugin(u), LevelSource)]
        # Until it was asked, what a group says is nothing: after a restart an act waits for it.
        nothing = LevelReading(at=0.0, identities=frozenset())
        view.levels = {group_of(use): nothing for use in self._levels} | dict(view.levels)
        self._misses: dict[str, Mapping[str, int]] = {}
        self._check_now = asyncio.Event()
        self.level_failures: dict[str, str] = {}
        """By source: why it could not be asked the last time. Shown by `doctor` and the log."""

    def _plugin(self, use: Use) -> StreamSource | LevelSource:
        plugin = self._registry.get(use.use)
        if not isinstance(plugin, StreamSource | LevelSource):
            raise Permanent(f"{use.where}: {use.use} is a {plugin.kind}, not a source to configure")
        try:
            plugin.params.model_validate(dict(use.params))
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, d['loc']))}: {d['msg']}" for d in error.errors())
            raise Permanent(f"{use.where}: {use.use}: {said}") from None
        return plugin

    @property
    def asked(self) -> frozenset[str]:
        """Names of the level sources: they give signs of life by answering."""
        return frozenset(name_of(use) for use in self._levels)

    @property
    def listening(self) -> frozenset[str]:
        """Names of the stream sources; some of them give signs of life, which says nothing of the
        others."""
        return frozenset(name_of(use) for use in self._streams)

    def emit_of(self, use: Use) -> Receive:
        """What a source emits by: a sign of life that names nobody is its own."""

        async def emit(signals: Sequence[Signal]) -> None:
            await self._receive(
                [
                    msgspec.structs.replace(signal, source=name_of(use))
                    if isinstance(signal, Alive) and not signal.source
                    else signal
                    for signal in signals
                ]
            )

        return emit

    def request_level_check(self) -> None:
        """Asks the level sources soon instead of at the next minute."""
        self._check_now.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for use in self._streams:
                group.create_task(self._keep_running(use))
            group.create_task(self._check_levels())

    async def _keep_running(self, use: Use) -> None:
        plugin = self._plugin(use)
        assert isinstance(plugin, StreamSource)
        params = plugin.params.model_validate(dict(use.params))

        def say(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.warning("source_stopped", use=use.use, error=str(error)[:300])

        async for attempt in AsyncRetrying(
            wait=wait_exponential_jitter(initial=0.5, max=LONGEST_PAUSE_SECONDS),
            sleep=self._clock.sleep,
            before_sleep=say,
            reraise=True,
        ):
            with attempt:
                await plugin.run(self._kit_for(use), params)
                raise Permanent("the source ended by itself")

    async def _check_levels(self) -> None:
        while True:
            # Before asking: what is requested while the answers are on their way asks again.
            self._check_now.clear()
            answers = await asyncio.gather(*(self._ask(use) for use in self._levels))
            groups: dict[str, list[tuple[Use, Answer]]] = {}
            for use, answer in zip(self._levels, answers, strict=True):
                groups.setdefault(group_of(use), []).append((use, answer))
            for group, given in groups.items():
                lives = [Alive(source=name_of(use)) for use, said in given if said is not None]
                await self._compare(group, [said for _, said in given], lives)
            await self._clock.sleep(self._pause)
            try:
                async with asyncio.timeout(self._every):
                    await self._check_now.wait()
            except TimeoutError:
                pass

    async def _ask(self, use: Use) -> Answer:
        """Who is firing by this source; None where it cannot be asked."""
        plugin = self._plugin(use)
        assert isinstance(plugin, LevelSource)
        name = use.where or use.use
        try:
            async with asyncio.timeout(LEVEL_TIMEOUT_SECONDS):
                params = plugin.params.model_validate(dict(use.params))
                listed = await plugin.firing(self._kit_for(use), params)
        except Exception as error:  # noqa: BLE001 - a stranger's plugin must not end the others
            self.level_failures[name] = str(error) or type(error).__name__
            log.warning("level_check_failed", use=use.use, error=self.level_failures[name][:300])
            return None
        self.level_failures.pop(name, None)
        return listed

    async def _compare(self, name: str, answers: Sequence[Answer], lives: Sequence[Alive]) -> None:
        """Alerts say which group of sources they come from, not which member of it, so all of them
        are looked at together: one does not list what another one sent."""
        listed = [alert for answer in answers if answer is not None for alert in answer]
        group = listed[0].source if listed else name
        at = self._clock.now()
        whole = [complete(alert, at=at, view=self._view) for alert in listed]
        known = self._misses.get(name, {})
        reading = compare(whole, source=group, view=self._view, misses=known, at=at)
        gone: Sequence[Alert] = ()
        if None not in answers:
            # No answer is no news: nothing is inferred where one of them cannot be asked.
            gone, self._misses[name] = reading.gone, reading.misses
            self._keep(group, whole, at=at)
        # A Watchdog is listed always and is in no incident: as an alert it would be new for ever.
        new = [alert for alert in reading.new if not is_watchdog(alert, self._view)]
        dogs = {alert.source for alert in whole if is_watchdog(alert, self._view)}
        signs = [*lives, *(Alive(source=f"{WATCHDOG}{source}") for source in sorted(dogs))]
        if new or gone or signs:
            try:
                await self._receive((*new, *gone, *signs))
            except HomeostatError as error:
                log.warning("level_check_not_stored", use=name, error=str(error)[:300])

    def _keep(self, group: str, firing: Sequence[Alert], *, at: float) -> None:
        """Who fires by the word of the whole group. What a person or another alert speaks for there
        is left out: nothing is to be done about it."""
        identities = frozenset(a.identity for a in firing if SUPPRESSED not in a.flags)
        reading = LevelReading(at=at, identities=identities)
        self._view.levels = {**self._view.levels, group: reading}


def group_of(use: Use) -> str:
    """Group of sources it belongs to: those that speak of the same alerts."""
    return use.use.partition(".")[0]


def name_of(use: Use) -> str:
    """The name its signs of life go by: `GROUP@WHERE`, or its group where it names no place. User
    and password of an address are no part of it."""
    group = group_of(use)
    url, host = use.params.get("url"), use.params.get("host")
    if isinstance(url, str):
        parts = urlsplit(url)
        where = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
    else:
        port = use.params.get("port")
        where = f"{host}:{port}" if host and port else str(host or "")
    return f"{group}@{where}" if where else group
