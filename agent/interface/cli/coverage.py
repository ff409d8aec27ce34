"""`homeostat coverage`: what would become of alerts nobody here wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from agent.catalog.runbooks import load_runbooks
from agent.interface.cli.history import Progress
from agent.interface.cli.output import (
    FOUND_WRONG,
    WRONG_USAGE,
    Format,
    FormatOption,
    complain,
    emit,
    stop,
    table,
)
from agent.interface.cli.site import ConfigOption, settings_of
from agent.model.errors import Unparseable
from agent.model.fault import FaultSeverity
from agent.runtime.corpus import Entry, read_corpus
from agent.runtime.grading import ASSUMED, Grade, Graded, Grader
from agent.runtime.reading import load_plugins, runbook_folders

app = typer.Typer()


@app.command()
def coverage(
    corpus: Annotated[
        Path,
        typer.Argument(
            metavar="CORPUS",
            help="Alert rules or alerts: lines of JSON, a rule file, a PrometheusRule, a folder.",
        ),
    ],
    runbooks: Annotated[
        list[Path] | None,
        typer.Option("--runbooks", help="Other runbooks than those of the settings. Repeatable."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="One line for each alert, with its proof.")
    ] = False,
    config: ConfigOption = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Grade each alert of a corpus: healed, settled, routed or unknown.

    Healed and settled are proven by the runbook's own tests, played with this alert in the place of
    theirs. A runbook that is assisted heals after one person's click: its state is shown.

    Example: homeostat coverage rules.yml --verbose
    """
    entries = _read(corpus)
    chosen = settings_of(config)
    plugins = load_plugins(chosen).plugins
    paths = list(runbooks) if runbooks else runbook_folders(chosen)
    for path in paths:
        if not path.exists():
            stop(f"there is no {path}", code=WRONG_USAGE)
    loaded = load_runbooks(paths, plugins)
    grader = Grader(loaded, plugins, policy=chosen.policy)
    told = Progress(len(entries), what="alerts")
    rows = []
    for number, entry in enumerate(entries, start=1):
        rows.append(grader.grade(entry))
        told(number)
    emit(_data(corpus, rows, verbose=verbose), style, lambda: _text(corpus, rows, verbose=verbose))
    errors = [f for f in loaded.faults if f.severity is FaultSeverity.ERROR]
    for fault in errors:
        complain(str(fault))
    if errors:
        raise typer.Exit(FOUND_WRONG)


def _read(corpus: Path) -> list[Entry]:
    try:
        entries = read_corpus(corpus)
    except OSError as error:
        stop(f"{error.filename or corpus}: {error.strerror or error}", code=WRONG_USAGE)
    except Unparseable as error:  # it names the file, and where in it
        stop(str(error), code=WRONG_USAGE)
    if not entries:
        stop(f"there is no alert in {corpus}", code=WRONG_USAGE)
    return entries


def _counts(rows: Sequence[Graded]) -> dict[str, int]:
    return {grade.value: sum(row.grade is grade for row in rows) for grade in Grade}


def _states(rows: Sequence[Graded]) -> dict[str, int]:
    """In which state the runbooks are that heal."""
    healing = [row.state for row in rows if row.grade is Grade.HEALED and row.state]
    return {state: healing.count(state) for state in sorted(set(healing))}


def _families(rows: Sequence[Graded]) -> dict[str, list[Graded]]:
    found: dict[str, list[Graded]] = {}
    for row in rows:
        found.setdefault(row.family, []).append(row)
    return {name: found[name] for name in sorted(found)}


def _percent(number: int, whole: int) -> float:
    return round(100 * number / whole, 1)


def _figures(rows: Sequence[Graded]) -> dict[str, Any]:
    counts = _counts(rows)
    good = counts[Grade.HEALED.value] + counts[Grade.SETTLED.value]
    told = good + counts[Grade.ROUTED.value]
    by_default = sum(row.grade is Grade.ROUTED and row.runbook is None for row in rows)
    return {
        "alerts": len(rows),
        **counts,
        "routed_by_default_diagnostics": by_default,
        "percent": {
            "healed": _percent(counts[Grade.HEALED.value], len(rows)),
            "healed_or_settled": _percent(good, len(rows)),
            "at_least_routed": _percent(told, len(rows)),
        },
    }


def _data(corpus: Path, rows: Sequence[Graded], *, verbose: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "corpus": str(corpus),
        "total": _figures(rows),
        "healed_by_state": _states(rows),
        "families": {name: _figures(group) for name, group in _families(rows).items()},
        "assumed": list(ASSUMED),
    }
    if verbose:
        found["rows"] = [msgspec.to_builtins(row) for row in rows]
    return found


HEAD = ("FAMILY", "ALERTS", *(grade.value.upper() for grade in Grade))


def _text(corpus: Path, rows: Sequence[Graded], *, verbose: bool) -> str:
    lines = []
    if verbose:
        head = ("GRADE", "ALERT", "SEVERITY", "RUNBOOK", "STATE", "BY")
        lines += [table([_line(row) for row in rows], head=head), ""]
    families = [
        (name, len(group), *_counts(group).values()) for name, group in _families(rows).items()
    ]
    lines.append(table([*families, ("total", len(rows), *_counts(rows).values())], head=HEAD))
    figures = _figures(rows)
    percent: Mapping[str, float] = figures["percent"]
    by_default = figures["routed_by_default_diagnostics"]
    states = ", ".join(f"{number} {state}" for state, number in _states(rows).items())
    lines += [
        "",
        f"healed             {percent['healed']:5.1f} %" + (f"   ({states})" if states else ""),
        f"healed or settled  {percent['healed_or_settled']:5.1f} %",
        f"at least routed    {percent['at_least_routed']:5.1f} %   with what was looked at"
        f" ({by_default} by default diagnostics)",
        "assumed: " + "; ".join(ASSUMED),
    ]
    return "\n".join(lines)


def _line(row: Graded) -> tuple[str, ...]:
    by = " / ".join(row.proof) if row.proof else ", ".join(row.evidence) or "nothing is looked at"
    return (row.grade.value, row.alert, row.severity, row.runbook or "-", row.state or "-", by)
