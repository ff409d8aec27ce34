"""The view in memory, and the one place that changes it.

The decision loop applies each decision here as soon as it is made, so that the next decision of
the same batch sees it, and takes the whole batch back if the commit fails: nothing may be decided
from memory that is not in the store. Changes are kept in an undo list instead of copies, because
copying 100,000 open incidents per batch would cost more than deciding.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.core.changes import CHANGE, MOST_CHANGES, key_of_change
from agent.core.signs import BURNING, Signs
from agent.core.speakers import Speakers
from agent.core.view import View
from agent.model.alert import AlertStatus
from agent.model.decision import Decision, Record, Timer
from agent.model.event import TimerFired
from agent.model.incident import Incident, State
from agent.model.learning import Resolution
from agent.model.records import Act, ChangeRecord, Halt
from agent.ports.store import Snapshot
from agent.runtime.likes import Likes

ABSENT: Any = object()
HALT = "halt"
KEPT_ACTS_SECONDS = 86400.0
KEPT_LATELY_SECONDS = 3600.0
KEPT_OPENED_SECONDS = 600.0
RESOLUTION = "resolution"

SINGLE = {
    "agent": "agents",
    "measure": "measures",
    "resolution": "resolutions",
    "promotion": "promotions",
    "silence": "silences",
    "storm": "storms",
    "breaker": "breakers",
    "flap": "flaps",
    "source": "sources",
    "standing": "standings",
    "follow_up": "follow_ups",
    "near_miss": "near_misses",
    "announced": "announced",
    "telemetry": "telemetry",
    "drift": "drifts",
    "probe": "probes",
    "motion": "motions",
    "slo": "objectives",
    "blind_spot": "blind_spots",
    "survey": "surveys",
    "own": "own",
}


class ViewState:
    """Owns the dictionaries behind a `View`."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.incidents: dict[str, Incident] = {}
        self.by_key: dict[str, str] = {}
        self.live: dict[str, str] = {}
        self.acts: dict[str, tuple[Act, ...]] = {}
        self.acting: dict[str, Act] = {}
        self.lately: dict[str, Act] = {}
        self.in_hand: dict[str, str] = {}
        self.changes: dict[str, tuple[ChangeRecord, ...]] = {}
        self.single: dict[str, dict[str, Any]] = {kind: {} for kind in SINGLE}
        self.timers: dict[tuple[str, str], float] = {}
        self.pinned: dict[str, str] = {}
        self.signs = Signs()
        self.speakers = Speakers(view.policy.inhibit_rules)
        self.opened: list[float] = []
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self.likes = Likes(self.single[RESOLUTION], self._put_or_drop)
        self._halts: dict[str, Halt] = {}
        view.incidents = self.incidents
        view.by_key = self.by_key
        view.live = self.live
        view.acts = self.acts
        view.acting, view.lately, view.in_hand = self.acting, self.lately, self.in_hand
        view.changes = self.changes
        view.pinned = self.pinned
        view.signs = self.signs
        view.speaking, view.listening = self.speakers.speaking, self.speakers.listening
        view.inhibited = self.speakers.inhibited
        view.burning = self.signs.family(BURNING)
        view.opened = self.opened
        view.likes, view.ended_on = self.likes.by_signature, self.likes.by_place
        for kind, name in SINGLE.items():
            setattr(view, name, self.single[kind])

    def load(self, snapshot: Snapshot) -> None:
        """Everything that is still open, at start."""
        for incident in sorted(snapshot.incidents, key=lambda i: i.opened_at):
            self._put_incident(incident)
        for kind, rows in snapshot.records.items():
            for key, body in _in_order(kind, rows):
                self._put_record(Record(kind=kind, key=key, body=body))
        for timer in snapshot.timers:
            self._put_timer(timer)
        self.keep()

    def use_rules(self) -> None:
        """The policy was read anew."""
        if self.view.policy.inhibit_rules != self.speakers.rules:
            self.speakers.use(self.view.policy.inhibit_rules, self.incidents.values())

    def apply(self, decision: Decision) -> None:
        if decision.incident is not None:
            self._put_incident(decision.incident)
        for record in decision.records:
            self._put_record(record)
        for timer in decision.timers:
            self._put_timer(timer)

    def keep(self) -> None:
        """The batch is on disk."""
        self._undo.clear()
        if self.opened and self.opened[-1] - self.opened[0] > KEPT_OPENED_SECONDS:
            since = self.opened[-1] - 0.5 * KEPT_OPENED_SECONDS
            del self.opened[: bisect_left(self.opened, since)]

    def mark(self) -> int:
        """A point within the batch to go back to."""
        return len(self._undo)

    def take_back(self, mark: int = 0) -> None:
        """The batch could not be written, or what was decided since the mark could not be decided
        to its end: as if it had never been."""
        while len(self._undo) > mark:
            target, key, before = self._undo.pop()
            if target is self.incidents:
                self._unsay(key, before)
            if before is ABSENT:
                target.pop(key, None)
            else:
                target[key] = before
        self.view.halt = self._halts.get(HALT)

    def is_due(self, event: TimerFired) -> bool:
        """Whether this timer still stands, and stands no later."""
        due = self.timers.get((event.subject, event.name))
        return due is not None and due <= event.at

    def forget_old_acts(self, at: float) -> None:
        """Rails look back one day; older acts leave the memory (not the store)."""
        rails = self.view.policy.rails
        lately = max(KEPT_LATELY_SECONDS, rails.chain_seconds, rails.relapse_seconds)
        for key in [k for k, a in self.lately.items() if at - (a.ended_at or a.at) >= lately]:
            del self.lately[key]
        for target, acts in list(self.acts.items()):
            kept = tuple(a for a in acts if at - a.at < KEPT_ACTS_SECONDS or a.status is None)
            if len(kept) != len(acts):
                if kept:
                    self.acts[target] = kept
                else:
                    del self.acts[target]

    def _put(self, target: dict[Any, Any], key: Any, value: Any) -> None:
        self._undo.append((target, key, target.get(key, ABSENT)))
        if value is ABSENT:
            target.pop(key, None)
        else:
            target[key] = value

    def _put_or_drop(self, target: dict[Any, Any], key: Any, value: Any) -> None:
        self._put(target, key, ABSENT if value is None else value)

    def _unsay(self, key: str, before: Any) -> None:
        """What an incident said until now is taken back, before it is itself."""
        known = before if before is not ABSENT else None
        now = self.incidents.get(key)
        if known is None and now is not None:
            self.opened.pop()
        self.signs.change(now, known)
        self.speakers.change(now, known)

    def _put_incident(self, incident: Incident) -> None:
        before = self.incidents.get(incident.id)
        self.signs.change(before, incident)
        self.speakers.change(before, incident)
        if before is None and incident.is_open:
            self.opened.append(incident.opened_at)
        old = _firing(before) if before is not None else set()
        new = _firing(incident) if incident.is_open else set()
        for identity in old - new:
            if self.live.get(identity) == incident.id:
                self._put(self.live, identity, ABSENT)
        for identity in new:
            if self.live.get(identity) != incident.id:
                self._put(self.live, identity, incident.id)
        if is_in_hand(incident) != (incident.id in self.in_hand):
            product = incident.product or ""
            self._put(self.in_hand, incident.id, product if is_in_hand(incident) else ABSENT)
        if incident.is_open:
            self._put(self.incidents, incident.id, incident)
            if self.by_key.get(incident.key) != incident.id:
                self._put(self.by_key, incident.key, incident.id)
        else:
            self._put(self.incidents, incident.id, ABSENT)
            if self.by_key.get(incident.key) == incident.id:
                self._put(self.by_key, incident.key, ABSENT)

    def _put_record(self, record: Record) -> None:
        body = record.body
        if record.kind == RESOLUTION:
            told = body if isinstance(body, Resolution) else None
            dwell = self.view.policy.rails.dwell_seconds
            self.likes.put(record.key, told, dwell_seconds=dwell)
        elif record.kind in SINGLE:
            self._put(self.single[record.kind], record.key, body if body is not None else ABSENT)
        elif record.kind == "act" and isinstance(body, Act):
            acts = self.acts.get(body.target, ())
            kept = tuple(body if a.key == body.key else a for a in acts)
            if not any(a.key == body.key for a in acts):
                kept = (*acts, body)
            self._put(self.acts, body.target, kept)
            self._put(self.acting, body.key, body if body.status is None else ABSENT)
            self._put(self.lately, body.key, body)
        elif record.kind == CHANGE:
            self._put_change(record.key, body if isinstance(body, ChangeRecord) else None)
        elif record.kind == "runbook_text":
            self._put(self.pinned, record.key, getattr(body, "text", ABSENT))
        elif record.kind == HALT:
            self._put(self._halts, HALT, body if isinstance(body, Halt) else ABSENT)
            self.view.halt = self._halts.get(HALT)

    def _put_change(self, key: str, body: ChangeRecord | None) -> None:
        if body is not None:
            known = self.changes.get(body.entity, ())
            told = tuple(body if key_of_change(old) == key else old for old in known)
            if body not in told:
                told = (*known, body)
            self._put(self.changes, body.entity, told[-MOST_CHANGES:])
            return
        entity = key.rpartition("/")[0]
        known = self.changes.get(entity, ())
        left = tuple(change for change in known if key_of_change(change) != key)
        if len(left) != len(known):
            self._put(self.changes, entity, left or ABSENT)

    def _put_timer(self, timer: Timer) -> None:
        value: Any = ABSENT if timer.due is None else timer.due
        self._put(self.timers, (timer.subject, timer.name), value)


def _in_order(
    kind: str, rows: Mapping[str, msgspec.Struct]
) -> Iterable[tuple[str, msgspec.Struct]]:
    """Resolutions as they ended and changes as they came, whatever order the store has them in: the
    oldest are given up."""
    if kind not in (RESOLUTION, CHANGE):
        return rows.items()
    return sorted(rows.items(), key=lambda row: (getattr(row[1], "at", 0.0), row[0]))


def is_in_hand(incident: Incident) -> bool:
    """Whether the agent acts for it, or the proof of what it did is still out."""
    if incident.state is State.ACTING:
        return True
    is_proving = incident.state is State.VERIFYING and incident.verify_started_at is not None
    return is_proving and any(step.by == "agent" for step in incident.steps)


def _firing(incident: Incident) -> set[str]:
    return {i for i, a in incident.alerts.items() if a.status is AlertStatus.FIRING}


def replaced(view: View, **fields: Any) -> None:
    """Swaps what is read from files (policy, registry, runbooks, ...) in one go."""
    names = {f.name for f in msgspec.structs.fields(View)}
    unknown = set(fields) - names
    if unknown:
        raise ValueError(f"a view has no {', '.join(sorted(unknown))}")
    for name, value in fields.items():
        setattr(view, name, value)
