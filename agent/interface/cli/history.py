"""Commands that go through the past: replay, backtest, diff."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from agent.catalog.faults import suggest
from agent.catalog.quantities import parse_duration
from agent.catalog.runbooks import RunbookSet, load_runbooks
from agent.catalog.settings import Settings
from agent.interface.cli import history_text as shown
from agent.interface.cli.output import (
    FOUND_WRONG,
    WRONG_USAGE,
    Format,
    FormatOption,
    complain,
    emit,
    stop,
)
from agent.interface.cli.site import ConfigOption, settings_of
from agent.model.errors import HomeostatError
from agent.model.fault import Fault, FaultSeverity
from agent.model.product import Registry
from agent.model.runbook import Runbook
from agent.ports.plugin import Plugin
from agent.runtime import history as past
from agent.runtime.reading import load_plugins, read

app = typer.Typer()

PROGRESS_EVERY_SECONDS = 2.0

SinceOption = Annotated[
    str,
    typer.Option(help="How far back: a duration as in 90d, or a date as in 2026-01-31 (UTC)."),
]
HistoryOption = Annotated[
    Path | None,
    typer.Option("--history", help="An exported history; `-`: from standard input."),
]


class Site:
    """What the settings say, read once: who is registered, what is loaded, which rules there are.

    `faults` are the errors of all files read; what they are in is left out.
    """

    def __init__(self, config: Path | None) -> None:
        self.settings: Settings = settings_of(config)
        self.plugins = load_plugins(self.settings).plugins
        reading = read(self.settings, self.plugins)
        self.registry: Registry = reading.registry
        self.runbooks: Sequence[Runbook] = reading.runbooks.runbooks
        self.faults = _errors(reading.faults)
        if not self.registry.products and not self.registry.entities:
            complain("no product is registered here: who owns what is taken from the history")

    def load(self, paths: Sequence[Path]) -> RunbookSet:
        """Other runbooks than those of the settings; ends the command where there is no path."""
        for path in paths:
            if not path.exists():
                stop(f"there is no {path}", code=WRONG_USAGE)
        found = load_runbooks(paths, self.plugins)
        self.faults += _errors(found.faults)
        return found

    def rules(self, runbooks: Sequence[Runbook]) -> past.Rules:
        plugins: dict[str, Plugin] = dict(self.plugins)
        return past.Rules(
            runbooks, policy=self.settings.policy, registry=self.registry, plugins=plugins
        )

    def end(self) -> None:
        """Exit code 1 where anything read has faults: the figures are without it."""
        for fault in self.faults:
            complain(str(fault))
        if self.faults:
            raise typer.Exit(FOUND_WRONG)


def _errors(faults: Sequence[Fault]) -> list[Fault]:
    return [f for f in faults if f.severity is FaultSeverity.ERROR]


def since_of(text: str, *, now: float) -> float:
    """Seconds since the epoch; 0 for everything. Ends the command where it is neither."""
    if not text:
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    try:
        return now - parse_duration(text)
    except ValueError:
        stop(
            f"--since {text}: write a duration (90d, 12h) or a date (2026-01-31)", code=WRONG_USAGE
        )


@contextmanager
def opened(site: Site, exported: Path | None) -> Iterator[past.History]:
    """The history; ends the command where it cannot be read, with what to do about it."""
    try:
        with past.opened(site.settings.data_dir, exported) as found:
            yield found
    except (HomeostatError, OSError) as error:
        _unreadable(site, exported, error)


def _unreadable(site: Site, exported: Path | None, error: Exception) -> NoReturn:
    if exported is None and not (site.settings.data_dir / past.DATABASE).exists():
        stop(
            f"there is no history in {site.settings.data_dir}: give the settings of a site that ran"
            " (--config), or an exported history (--history FILE)",
            code=WRONG_USAGE,
        )
    if isinstance(error, OSError):
        stop(f"{error.filename or exported}: {error.strerror}", code=WRONG_USAGE)
    stop(str(error), code=WRONG_USAGE if exported is not None else FOUND_WRONG)


class Progress:
    """Says on standard error how far a long reading is."""

    def __init__(self, whole: int, *, what: str = "incidents") -> None:
        self._whole, self._what = whole, what
        self._next = time.monotonic() + PROGRESS_EVERY_SECONDS

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PROGRESS_EVERY_SECONDS
            print(f"homeostat: {done:,} of {self._whole:,} {self._what}", file=sys.stderr)


@app.command()
def replay(
    since: SinceOption = "",
    runbooks: Annotated[
        list[Path] | None,
        typer.Option("--runbooks", help="Other rules than those of the settings. Repeatable."),
    ] = None,
    history: HistoryOption = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the history here as lines of JSON; `-`: print it."),
    ] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what differs.")] = False,
    config: ConfigOption = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Go through past incidents with today's rules: what was decided then, and what would be now.

    The daemon may run meanwhile; nothing is changed. With --export the history is written instead.

    Example: homeostat replay --since 30d --runbooks runbooks/
    """
    site = Site(config)
    start = since_of(since, now=time.time())
    with opened(site, history) as found:
        if export is not None:
            _export(found, export, start)
            return
        chosen = site.load(runbooks).runbooks if runbooks else site.runbooks
        told = Progress(found.count(since=start))
        rows = shown.replayed(past.hindsight(found, site.rules(chosen), since=start, told=told))
    emit(
        shown.replay_data(rows, since=start, changed=changed),
        style,
        lambda: shown.replay_text(rows, changed=changed),
    )
    site.end()


def _export(found: past.History, to: Path, since: float) -> None:
    told = Progress(found.count(since=since))
    if str(to) == past.STREAM:
        past.export(found, sys.stdout.buffer, since=since, told=told)
        sys.stdout.buffer.flush()
        return
    try:
        with to.open("wb") as file:
            written = past.export(found, file, since=since, told=told)
    except OSError as error:
        stop(f"cannot write {to}: {error.strerror}", code=WRONG_USAGE)
    print(f"{written} incidents written to {to}")


@app.command()
def backtest(
    runbook: Annotated[
        str, typer.Argument(metavar="RUNBOOK", help="A file, or the name of one of today's.")
    ],
    since: SinceOption = "",
    only: Annotated[str, typer.Option(help="Which one, where the file holds several.")] = "",
    history: HistoryOption = None,
    config: ConfigOption = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Try a runbook against history: where it would have matched, acted or been stopped, and what
    people did there.

    It is tried as if it were active, beside today's other runbooks; a draft or one in shadow too.

    Example: homeostat backtest runbooks/crash-loop/crash-loop.yaml --since 90d
    """
    site = Site(config)
    start = since_of(since, now=time.time())
    candidate = _candidate(site, runbook, only)
    with opened(site, history) as found:
        told = Progress(found.count(since=start))
        tested = past.backtest(found, site.rules(site.runbooks), candidate, since=start, told=told)
    emit(
        shown.backtest_data(tested, candidate, since=start),
        style,
        lambda: shown.backtest_text(tested, candidate),
    )
    site.end()


def _candidate(site: Site, told: str, only: str) -> Runbook:
    """The one runbook meant. One with faults cannot be tried: they are printed, exit code 1."""
    path = Path(told)
    if not path.exists():
        named = {r.name: r for r in site.runbooks}
        if told not in named:
            stop(f"there is no file and no runbook {told} ({suggest(told, named)})", code=2)
        return named[told]
    others, site.faults = site.faults, []
    found = site.load([path])
    site.end()
    site.faults = others
    named = {r.name: r for r in found.runbooks}
    if only and only not in named:
        stop(f"there is no runbook {only!r} in {path} ({suggest(only, named)})", code=WRONG_USAGE)
    if not named or (len(named) > 1 and not only):
        names = ", ".join(named) or "none"
        stop(f"{path} holds {len(named)} runbooks, not one: {names} (say --only NAME)", code=2)
    return named[only] if only else found.runbooks[0]


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Runbooks: a file or a folder.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same, as it is to be.")],
    since: SinceOption = "",
    history: HistoryOption = None,
    config: ConfigOption = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Say which past incidents would end differently under NEW than under OLD, and from what to
    what. A difference is nothing wrong: the exit code is 0. Where OLD or NEW has faults, nothing is
    compared, and it is 1.

    Example: homeostat diff /tmp/last-week/runbooks runbooks/ --since 90d
    """
    site = Site(config)
    site.faults = []
    start = since_of(since, now=time.time())
    before, after = site.load([old]), site.load([new])
    site.end()  # what is missing on one side would look like a difference
    changes = shown.changes(before.runbooks, after.runbooks)
    with opened(site, history) as found:
        told = Progress(found.count(since=start))
        rules = [site.rules(each.runbooks) for each in (before, after)]
        seen = past.compared(found, rules[0], rules[1], since=start, told=told)
        whole, rows = shown.differing(seen)
    emit(
        shown.diff_data(rows, changes, since=start, incidents=whole),
        style,
        lambda: shown.diff_text(rows, changes, incidents=whole),
    )
