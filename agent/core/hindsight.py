"""The past gone through once more, oldest first, with everything a decision may look at.

What else was open at that moment, and what was being done to which target, is known from the
history itself. Where today's rules would have acted, what they would have done stands in the place
of what was really done in that incident, so that the next one on the same target meets their
cooldown and not that of others. It is taken to have held: what else would have come of it nobody
can know.

Who an alert is about says the registry of today. Where nothing is registered at all (a history from
elsewhere), the names in the history are taken for its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

import msgspec

from agent.core.history import Kind, Version, Would, would
from agent.core.history_acts import ActsThen, imagined, real
from agent.core.history_names import NamesThen
from agent.core.identify import Identity
from agent.core.matching import MatchIndex, NearMiss, failing_clause, names_allow
from agent.core.rails.alone import alone
from agent.core.signs import Signs
from agent.core.turn import Turn
from agent.core.view import View
from agent.model.alert import AlertStatus
from agent.model.event import TimerFired
from agent.model.incident import AlertState, Incident, State
from agent.model.policy import Policy
from agent.model.runbook import Runbook

FOREVER = float("inf")
MOST_REMEMBERED = 100_000
"""Label sets of which it is remembered what they lead to."""


class Hindsight:
    """Decides incidents one after the other. `only`: the name of a runbook; what it cannot be about
    is passed over, and what really happened there stands."""

    def __init__(
        self, view: View, *, version: Version | None = None, only: str | None = None
    ) -> None:
        self._remembered = _Remembered(view.runbooks.runbooks)
        self._version = version or self._remembered.by_digest
        self._only = next((r for r in self._remembered.runbooks if r.name == only), None)
        self._incidents: dict[str, Incident] = {}
        self._closings: list[tuple[float, str]] = []
        self._burnt = _SignsThen(self._incidents)
        self._acts = ActsThen()
        self._names = NamesThen(view.registry)
        self._view = msgspec.structs.replace(
            view,
            policy=_at_once(view.policy),
            registry=self._names.registry,
            runbooks=self._remembered,
            channels={},
            incidents=self._incidents,
            acts=self._acts.by_target,
            acting={},
            lately={},
            in_hand={},
            changes={},
            silences={},
            storms={},
            breakers={},
            flaps={},
            standings={},
            sources={},
            levels={},
            opened=(),
            halt=None,
        )

    def decide(self, past: Incident) -> Would | NearMiss | None:
        """The next incident; they come in the order they opened. With `only`: a near miss where one
        clause of it kept it away, None where the incident is none of its business."""
        if not past.alerts:
            return None
        self._let_pass(past.opened_at)
        first = min(past.alerts.values(), key=lambda a: (a.starts_at, a.identity))
        seen = self._remembered.seen(first.labels)
        opened = self._opened(past, first, seen)
        told = self._decided(opened, past, seen)
        self._expect(told, past, opened)
        self._incidents[past.id] = opened
        self._burnt.changed(past.id)
        heapq.heappush(self._closings, (_closed_at(past), past.id))
        return told

    def _expect(self, told: Would | NearMiss | None, past: Incident, opened: Incident) -> None:
        """What counts of this incident later: what would have been done, and what people did where
        the agent would have left it to them; the record where nothing can be said."""
        is_decided = (
            isinstance(told, Would)
            and told.kind is not Kind.UNKNOWN
            and (self._only is None or told.runbook == self._only.name)
        )
        if isinstance(told, Would) and is_decided and told.kind is Kind.ACTS:
            self._acts.expect(imagined(told, opened))
        elif past.steps:
            acts = real(past)
            self._acts.expect((at, a) for at, a in acts if a.by != "agent" or not is_decided)

    def _decided(self, opened: Incident, past: Incident, seen: Seen) -> Would | NearMiss | None:
        only = self._only
        if only is not None:
            if only.match.alert and not _has(seen.called, only):
                return None
            if not _has(self._remembered.candidates(_labels(opened)), only):
                return self._near_miss(opened, (only,))
        self._view.signs = self._burnt.now()
        told = would(opened, past, self._view, self._version)
        if told.kind is Kind.SILENCED or (told.runbook is not None and only is None):
            return told
        if only is None:
            near = self._near_miss(opened, seen.called)
        elif told.runbook == only.name:
            return told
        else:
            near = self._near_miss(opened, (only,))
        return told if near is None else msgspec.structs.replace(told, near_miss=near)

    def _near_miss(self, opened: Incident, runbooks: Sequence[Runbook]) -> NearMiss | None:
        """The clause that kept away the first of these runbooks."""
        if not runbooks:
            return None
        self._view.signs = self._burnt.now()
        labels = _labels(opened)
        event = TimerFired(at=opened.opened_at, subject=opened.id, name="history")
        turn = Turn(at=opened.opened_at, event=event, view=self._view, incident=opened)
        misses = (failing_clause(turn, runbook, labels) for runbook in runbooks)
        return next((miss for miss in misses if miss is not None), None)

    def _opened(self, past: Incident, first: AlertState, seen: Seen) -> Incident:
        """The incident as it was when its first alert came."""
        found = seen.identity
        if found is None or self._names.is_from_history:
            found = seen.identity = self._names.identity(past, first)
        firing = msgspec.structs.replace(
            first, status=AlertStatus.FIRING, ends_at=None, inferred=False, expired=False
        )
        return Incident(
            id=past.id,
            key=past.key,
            title=past.title,
            state=State.OPEN,
            layer=found.layer,
            product=found.product,
            entity=found.entity,
            severity=found.severity,
            opened_at=past.opened_at,
            updated_at=past.opened_at,
            alerts={first.identity: firing},
        )

    def _let_pass(self, at: float) -> None:
        """Everything that happened up to this moment."""
        while self._closings and self._closings[0][0] <= at:
            name = heapq.heappop(self._closings)[1]
            self._incidents.pop(name, None)
            self._burnt.changed(name)
        self._acts.let_pass(at)


class _SignsThen:
    """What burnt, kept up only as far as somebody asks: most of the past is none of a candidate's
    business. It takes the cheaper way, be it the changes since or all that is open."""

    def __init__(self, incidents: Mapping[str, Incident]) -> None:
        self._incidents = incidents
        self._signs = Signs()
        self._seen: dict[str, Incident] = {}
        """What the signs were made of."""
        self._changed: dict[str, bool] = {}

    def changed(self, name: str) -> None:
        self._changed[name] = True

    def now(self) -> Signs:
        if len(self._changed) > len(self._incidents):
            self._signs, self._seen = Signs(), {}
            self._changed = dict.fromkeys(self._incidents, True)
        for name in self._changed:
            before, after = self._seen.pop(name, None), self._incidents.get(name)
            if before is not after:
                self._signs.change(before, after)
            if after is not None:
                self._seen[name] = after
        self._changed.clear()
        return self._signs


def _at_once(policy: Policy) -> Policy:
    """What would be decided, without what would only have been waited for."""
    policy = msgspec.structs.replace(alone(policy), page_hold_seconds=0.0)
    rails = msgspec.structs.replace(policy.rails, wait_seconds=0.0)
    return msgspec.structs.replace(policy, rails=rails)


def _closed_at(past: Incident) -> float:
    """When it stopped burning; an incident that is still open burns on."""
    return FOREVER if past.resolved_at is None else past.resolved_at


def _labels(opened: Incident) -> Mapping[str, str]:
    (state,) = opened.alerts.values()
    return state.labels


def _has(runbooks: Sequence[Runbook], wanted: Runbook) -> bool:
    return any(runbook is wanted for runbook in runbooks)


class Seen(msgspec.Struct):
    """What one set of labels leads to; None: nobody has asked yet."""

    called: tuple[Runbook, ...]
    """Runbooks that name alerts of this name, whatever else they ask for."""
    candidates: Sequence[Runbook] | None = None
    identity: Identity | None = None


class _Remembered:
    """A runbook index that remembers what it was asked: the same label sets come again and
    again."""

    def __init__(self, runbooks: Sequence[Runbook]) -> None:
        self._index = MatchIndex(runbooks)
        self.runbooks = self._index.runbooks
        self._known: dict[frozenset[tuple[str, str]], Seen] = {}
        self._called: dict[str, tuple[Runbook, ...]] = {}

    def candidates(self, labels: Mapping[str, str]) -> Sequence[Runbook]:
        seen = self.seen(labels)
        if seen.candidates is None:
            seen.candidates = self._index.candidates(labels)
        return seen.candidates

    def by_digest(self, digest: str) -> Runbook | None:
        return self._index.by_digest(digest)

    def seen(self, labels: Mapping[str, str]) -> Seen:
        key = frozenset(labels.items())
        found = self._known.get(key)
        if found is None:
            found = Seen(called=self._called_as(labels.get("alertname", "")))
            if len(self._known) >= MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = found
        return found

    def _called_as(self, name: str) -> tuple[Runbook, ...]:
        found = self._called.get(name)
        if found is None:
            named = (r for r in self.runbooks if r.match.alert and names_allow(r.match, name))
            found = self._called[name] = tuple(named)
        return found
