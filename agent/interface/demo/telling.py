"""How the story is told: live in a terminal, in plain lines elsewhere, or as one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from agent.ports.clock import Clock


class Title(msgspec.Struct, frozen=True):
    name: str
    title: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One chapter, told: what should have been seen and what was."""

    name: str
    title: str
    expected: str
    seen: str
    came_true: bool
    seconds: float


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The whole story."""

    results: Sequence[Result]
    seconds: float
    first_heal_seconds: float | None
    """From the command to the first healed incident."""
    ledger: Mapping[str, Any]
    """Where every alert message went; it has to balance."""

    @property
    def came_true(self) -> bool:
        return bool(self.ledger.get("balanced")) and all(r.came_true for r in self.results)


class Teller(Protocol):
    def begins(self, titles: Sequence[Title], *, head: Sequence[str]) -> None: ...

    def chapter(self, title: Title, *, broken: str, expected: str) -> None: ...

    def says(self, text: str) -> None: ...

    def waits(self, what: str, seconds: float) -> None: ...

    def chapter_ends(self, result: Result) -> None: ...

    def ends(self, ending: Ending) -> None: ...

    def fails(self, why: str) -> None:
        """The story could not be told to its end."""
        ...

    def close(self) -> None: ...


class Plain:
    """Line by line. Waiting is not told: a log wants what happened."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def _line(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)

    def begins(self, titles: Sequence[Title], *, head: Sequence[str]) -> None:
        for line in head:
            self._line(line)

    def chapter(self, title: Title, *, broken: str, expected: str) -> None:
        self._line()
        self._line(f"== {title.title}")
        self._line(f"   broken:   {broken}")
        self._line(f"   expected: {expected}")

    def says(self, text: str) -> None:
        self._line(f"   - {text}")

    def waits(self, what: str, seconds: float) -> None:
        return

    def chapter_ends(self, result: Result) -> None:
        self._line(f"   seen:     {result.seen}")
        self._line(f"   {verdict(result)} after {result.seconds:.1f} s")

    def ends(self, ending: Ending) -> None:
        self._line()
        for result in ending.results:
            self._line(f"  {verdict(result):17} {result.title}")
        for line in summary(ending):
            self._line(line)

    def fails(self, why: str) -> None:
        print(f"homeostat: {why}", file=sys.stderr, flush=True)

    def close(self) -> None:
        return


class Json(Plain):
    """One object on standard output when all is over; what happens goes to standard error."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def ends(self, ending: Ending) -> None:
        told = msgspec.to_builtins(ending)
        rows = told.pop("results")
        self._print({"came_true": ending.came_true, **told, "chapters": rows})

    def fails(self, why: str) -> None:
        self._print({"came_true": False, "error": why, "chapters": []})

    def _print(self, told: Mapping[str, Any]) -> None:
        print(json.dumps(told, indent=2, ensure_ascii=False), flush=True)


class Told(msgspec.Struct):
    """What the live view knows of one chapter."""

    title: Title
    broken: str = ""
    expected: str = ""
    began_at: float | None = None
    result: Result | None = None


class Alive:
    """The list of chapters, the one under way with what is waited for, and the last lines said."""

    LINES = 6

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._console = Console()
        self._spinner = Spinner("dots")
        self._chapters: list[Told] = []
        self._said: list[str] = []
        self._waits: tuple[str, float, float] | None = None
        self._live = Live(
            console=self._console, get_renderable=self._render, refresh_per_second=8, transient=True
        )

    def begins(self, titles: Sequence[Title], *, head: Sequence[str]) -> None:
        for line in head:
            self._console.print(Text(line))
        self._chapters = [Told(title) for title in titles]
        self._live.start()

    def chapter(self, title: Title, *, broken: str, expected: str) -> None:
        told = self._of(title.name)
        told.broken, told.expected, told.began_at = broken, expected, self._clock.monotonic()
        self._said = []

    def says(self, text: str) -> None:
        self._said = [*self._said, text][-self.LINES :]
        self._waits = None

    def waits(self, what: str, seconds: float) -> None:
        self._waits = (what, self._clock.monotonic(), seconds)

    def chapter_ends(self, result: Result) -> None:
        self._of(result.name).result = result
        self._waits = None

    def ends(self, ending: Ending) -> None:
        self._live.stop()
        table = Table()
        for column in ("", "chapter", "expected", "seen", "s"):
            table.add_column(column, overflow="fold")
        for result in ending.results:
            mark = Text("✓", "green") if result.came_true else Text("✗", "bold red")
            table.add_row(
                mark,
                Text(result.title),
                Text(result.expected),
                Text(result.seen),
                Text(f"{result.seconds:.1f}"),
            )
        self._console.print(table)
        for line in summary(ending):
            self._console.print(Text(line))

    def fails(self, why: str) -> None:
        self._live.stop()
        self._console.print(Text(f"homeostat: {why}", "red"))

    def close(self) -> None:
        self._live.stop()

    def _of(self, name: str) -> Told:
        return next(told for told in self._chapters if told.title.name == name)

    def _render(self) -> RenderableType:
        rows = Table.grid(padding=(0, 1))
        for told in self._chapters:
            rows.add_row(*self._row(told))
        lines: list[RenderableType] = [Text(f"  {line}", "dim") for line in self._said]
        if self._waits is not None:
            what, since, seconds = self._waits
            passed = self._clock.monotonic() - since
            lines.append(Text(f"  waiting for {what} ({passed:.0f} of at most {seconds:.0f} s)"))
        return Group(rows, *lines)

    def _row(self, told: Told) -> tuple[RenderableType, RenderableType, RenderableType]:
        if told.result is not None:
            mark = Text("✓", "green") if told.result.came_true else Text("✗", "bold red")
            line = Text(f"{told.title.title}\n", "bold").append(told.result.seen, "not bold dim")
            return mark, line, Text(f"{told.result.seconds:.1f} s", "dim")
        if told.began_at is None:
            return Text("·", "dim"), Text(told.title.title, "dim"), Text("")
        line = Text(f"{told.title.title}\n", "bold").append(
            f"broken: {told.broken}\nexpected: {told.expected}", "not bold"
        )
        return self._spinner, line, Text(f"{self._clock.monotonic() - told.began_at:.0f} s", "dim")


def verdict(result: Result) -> str:
    return "came true" if result.came_true else "DID NOT COME TRUE"


def summary(ending: Ending) -> list[str]:
    true = sum(1 for result in ending.results if result.came_true)
    first = ending.first_heal_seconds
    heal = "nothing was healed" if first is None else f"first heal after {first:.0f} s"
    ledger = ending.ledger
    word = "balanced" if ledger.get("balanced") else "NOT BALANCED"
    return [
        f"{true} of {len(ending.results)} chapters came true in {ending.seconds:.0f} s; {heal}",
        f"ledger: {ledger.get('received')} alert messages received, {word}",
    ]
