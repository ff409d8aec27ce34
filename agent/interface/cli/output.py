"""What commands print: text for people, JSON for scripts, and exit codes with one meaning each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

FINE, FOUND_WRONG, WRONG_USAGE = 0, 1, 2
LONGEST_CELL = 60


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How data is printed.")]


class FaultFormat(StrEnum):
    """As `Format`, and as CI systems read faults."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"


class ResultFormat(StrEnum):
    """As `Format`, and as CI systems read results of tests."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


def clean(text: object) -> str:
    """Alert text for a terminal: no control character of it gets through."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def emit(value: Any, style: Format, as_text: Callable[[], str]) -> None:
    if style is Format.JSON:
        emit_json(value)
    else:
        print(as_text())


def emit_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(rows: Sequence[Sequence[object]], *, head: Sequence[str]) -> str:
    """Columns as wide as their longest cell; long cells are cut, but those of the last column."""
    cells = [list(head), *([clean(c) for c in row] for row in rows)]
    for row in cells:
        row[:-1] = [_cut(c) for c in row[:-1]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def pairs(value: Mapping[str, object]) -> str:
    width = max((len(name) for name in value), default=0)
    return "\n".join(f"{name.ljust(width)}  {clean(shown)}" for name, shown in value.items())


def complain(text: str) -> None:
    print(f"homeostat: {clean(text)}", file=sys.stderr)


def stop(text: str, *, code: int = FOUND_WRONG) -> NoReturn:
    complain(text)
    raise typer.Exit(code)
