"""What the settings ask of plugins, held against what the plugins declare: before a page is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from pydantic import ValidationError

from agent.catalog.faults import FaultsError, suggest
from agent.catalog.settings import Settings, Use, resolve_secrets
from agent.model.fault import Fault, FaultSeverity
from agent.ports.plugin import LevelSource, Notifier, Params, Plugin, PushSource, StreamSource

UNKNOWN_PLUGIN = "HS406"
WRONG_PLUGIN = "HS408"
PARAMETER = "HS409"

RENEWED = (
    "runbooks", "shipped_runbooks", "products", "policy", "notify", "on_call",
    "slack_signing_secret", "learning", "agent", "survey",
)  # fmt: skip
"""Keys of the settings that a reload takes over; the others wait for a restart."""


def renewed(old: Settings, fresh: Settings) -> tuple[Settings, tuple[str, ...]]:
    """`old` with what a reload may change, and the changed keys that wait for a restart."""
    taken = msgspec.structs.replace(old, **{name: getattr(fresh, name) for name in RENEWED})
    names = [f.name for f in msgspec.structs.fields(Settings)]
    return taken, tuple(n for n in names if _comparable(taken, n) != _comparable(fresh, n))


def _comparable(settings: Settings, name: str) -> object:
    """A source is the same one when it only moved to another line."""
    if name == "sources":
        return [msgspec.structs.replace(use, where="") for use in settings.sources]
    return getattr(settings, name)


def faults_of_uses(settings: Settings, plugins: Mapping[str, Plugin]) -> Iterator[Fault]:
    """Of `sources` and `notify`: plugins that are not there, of another kind, or asked wrongly."""
    for use in settings.sources:
        yield from _faults(use, plugins, (StreamSource, LevelSource), "no source to configure")
    yield from faults_of_channels(settings.notify, plugins)


def faults_of_channels(
    channels: Mapping[str, Sequence[Use]], plugins: Mapping[str, Plugin]
) -> Iterator[Fault]:
    """Of ways to reach teams and people."""
    for uses in channels.values():
        for use in uses:
            yield from _faults(use, plugins, (Notifier,), "no notifier")
            try:
                resolve_secrets(use)
            except FaultsError as error:
                # Whoever checks may lack what the daemon has.
                for fault in error.faults:
                    yield msgspec.structs.replace(fault, severity=FaultSeverity.WARNING)


def _faults(
    use: Use, plugins: Mapping[str, Plugin], kinds: tuple[type[Plugin], ...], otherwise: str
) -> Iterator[Fault]:
    plugin = plugins.get(use.use)
    if plugin is None:
        remedy = suggest(use.use, plugins) + "; `homeostat plugins` lists what is loaded"
        yield _fault(use, UNKNOWN_PLUGIN, f"there is no plugin {use.use!r}", remedy)
    elif not isinstance(plugin, kinds):
        what = plugin.kind.replace("_", " ")
        yield _fault(use, WRONG_PLUGIN, f"{use.use} is a {what}, {otherwise}", "use another plugin")
    elif not isinstance(plugin, PushSource):
        yield from _parameters(use, plugin.params)


def _parameters(use: Use, params: type[Params]) -> Iterator[Fault]:
    try:
        params.model_validate(dict(use.params))
    except ValidationError as error:
        known = list(params.model_fields)
        for detail in error.errors(include_url=False):
            name = ".".join(map(str, detail["loc"])) or "with"
            said, remedy = detail["msg"], "see `homeostat plugins` and the reference of plugins"
            if detail["type"] == "missing":
                said, remedy = "is missing", "add it under with"
            elif detail["type"] == "extra_forbidden":
                said = "is not known"
                if len(detail["loc"]) == 1:
                    remedy = suggest(name, known, what="it has")
            yield _fault(use, PARAMETER, f"{use.use}: parameter {name}: {said}", remedy)


def _fault(use: Use, code: str, message: str, remedy: str) -> Fault:
    file, _, line = use.where.rpartition(":")
    return Fault(
        file=file or "settings",
        line=int(line) if line.isdecimal() else 1,
        column=1,
        code=code,
        message=message,
        remedy=remedy,
    )
