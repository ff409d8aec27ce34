"""The past, from a site's own database or from a file somebody exported, gone through by rules.

The exported form is one JSON object a line: `{"runbook": ...}` for each version that ever handled
an incident, then `{"incident": ..., "timeline": [...]}`, oldest first. It holds what the database
holds of the past and nothing that a daemon needs to go on, so it can be sent to whoever writes
runbooks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Protocol, TypeVar

import msgspec

from agent.catalog.faults import FaultsError
from agent.catalog.runbooks import load_text
from agent.core.backtest import Tried, tried
from agent.core.hindsight import Hindsight
from agent.core.history import Would, was
from agent.core.matching import MatchIndex, NearMiss
from agent.core.view import View
from agent.model.decision import JournalEntry
from agent.model.errors import Unparseable
from agent.model.incident import Incident
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.model.records import RunbookText
from agent.model.runbook import Lifecycle, Runbook
from agent.ports.plugin import Plugin
from agent.runtime.registry import plugin_facts
from agent.store.reading import HistoryFile

DATABASE = "homeostat.db"
"""Name of a site's database in its data_dir."""
STREAM = "-"
WARM_UP_SECONDS = 86_400.0
"""So much of what came before counts for the guards of the first incident: they look back a day."""
AT_A_TIME = 200
UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

T = TypeVar("T")
Decided = Would | NearMiss | None
Progress = Callable[[int], None]


class History(Protocol):
    """Incidents of the past, oldest first, and what is known besides."""

    def incidents(self, *, since: float = 0.0) -> Iterator[Incident]: ...

    def count(self, *, since: float = 0.0) -> int: ...

    def timelines(self, subjects: Sequence[str]) -> Mapping[str, Sequence[JournalEntry]]: ...

    def runbook_texts(self) -> Mapping[str, RunbookText]: ...


class _Opened(msgspec.Struct):
    opened_at: float


class _Head(msgspec.Struct):
    incident: _Opened | None = None


class _Line(msgspec.Struct, omit_defaults=True):
    incident: Incident | None = None
    timeline: msgspec.Raw = msgspec.Raw(b"[]")
    runbook: RunbookText | None = None


class ExportedHistory:
    """A history from lines of JSON. Raises Unparseable with the number of the line."""

    def __init__(self, lines: Sequence[bytes], *, name: str) -> None:
        self._name = name
        self._line = msgspec.json.Decoder(_Line)
        self._lines: list[tuple[float, int, bytes]] = []
        self._texts: dict[str, RunbookText] = {}
        self._timelines: dict[str, msgspec.Raw] = {}
        head = msgspec.json.Decoder(_Head)
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                incident = head.decode(line).incident
                if incident is not None:
                    self._lines.append((incident.opened_at, number, line))
                    continue
                text = self._line.decode(line).runbook
            except UNREADABLE as error:
                raise self._unparseable(number, error) from None
            if text is not None:
                self._texts[text.digest] = text
        # Histories of several sites are put together with `cat`.
        self._lines.sort(key=itemgetter(0, 1))

    def incidents(self, *, since: float = 0.0) -> Iterator[Incident]:
        for opened_at, number, text in self._lines:
            if opened_at < since:
                continue
            try:
                line = self._line.decode(text)
            except UNREADABLE as error:
                raise self._unparseable(number, error) from None
            if line.incident is not None:
                self._timelines[line.incident.id] = line.timeline
                yield line.incident

    def count(self, *, since: float = 0.0) -> int:
        return sum(opened_at >= since for opened_at, _, _ in self._lines)

    def timelines(self, subjects: Sequence[str]) -> dict[str, list[JournalEntry]]:
        found = {}
        for subject in subjects:
            raw = self._timelines.get(subject, msgspec.Raw(b"[]"))
            try:
                found[subject] = msgspec.json.decode(raw, type=list[JournalEntry])
            except msgspec.DecodeError as error:
                raise Unparseable(f"timeline of {subject}: {error}", where=self._name) from None
        return found

    def runbook_texts(self) -> Mapping[str, RunbookText]:
        return self._texts

    def _unparseable(self, number: int, error: Exception) -> Unparseable:
        return Unparseable(str(error), where=f"{self._name}:{number}")


@contextmanager
def opened(data_dir: Path, exported: Path | None) -> Iterator[History]:
    """The exported history where one is named (`-`: from standard input), else the site's own.
    Raises StoreUnavailable, UnknownSchema or Unparseable; OSError for a file that cannot be read.
    """
    if exported is None:
        with HistoryFile(data_dir / DATABASE) as history:
            yield history
        return
    if str(exported) == STREAM:
        yield ExportedHistory(sys.stdin.buffer.read().splitlines(), name="standard input")
    else:
        yield ExportedHistory(exported.read_bytes().splitlines(), name=str(exported))


def export(
    history: History, to: IO[bytes], *, since: float = 0.0, told: Progress | None = None
) -> int:
    """Writes the history; returns how many incidents it holds."""
    encode = msgspec.json.Encoder().encode
    for text in history.runbook_texts().values():
        to.write(encode(_Line(runbook=text)) + b"\n")
    written = 0
    for incidents in _batches(history.incidents(since=since), AT_A_TIME):
        timelines = history.timelines([incident.id for incident in incidents])
        for incident in incidents:
            raw = msgspec.Raw(encode(timelines[incident.id]))
            to.write(encode(_Line(incident=incident, timeline=raw)) + b"\n")
        written += len(incidents)
        if told is not None:
            told(written)
    return written


class Rules:
    """What decides: runbooks over a policy and a registry, with every plugin that is loaded. What
    plugins need is taken to be connected, as it was when there was something to decide."""

    def __init__(
        self,
        runbooks: Sequence[Runbook],
        *,
        policy: Policy,
        registry: Registry,
        plugins: Mapping[str, Plugin],
    ) -> None:
        self.plugins = plugins
        self.view = View(
            policy=policy,
            registry=registry,
            runbooks=MatchIndex(runbooks),
            plugins={name: plugin_facts(plugin) for name, plugin in plugins.items()},
        )


class _Versions:
    """Runbooks as they were, compiled when first asked for."""

    def __init__(self, history: History, rules: Rules) -> None:
        self._history, self._rules = history, rules
        self._texts: Mapping[str, RunbookText] | None = None
        self._known: dict[str, Runbook | None] = {}

    def __call__(self, digest: str) -> Runbook | None:
        if digest not in self._known:
            self._known[digest] = self._rules.view.runbooks.by_digest(digest) or self._old(digest)
        return self._known[digest]

    def _old(self, digest: str) -> Runbook | None:
        if self._texts is None:
            self._texts = self._history.runbook_texts()
        text = self._texts.get(digest)
        if text is None:
            return None
        try:
            return load_text(text.text, path=text.path, plugins=self._rules.plugins)
        except FaultsError:
            return None  # a plugin it used is gone


def hindsight(
    history: History,
    rules: Rules,
    *,
    since: float = 0.0,
    only: str | None = None,
    told: Progress | None = None,
) -> Iterator[tuple[Incident, Decided]]:
    """Each incident since then with what the rules would decide about it."""
    seen = Hindsight(rules.view, version=_Versions(history, rules), only=only)
    for past in _told(history, since, told):
        decided = seen.decide(past)
        if past.opened_at >= since:
            yield past, decided


def compared(
    history: History, old: Rules, new: Rules, *, since: float = 0.0, told: Progress | None = None
) -> Iterator[tuple[Incident, Would, Would]]:
    """Each incident since then with what two sets of rules would decide about it."""
    news = Hindsight(new.view, version=_Versions(history, new))
    olds = Hindsight(old.view, version=_Versions(history, old))
    for past in _told(history, since, told):
        one, other = olds.decide(past), news.decide(past)
        if past.opened_at >= since and isinstance(one, Would) and isinstance(other, Would):
            yield past, one, other


def _told(history: History, since: float, told: Progress | None) -> Iterator[Incident]:
    """The incidents since then, and those of the day before."""
    for number, past in enumerate(history.incidents(since=since - WARM_UP_SECONDS), start=1):
        if told is not None and not number % AT_A_TIME:
            told(number)
        yield past


class Backtest(msgspec.Struct, kw_only=True):
    """What `backtest` found. `near_misses` count by clause; `not_chosen` by what came
    before it: another runbook, a tie, a silence."""

    incidents: int = 0
    alerts: int = 0
    rows: list[Tried] = []
    near_misses: dict[str, int] = {}
    not_chosen: dict[str, int] = {}


def backtest(
    history: History,
    rules: Rules,
    candidate: Runbook,
    *,
    since: float = 0.0,
    told: Progress | None = None,
    take: Callable[[Tried, Incident], None] | None = None,
) -> Backtest:
    """The candidate as if it were active, beside the other rules, against the history. `take` is
    handed each row with its incident, and then none is kept."""
    found = Backtest()
    others = [r for r in rules.view.runbooks.runbooks if r.name != candidate.name]
    active = msgspec.structs.replace(candidate, lifecycle=Lifecycle.ACTIVE)
    view = rules.view
    tested = Rules(
        [*others, active], policy=view.policy, registry=view.registry, plugins=rules.plugins
    )
    decided = hindsight(history, tested, since=since, only=active.name, told=told)
    for batch in _batches(_chosen(decided, active.name, found), AT_A_TIME):
        timelines = history.timelines([past.id for past, _ in batch])
        rows = [
            tried(active.name, past, timelines[past.id], was(past), would) for past, would in batch
        ]
        if take is None:
            found.rows += rows
            continue
        for row, (past, _) in zip(rows, batch, strict=True):
            take(row, past)
    return found


def _chosen(
    decided: Iterator[tuple[Incident, Decided]], name: str, found: Backtest
) -> Iterator[tuple[Incident, Would]]:
    """Incidents in which the candidate is chosen; the others are counted on the way."""
    for past, told in decided:
        found.incidents += 1
        found.alerts += len(past.alerts)
        miss = told.near_miss if isinstance(told, Would) else told
        if isinstance(told, Would) and told.runbook == name:
            yield past, told
        elif miss is not None:
            found.near_misses[miss.clause] = found.near_misses.get(miss.clause, 0) + 1
        elif isinstance(told, Would):
            by = told.runbook or (told.reason.value if told.reason is not None else told.kind.value)
            found.not_chosen[by] = found.not_chosen.get(by, 0) + 1


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch
