"""What the rule of three proposes is tried out before anybody sees it, and written where people
keep their runbooks once they approved it.

One proposal after the other, each in a thread with a reading connection of its own: the decision
loop goes on meanwhile. However many resolutions a day brings, there is one trial for each proposal,
of its newest version. What a stop leaves behind is tried at the next start, because a proposal
stays `trying` until the result is in the store.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from agent.catalog.settings import Settings
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.errors import HomeostatError
from agent.model.event import Event, PromotionTried
from agent.model.learning import Promotion, PromotionState
from agent.ports.clock import Clock
from agent.runtime.delivering import Delivering
from agent.runtime.history import DATABASE, ExportedHistory
from agent.runtime.registry import PluginRegistry
from agent.runtime.trying_out import try_out
from agent.store.reading import HistoryFile

log = structlog.get_logger("promoting")

TRIAL_SECONDS = 300.0
"""So long a proposal is tried out at most; then it is refused as one that cannot be."""
BREATH_SECONDS = 0.002
"""Every few hundred incidents the thread stands back: the decision loop comes first."""
PAUSE_SECONDS = 30.0
"""After the store could not be read or written."""
HIDDEN = (PromotionState.TRYING, PromotionState.REFUSED)
"""No file is written of these, so none has to be read."""

Submit = Callable[[Sequence[Event]], Awaitable[object]]


class Files(Protocol):
    """What was read from files last (runtime/reloading.py)."""

    settings: Settings

    def request(self) -> None:
        """Reads all of it again, soon."""
        ...


class OutOfTime(HomeostatError):
    """The deadline of a trial is over, or the daemon stops."""


class Promoting:
    def __init__(
        self,
        registry: PluginRegistry,
        *,
        view: View,
        files: Files,
        submit: Submit,
        clock: Clock,
    ) -> None:
        self._registry, self._view, self._files = registry, view, files
        self._submit, self._clock = submit, clock
        self._wake = asyncio.Event()
        self._stop = threading.Event()
        self._trying: dict[str, float] = {}
        """By name of what is to be tried: not before when, by the monotonic clock."""
        self._delivering = Delivering(
            promotions=view.promotions,
            settings=lambda: files.settings.learning,
            data_dir=files.settings.data_dir,
            submit=lambda event: submit([event]),
            clock=clock,
        )

    @property
    def waiting(self) -> Mapping[str, float]:
        """Names of what is still to be tried, and not before when (monotonic)."""
        return self._trying

    def committed(self, decisions: Iterable[Decision]) -> None:
        """Proposals that changed: there may be something to try, to write, or to read anew."""
        changed = [
            record.body
            for decision in decisions
            for record in decision.records
            if record.kind == "promotion" and isinstance(record.body, Promotion)
        ]
        for promotion in changed:
            self._note(promotion)
        if changed:
            self._wake.set()
        if any(promotion.state not in HIDDEN for promotion in changed):
            self._files.request()

    def _note(self, promotion: Promotion) -> None:
        if promotion.state is PromotionState.TRYING:
            self._trying.setdefault(promotion.name, 0.0)
        else:
            self._trying.pop(promotion.name, None)
        self._delivering.note(promotion)

    async def run(self) -> None:
        """What is due, whenever something changed, and what a stop left behind."""
        for promotion in list(self._view.promotions.values()):
            self._note(promotion)
        try:
            while True:
                self._wake.clear()
                pauses = [await self._delivering.pass_by(self._stop), await self._try_next()]
                known = [seconds for seconds in pauses if seconds is not None]
                try:
                    async with asyncio.timeout(min(known, default=None)):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            self._stop.set()  # a thread cannot be cancelled: it looks at this

    async def _try_next(self) -> float | None:
        """Tries one that is due. Returns after how many seconds the next one is."""
        now = self._clock.monotonic()
        name = next((n for n, due in self._trying.items() if due <= now), None)
        if name is not None:
            await self._try(name)
        waiting = self._trying.values()
        return max(0.0, min(waiting) - self._clock.monotonic()) if waiting else None

    async def _try(self, name: str) -> None:
        promotion = self._view.promotions.get(name)
        if promotion is None or promotion.state is not PromotionState.TRYING:
            self._trying.pop(name, None)
            return
        log.info("trying", promotion=name, incidents=len(promotion.incidents))
        try:
            tried = await self._tried(promotion)
            if self._view.promotions.get(name) is not promotion:
                return  # it changed meanwhile, and its newest version is tried
            await self._submit([tried])
        except HomeostatError as error:
            log.warning("not_tried", promotion=name, error=str(error)[:300])
            self._trying[name] = self._clock.monotonic() + PAUSE_SECONDS
            return
        figures = tried.backtest
        log.info(
            "tried",
            promotion=name,
            faults=len(tried.faults),
            matched=figures.matched if figures is not None else 0,
            harm=figures.harm_count if figures is not None else 0,
        )
        known = self._view.promotions.get(name)
        if known is promotion:
            # Nothing came of it: to try the same again would never end.
            log.error("trial_not_taken", promotion=name)
            self._trying.pop(name, None)

    async def _tried(self, promotion: Promotion) -> PromotionTried:
        """In a thread, with everything it looks at as it is now."""
        view, at = self._view, self._clock.now()
        alike = view.likes.get(promotion.signature, {})
        work = partial(
            try_out,
            promotion,
            plugins=self._registry.plugins,
            policy=view.policy,
            registry=view.registry,
            other_runbooks=tuple(view.runbooks.runbooks),
            at=at,
            resolutions={i: view.resolutions[i] for i in alike if i in view.resolutions},
            told=self._until(self._clock.monotonic() + TRIAL_SECONDS),
        )
        try:
            return await asyncio.to_thread(_with_history, work, self._database)
        except OutOfTime as error:
            return _failed(promotion, str(error), at)
        except HomeostatError:
            raise  # the history cannot be read now: the proposal is not to blame
        except Exception as error:  # strangers' words in a proposal must not end the daemon
            log.exception("trial_broke_off", promotion=promotion.name)
            fault = f"it could not be tried out: {type(error).__name__}: {error}"[:400]
            return _failed(promotion, fault, at)

    @property
    def _database(self) -> Path:
        return self._files.settings.data_dir / DATABASE

    def _until(self, deadline: float) -> Callable[[int], None]:
        def told(done: int) -> None:
            if self._stop.wait(BREATH_SECONDS):
                raise OutOfTime("the agent stops")
            if self._clock.monotonic() >= deadline:
                text = f"it could not be tried out within {TRIAL_SECONDS:g} s"
                raise OutOfTime(f"{text}: {done} incidents were gone through")

        return told


def _failed(promotion: Promotion, fault: str, at: float) -> PromotionTried:
    return PromotionTried(
        at=at, subject=promotion.name, faults=(fault,), document=promotion.document
    )


def _with_history(work: Callable[..., PromotionTried], database: Path) -> PromotionTried:
    """A daemon that keeps nothing on disk has no past to look at."""
    if not database.is_file():
        return work(history=ExportedHistory((), name="nothing"))
    with HistoryFile(database) as history:
        return work(history=history)
