"""Rotations, people and ladders, read as one set: what matters stands between the files.

A rung that leads to a rotation nobody wrote would be found out at night, so names are checked here,
with suggestions. What only may be wrong (a ladder of a team that owns nothing, a product whose
builder nobody could reach) is a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from agent.catalog.calendar import IcsCalendar
from agent.catalog.document import Document, Step, fault_in
from agent.catalog.faults import FaultsError, in_order, raise_errors, shown, suggest
from agent.catalog.files import fault_of_file, read_documents
from agent.catalog.on_call_document import (
    LadderKeys,
    OnCallDocument,
    OverrideKeys,
    PersonKeys,
    RotationKeys,
    RungKeys,
)
from agent.catalog.rotations import ByCalendar, Override, Turns, WithOverrides
from agent.catalog.settings import Use, compile_use
from agent.catalog.strict_yaml import validate
from agent.catalog.wall_clock import span
from agent.model.fault import Fault, FaultSeverity
from agent.model.on_call import OnCall, Rotation, Rung, RungKind
from agent.model.product import Registry

SHAPE = "HS440"
PERSON_UNKNOWN = "HS441"
ROTATION_UNKNOWN = "HS442"
TWICE = "HS443"
OVERLAP = "HS444"
TEAM_WITHOUT_WORK = "HS445"
UNREACHABLE = "HS446"

PERSON_KEY = "person:"
DEFAULT = "default"


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """What the files declare, compiled."""

    on_call: OnCall = OnCall()
    channels: Mapping[str, tuple[Use, ...]] = {}
    """Of people, by the keys of `View.channels`."""
    files: tuple[str, ...] = ()
    """Calendars they name: what is read anew where one of them changes."""
    warnings: tuple[Fault, ...] = ()


class _Set:
    """Everything of all files, each part with the document it stands in."""

    def __init__(self) -> None:
        self.rotations: dict[str, tuple[Document, RotationKeys]] = {}
        self.people: dict[str, tuple[Document, PersonKeys]] = {}
        self.ladders: dict[str, tuple[Document, LadderKeys]] = {}
        self.faults: list[Fault] = []
        self.is_partial = False
        """A document could not be used: what is unknown may stand in it."""


def load_on_call(paths: Sequence[Path], *, teams: Collection[str] | None = None) -> Staff:
    """All files as one set. `teams`: everybody who owns something, where that is known. Raises
    FaultsError with the faults of all files."""
    found = _Set()
    for path in paths:
        _read(path, found)
    found.faults += _unknown_names(found)
    rotations, calendars = _rotations(found)
    raise_errors(found.faults)
    if teams is not None:
        found.faults += _idle_ladders(found, teams)
    return Staff(
        on_call=OnCall(
            rotations=rotations,
            people={name: PERSON_KEY + name for name in found.people},
            ladders={
                team: tuple(_rung(keys) for keys in ladder.rungs)
                for team, (_, ladder) in found.ladders.items()
            },
            repeats={t: ladder.repeat for t, (_, ladder) in found.ladders.items() if ladder.repeat},
        ),
        channels=_channels(found),
        files=tuple(calendars),
        warnings=in_order(found.faults),
    )


def unreachable_builders(
    registry: Registry, staff: Staff, notify: Collection[str]
) -> Iterator[Fault]:
    """Products whose builder has neither a ladder nor a channel: their pages go to others."""
    if not staff.on_call.ladders or DEFAULT in notify:
        return
    for product in registry.products.values():
        if product.builder not in staff.on_call.ladders and product.builder not in notify:
            message = f"nobody can be told for {shown(product.name)}: its builder "
            message += f"{shown(product.builder)} has neither a ladder nor a channel"
            remedy = f"add ladders.{product.builder} or notify.{product.builder}"
            path, warning = Path(product.path), FaultSeverity.WARNING
            yield fault_of_file(path, UNREACHABLE, message, remedy, warning)


def _read(path: Path, found: _Set) -> None:
    try:
        documents = read_documents(path)
    except FaultsError as error:
        found.faults += error.faults
        found.is_partial = True
        return
    for document in documents:
        try:
            keys = validate(document, OnCallDocument, code=SHAPE)
        except FaultsError as error:
            found.faults += error.faults
            found.is_partial = True
            continue
        _take(document, "rotations", keys.rotations, found.rotations, found)
        _take(document, "people", keys.people, found.people, found)
        _take(document, "ladders", keys.ladders, found.ladders, found)


def _take(
    document: Document, part: str, new: Mapping[str, Any], known: dict[str, Any], found: _Set
) -> None:
    for name, keys in new.items():
        if name in known:
            first, _ = known[name]
            line, _ = first.mark((part, name), key=True)
            message = f"{shown(name)} stands in {first.file}:{line} already"
            remedy = "keep one of them"
            found.faults.append(fault_in(document, (part, name), TWICE, message, remedy, key=True))
        else:
            known[name] = (document, keys)


def _unknown_names(found: _Set) -> Iterator[Fault]:
    if found.is_partial:
        return
    people, rotations = found.people, found.rotations
    for name, (document, rotation) in rotations.items():
        own: tuple[Step, ...] = ("rotations", name)
        for at, person in enumerate(rotation.people or ()):
            yield from _known(document, (*own, "people", at), person, people, PERSON_UNKNOWN)
        for at, override in enumerate(rotation.overrides):
            place = (*own, "overrides", at, "person")
            yield from _known(document, place, override.person, people, PERSON_UNKNOWN)
    for team, (document, ladder) in found.ladders.items():
        for at, rung in enumerate(ladder.rungs):
            steps: tuple[Step, ...] = ("ladders", team, "rungs", at)
            if rung.on_call is not None:
                place = (*steps, "on_call")
                yield from _known(document, place, rung.on_call, rotations, ROTATION_UNKNOWN)
            if rung.person is not None:
                place = (*steps, "person")
                yield from _known(document, place, rung.person, people, PERSON_UNKNOWN)


def _known(
    document: Document, path: tuple[Step, ...], name: str, known: Collection[str], code: str
) -> Iterator[Fault]:
    if name not in known:
        what, where = {
            PERSON_UNKNOWN: ("person", "people"),
            ROTATION_UNKNOWN: ("rotation", "rotations"),
        }[code]
        remedy = suggest(name, known, what="known") or f"add it under {where}"
        yield fault_in(document, path, code, f"there is no {what} {shown(name)}", remedy)


def _idle_ladders(found: _Set, teams: Collection[str]) -> Iterator[Fault]:
    for team, (document, _) in found.ladders.items():
        if team not in teams:
            message = f"no product or entity belongs to team {shown(team)}"
            remedy = suggest(team, teams, what="teams")
            place = ("ladders", team)
            yield fault_in(
                document,
                place,
                TEAM_WITHOUT_WORK,
                message,
                remedy,
                FaultSeverity.WARNING,
                key=True,
            )


def _rotations(found: _Set) -> tuple[dict[str, Rotation], list[str]]:
    """Compiled; faults of calendars and of overrides are collected."""
    compiled: dict[str, Rotation] = {}
    calendars: list[str] = []
    spelt = {name.lower(): name for name in found.people}
    for name, (document, keys) in found.rotations.items():
        rotation: Turns | ByCalendar
        if keys.ics is not None:
            path = Path(document.file).parent / keys.ics
            calendars.append(str(path))
            try:
                # Of two possible ends the later one: rather two people on call than nobody.
                calendar = IcsCalendar(path, zone=keys.zone, is_longer=True)
            except FaultsError as error:
                found.faults += error.faults
                continue
            rotation = ByCalendar(calendar, spelt)
        else:
            rotation = Turns(keys.people or (), first=keys.first, every=keys.every, zone=keys.zone)
        overrides = tuple(_override(o, keys.zone) for o in keys.overrides)
        found.faults += _overlaps(document, name, overrides)
        compiled[name] = WithOverrides(rotation, overrides) if overrides else rotation
    return compiled, calendars


def _override(keys: OverrideKeys, zone: str) -> Override:
    """In the hour that comes twice it lasts as long as can be meant."""
    begin, end = datetime.fromisoformat(keys.from_), datetime.fromisoformat(keys.to)
    starts_at, ends_at = span(begin, end, ZoneInfo(zone), is_longer=True)
    return Override(person=keys.person, starts_at=starts_at, ends_at=ends_at)


def _overlaps(document: Document, rotation: str, overrides: Sequence[Override]) -> Iterator[Fault]:
    for at, one in enumerate(overrides):
        for number, other in enumerate(overrides[:at]):
            if one.starts_at < other.ends_at and other.starts_at < one.ends_at:
                message = f"it overlaps overrides[{number}] ({other.person}): who is on call?"
                remedy = "let one end when the other begins"
                place = ("rotations", rotation, "overrides", at)
                yield fault_in(document, place, OVERLAP, message, remedy)
                break


def _channels(found: _Set) -> dict[str, tuple[Use, ...]]:
    return {
        PERSON_KEY + name: tuple(
            compile_use(
                use,
                document,
                ("people", name, "notify", at),
                folder=Path(document.file).parent,
            )
            for at, use in enumerate(keys.notify)
        )
        for name, (document, keys) in found.people.items()
    }


def _rung(keys: RungKeys) -> Rung:
    kind, to = next(
        (kind, to)
        for kind, to in (
            (RungKind.ON_CALL, keys.on_call),
            (RungKind.PERSON, keys.person),
            (RungKind.TEAM, keys.team),
        )
        if to is not None
    )
    return Rung(kind=kind, to=to, ack_seconds=keys.ack_within)
