"""One proposal tried out: written as YAML, read back, checked, its tests played, and held against
the past. Nobody sees a proposal that did not pass.

It is checked as if it were assisted already, so that whatever its tests do not prove is an error,
and with what is only a warning for runbooks people write and answer for themselves: a limit looser
than the policy's, a window nobody declared, a runbook it would tie with. The tests are played under
the default policy, as `homeostat check` does; the past is gone through under the site's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from agent.catalog.change_windows import undeclared_windows
from agent.catalog.draft import draft
from agent.catalog.faults import FaultsError
from agent.catalog.lint import lint, places_in
from agent.catalog.policy import PolicyDocument, compile_policy
from agent.catalog.rails_document import loose_guards
from agent.catalog.runbook_owners import of_their_owners
from agent.catalog.runbook_ties import ties
from agent.catalog.runbooks import RunbookSet, load_files
from agent.catalog.strict_yaml import read_one
from agent.core.backtest import Judging, Tried
from agent.core.cleaning import clean_text
from agent.core.history import Kind
from agent.core.proposed_since import beside
from agent.model.decision import JournalEntry
from agent.model.event import PromotionTried
from agent.model.fault import FaultSeverity
from agent.model.incident import Incident
from agent.model.learning import Backtested, Promotion, Resolution
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.model.reason import Reason
from agent.model.records import RunbookText
from agent.model.runbook import Lifecycle, Runbook
from agent.ports.plugin import Plugin
from agent.runtime.history import History, Rules, backtest
from agent.runtime.rehearsal import Company
from agent.runtime.rehearsal_coverage import cover, faults_of

MOST_FAULTS = 20
LONGEST_FAULT = 400
RUNS = (Lifecycle.ASSISTED, Lifecycle.ACTIVE)

Told = Callable[[int], None]
"""Told how many incidents were gone through; raises where there is no more time."""


def try_out(
    promotion: Promotion,
    *,
    plugins: Mapping[str, Plugin],
    policy: Policy,
    registry: Registry,
    other_runbooks: Sequence[Runbook],
    history: History,
    at: float,
    resolutions: Mapping[str, Resolution] | None = None,
    told: Told | None = None,
) -> PromotionTried:
    """What came of it, as the event that says so. `other_runbooks` are those that are loaded; the
    proposal itself, and what it replaces, may be among them. `resolutions` (by incident) say what
    people did better than the history where they are known. Raises StoreUnavailable where the
    history cannot be read, and what `told` raises.
    """
    others = [r for r in other_runbooks if r.name not in (promotion.name, promotion.replaces)]
    found, faults = _read(promotion, plugins)
    backtested = None
    if not faults:
        (candidate,) = found.runbooks
        faults = _checked(found, candidate, others, plugins, policy, registry, told)
        if not faults:
            rules = Rules(
                [*others, candidate], policy=policy, registry=registry, plugins=dict(plugins)
            )
            backtested, faults = _held_against(
                promotion, candidate, rules, history, resolutions or {}, at=at, told=told
            )
    said = [clean_text(text, longest=LONGEST_FAULT)[0] for text in faults[:MOST_FAULTS]]
    if len(faults) > MOST_FAULTS:
        said.append(f"and {len(faults) - MOST_FAULTS} more")
    return PromotionTried(
        at=at,
        subject=promotion.name,
        faults=tuple(said),
        backtest=backtested,
        document=promotion.document,
    )


def as_if_assisted(promotion: Promotion) -> str:
    """Its text, as it would be with a person's word for every act."""
    document = dict(promotion.document)
    lifecycle = document.get("lifecycle")
    written = dict(lifecycle) if isinstance(lifecycle, Mapping) else {}
    document["lifecycle"] = {**written, "state": Lifecycle.ASSISTED.value}
    return draft(document)


def _read(promotion: Promotion, plugins: Mapping[str, Plugin]) -> tuple[RunbookSet, list[str]]:
    file = f"{promotion.name}.yaml"
    try:
        text = as_if_assisted(promotion)
    except TypeError as error:
        return RunbookSet(), [f"{file}: {error}"]
    found = load_files([(file, text)], plugins)
    faults = [str(f) for f in found.faults if f.severity is FaultSeverity.ERROR]
    if faults:
        return found, faults
    names = [runbook.name for runbook in found.runbooks]
    if names != [promotion.name]:
        return found, [f"{file}: it is called {', '.join(names) or 'nothing'}"]
    if not _reads_back(text, file):
        return found, [f"{file}: what is read back is not what was written"]
    return found, []


def _reads_back(text: str, file: str) -> bool:
    """Whether the strict reader finds in the text just what was put there."""
    try:
        return draft(read_one(text, file=file).data) == text
    except (FaultsError, TypeError, AttributeError):
        return False


def _checked(
    found: RunbookSet,
    candidate: Runbook,
    others: Sequence[Runbook],
    plugins: Mapping[str, Plugin],
    policy: Policy,
    registry: Registry,
    told: Told | None,
) -> list[str]:
    """What `check` and `test` say, and what only matters here."""
    theirs = of_their_owners(found, registry, platform=policy.platform)
    faults = [*theirs.faults, *lint(found)]

    def place(runbook: Runbook, path: tuple[str, ...]) -> tuple[str, int, int]:
        file, mark = places_in(found, runbook)(path)
        return file, *mark

    company = Company(found, plugins, policy=compile_policy(PolicyDocument()))
    results = company.play_all(candidate)
    if told is not None:
        told(0)
    coverage = cover(company, candidate, results)
    faults += faults_of(found, coverage)
    said = [str(f) for f in faults if f.severity is FaultSeverity.ERROR]
    said += [str(f) for f in loose_guards([candidate], policy, place)]
    windows = {candidate.name: place(candidate, ("guard", "window"))}
    if candidate.guard.window is not None:
        said += [str(f) for f in undeclared_windows([candidate], policy, windows)]
    said += [
        f"{candidate.name}: test {result.name!r} fails: {'; '.join(result.differences)}"
        for result in results
        if not result.passed
    ]
    return said + list(_tied(candidate, others))


def _tied(candidate: Runbook, others: Sequence[Runbook]) -> Iterator[str]:
    """Two that match the same alerts with equal right hinder each other: nothing would be done."""
    mine = msgspec.structs.replace(candidate, lifecycle=Lifecycle.ACTIVE)
    acting = [
        msgspec.structs.replace(other, lifecycle=Lifecycle.ACTIVE)
        for other in others
        if other.lifecycle in RUNS and _shares_a_name(other, mine)
    ]
    found: set[str] = set()
    for tie in ties([*acting, mine]):
        pair = {tie.one.name, tie.other.name}
        if mine.name in pair:
            (other,) = pair - {mine.name}
            found.add(other)
            yield f"{mine.name} matches the same alerts as {other}, and neither says more"
    told = candidate.match.when.text if candidate.match.when is not None else ""
    layer = candidate.layer.value if candidate.layer is not None else ""
    for name in beside(candidate.match, told, others, layer=layer).ties:
        if name not in found:
            yield f"{mine.name} matches the same alerts as {name}, and neither says more"


def _shares_a_name(other: Runbook, mine: Runbook) -> bool:
    """Whether a tie is possible at all: only a glob, or no name, can be for what is not listed."""
    exact = set(mine.match.alert)
    return not other.match.alert or any(
        name in exact or "*" in name or "?" in name for name in other.match.alert
    )


class _Noting:
    """A history that also notes which of the wanted incidents it holds."""

    def __init__(self, history: History, wanted: Sequence[str]) -> None:
        self._history, self._wanted = history, frozenset(wanted)
        self.held: dict[str, Incident] = {}

    def incidents(self, *, since: float = 0.0) -> Iterator[Incident]:
        for past in self._history.incidents(since=since):
            if past.id in self._wanted:
                self.held[past.id] = past
            yield past

    def count(self, *, since: float = 0.0) -> int:
        return self._history.count(since=since)

    def timelines(self, subjects: Sequence[str]) -> Mapping[str, Sequence[JournalEntry]]:
        return self._history.timelines(subjects)

    def runbook_texts(self) -> Mapping[str, RunbookText]:
        return self._history.runbook_texts()


def _held_against(
    promotion: Promotion,
    candidate: Runbook,
    rules: Rules,
    history: History,
    resolutions: Mapping[str, Resolution],
    *,
    at: float,
    told: Told | None,
) -> tuple[Backtested, list[str]]:
    """The figures, and what is wrong: of its own incidents all have to match, and none may be one
    in which it would decide that a person must look."""
    noting = _Noting(history, promotion.incidents)
    dwell = max(candidate.guard.dwell_seconds or 0.0, rules.view.policy.rails.dwell_seconds)
    judging = Judging(resolutions, dwell_seconds=dwell)
    mine: dict[str, Tried] = {}

    def take(row: Tried, past: Incident) -> None:
        judging.take(row, past)
        if past.id in noting.held:
            mine[past.id] = row

    found = backtest(noting, rules, candidate, told=told, take=take)
    faults = []
    for incident in noting.held.values():
        why = _strays(mine.get(incident.id), incident)
        if why:
            faults.append(f"{promotion.name}, in {incident.id}, which it is made of: {why}")
    return judging.figures(at=at, incidents=found.incidents), faults


def _strays(row: Tried | None, past: Incident) -> str:
    """How it fails an incident it is made of; empty where it does what was done."""
    if row is None:
        return "" if past.silenced_by is not None else "it is not chosen there"
    if row.would.kind is Kind.SETTLES or row.would.reason is Reason.DECIDED_TO_ESCALATE:
        return "it would not act there"
    return ""
