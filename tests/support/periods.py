"""Periods of tests: in force from one second to another."""

from __future__ import annotations

from agent.catalog.change_windows import OnePeriod
from agent.model.policy import Freeze, Maintenance
from agent.model.records import SilenceMatcher


def period(starts_at: float, ends_at: float) -> OnePeriod:
    return OnePeriod(text="as planned", starts_at=starts_at, ends_at=ends_at)


class Raising:
    """A period that cannot say."""

    text = "odd"

    def is_open(self, at: float) -> bool:
        raise ValueError("no such time zone")

    def until(self, at: float) -> float | None:
        raise ValueError("no such time zone")


class Endless:
    """One that is in force, and does not know for how long."""

    text = "for now"

    def __init__(self) -> None:
        self.is_on = True

    def is_open(self, at: float) -> bool:
        return self.is_on

    def until(self, at: float) -> float | None:
        return None


def freeze(starts_at: float, ends_at: float, **fields: tuple[str, ...]) -> Freeze:
    return Freeze(name="sale", period=period(starts_at, ends_at), why="the sale", **fields)


def maintenance(starts_at: float, ends_at: float, alertname: str = "Hung") -> Maintenance:
    return Maintenance(
        name="backup",
        period=period(starts_at, ends_at),
        matchers=(SilenceMatcher(name="alertname", value=alertname),),
    )
