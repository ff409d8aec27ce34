"""Storms through the decision lane: very many distinct alerts, and everything that falls due."""

from __future__ import annotations

from collections import Counter

from agent.model.command import CommandKind
from agent.model.event import AlertReceived, TimerFired
from tests.support.cases import START, alert, received
from tests.support.deciding import Deciding


def storm_of_alerts(count: int, *, products: int, services: int) -> list[AlertReceived]:
    """Distinct alerts within seconds, product by product in turns."""
    return [
        received(
            alert(f"A{n}", f"p{n % products}-s{n // products % services}", starts_at=START),
            START + n * 0.001,
        )
        for n in range(count)
    ]


async def drained(made: Deciding, *, until: float) -> None:
    """Every timer that is due by then has fired."""
    for _ in range(100):
        timers = sorted((due, key) for key, due in made.state.timers.items() if due <= until)
        if not timers:
            return
        await made.lane.submit(
            [TimerFired(at=due, subject=subject, name=name) for due, (subject, name) in timers]
        )
    raise AssertionError("timers go on falling due")


def paged_in(made: Deciding) -> Counter[str]:
    """How often each team was paged."""
    return Counter(
        str(command.params["to"])
        for decision in made.committed
        for command in decision.commands
        if command.kind is CommandKind.NOTIFY
    )
