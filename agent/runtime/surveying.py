"""Looks for blind spots once a day, and when somebody asks: rules, targets, series, runbooks, past
alerts. What it finds is decided about in core/survey.py.

When it was looked last stands in the store, so a restart does not look again. Whatever cannot be
asked is told as such; the rest is looked at all the same, and a defect in here is only a survey
that was not taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from agent.catalog.settings import Settings
from agent.core.survey import KEY
from agent.core.survey_judging import survey_of
from agent.core.survey_seen import Gathered, PastSeen
from agent.core.view import View
from agent.model.errors import HomeostatError
from agent.model.event import Event
from agent.model.fault import Fault, FaultSeverity
from agent.ports.clock import Clock
from agent.ports.store import Store
from agent.runtime.http_client import AiohttpHttp
from agent.runtime.registry import shipped_runbooks_folder
from agent.runtime.survey_past import read_past
from agent.runtime.survey_prometheus import READ_CAP_BYTES, Asking, place_of

log = structlog.get_logger("surveying")

Submit = Callable[[Sequence[Event]], Awaitable[object]]
POLL_SECONDS = 60.0
"""At most so late it is seen that a survey is due: files may have changed how often it is."""
AGAIN_SECONDS = 3600.0
"""One that could not be taken is tried again after so long."""
PROMETHEUS = "prometheus."
PROBER = "prober"
MOST_FAULTS = 100
LOOKED_AT = ("incidents", "agents", "measures", "sources", "standings", "surveys")
"""What core/survey_judging.py reads of the view, besides what is replaced as a whole."""


class Files(Protocol):
    """What was read from files last."""

    settings: Settings
    faults: tuple[Fault, ...]


class Surveying:
    def __init__(
        self, *, view: View, store: Store, clock: Clock, files: Files, submit: Submit
    ) -> None:
        self._view, self._store, self._clock = view, store, clock
        self._files, self._submit = files, submit
        self._under_way: asyncio.Task[None] | None = None
        self._not_before = 0.0

    async def run(self) -> None:
        self._not_before = self._clock.now() + self._files.settings.survey.first
        try:
            while True:
                wait = self.due() - self._clock.now()
                if wait > 0:
                    await self._clock.sleep(min(wait, POLL_SECONDS))
                    continue
                try:
                    await self.look()
                except Exception:  # a defect of ours must not end the daemon
                    log.exception("survey_failed")
                    self._not_before = self._clock.now() + AGAIN_SECONDS
        finally:
            if self._under_way is not None:
                self._under_way.cancel()

    def due(self) -> float:
        """When the next one is due (seconds since the epoch): a period after the last, and a while
        after the start, when sources had the time to be heard. A last one that is yet to come, by
        a clock that went back, is none."""
        last = self._view.surveys.get(KEY)
        if last is None or last.at > self._clock.now():
            return self._not_before
        return max(last.at + self._files.settings.survey.every, self._not_before)

    @property
    def is_looking(self) -> bool:
        return self._under_way is not None and not self._under_way.done()

    async def look(self) -> None:
        """Looks now; whoever asks while it is looked waits for the same one. Raises
        StoreUnavailable where what was found cannot be stored."""
        if self._under_way is None or not self.is_looking:
            self._under_way = asyncio.create_task(self._look(), name="survey")
        await asyncio.shield(self._under_way)

    async def _look(self) -> None:
        began, settings = self._clock.monotonic(), self._files.settings
        http = AiohttpHttp(self._clock, read_cap_bytes=READ_CAP_BYTES)
        at = self._clock.now()
        try:
            asking = [
                Asking(http, self._clock, url, lookback=settings.survey.lookback).seen()
                for url in _addresses(settings)
            ]
            (past, why), seen = await asyncio.gather(
                self._past(settings, at), asyncio.gather(*asking)
            )
        finally:
            await http.close()
        probes = list(_probes(settings))
        gathered = Gathered(
            at=self._clock.now(),
            seconds=self._clock.monotonic() - began,
            prometheus=tuple(seen),
            past=past,
            past_why=why,
            probed=tuple(probe.get("labels") or {} for probe in probes),
            probe_alerts=frozenset(str(probe.get("alert", "")) for probe in probes),
            faults=tuple(_faults(self._files.faults)),
            shipped=str(shipped_runbooks_folder()),
        )
        event = await asyncio.to_thread(survey_of, gathered, _still(self._view))
        await self._submit([event])
        log.info("surveyed", found=len(event.found), could_not=list(event.could_not))

    async def _past(self, settings: Settings, at: float) -> tuple[PastSeen | None, str]:
        survey = settings.survey
        try:
            past = await read_past(
                self._store, self._view, at=at, seconds=survey.past, least=survey.incidents
            )
        except HomeostatError as error:
            return None, str(error)[:300]
        return past, ""


def _still(view: View) -> View:
    """The view as it is at this moment: what is looked at in a thread may not change meanwhile."""
    return msgspec.structs.replace(
        view,
        **{name: dict(getattr(view, name)) for name in LOOKED_AT},
    )


def _addresses(settings: Settings) -> tuple[str, ...]:
    """Every Prometheus that is known, each once."""
    urls = [settings.prometheus_url or ""]
    urls += [
        url
        for use in settings.sources
        if use.use.startswith(PROMETHEUS) and isinstance(url := use.params.get("url"), str)
    ]
    return tuple({place_of(url): url for url in urls if url}.values())


def _probes(settings: Settings) -> Iterator[Mapping[str, Any]]:
    """What the built-in prober watches. Its parameters were checked when it was started."""
    for use in settings.sources:
        probes = use.params.get("probes", ()) if use.use.partition(".")[0] == PROBER else ()
        yield from (probe for probe in probes if isinstance(probe, Mapping))


def _faults(found: Sequence[Fault]) -> Iterator[tuple[str, str, str]]:
    """Warnings are none: what is written may be meant so."""
    errors = [fault for fault in found if fault.severity is FaultSeverity.ERROR]
    for fault in errors[:MOST_FAULTS]:
        where = f"{fault.file}:{fault.line}" if fault.line else str(fault.file)
        yield where, f"{fault.code}: {fault.message}", fault.remedy
