"""Who is on call, as people write it. Every time is a wall time in the zone of its rotation.

apiVersion: homeostat/v1
kind: OnCall
rotations:
  pay-primary: {zone: Europe/Berlin, people: [alice, bob], every: 7d, handover: "09:00",
                starts: "2026-01-05"}
  platform-primary: {ics: platform.ics, zone: Europe/Berlin}
people:
  alice: {notify: [{use: ntfy, with: {...}, secrets: {...}}]}
ladders:
  team-pay: {rungs: [{on_call: pay-primary, ack_within: 5m}, {team: team-pay}], repeat: 2}
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from agent.catalog.faults import shown, wrong
from agent.catalog.quantities import PositiveDuration
from agent.catalog.settings_document import PathText, UseDocument
from agent.catalog.validation import Written
from agent.catalog.wall_clock import zone_name

SHORTEST_SHIFT_SECONDS = 3600.0

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T([01][0-9]|2[0-3]):[0-5][0-9]")


def _clock(text: object) -> str:
    if not isinstance(text, str) or not _CLOCK.fullmatch(text):
        raise wrong("a time of day is expected here", 'write it like "09:00", with quotes')
    return text


def _is_real(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _day(text: object) -> str:
    if not isinstance(text, str) or not _DAY.fullmatch(text) or not _is_real(text):
        raise wrong("a day is expected here", 'write it like "2026-01-05", with quotes')
    return text


def _moment(text: object) -> str:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text) or not _is_real(text):
        remedy = 'write it like "2026-02-01T09:00", with quotes; the zone is that of the rotation'
        raise wrong("a time is expected here", remedy)
    return text


def _shift(seconds: float) -> float:
    if seconds < SHORTEST_SHIFT_SECONDS or seconds % 60:
        raise wrong("a shift is an hour or longer, in whole minutes", "write it like 12h or 7d")
    return seconds


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$")]
Clock = Annotated[str, BeforeValidator(_clock)]
Day = Annotated[str, BeforeValidator(_day)]
Moment = Annotated[str, BeforeValidator(_moment)]


class OverrideKeys(Written):
    """Somebody stands in: from one wall time until before another."""

    person: Name
    from_: Moment = Field(alias="from")
    to: Moment

    @model_validator(mode="after")
    def _is_a_span(self) -> OverrideKeys:
        if self.to <= self.from_:
            raise wrong("the override ends when it begins, or before", "set to after from")
        return self


class RotationKeys(Written):
    """People who take turns from a first day on, or a calendar that says whose turn it is."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    zone: Annotated[str, Field(min_length=1), AfterValidator(zone_name)]
    """Time zone of all its times."""
    people: Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)] | None = None
    """In the order of their turns."""
    every: Annotated[PositiveDuration, AfterValidator(_shift)] = 604_800.0
    """Length of a turn, by the clock on the wall."""
    handover: Clock = "09:00"
    """Time of day of the first handover."""
    starts: Day | None = None
    """Day of the first one's turn."""
    ics: PathText | None = None
    """Calendar whose events are the turns: the summary is the person, or an attendee is."""
    overrides: Annotated[tuple[OverrideKeys, ...], Field(max_length=500)] = ()

    @model_validator(mode="after")
    def _one_of_two(self) -> RotationKeys:
        if (self.people is None) == (self.ics is None):
            remedy = "write people with every, handover and starts; or ics with a calendar file"
            raise wrong("a rotation has people or a calendar, and not both", remedy)
        if self.people is not None and self.starts is None:
            remedy = 'add starts: "2026-01-05", the day of the first one\'s turn'
            raise wrong("nobody knows whose turn it is without a first day", remedy)
        taken = {"every", "handover", "starts"} & self.model_fields_set
        if self.ics is not None and taken:
            words = ", ".join(sorted(taken))
            raise wrong(f"{words}: the calendar says that", "take it away")
        return self

    @property
    def first(self) -> datetime:
        """Wall time of the first handover."""
        day = date.fromisoformat(self.starts or "")
        return datetime.fromisoformat(f"{day}T{self.handover}")


class PersonKeys(Written):
    notify: Annotated[tuple[UseDocument, ...], Field(min_length=1)]
    """All of them are told at once."""


class RungKeys(Written):
    """Whom to tell: exactly one of the three."""

    on_call: Name | None = None
    person: Name | None = None
    team: Name | None = None
    ack_within: PositiveDuration = 300.0

    @model_validator(mode="after")
    def _one_of_three(self) -> RungKeys:
        if sum(word is not None for word in (self.on_call, self.person, self.team)) != 1:
            remedy = "write one of on_call: ROTATION, person: NAME, team: NAME"
            raise wrong("a rung tells one receiver", remedy)
        return self


class LadderKeys(Written):
    rungs: Annotated[tuple[RungKeys, ...], Field(min_length=1, max_length=20)]
    repeat: Annotated[int, Field(ge=0, le=10)] = 0


def _version(text: str) -> str:
    if text != "homeostat/v1":
        raise wrong(f"{shown(text)} is not known", "write homeostat/v1")
    return text


class OnCallDocument(Written):
    apiVersion: Annotated[str, AfterValidator(_version)]
    kind: Literal["OnCall"]
    rotations: dict[Name, RotationKeys] = {}
    people: dict[Name, PersonKeys] = {}
    ladders: dict[Name, LadderKeys] = {}
