"""What a policy says about time and quiet: freezes, maintenance, inhibition.

freezes:
  - name: black-friday
    from: "2026-11-26T00:00"
    to: "2026-11-30T00:00"
    zone: Europe/Berlin
    products: [shop]
    allows: [stop-bleeding]
maintenance:
  - {name: backup, from: "02:00", to: "03:00", zone: UTC, matchers: ['job="db"']}
inhibit_rules:
  - {source_matchers: [alertname="ClusterDown"], target_matchers: [severity="warning"],
     equal: [cluster]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from pydantic import ConfigDict, Field, model_validator

from agent.catalog.change_windows import WindowKeys, compile_window
from agent.catalog.document import Document
from agent.catalog.document import Path as Steps
from agent.catalog.faults import FaultsError, raise_errors, suggest, wrong
from agent.catalog.matchers import BAD_MATCHER, MatcherText, compile_matchers, match_all
from agent.catalog.runbook_words import WindowName
from agent.catalog.validation import Written
from agent.model.fault import Fault, FaultSeverity
from agent.model.policy import Freeze, InhibitRule, Maintenance, Policy, Window

UNKNOWN_NAME = "HS426"
"""A freeze or a maintenance names a product or a runbook that nobody knows."""
SAME_NAME = "HS427"
"""Two freezes, or two maintenances, have one name."""

T = TypeVar("T")
Name = Annotated[str, Field(min_length=1, max_length=100)]
Label = Annotated[str, Field(min_length=1, max_length=200)]


class FreezeKeys(WindowKeys):
    """A time in which nothing is changed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: WindowName
    """What people call it."""
    products: tuple[Name, ...] = ()
    """Products it is for; all, where they are left out."""
    allows: tuple[Name, ...] = ()
    """Runbooks that run all the same, because they stop the bleeding."""
    why: Annotated[str, Field(max_length=200)] = ""
    """Told to whoever is stopped by it."""


class MaintenanceKeys(WindowKeys):
    """A planned silence."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: WindowName
    """What people call it."""
    matchers: tuple[MatcherText, ...] = ()
    """Alerts it covers: those that all of them agree with."""
    products: tuple[Name, ...] = ()
    """Products it covers; with matchers as well, only alerts of them."""
    why: Annotated[str, Field(max_length=200)] = ""
    """Told to whoever asks why nobody was told."""

    @model_validator(mode="after")
    def _covers_something(self) -> MaintenanceKeys:
        if self.products:
            return self
        if not self.matchers:
            raise wrong("it says nothing of what it covers", "add matchers or products")
        if match_all(compile_matchers(self.matchers)):
            remedy = "at least one matcher must not agree with a missing label"
            raise wrong("the maintenance would cover everything", remedy, code=BAD_MATCHER)
        return self


class InhibitKeys(Written):
    """A rule of Alertmanager's `inhibit_rules`, in its own words."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    source_matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1)]
    """Alerts that speak for others while they fire."""
    target_matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1)]
    """Alerts that need nobody meanwhile."""
    equal: tuple[Label, ...] = ()
    """Labels that must have the same value in both."""


class WrittenAt:
    """Where a policy stands in which file, for what is said about its parts."""

    def __init__(
        self, document: Document | None = None, at: Steps = (), *, folder: Path = Path()
    ) -> None:
        """`at`: the key it stands under, where it is not all of the document."""
        self.folder = folder
        self._document, self._at = document, at

    def mark(self, *steps: str | int) -> tuple[str, int, int]:
        if self._document is None:
            return "policy", 1, 1
        line, column = self._document.mark((*self._at, *steps))
        return self._document.file, line, column


def compile_times(
    windows: Mapping[str, WindowKeys],
    freezes: Iterable[FreezeKeys],
    maintenance: Iterable[MaintenanceKeys],
    place: WrittenAt,
) -> tuple[dict[str, Window], tuple[Freeze, ...], tuple[Maintenance, ...]]:
    """Raises FaultsError with the faults of all calendars together."""
    faults: list[Fault] = []

    def period(keys: WindowKeys, *, is_longer: bool) -> Window | None:
        return _collect(
            faults, lambda: compile_window(keys, folder=place.folder, is_longer=is_longer)
        )

    opened = {name: period(keys, is_longer=False) for name, keys in windows.items()}
    frozen = [(keys, period(keys, is_longer=True)) for keys in freezes]
    maintained = [(keys, period(keys, is_longer=True)) for keys in maintenance]
    faults += _same_names("freezes", [keys.name for keys, _ in frozen], place)
    faults += _same_names("maintenance", [keys.name for keys, _ in maintained], place)
    raise_errors(faults)
    return (
        {name: window for name, window in opened.items() if window is not None},
        tuple(
            _freeze(keys, window, place.mark("freezes", at))
            for at, (keys, window) in enumerate(frozen)
            if window is not None
        ),
        tuple(
            _maintenance(keys, window, place.mark("maintenance", at))
            for at, (keys, window) in enumerate(maintained)
            if window is not None
        ),
    )


def _freeze(keys: FreezeKeys, period: Window, where: tuple[str, int, int]) -> Freeze:
    return Freeze(
        name=keys.name,
        period=period,
        products=keys.products,
        allows=keys.allows,
        why=keys.why,
        where=where,
    )


def _maintenance(keys: MaintenanceKeys, period: Window, where: tuple[str, int, int]) -> Maintenance:
    return Maintenance(
        name=keys.name,
        period=period,
        matchers=compile_matchers(keys.matchers),
        products=keys.products,
        why=keys.why,
        where=where,
    )


def compile_inhibition(rules: Iterable[InhibitKeys]) -> tuple[InhibitRule, ...]:
    return tuple(
        InhibitRule(
            source=compile_matchers(rule.source_matchers),
            target=compile_matchers(rule.target_matchers),
            equal=rule.equal,
        )
        for rule in rules
    )


def _collect(faults: list[Fault], compiled: Callable[[], T]) -> T | None:
    try:
        return compiled()
    except FaultsError as error:
        faults.extend(error.faults)
        return None


def _same_names(key: str, names: list[str], place: WrittenAt) -> Iterator[Fault]:
    for at, name in enumerate(names):
        if name in names[:at]:
            yield _fault(
                place.mark(key, at, "name"),
                SAME_NAME,
                f"{key}[{at}].name",
                f"{name} is there twice",
                "rename one of them",
            )


def unknown_names(
    policy: Policy, products: Iterable[str], runbooks: Iterable[str]
) -> Iterator[Fault]:
    """Products and runbooks that the times of the policy name and nobody knows. A freeze of a
    misspelt product protects nothing: an error. The rest only covers less than was meant."""
    known, runnable = set(products), set(runbooks)
    for freeze in policy.freezes:
        for name in freeze.products:
            if name not in known:
                yield _unknown(f"freeze {freeze.name}", "product", name, known, freeze.where)
        for name in freeze.allows:
            if name not in runnable:
                fault = _unknown(f"freeze {freeze.name}", "runbook", name, runnable, freeze.where)
                yield _warning(fault)
    for planned in policy.maintenance:
        for name in planned.products:
            if name not in known:
                what = f"maintenance {planned.name}"
                yield _warning(_unknown(what, "product", name, known, planned.where))


def _unknown(
    whose: str, what: str, name: str, known: Iterable[str], where: tuple[str, int, int]
) -> Fault:
    message = f"there is no {what} {name!r}"
    remedy = suggest(name, known) or f"declare the {what}, or take the name away"
    return _fault(where, UNKNOWN_NAME, whose, message, remedy)


def _warning(fault: Fault) -> Fault:
    return msgspec.structs.replace(fault, severity=FaultSeverity.WARNING)


def _fault(where: tuple[str, int, int], code: str, path: str, message: str, remedy: str) -> Fault:
    file, line, column = where
    return Fault(
        file=file,
        line=line,
        column=column,
        code=code,
        path=path,
        message=message,
        remedy=remedy,
    )
