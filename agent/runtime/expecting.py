"""What has to be heard of: members and leadership metrics are missed from the start on."""

from __future__ import annotations

from collections.abc import Iterator

from agent.core import heartbeat, leadership
from agent.core.view import View
from agent.model.decision import Timer


def expected(view: View, *, at: float) -> tuple[Timer, ...]:
    """The timers of what was never heard of, as they begin now."""
    return tuple(_all(view, at))


def _all(view: View, at: float) -> Iterator[Timer]:
    wanted = [heartbeat.watch(name, view, at=at) for name in view.registry.entities]
    wanted += [leadership.watch(name, view, at=at) for name in view.registry.products]
    for timer in wanted:
        if timer is not None:
            yield timer
