"""The `process` block of an entity: how the embedded substrate runs it.

A command is a list of arguments. There is no shell, so nothing that is written here, and nothing
that an alert says, is ever read as shell text.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from agent.catalog.addresses import HttpUrl
from agent.catalog.faults import shown, suggest, wrong
from agent.catalog.quantities import PositiveDuration
from agent.catalog.validation import Written


def _arguments(value: object) -> object:
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError:
            words = [value]
        remedy = "write [" + ", ".join(f'"{word}"' for word in words) + "]"
        raise wrong("a command is a list of arguments; there is no shell", remedy)
    if value == []:
        raise wrong("the command is empty", 'write it like ["python3", "app.py"]')
    return tuple(value) if isinstance(value, list) else value  # as the strict mode wants it


def _variable(value: object) -> object:
    """A port is a number to whoever writes it, and text in an environment."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Word = Annotated[str, Field(min_length=1)]
Command = Annotated[tuple[Word, ...], BeforeValidator(_arguments)]
Environment = Mapping[
    Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")],
    Annotated[str, BeforeValidator(_variable)],
]


class VersionBlock(Written):
    """What one version changes of the block it stands in."""

    command: Command | None = None
    env: Environment = {}


class ProcessBlock(Written):
    command: Command | None = None
    cwd: Word | None = None
    env: Environment = {}
    version: Word | None = None
    versions: Mapping[Word, VersionBlock] = {}
    log: Word | None = None
    config: Word | None = None
    health_url: HttpUrl | None = None
    hung_after: PositiveDuration | None = None
    stop_grace: PositiveDuration | None = None

    @model_validator(mode="after")
    def _startable(self) -> ProcessBlock:
        if self.versions and self.version is None:
            remedy = f'add version: "{next(iter(self.versions))}"'
            raise wrong("which of the versions it begins with is not said", remedy)
        first = self.versions.get(self.version or "")
        if self.command is None and first is None:
            if self.versions:
                remedy = suggest(self.version or "", self.versions, what="versions")
                raise wrong(f"version {shown(self.version or '')} is not declared", remedy)
            raise wrong("the command is missing", 'add command: ["python3", "app.py"]')
        bare = [name for name, version in self.versions.items() if version.command is None]
        if self.command is None and bare:
            raise wrong(f"version {shown(bare[0])} has no command", "add one, or one for all")
        return self


def compile_process(block: ProcessBlock, folder: Path) -> dict[str, Any]:
    """As runtime reads it: `cwd` is relative to the file's folder, the other paths to `cwd`."""
    cwd = os.path.abspath(folder / (block.cwd or "."))
    plain = block.model_dump(exclude_none=True)
    plain["cwd"] = cwd
    for key in ("log", "config"):
        if key in plain:
            plain[key] = os.path.abspath(os.path.join(cwd, plain[key]))
    return plain
