"""What diagnostics may read of the signals: members of the machinery, and changes."""

from __future__ import annotations

from agent.core.view import View
from agent.model.signals import ChangeSeen, MemberSeen
from agent.ports.clock import Clock


class SignalsInView:
    """Reads the view of the decision loop, which changes only by its commits."""

    def __init__(self, view: View, clock: Clock) -> None:
        self._view, self._clock = view, clock

    def member(self, name: str) -> MemberSeen:
        known = self._view.agents.get(name)
        if known is None:
            return MemberSeen(name=name, is_known=False)
        return MemberSeen(
            name=name,
            is_known=True,
            alive=known.alive,
            heard_seconds_ago=max(0.0, self._clock.now() - known.last_at),
            version=known.version,
            config_hash=known.config_hash,
            mode=known.mode,
        )

    def changes(
        self, *, product: str | None = None, entity: str | None = None, since_seconds: float
    ) -> tuple[ChangeSeen, ...]:
        at, registry = self._clock.now(), self._view.registry
        names = {entity} if entity is not None else set()
        if product is not None:
            names |= {product, *(e.name for e in registry.entities_of(product))}
        found = [
            ChangeSeen(
                product=c.product,
                entity=c.entity,
                kind=c.kind,
                phase=c.phase,
                what=c.what,
                by=c.by,
                version=c.version,
                is_manual=c.is_manual,
                seconds_ago=max(0.0, at - c.at),
            )
            for name in names
            for c in self._view.changes.get(name, ())
            if at - c.at <= since_seconds
        ]
        return tuple(sorted(found, key=lambda seen: seen.seconds_ago))


class NoSignals:
    """Where nothing is known of them."""

    def member(self, name: str) -> MemberSeen:
        return MemberSeen(name=name, is_known=False)

    def changes(
        self, *, product: str | None = None, entity: str | None = None, since_seconds: float
    ) -> tuple[ChangeSeen, ...]:
        return ()
