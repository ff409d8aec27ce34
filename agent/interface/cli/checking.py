"""`homeostat check`: every fault of every file at once, each with its place and its remedy.

Files say themselves what they are: runbooks and products by `apiVersion` and `kind`, a token file
by `principals`; any other mapping is a settings file, and with it everything it refers to is
checked. What is known to be somebody else's (a rule file of Prometheus) is named as that. A folder
is searched for YAML files.

The tests of runbooks are played as well, because only that tells which parts of a runbook none of
them proves. They are played under the default policy: what the tests of a runbook prove does not
depend on where it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agent.catalog.change_windows import undeclared_windows
from agent.catalog.faults import FaultsError, in_order
from agent.catalog.files import fault_of_file, read_bytes
from agent.catalog.lint import lint, places_in
from agent.catalog.on_call import load_on_call
from agent.catalog.people import Principals, load_principals
from agent.catalog.policy import PolicyDocument, compile_policy, load_policy
from agent.catalog.products import load_registry
from agent.catalog.rails_document import loose_guards
from agent.catalog.runbook_ties import ties
from agent.catalog.runbooks import RunbookSet, load_runbooks
from agent.catalog.settings import SETTINGS, Settings, load_settings
from agent.catalog.settings_document import SettingsDocument
from agent.catalog.strict_yaml import DOCUMENTS, read_all
from agent.interface.cli.progress import told
from agent.model.fault import Fault, FaultSeverity
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.model.runbook import Runbook
from agent.ports.plugin import Plugin
from agent.runtime.reading import load_plugins, read, teams_of
from agent.runtime.registry import PluginRegistry
from agent.runtime.rehearsal import Company
from agent.runtime.rehearsal_coverage import cover, faults_of

T = TypeVar("T")
SUFFIXES = (".yaml", ".yml")
SKIPPED = {".git", ".venv", "node_modules", "var"}
PLUGIN_REFUSED = "HS407"
NOTHING_HERE = "HS116"
"""A folder without any YAML file in it."""


class Checked(msgspec.Struct, kw_only=True):
    faults: list[Fault] = []
    files: int = 0

    @property
    def errors(self) -> int:
        return sum(f.severity is FaultSeverity.ERROR for f in self.ordered())

    def ordered(self) -> tuple[Fault, ...]:
        return in_order({(str(f)): f for f in self.faults}.values())


def check_site(config: Path | None) -> Checked:
    """The settings and everything they refer to."""
    checked = Checked(files=1 if config is not None else 0)
    try:
        settings = load_settings(config, os.environ)
    except FaultsError as error:
        checked.faults.extend(error.faults)
        return checked
    _check_settings(settings, checked)
    return checked


def _check_settings(settings: Settings, checked: Checked) -> None:
    plugins = load_plugins(settings)
    reading = read(settings, plugins.plugins)
    checked.faults.extend(reading.faults)
    checked.faults.extend(_ends(reading.principals))
    checked.faults.extend(_refused(plugins))
    teams = _teams(reading.registry, settings)
    _check_set(reading.runbooks, plugins.plugins, teams, checked)
    checked.faults.extend(_windows(reading.runbooks, settings.policy))
    checked.faults.extend(_loose(reading.runbooks, settings.policy))
    read_files = {path for path, _, _ in reading.runbooks.places.values()}
    read_files |= {fault.file for fault in reading.faults if Path(fault.file).is_file()}
    checked.files += len(read_files)


def _check_set(
    runbooks: RunbookSet,
    plugins: Mapping[str, Plugin],
    teams: Collection[str] | None,
    checked: Checked,
) -> None:
    """What can be said of runbooks that were loaded, and of their tests."""
    today = datetime.now(UTC).date().isoformat()
    checked.faults.extend(lint(runbooks, teams=teams, today=today))
    company = Company(runbooks, plugins, policy=compile_policy(PolicyDocument()))
    alone = [r for r in runbooks.runbooks if r.name not in at_odds(runbooks)]
    for runbook in told(alone, "runbooks checked"):
        coverage = cover(company, runbook, company.play_all(runbook))
        checked.faults.extend(faults_of(runbooks, coverage))


def at_odds(runbooks: RunbookSet) -> frozenset[str]:
    """Runbooks of which another one takes the place. Their tests fail for that alone, so nothing
    is said of what they prove until it is settled."""
    tied = {
        runbook.name
        for tie in ties(runbooks.runbooks)
        if tie.severity is FaultSeverity.ERROR
        for runbook in (tie.one, tie.other)
    }
    return frozenset({*runbooks.doubled, *tied})


def _windows(runbooks: RunbookSet, policy: Policy) -> tuple[Fault, ...]:
    places = {}
    for runbook in runbooks.runbooks:
        if runbook.guard.window is not None:
            file, mark = places_in(runbooks, runbook)(("guard", "window"))
            places[runbook.name] = (file, *mark)
    return undeclared_windows(runbooks.runbooks, policy, places)


def _loose(runbooks: RunbookSet, policy: Policy) -> tuple[Fault, ...]:
    """Limits of runbooks that the policy makes useless."""

    def place(runbook: Runbook, path: tuple[str, ...]) -> tuple[str, int, int]:
        file, mark = places_in(runbooks, runbook)(path)
        return file, *mark

    return loose_guards(runbooks.runbooks, policy, place)


def _teams(registry: Registry, settings: Settings) -> Collection[str] | None:
    """Everybody who owns something; None where no product is declared, so nothing can be said."""
    return teams_of(registry, settings) if registry.products else None


def _ends(principals: Principals | None) -> tuple[Fault, ...]:
    return principals.ends(datetime.now(UTC).timestamp()) if principals is not None else ()


def _refused(plugins: PluginRegistry) -> Iterator[Fault]:
    for refused in plugins.refused:
        remedy = "mend the file, or take it out of the folder"
        yield fault_of_file(refused.path, PLUGIN_REFUSED, refused.reason, remedy)


def yaml_files(paths: Sequence[Path]) -> list[Path]:
    """The files, and all YAML files in the folders."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        for here, folders, names in os.walk(path):
            folders[:] = sorted(f for f in folders if f not in SKIPPED)
            found += [Path(here) / n for n in sorted(names) if n.endswith(SUFFIXES)]
    return list(dict.fromkeys(found))


def check_paths(paths: Sequence[Path], *, config: Path | None) -> Checked:
    checked = Checked(faults=[_nothing(p) for p in paths if not yaml_files([p])])
    kinds: dict[str, list[Path]] = {}
    for path in yaml_files(paths):
        checked.files += 1
        try:
            documents = read_all(read_bytes(path), file=str(path))
        except FaultsError as error:
            checked.faults.extend(error.faults)
            continue
        checked.faults.extend(fault for document in documents for fault in document.faults)
        data = [document.data for document in documents]
        if not data:
            checked.faults.append(_empty(path))
        elif (foreign := _foreign(path, data)) is not None:
            checked.faults.append(foreign)
        else:
            kinds.setdefault(_kind(data), []).append(path)
    registry = _products(kinds.get("products", ()), checked)
    for path in kinds.get("tokens", ()):
        principals = _loaded(load_principals, path, checked)
        checked.faults.extend(principals.warnings if principals is not None else ())
        checked.faults.extend(_ends(principals))
    if kinds.get("on_call"):
        _on_call(kinds["on_call"], checked)
    policies = [_loaded(load_policy, path, checked) for path in kinds.get("policy", ())]
    policy = next((p for p in policies if p is not None), None)
    _runbooks(kinds.get("runbooks", ()), registry, policy, checked, config)
    for path in kinds.get("settings", ()):
        inner = check_site(path)
        checked.faults.extend(inner.faults)
    return checked


def _on_call(paths: Sequence[Path], checked: Checked) -> None:
    """As one set. Which teams there are is known only where settings say so (`check_site`)."""
    try:
        checked.faults.extend(load_on_call(paths).warnings)
    except FaultsError as error:
        checked.faults.extend(error.faults)


def _loaded(load: Callable[[Path], T], path: Path, checked: Checked) -> T | None:
    try:
        return load(path)
    except FaultsError as error:
        checked.faults.extend(error.faults)
        return None


def _nothing(path: Path) -> Fault:
    message = "there is no YAML file in this folder"
    remedy = "check another folder, or put files into it"
    return fault_of_file(path, NOTHING_HERE, message, remedy, FaultSeverity.WARNING)


def _empty(path: Path) -> Fault:
    remedy = "write a document, or take the file away"
    return fault_of_file(path, DOCUMENTS, "the file is empty", remedy, FaultSeverity.WARNING)


FOREIGN: tuple[tuple[frozenset[str], str, str], ...] = (
    (
        frozenset({"groups"}),
        "a Prometheus rule file",
        "`homeostat coverage` reads those, to tell what would become of its alerts",
    ),
    (
        frozenset({"scrape_configs", "rule_files", "alerting"}),
        "a Prometheus configuration",
        "`homeostat coverage` reads the rule files it names; the address goes into prometheus_url",
    ),
    (
        frozenset({"route", "receivers", "inhibit_rules"}),
        "an Alertmanager configuration",
        "leave it out; a receiver in it sends to Homeostat",
    ),
)
"""Files of others that lie beside ours: keys they have, what they are, what to do with them."""


def _foreign(path: Path, documents: Sequence[Any]) -> Fault | None:
    first = _first(documents)
    if "kind" in first or not SettingsDocument.model_fields.keys().isdisjoint(first):
        return None
    for keys, what, remedy in FOREIGN:
        if not keys.isdisjoint(first):
            message = f"no file of Homeostat: it looks like {what}"
            return fault_of_file(path, SETTINGS, message, remedy)
    return None


def _first(documents: Sequence[Any]) -> dict[Any, Any]:
    return next((d for d in documents if isinstance(d, dict)), {})


def _kind(documents: Sequence[Any]) -> str:
    first = _first(documents)
    version, kind = str(first.get("apiVersion", "")), first.get("kind")
    if kind == "OnCall":
        return "on_call"
    if kind == "Runbook" or version.startswith("homeostat/") or "match" in first:
        return "runbooks"
    if kind is not None or version:
        return "products"
    if "principals" in first:
        return "tokens"
    if not PolicyDocument.model_fields.keys().isdisjoint(first):
        return "policy"
    return "settings"


def _products(paths: Sequence[Path], checked: Checked) -> Registry:
    if not paths:
        return Registry()
    try:
        registry, warnings = load_registry(paths)
    except FaultsError as error:
        checked.faults.extend(error.faults)
        return Registry()
    checked.faults.extend(warnings)
    return registry


def _runbooks(
    paths: Sequence[Path],
    registry: Registry,
    policy: Policy | None,
    checked: Checked,
    config: Path | None,
) -> None:
    """Windows are looked for only where it is known which policy the runbooks live under."""
    if not paths:
        return
    try:
        settings = load_settings(config, os.environ)
    except FaultsError as error:
        checked.faults.extend(error.faults)
        return
    plugins = load_plugins(settings).plugins
    found = load_runbooks(paths, plugins)
    checked.faults.extend(found.faults)
    _check_set(found, plugins, _teams(registry, settings), checked)
    policy = settings.policy if config is not None else policy
    if policy is not None:
        checked.faults.extend(_windows(found, policy))
