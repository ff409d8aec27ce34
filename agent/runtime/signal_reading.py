"""What diagnostics may read of the signals: members of the machinery, and changes."""

from __future__ import annotations

import msgspec

from agent.core import members
from agent.core.changes import changes_of, late_seconds
from agent.core.view import View
from agent.model.signals import ChangeSeen, MemberSeen, Trouble
from agent.ports.clock import Clock


class SignalsInView:
    """Reads the view of the decision loop, which changes only by its commits."""

    def __init__(self, view: View, clock: Clock) -> None:
        self._view, self._clock = view, clock

    def member(self, name: str) -> MemberSeen:
        known, at = self._view.agents.get(name), self._clock.now()
        in_trouble = members.troubles(self._view, name)
        wrong = tuple(t.about for t in in_trouble if t.trouble is Trouble.PROBE)
        seen = MemberSeen(
            name=name,
            is_known=known is not None,
            drifting=members.drifting(self._view, name),
            probes_wrong=wrong,
            text="; ".join(t.text for t in in_trouble),
        )
        if known is None:
            return seen
        return msgspec.structs.replace(
            seen,
            alive=known.alive,
            # Whoever fell silent without ever having been heard has a record without a time.
            heard_seconds_ago=_ago(known.last_at or None, at),
            worked_seconds_ago=_ago(known.worked_at, at),
            success_seconds_ago=_ago(known.last_success, at),
            version=known.version,
            config_hash=known.config_hash,
            mode=known.mode,
        )

    def changes(
        self, *, product: str | None = None, entity: str | None = None, since_seconds: float
    ) -> tuple[ChangeSeen, ...]:
        at = self._clock.now()
        found = changes_of(self._view, product=product, entity=entity, since=at - since_seconds)
        return tuple(
            ChangeSeen(
                product=c.product,
                entity=c.entity,
                kind=c.kind,
                phase=c.phase,
                what=c.what,
                by=c.by,
                version=c.version,
                before=c.before,
                link=c.link,
                is_manual=c.is_manual,
                seconds_ago=max(0.0, at - c.at),
                late_seconds=late_seconds(c),
                id=c.id,
            )
            for c in found
        )


def _ago(then: float | None, at: float) -> float | None:
    """Seconds; of a clock ahead of ours, now."""
    return None if then is None else max(0.0, at - then)


class NoSignals:
    """Where nothing is known of them."""

    def member(self, name: str) -> MemberSeen:
        return MemberSeen(name=name, is_known=False)

    def changes(
        self, *, product: str | None = None, entity: str | None = None, since_seconds: float
    ) -> tuple[ChangeSeen, ...]:
        return ()
