"""What becomes of incidents, for whoever listens at the broker: `incidents/ID`, retained.

Best effort, beside everything else: it waits for nothing, and nothing waits for it. Only the latest
state of an incident is said, however often it changed meanwhile. An hour after its end the message
is taken away; after each connection what stands there is put right, so that nothing of a time
without a broker stays wrong. No source of Homeostat listens to these topics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from agent.core.view import View
from agent.model.decision import Decision
from agent.model.errors import Temporary
from agent.model.incident import Incident
from agent.ports.clock import Clock
from agent.runtime.broker import INCIDENTS, Broker

log = structlog.get_logger("broker")

KEPT_SECONDS = 3600.0
"""So long after its end an incident can still be read at the broker."""
SWEEP_SECONDS = 60.0
PAUSE_SECONDS = 5.0
MOST_WAITING = 10_000
"""Of more that wait for a broker the oldest are left to the look after the next connection."""


class IncidentWords:
    def __init__(self, broker: Broker, *, view: View, clock: Clock) -> None:
        self._broker, self._view, self._clock = broker, view, clock
        self._waiting: dict[str, Incident | None] = {}
        """As they are now; None: to be taken away."""
        self._said: dict[str, bytes] = {}
        """By id: what was said of it last, without the time."""
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        broker.came_up = self._put_right

    def committed(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            case = decision.incident
            if case is None or (
                case.id not in self._waiting and self._said.get(case.id) == _gist(case)
            ):
                continue
            self._note(case.id, case)
        if not self._tasks:
            self._broker.start()
            self._tasks = [
                asyncio.create_task(self._say_all(), name="incident words"),
                asyncio.create_task(self._sweep_all(), name="old incident words"),
            ]

    async def close(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, incident_id: str, case: Incident | None) -> None:
        self._waiting[incident_id] = case
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._news.set()

    async def _say_all(self) -> None:
        while True:
            await self._news.wait()
            await self._broker.up()
            self._news.clear()
            while self._waiting:
                incident_id = next(iter(self._waiting))
                case = self._waiting.pop(incident_id)
                try:
                    await self._say(incident_id, case)
                except Temporary as error:
                    log.warning("incident_not_said", incident=incident_id, why=str(error)[:300])
                    self._waiting.setdefault(incident_id, case)
                    self._news.set()
                    await self._clock.sleep(PAUSE_SECONDS)
                    break

    async def _say(self, incident_id: str, case: Incident | None) -> None:
        topic = f"{INCIDENTS}{incident_id}"
        if case is None:
            await self._broker.send(topic, b"")
            self._said.pop(incident_id, None)
            return
        word = _word(case, link=self._view.link, by=self._broker.at.client_id)
        await self._broker.send(topic, msgspec.json.encode(word))
        self._said[incident_id] = _gist(case)

    def _put_right(self) -> None:
        """After a connection: what is open is said anew, and what stands there as open and is not
        is taken away: it ended while nobody could say so."""
        for case in self._view.incidents.values():
            if case.id not in self._waiting:
                self._note(case.id, case)
        for told in self._ours():
            is_gone = told.resolved_at is None and told.id not in self._view.incidents
            if is_gone and told.id not in self._waiting:
                self._note(told.id, None)

    def _ours(self) -> list[Told]:
        """What stands there by us: another site may use the same broker and root."""
        bodies = (b for t, b in self._broker.held.items() if t.startswith(INCIDENTS))
        read = (_read(body) for body in bodies)
        return [told for told in read if told and told.by == self._broker.at.client_id]

    async def _sweep_all(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            at = self._clock.now()
            for told in self._ours():
                ended = told.resolved_at
                if ended is not None and at - ended.timestamp() >= KEPT_SECONDS:
                    self._note(told.id, None)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a message of ours as is looked at again."""

    id: str
    by: str
    resolved_at: datetime | None = None


TOLD = msgspec.json.Decoder(Told)


def _gist(case: Incident) -> bytes:
    """What has to differ before it is said again."""
    return msgspec.json.encode(
        (case.state, case.severity, case.outcome, case.radius, case.routed_to, case.title)
    )


def _word(case: Incident, *, link: str, by: str) -> dict[str, Any]:
    return {
        "id": case.id,
        "by": by,
        "title": case.title,
        "state": case.state.value,
        "outcome": case.outcome.value if case.outcome is not None else None,
        "layer": case.layer.value,
        "severity": case.severity,
        "radius": case.radius.value if case.radius is not None else None,
        "product": case.product,
        "entity": case.entity,
        "routed_to": case.routed_to,
        "opened_at": _moment(case.opened_at),
        "updated_at": _moment(case.updated_at),
        "resolved_at": _moment(case.resolved_at) if case.resolved_at is not None else None,
        "link": f"{link}/incidents/{case.id}" if link else "",
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(body: bytes) -> Told | None:
    try:
        return TOLD.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
