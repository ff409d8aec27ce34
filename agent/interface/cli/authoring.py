"""Commands that prove what authors write: check and test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from agent.catalog.faults import suggest
from agent.catalog.runbooks import RunbookSet, load_runbooks
from agent.interface.cli import checking, rehearsed
from agent.interface.cli.annotations import github, gitlab
from agent.interface.cli.junit import junit
from agent.interface.cli.output import (
    FOUND_WRONG,
    WRONG_USAGE,
    FaultFormat,
    ResultFormat,
    clean,
    emit_json,
    stop,
)
from agent.interface.cli.progress import told
from agent.interface.cli.site import ConfigOption, named_settings_path, settings_of, settings_path
from agent.model.fault import Fault, FaultSeverity
from agent.runtime.reading import load_plugins, runbook_folders
from agent.runtime.rehearsal import Company, TestResult
from agent.runtime.rehearsal_coverage import Coverage, cover

app = typer.Typer()
Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files or folders.")]


def _existing(paths: list[Path]) -> list[Path]:
    for path in paths:
        if not path.exists():
            stop(f"there is no {path}", code=WRONG_USAGE)
    return paths


def _check_config(config: Path | None) -> None:
    """A settings file somebody named and that is not there is a word mistyped, not a fault."""
    named = named_settings_path(config)
    if named is not None and not named.exists():
        stop(f"there is no {named}", code=WRONG_USAGE)


def _fault(fault: Fault) -> dict[str, Any]:
    return {**msgspec.to_builtins(fault), "severity": fault.severity.value}


def _line(fault: Fault) -> str:
    is_error = fault.severity is FaultSeverity.ERROR
    return str(fault) if is_error else f"{fault} [{fault.severity.value}]"


@app.command()
def check(
    paths: Paths = None,
    config: ConfigOption = None,
    style: Annotated[
        FaultFormat, typer.Option("--format", help="How faults are printed.")
    ] = FaultFormat.TEXT,
) -> None:
    """Find every fault of runbooks, products, tokens and settings, with line and remedy.

    Without a path: the settings and all they refer to. What no test of a runbook proves is an error
    where the runbook may act. Exit code 1 where there is an error.

    Example: homeostat check runbooks/ homeostat.yaml
    """
    _check_config(config)
    if paths:
        # What is asked about are these files: a settings file that happens to be here stays out.
        checked = checking.check_paths(_existing(paths), config=named_settings_path(config))
    else:
        checked = checking.check_site(settings_path(config))
    faults = checked.ordered()
    if style is FaultFormat.JSON:
        emit_json([_fault(f) for f in faults])
    elif style is FaultFormat.GITLAB:
        emit_json(gitlab(faults))
    else:
        lines = [github(faults)] if faults else []
        if style is FaultFormat.TEXT:
            lines = [clean(_line(f)) for f in faults]
        warnings = len(faults) - checked.errors
        files = "1 file" if checked.files == 1 else f"{checked.files} files"
        lines.append(f"{files}, {checked.errors} errors, {warnings} warnings")
        print("\n".join(lines))
    if checked.errors:
        raise typer.Exit(FOUND_WRONG)


@app.command("test")
def play(
    paths: Paths = None,
    config: ConfigOption = None,
    only: Annotated[str, typer.Option(help="Only the runbook of this name.")] = "",
    test: Annotated[str, typer.Option(help="Only tests whose name contains this.")] = "",
    coverage: Annotated[
        bool, typer.Option("--coverage", help="List what no test reaches.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show what happened in a test that failed.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--junit", help="Write a JUnit report to this file as well.")
    ] = None,
    style: Annotated[
        ResultFormat, typer.Option("--format", help="How results are printed.")
    ] = ResultFormat.TEXT,
) -> None:
    """Play the runbooks' own tests through the real decision, with a virtual clock.

    Example: homeostat test runbooks/ --verbose
    """
    chosen = settings_of(config)
    plugins = load_plugins(chosen).plugins
    folders = _existing(paths or []) or runbook_folders(chosen)
    loaded = load_runbooks(folders, plugins)
    errors = [f for f in loaded.faults if f.severity is FaultSeverity.ERROR]
    _check_only(only, loaded, errors)
    results, coverages = _played(Company(loaded, plugins, policy=chosen.policy), only, test)
    if not loaded.runbooks and not errors:
        where = ", ".join(map(str, folders))
        stop(f"no runbook here: {where or 'no folder is named'}", code=WRONG_USAGE)
    if test and not results and not errors:
        stop(f"no test has {test!r} in its name", code=WRONG_USAGE)
    if style is ResultFormat.JUNIT:
        print(junit(results, errors), end="")
    elif style is ResultFormat.JSON:
        emit_json(
            {
                "tests": [rehearsed.result_data(r) for r in results],
                "faults": [_fault(f) for f in errors],
                "coverage": [rehearsed.coverage_data(c) for c in coverages],
            }
        )
    else:
        lines = [clean(f) for f in errors]
        lines += [x for r in results for x in rehearsed.as_lines(r, with_timeline=verbose)]
        lines += rehearsed.uncovered(loaded, coverages) if coverage else []
        print("\n".join([*lines, rehearsed.summary(results, errors, coverages)]))
    if report is not None:
        _write(report, junit(results, errors))
    if errors or not all(r.passed for r in results):
        raise typer.Exit(FOUND_WRONG)


def _check_only(only: str, loaded: RunbookSet, errors: list[Fault]) -> None:
    names = [runbook.name for runbook in loaded.runbooks]
    if only and only not in names and not errors:
        stop(f"there is no runbook {only!r} here ({suggest(only, names)})", code=WRONG_USAGE)


def _played(company: Company, only: str, test: str) -> tuple[list[TestResult], list[Coverage]]:
    """Results, and what they prove; a part of the tests would prove too little, so then nothing is
    said of it."""
    results: list[TestResult] = []
    coverages: list[Coverage] = []
    chosen = [r for r in company.runbooks.runbooks if not only or r.name == only]
    for runbook in told(chosen, "runbooks tested"):
        found = company.play_all(runbook, test=test)
        results += found
        if not test:
            coverages.append(cover(company, runbook, found))
    return results, coverages


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        stop(f"the report {path} cannot be written: {error.strerror}", code=WRONG_USAGE)
