"""The plugin registry: files in folders become declarations, or are refused by name.

A plugin is one file in one of five subfolders, loaded by its path under a name of our own, so that
a site's `email.py` can never shadow a module of the standard library, and a wheel, a checkout and a
site folder are read in the same way. A file that cannot be imported, or breaks the contract, is
refused as a whole with its reason, and the rest load: one bad file must not take the others'
remedies away. Folders are read in the order given and the first to take a name keeps it, so that a
site-local file adds a plugin but never replaces a shipped one unseen.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TypeVar

import agent
from agent.model.effect import Effect, Reversal, Verdict
from agent.model.errors import Permanent
from agent.model.policy import PluginFacts
from agent.ports.plugin import (
    Action,
    Diagnostic,
    LevelSource,
    Notifier,
    Params,
    Plugin,
    PushSource,
    Result,
    StreamSource,
    Verification,
)
from agent.runtime.plugin_contract import contract_of

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
NAME_CHARACTERS = 60

KINDS: Mapping[str, tuple[type[Plugin], ...]] = MappingProxyType(
    {
        "sources": (PushSource, StreamSource, LevelSource),
        "diagnostics": (Diagnostic,),
        "actions": (Action,),
        "verifications": (Verification,),
        "notifiers": (Notifier,),
    }
)
"""Subfolder by the kinds that may stand in it, in the order they are read."""

DECLARATIONS = (
    Action,
    Diagnostic,
    LevelSource,
    Notifier,
    PushSource,
    StreamSource,
    Verification,
)

P = TypeVar("P", bound=Plugin)


class Broken(Exception):
    """The file breaks the contract of plugins."""


@dataclass(frozen=True)
class Refused:
    """A file that was not loaded, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class PluginRegistry:
    """What is loaded, by name, and what was refused. A value: reloading makes a new one."""

    plugins: Mapping[str, Plugin] = field(default_factory=dict)
    paths: Mapping[str, Path] = field(default_factory=dict)
    """The file each plugin came from."""
    refused: tuple[Refused, ...] = ()

    @classmethod
    def load(cls, folders: Sequence[Path]) -> PluginRegistry:
        """Reads the five subfolders of each folder. Never raises for what a file contains; a
        folder that does not exist is refused like a file."""
        plugins: dict[str, Plugin] = {}
        paths: dict[str, Path] = {}
        refused: list[Refused] = []
        for folder in folders:
            if not folder.is_dir():
                refused.append(Refused(folder, "there is no such folder of plugins"))
                continue
            for kind, path in _files(folder):
                try:
                    found = _declarations(path, kind)
                    _check_unique(found, plugins, paths)
                except Broken as broken:
                    refused.append(Refused(path, str(broken)))
                    continue
                for plugin in found:
                    plugins[plugin.name] = plugin
                    paths[plugin.name] = path
        return cls(MappingProxyType(plugins), MappingProxyType(paths), tuple(refused))

    def get(self, name: str) -> Plugin:
        """The plugin of that name. Raises Permanent, with the nearest name, where there is none."""
        plugin = self.plugins.get(name)
        if plugin is None:
            near = difflib.get_close_matches(name, self.plugins, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            files = ", ".join(sorted(refused.path.name for refused in self.refused))
            refusals = f" (refused files: {files})" if files else ""
            raise Permanent(f"there is no plugin {name!r}{hint}{refusals}")
        return plugin

    def facts(self, connections: Collection[str] = ()) -> Mapping[str, PluginFacts]:
        """What core must know of each plugin. `connections` names what the runtime can lend."""
        return {
            name: plugin_facts(plugin, is_connected=_needs(plugin) in ("", *connections))
            for name, plugin in self.plugins.items()
        }

    def actions(self) -> tuple[Action, ...]:
        return self._all(Action)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self._all(Diagnostic)

    def verifications(self) -> tuple[Verification, ...]:
        return self._all(Verification)

    def notifiers(self) -> tuple[Notifier, ...]:
        return self._all(Notifier)

    def push_sources(self) -> tuple[PushSource, ...]:
        return self._all(PushSource)

    def stream_sources(self) -> tuple[StreamSource, ...]:
        return self._all(StreamSource)

    def level_sources(self) -> tuple[LevelSource, ...]:
        return self._all(LevelSource)

    def _all(self, kind: type[P]) -> tuple[P, ...]:
        return tuple(plugin for plugin in self.plugins.values() if isinstance(plugin, kind))


def shipped_plugins_folder() -> Path:
    return _shipped("plugins")


def shipped_runbooks_folder() -> Path:
    return _shipped("runbooks")


def _shipped(name: str) -> Path:
    """Inside the package after an install of the wheel, beside it in the checkout."""
    package = Path(agent.__file__).resolve().parent
    installed = package / "shipped" / name
    return installed if installed.is_dir() else package.parent / name


def _needs(plugin: Plugin) -> str:
    return plugin.needs if isinstance(plugin, (Action, Diagnostic, Verification)) else ""


def plugin_facts(plugin: Plugin, *, is_connected: bool = True) -> PluginFacts:
    """What core must know of it. `is_connected`: whether what it needs is there."""
    needs = _needs(plugin)
    if isinstance(plugin, Action):
        return PluginFacts(
            name=plugin.name,
            kind=plugin.kind,
            effect=plugin.effect.value,
            reversal=plugin.reversal.value,
            has_probe=plugin.probe_function is not None,
            needs=needs,
            is_connected=is_connected,
            undone_by=plugin.undone_by,
            availability=plugin.availability.value,
            contains=plugin.contains,
            declares=plugin.declares,
            contract=contract_of(plugin),
        )
    if isinstance(plugin, Notifier):
        tells = tuple(telling.value for telling in plugin.tells)
        return PluginFacts(name=plugin.name, kind=plugin.kind, tells=tells)
    return PluginFacts(
        name=plugin.name,
        kind=plugin.kind,
        needs=needs,
        is_connected=is_connected,
        contract=contract_of(plugin),
    )


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for kind in KINDS:
        for path in sorted((folder / kind).glob("*.py")):
            if not path.name.startswith(("_", ".")):
                yield kind, path.resolve()


def _declarations(path: Path, kind: str) -> tuple[Plugin, ...]:
    module = _import(path, kind)
    found: dict[int, Plugin] = {}
    for value in vars(module).values():
        if isinstance(value, DECLARATIONS):
            found.setdefault(id(value), value)
    if not found:
        raise Broken("declares no plugin (use a decorator of agent.ports.plugin)")
    for plugin in found.values():
        _check(plugin, kind)
    return tuple(found.values())


def _import(path: Path, kind: str) -> ModuleType:
    """Runs the file as a module. It stays in `sys.modules`, because pydantic resolves the
    annotations of its models there; a failed one is taken out again."""
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    name = f"homeostat_plugin_{digest}_{kind}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Broken("cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    # a stranger's file may raise anything
    except (Exception, SystemExit) as error:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise Broken(_why(error)) from error
    return module


def _why(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return f"needs the package {package!r}, which is not installed"
    if isinstance(error, SyntaxError):
        return f"is not Python: line {error.lineno}: {error.msg}"
    return f"cannot be loaded: {type(error).__name__}: {error}"


def _check_unique(
    found: Sequence[Plugin], plugins: Mapping[str, Plugin], paths: Mapping[str, Path]
) -> None:
    names: set[str] = set()
    routes = {p.path: p.name for p in plugins.values() if isinstance(p, PushSource)}
    for plugin in found:
        if plugin.name in plugins:
            raise Broken(f"the name {plugin.name!r} is taken by {paths[plugin.name]}")
        if plugin.name in names:
            raise Broken(f"declares {plugin.name!r} twice")
        if isinstance(plugin, PushSource):
            if plugin.path in routes:
                raise Broken(f"the path {plugin.path!r} is taken by {routes[plugin.path]!r}")
            routes[plugin.path] = plugin.name
        names.add(plugin.name)


def _check(plugin: Plugin, kind: str) -> None:
    name = plugin.name
    if not isinstance(name, str) or len(name) > NAME_CHARACTERS or not NAME.fullmatch(name):
        raise Broken(
            f"{name!r} is no plugin name (one or two words of a-z, 0-9 and _ with a dot between, "
            f"at most {NAME_CHARACTERS} characters)"
        )
    if not isinstance(plugin, KINDS[kind]):
        homes = [folder for folder, kinds in KINDS.items() if isinstance(plugin, kinds)]
        raise Broken(f"{name!r} is a {plugin.kind}: its folder is {homes[0]}/, not {kind}/")
    if not isinstance(plugin.summary, str) or not plugin.summary.strip() or "\n" in plugin.summary:
        raise Broken(f"{name!r} needs a summary of one line")
    _check_functions(plugin)
    if isinstance(plugin, PushSource):
        if not isinstance(plugin.path, str) or not plugin.path.startswith("/"):
            raise Broken(f"{name!r}: its path {plugin.path!r} has to start with /")
        return
    _check_params(name, plugin.params)
    if isinstance(plugin, Action):
        _check_effect(plugin)
    if isinstance(plugin, Diagnostic | Verification):
        _check_result(plugin)


def _check_functions(plugin: Plugin) -> None:
    if isinstance(plugin, PushSource):
        if inspect.iscoroutinefunction(plugin.decode):
            raise Broken(f"{plugin.name!r}: decode is pure and may not be async")
        return
    function = plugin.firing if isinstance(plugin, LevelSource) else plugin.run
    if not inspect.iscoroutinefunction(function):
        raise Broken(f"{plugin.name!r}: its function has to be async")


def _check_params(name: str, params: type[Params]) -> None:
    if not (inspect.isclass(params) and issubclass(params, Params)):
        raise Broken(f"{name!r}: its params have to be a subclass of agent.ports.plugin.Params")
    bare = [key for key, info in params.model_fields.items() if not info.description]
    if bare:
        raise Broken(f"{name!r}: params without a description: {', '.join(bare)}")


def _check_effect(plugin: Action) -> None:
    if not isinstance(plugin.effect, Effect):
        raise Broken(f"{plugin.name!r}: effect has to be a member of agent.model.effect.Effect")
    if not isinstance(plugin.reversal, Reversal):
        raise Broken(f"{plugin.name!r}: reversal has to be a member of agent.model.effect.Reversal")
    probe = plugin.probe_function
    if plugin.effect is Effect.PROBED and probe is None:
        raise Broken(f"{plugin.name!r}: is probed, but has no probe")
    if probe is not None and not inspect.iscoroutinefunction(probe):
        raise Broken(f"{plugin.name!r}: its probe has to be async")


def _check_result(plugin: Diagnostic | Verification) -> None:
    result = plugin.result
    if not (inspect.isclass(result) and issubclass(result, Result)):
        raise Broken(
            f"{plugin.name!r}: its result has to be a subclass of agent.ports.plugin.Result"
        )
    if isinstance(plugin, Verification):
        verdict = result.model_fields.get("verdict")
        if verdict is None or verdict.annotation is not Verdict:
            raise Broken(f"{plugin.name!r}: its result needs a field `verdict: Verdict`")
