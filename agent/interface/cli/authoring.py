"""Commands for those who write runbooks: check, test, explain, explain-code, schema."""

from __future__ import annotations

import json
import re
import sys
import time
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import msgspec
import typer

from agent.catalog import (
    lint,
    people,
    policy,
    products,
    runbook_document,
    runbooks,
    settings,
    settings_document,
    strict_yaml,
)
from agent.catalog.faults import suggest
from agent.core.view import View
from agent.interface.cli import checking, explaining
from agent.interface.cli.output import (
    FOUND_WRONG,
    WRONG_USAGE,
    Format,
    FormatOption,
    clean,
    emit,
    stop,
)
from agent.interface.cli.site import ConfigOption, named_settings_path, settings_of, settings_path
from agent.model.errors import Unparseable
from agent.model.fault import Fault
from agent.model.reason import SENTENCES, Reason
from agent.runtime.reading import load_plugins, read
from agent.runtime.registry import shipped_runbooks_folder
from agent.runtime.rehearsal import TestResult, rehearse

app = typer.Typer()
Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files or folders.")]


def _existing(paths: list[Path]) -> list[Path]:
    for path in paths:
        if not path.exists():
            stop(f"there is no {path}", code=WRONG_USAGE)
    return paths


def _fault(fault: Fault) -> dict[str, Any]:
    return {**msgspec.to_builtins(fault), "severity": fault.severity.value}


@app.command()
def check(
    paths: Paths = None, config: ConfigOption = None, style: FormatOption = Format.TEXT
) -> None:
    """Find every fault of runbooks, products, tokens and settings, with line and remedy.

    Without a path: the settings and all they refer to. Exit code 1 where there is an error.

    Example: homeostat check runbooks/ homeostat.yaml
    """
    if paths:
        # What is asked about are these files: a settings file that happens to be here stays out.
        checked = checking.check_paths(_existing(paths), config=named_settings_path(config))
    else:
        checked = checking.check_site(settings_path(config))
    faults = checked.ordered()

    def as_text() -> str:
        warnings = len(faults) - checked.errors
        lines = [clean(f) for f in faults]
        lines.append(f"{checked.files} files, {checked.errors} errors, {warnings} warnings")
        return "\n".join(lines)

    emit([_fault(f) for f in faults], style, as_text)
    if checked.errors:
        raise typer.Exit(FOUND_WRONG)


def _result(result: TestResult) -> dict[str, Any]:
    return {
        "file": result.file,
        "line": result.line,
        "runbook": result.runbook,
        "name": result.name,
        "passed": result.passed,
        "expected": result.expected,
        "got": result.got,
        "differences": result.differences,
    }


def _as_line(result: TestResult) -> str:
    word = "ok    " if result.passed else "FAILED"
    lines = [f"{word} {result.file}:{result.line} {result.runbook}: {result.name}"]
    lines += [f"       {d}" for d in result.differences]
    return "\n".join(clean(line) if "\n" not in line else line for line in lines)


@app.command("test")
def play(
    paths: Paths = None,
    config: ConfigOption = None,
    only: Annotated[str, typer.Option(help="Only the runbook of this name.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Play the runbooks' own tests through the real decision, with a virtual clock.

    Example: homeostat test runbooks/
    """
    chosen = settings_of(config)
    plugins = load_plugins(chosen).plugins
    folders = _existing(paths or [])
    if not folders:
        folders = [*chosen.runbooks]
        folders += [shipped_runbooks_folder()] if chosen.shipped_runbooks else []
    loaded = runbooks.load_runbooks(folders, plugins)
    names = [runbook.name for runbook in loaded.runbooks]
    if only and only not in names and not loaded.faults:
        stop(f"there is no runbook {only!r} here ({suggest(only, names)})", code=WRONG_USAGE)
    results = rehearse(loaded, plugins, policy=chosen.policy, only=only or None)
    failed = sum(not r.passed for r in results)
    errors = [f for f in loaded.faults if f.severity.value == "error"]

    def as_text() -> str:
        lines = [clean(f) for f in errors] + [_as_line(r) for r in results]
        return "\n".join([*lines, f"{len(results)} tests, {failed} failed, {len(errors)} errors"])

    found = {"tests": [_result(r) for r in results], "faults": [_fault(f) for f in errors]}
    emit(found, style, as_text)
    if failed or errors:
        raise typer.Exit(FOUND_WRONG)


@app.command()
def explain(
    alert: Annotated[Path, typer.Argument(metavar="ALERT.json", help="`-` reads standard input.")],
    config: ConfigOption = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Say what would happen to an alert: match, near misses, the guard that would stop, route.

    The file holds one alert (`{"labels": {...}}`) or anything a source reads.

    Example: homeostat explain alert.json --config homeostat.yaml
    """
    try:
        body = sys.stdin.buffer.read() if str(alert) == "-" else alert.read_bytes()
    except OSError as error:
        stop(f"{alert}: {error.strerror}", code=WRONG_USAGE)
    chosen = settings_of(config)
    registry = load_plugins(chosen)
    reading = read(chosen, registry.plugins)
    view = View(
        policy=chosen.policy,
        registry=reading.registry,
        runbooks=reading.index,
        plugins=registry.facts(),
    )
    try:
        alerts = explaining.read_alerts(body, registry.push_sources())
    except Unparseable as error:
        stop(f"{alert}: {error}")
    found = [explaining.explain(a, view, at=time.time()) for a in alerts]
    emit(found, style, lambda: "\n\n".join(_explained(e) for e in found))


def _explained(found: dict[str, Any]) -> str:
    lines = [" ".join(f"{k}={v}" for k, v in sorted(found["alert"].items()))]
    if not found["opens"]:
        return clean(f"{lines[0]}: opens nothing, {found['why']}")
    lines.append(f"product {found['product']}, entity {found['entity']}, layer {found['layer']}")
    lines.append(f"runbook {found['chosen'] or 'none'}: {found['why']}")
    for plan in found["plans"]:
        for step in plan["steps"]:
            said = f"stopped by {step['stopped_by']}: " if step["stopped_by"] else ""
            answer = f"{said}{step['text']}" or "all guards agree"
            lines.append(f"  plan {plan['plan']}: {step['use']} on {step['target']}: {answer}")
    lines += [f"near miss {n['runbook']}: {n['clause']} ({n['truth']})"
              for n in found["near_misses"]]  # fmt: skip
    route = found["route"]
    path = f" by {' → '.join(route['path'])}" if route["path"] else ""
    lines.append(f"if nothing heals it: {route['to']} ({route['radius']}{path})")
    return "\n".join(clean(line) for line in lines)


FAMILIES = {
    "1": ("YAML", "the text itself cannot be read safely"),
    "2": ("runbooks", "see the reference of the runbook language"),
    "3": ("products", "see the reference of catalog-info.yaml"),
    "4": ("settings, policy and people", "see the reference of the settings"),
}
MODULES: tuple[ModuleType, ...] = (
    strict_yaml, runbooks, lint, products, settings, policy, people, checking,
)  # fmt: skip


def codes() -> dict[str, tuple[str, str]]:
    """Every code by what it means in a few words, and the module that finds it."""
    found: dict[str, tuple[str, str]] = {}
    for module in list(sys.modules.values()):
        name = getattr(module, "__name__", "")
        if name.startswith("agent.catalog.") or module in MODULES:
            for constant, value in vars(module).items():
                if isinstance(value, str) and re.fullmatch(r"HS\d{3}", value):
                    found.setdefault(value, (constant.lower().replace("_", " "), name))
    return found


@app.command("explain-code")
def explain_code(
    code: Annotated[str, typer.Argument(metavar="CODE", help="HS... of a fault, or a reason.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """Explain a code of `homeostat check`, or a reason from a timeline.

    Example: homeostat explain-code cooldown
    """
    known = codes()
    if code in SENTENCES:
        found = {"code": code, "kind": "reason", "text": Reason(code).sentence}
    elif code.upper() in known:
        family, where = FAMILIES[code[2]]
        text = f"{known[code.upper()][0]} (a fault of {family}; {where})"
        found = {"code": code.upper(), "kind": "fault", "text": text}
    else:
        stop(f"there is no code {code!r}", code=WRONG_USAGE)
    emit(found, style, lambda: f"{found['code']}: {found['text']}")


class Kind(StrEnum):
    RUNBOOK = "runbook"
    SETTINGS = "settings"
    POLICY = "policy"
    TOKENS = "tokens"


@app.command()
def schema(
    kind: Annotated[Kind, typer.Argument(help="Of which file.")] = Kind.RUNBOOK,
    style: FormatOption = Format.JSON,
) -> None:
    """Print the JSON Schema of a file, for editors.

    Example: homeostat schema runbook > runbook.schema.json
    """
    models: dict[Kind, Any] = {
        Kind.SETTINGS: settings_document.SettingsDocument,
        Kind.POLICY: policy.PolicyDocument,
        Kind.TOKENS: people.PeopleDocument,
    }
    if kind is Kind.RUNBOOK:
        found = runbook_document.schema()
    else:
        found = models[kind].model_json_schema(by_alias=True, mode="validation")
    emit(found, style, lambda: json.dumps(found, indent=2))
