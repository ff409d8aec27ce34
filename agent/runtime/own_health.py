"""Measures the agent itself: how late it decides, what it judged wrongly, and what it lost.

What is counted with each commit stays in memory, and goes through the lane at most once a minute;
what is lost or was wrong goes at once, so that no crash forgets it. What it adds up to, and what
follows from it, is core's to say.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

import agent
from agent.catalog.settings import Settings
from agent.core import own_health
from agent.core.identify import identify
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry
from agent.model.errors import HomeostatError
from agent.model.event import (
    Acknowledged,
    ActionRequested,
    AlertReceived,
    Approved,
    CommandFinished,
    Event,
    OwnRead,
    Rejected,
    ResolvedByPerson,
)
from agent.model.own import OwnExample, OwnTerms, Slip
from agent.ports.clock import Clock
from agent.ports.store import Store
from agent.runtime.answering import Waiting
from agent.runtime.lane import Lane, subject_of

log = structlog.get_logger("own health")

EVERY_SECONDS = 60.0
PAUSE_SECONDS = 1.0
"""Least time between two readings, whatever goes wrong."""
LOOK_SECONDS = 5.0
"""How often it is looked whether the settings are others."""
LEDGER_SECONDS = 600.0
"""How often it is looked whether the ledger balances."""
LONGEST_WAIT_SECONDS = 86_400.0
MOST_EXAMPLES = 5
DIGEST_CHARACTERS = 16

DECIDED = frozenset(
    {
        AlertReceived,
        CommandFinished,
        Acknowledged,
        ActionRequested,
        ResolvedByPerson,
        Approved,
        Rejected,
    }
)
"""What somebody waits for. A heartbeat that is taken late makes nobody wait."""


class SettingsInUse(Protocol):
    @property
    def settings(self) -> Settings: ...


class Counted(msgspec.Struct, kw_only=True):
    """What happened since it was told last."""

    decisions: int = 0
    late: int = 0
    late_minutes: int = 0
    verdicts: int = 0
    wrong: int = 0
    lost: int = 0
    examples: list[OwnExample] = []


class OwnHealth:
    def __init__(
        self, files: SettingsInUse, *, view: View, store: Store, clock: Clock, lane: Lane
    ) -> None:
        self._files, self._view, self._store = files, view, store
        self._clock, self._lane = clock, lane
        self._started_at = clock.now()
        self._counted = Counted()
        self._bad = asyncio.Event()
        self._late_until = 0
        """The minute after the last one that was counted as a late one."""
        self._looked_at: float | None = None
        self._told_with: Settings | None = None
        self._digest: tuple[Settings, str] | None = None
        self.late = 0
        """Since start."""

    async def run(self) -> None:
        while True:
            await self._try_to_tell()
            await self._clock.sleep(PAUSE_SECONDS)
            await self._until_next()

    async def begin(self) -> None:
        """By which terms it runs: before anything is done after a start, since a date of the agent
        may have come while it was away. The ledger, which may be long, is added up later."""
        await self._try_to_tell(looks=False)

    async def _try_to_tell(self, *, looks: bool = True) -> None:
        try:
            await self._tell(looks=looks)
        except HomeostatError as error:
            log.warning("not_told", error=str(error)[:300])

    @property
    def spent(self) -> float:
        """Share of its budget; NaN where it cannot be told."""
        known = self._view.own.get(own_health.KEY)
        if known is None:
            return 0.0
        try:
            return own_health.spent(known, self._clock.now()).share
        except own_health.Unreadable:
            return float("nan")

    @property
    def advises_only(self) -> bool:
        known = self._view.own.get(own_health.KEY)
        if known is None:
            return False
        try:
            return own_health.stops(known, self._clock.now()) is not None
        except own_health.Unreadable:
            return True

    # what is counted

    def committed(self, decisions: Sequence[Decision]) -> None:
        """After each commit, and for what could not be decided about."""
        now = self._clock.monotonic()
        for waiting in self._lane.settled:
            self._take(waiting, seconds=now - waiting.since)
        for decision in decisions:
            for entry in decision.journal:
                if entry.kind == "verdict":
                    self._counted.verdicts += 1
                elif entry.kind == "relapsed":
                    self._take_relapse(entry, decision)

    def _take(self, waiting: Waiting, *, seconds: float) -> None:
        counted = [event for event in waiting.events if type(event) in DECIDED]
        if not counted:
            return
        self._counted.decisions += len(counted)
        if waiting.undecidable:
            self._take_lost(waiting)
        if seconds > self._files.settings.agent.latency_seconds:
            self._take_late(counted, seconds)

    def _take_late(self, counted: Sequence[Event | Decision], seconds: float) -> None:
        """Every minute that it waited through is a late one, each of them once."""
        self.late += len(counted)
        self._counted.late += len(counted)
        at = self._clock.now()
        first = int((at - min(seconds, LONGEST_WAIT_SECONDS)) // 60)
        minutes = range(max(first, self._late_until), int(at // 60) + 1)
        self._counted.late_minutes += len(minutes)
        self._late_until = max(self._late_until, int(at // 60) + 1)
        if minutes:
            others = f", and {len(counted) - 1} others" if len(counted) > 1 else ""
            self._example(Slip.LATE, counted[0], f"on disk after {seconds:.1f} s{others}")

    def _take_lost(self, waiting: Waiting) -> None:
        lost = [event for event in waiting.undecidable if isinstance(event, AlertReceived)]
        if not lost:
            return
        self._counted.lost += len(lost)
        for event in lost[-MOST_EXAMPLES:]:
            self._example(Slip.LOST, event, f"could not be decided about: {waiting.why}")
        self._bad.set()

    def _take_relapse(self, entry: JournalEntry, decision: Decision) -> None:
        self._counted.wrong += 1
        product = decision.incident.product if decision.incident is not None else None
        self._keep(
            OwnExample(
                slip=Slip.WRONG, at=entry.at, subject=entry.subject, text=entry.text,
                product=product,
            )
        )  # fmt: skip
        self._bad.set()

    def _example(self, slip: Slip, event: Event | Decision, text: str) -> None:
        subject, product = _named(event, self._view)
        at = self._clock.now()
        self._keep(OwnExample(slip=slip, at=at, subject=subject, text=text, product=product))

    def _keep(self, example: OwnExample) -> None:
        self._counted.examples.append(example)
        same = [one for one in self._counted.examples if one.slip is example.slip]
        if len(same) > MOST_EXAMPLES:
            self._counted.examples.remove(same[0])

    # what is told

    async def _until_next(self) -> None:
        """A minute, or until something was lost or wrong, or other terms were declared."""
        ends = self._clock.monotonic() + EVERY_SECONDS - PAUSE_SECONDS
        while (left := ends - self._clock.monotonic()) > 0:
            await self._wait(min(left, LOOK_SECONDS))
            if self._bad.is_set() or self._files.settings is not self._told_with:
                return

    async def _wait(self, seconds: float) -> None:
        waits = (
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._bad.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _tell(self, *, looks: bool = True) -> None:
        """What is counted meanwhile is told the next time. Where it could not be told, nothing of
        it is forgotten."""
        unbalanced = await self._unbalanced() if looks else None
        told, self._counted = self._counted, Counted()
        self._bad.clear()
        event = OwnRead(
            at=self._clock.now(),
            terms=self._terms(),
            decisions=told.decisions,
            late=told.late,
            late_minutes=told.late_minutes,
            verdicts=told.verdicts,
            wrong=told.wrong,
            lost=told.lost,
            unbalanced=unbalanced,
            examples=tuple(told.examples),
        )
        try:
            await self._lane.submit([event])
        except HomeostatError:
            self._counted = _both(told, self._counted)
            self._looked_at = None
            raise

    async def _unbalanced(self) -> int | None:
        """By how much the ledger is out of balance; None: it was looked at a short while ago."""
        now = self._clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < LEDGER_SECONDS:
            return None
        totals = await self._store.totals()
        self._looked_at = now
        kept: dict[str, int] = msgspec.structs.asdict(totals)
        return kept.pop("received") - sum(kept.values())

    def _terms(self) -> OwnTerms:
        settings = self._told_with = self._files.settings
        return settings.agent.terms(
            platform=self._view.policy.platform,
            version=agent.__version__,
            digest=self._digest_of(settings),
            started_at=self._started_at,
        )

    def _digest_of(self, settings: Settings) -> str:
        if self._digest is None or self._digest[0] is not settings:
            self._digest = (settings, digest_of(settings))
        return self._digest[1]


def digest_of(settings: Settings) -> str:
    """Of the settings as they are in force: equal for two daemons that run with the same."""
    text = msgspec.json.encode(settings, enc_hook=_plain, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:DIGEST_CHARACTERS]


def _plain(value: object) -> str:
    """What is no plain value says its text, never where in memory it is."""
    if isinstance(value, Path):
        return str(value)
    return str(getattr(value, "text", type(value).__name__))


def _named(event: Event | Decision, view: View) -> tuple[str, str | None]:
    """What it was about, and the product it belongs to."""
    if isinstance(event, AlertReceived):
        labels = event.alert.labels
        product = identify(event.alert, view.registry).product
        return f"alert {labels.get('alertname', event.alert.identity)}", product
    subject = subject_of(event)
    incident = view.incidents.get(subject)
    return subject, incident.product if incident is not None else None


def _both(one: Counted, other: Counted) -> Counted:
    return Counted(
        decisions=one.decisions + other.decisions,
        late=one.late + other.late,
        late_minutes=one.late_minutes + other.late_minutes,
        verdicts=one.verdicts + other.verdicts,
        wrong=one.wrong + other.wrong,
        lost=one.lost + other.lost,
        examples=[*one.examples, *other.examples][-len(Slip) * MOST_EXAMPLES :],
    )
