"""How one process is run: the `process` block of its entity, ready for use.

What people write is checked by catalog/process_block.py, with file and line. Here it is only a
mapping, also from registries made by a program, so it is read strictly again: an unknown key or a
wrong type is refused with the name of the entity. A command is an argument vector; nothing here
ever meets a shell.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.catalog.quantities import parse_duration
from agent.model.errors import Permanent
from agent.model.product import Entity

DEFAULT_HUNG_AFTER_SECONDS = 2.0
DEFAULT_STOP_GRACE_SECONDS = 3.0
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME")
"""What a process gets from our own environment. No more: the daemon's may hold secrets."""


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one version changes of the block it stands in."""

    command: tuple[str, ...] | None = None
    env: Mapping[str, str] = {}


class ProcessSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`version` is the one a process begins with; what it runs later stands in its state file."""

    command: tuple[str, ...] = ()
    cwd: str = ""
    env: Mapping[str, str] = {}
    version: str = ""
    versions: Mapping[str, Release] = {}
    log: str = ""
    config: str = ""
    health_url: str | None = None
    hung_after: str | float = DEFAULT_HUNG_AFTER_SECONDS
    stop_grace: str | float = DEFAULT_STOP_GRACE_SECONDS

    @property
    def hung_after_seconds(self) -> float:
        return seconds(self.hung_after)

    @property
    def stop_grace_seconds(self) -> float:
        return seconds(self.stop_grace)

    def path(self, written: str) -> Path:
        """A path of the block; relative ones are relative to `cwd`."""
        return Path(os.path.abspath(os.path.join(self.cwd or ".", written)))


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One version, ready to be executed."""

    command: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]


def seconds(value: str | float) -> float:
    """A duration of the block: `500ms`, `2s`, `1m`, or seconds. Raises Permanent."""
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise Permanent(str(error)) from error
    return float(value)


def spec_of(entity: Entity) -> ProcessSpec:
    """Raises Permanent where the entity has no `process` block, or one that cannot be used."""
    if entity.process is None:
        raise Permanent(f"{entity.name} has no process block: it is not run by this substrate")
    try:
        spec = msgspec.convert(_plain(entity.process), ProcessSpec)
    except msgspec.ValidationError as error:
        raise Permanent(f"process block of {entity.name}: {error}") from error
    if not spec.command and not any(release.command for release in spec.versions.values()):
        raise Permanent(f"process block of {entity.name}: `command` is missing")
    if spec.health_url is None and entity.health_url is not None:
        spec = msgspec.structs.replace(spec, health_url=entity.health_url)
    spec.hung_after_seconds, spec.stop_grace_seconds  # noqa: B018 - refuse a bad duration early
    return spec


def launch_of(name: str, spec: ProcessSpec, version: str) -> Launch:
    """Raises Permanent where that version is not declared or its program cannot be executed, so
    that a working process is never stopped for one that cannot start."""
    release = spec.versions.get(version)
    if release is None:
        if version != spec.version:  # the one it begins with may need nothing of its own
            known = ", ".join(sorted({*spec.versions, spec.version} - {""})) or "none"
            raise Permanent(f"{name} has no version {version!r} (declared: {known})")
        release = Release()
    command = release.command or spec.command
    if not command:
        raise Permanent(f"{name} {version}: no command")
    inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
    env = {**inherited, **spec.env, **release.env}
    cwd = os.path.abspath(spec.cwd or ".")
    if not os.path.isdir(cwd):
        raise Permanent(f"{name}: working directory {cwd} does not exist")
    if not _is_executable(command[0], cwd=cwd, path=env.get("PATH", os.defpath)):
        raise Permanent(f"{name}: {command[0]} cannot be executed")
    return Launch(command=command, cwd=cwd, env=env)


def _is_executable(program: str, *, cwd: str, path: str) -> bool:
    if "/" in program:
        found = os.path.join(cwd, program)
        return os.path.isfile(found) and os.access(found, os.X_OK)
    return shutil.which(program, path=path) is not None


def _plain(value: Any) -> Any:
    """The block as dictionaries and lists; a number written in `env` is taken as its text."""
    if isinstance(value, Mapping):
        plain = {str(key): _plain(item) for key, item in value.items()}
        if isinstance(plain.get("env"), dict):
            plain["env"] = {key: _text(item) for key, item in plain["env"].items()}
        return plain
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _text(value: Any) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else value
