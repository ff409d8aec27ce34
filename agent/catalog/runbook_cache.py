"""A cache of compiled runbooks, keyed by the content of their file.

Reading YAML and checking it against everything the plugins declare is most of what a start costs.
A text that was found without a fault once need not be checked again, as long as nothing it was
checked against has changed: the language itself (the code of this room) and the declarations of the
plugins. Both are part of the key of the whole cache. Expressions are kept as text and compiled when
they are first asked.

The cache is never the truth: a file that is not in it, or whose entry cannot be decoded, is read as
if there were none. It holds data only, no code.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel

from agent.catalog.expressions import (
    CompiledExpression,
    CompiledPredicate,
    Scope,
    TrustedExpression,
    TrustedPredicate,
    mentioned,
    trusted_expression,
    trusted_predicate,
)
from agent.catalog.runbook_files import runbook_files
from agent.catalog.runbooks import (
    FileRead,
    Loaded,
    RunbookSet,
    as_set,
    read_file,
    undisturbed,
)
from agent.model.fault import Fault
from agent.model.runbook import Runbook
from agent.ports.plugin import Action, Diagnostic, Plugin, Verification

PREDICATE, EXPRESSION = 1, 2
"""Codes of the two things msgpack does not know."""

_Written = tuple[str, dict[str, str]]
"""An expression's text, and the names it mentions with their types."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One runbook of a file, and where its name stands. Its text is left out where it is the whole
    of the file, as it nearly always is."""

    runbook: Runbook
    line: int
    column: int


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """The cache as it lies on disk: entries stay encoded until they are asked for."""

    key: bytes
    entries: dict[bytes, bytes]


def _encode(value: Any) -> Any:
    if isinstance(value, CompiledPredicate | TrustedPredicate):
        return msgspec.msgpack.Ext(PREDICATE, _written(value))
    if isinstance(value, CompiledExpression | TrustedExpression):
        return msgspec.msgpack.Ext(EXPRESSION, _written(value))
    raise TypeError(f"a runbook cannot hold a {type(value).__name__}")


def _written(
    value: CompiledPredicate | TrustedPredicate | CompiledExpression | TrustedExpression,
) -> bytes:
    return msgspec.msgpack.encode((value.text, mentioned(value)))


_WRITTEN = msgspec.msgpack.Decoder(_Written)


def _extension(code: int, data: memoryview) -> Any:
    text, names = _WRITTEN.decode(data)
    make = trusted_predicate if code == PREDICATE else trusted_expression
    return make(text, Scope(types=names))


def _as_it_is(_kind: type, value: Any) -> Any:
    return value


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode)
_DECODER = msgspec.msgpack.Decoder(tuple[Kept, ...], ext_hook=_extension, dec_hook=_as_it_is)


class RunbookCache:
    """Entries by content of a file. Entries nobody asked for since it was opened are dropped when
    it is saved, so that it does not outgrow the runbooks."""

    def __init__(self, file: Path, plugins: Mapping[str, Plugin]) -> None:
        self._file = file
        self._key = _key_of(plugins)
        self._entries = self._load()
        self._used: dict[bytes, bytes] = {}

    def get(self, raw: bytes, *, file: str) -> FileRead | None:
        """The runbooks of a file with this content: they carry no tests and no document."""
        digest = hashlib.sha256(raw).digest()
        entry = self._entries.get(digest)
        if entry is None:
            return None
        try:
            found = _DECODER.decode(entry)
        except msgspec.DecodeError:
            return None
        self._used[digest] = entry
        return FileRead(loaded=tuple(_loaded(kept, raw, file) for kept in found))

    def put(self, raw: bytes, read: FileRead) -> None:
        """Keeps what was read of a file, unless anything at all is wrong with it."""
        if read.faults:
            return
        whole = raw.decode("utf-8")
        kept = tuple(
            Kept(
                runbook=msgspec.structs.replace(one.runbook, text="", path="")
                if one.runbook.text == whole
                else msgspec.structs.replace(one.runbook, path=""),
                line=one.line,
                column=one.column,
            )
            for one in read.loaded
        )
        self._used[hashlib.sha256(raw).digest()] = _ENCODER.encode(kept)

    def save(self) -> None:
        """Writes it, where anything changed. Raises OSError."""
        if self._used == self._entries:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_bytes(msgspec.msgpack.encode(_File(key=self._key, entries=self._used)))
        os.replace(fresh, self._file)
        self._entries = dict(self._used)

    def _load(self) -> dict[bytes, bytes]:
        try:
            found = msgspec.msgpack.decode(self._file.read_bytes(), type=_File)
        except (OSError, msgspec.DecodeError):
            return {}
        return found.entries if found.key == self._key else {}


def _loaded(kept: Kept, raw: bytes, file: str) -> Loaded:
    text = kept.runbook.text or raw.decode("utf-8")
    runbook = msgspec.structs.replace(kept.runbook, text=text, path=file)
    return Loaded(runbook, file, kept.line, kept.column)


def load_cached(
    folders: Sequence[Path], plugins: Mapping[str, Plugin], cache: RunbookCache
) -> RunbookSet:
    """As `load_runbooks`, without reading again what has not changed since the cache was saved.
    Tests and documents are there only of what was read anew: this is for those who decide by the
    runbooks, not for those who work on them."""
    faults: list[Fault] = []
    with undisturbed():
        return as_set(read_cached(folders, plugins, cache, faults), faults)


def read_cached(
    folders: Sequence[Path],
    plugins: Mapping[str, Plugin],
    cache: RunbookCache,
    faults: list[Fault],
) -> list[FileRead]:
    """The files one by one, before they are put together; `faults` gets those of the folders."""
    files: list[FileRead] = []
    for file, raw in runbook_files(folders, faults):
        known = cache.get(raw, file=file)
        if known is None:
            known = read_file(file, raw, plugins)
            cache.put(raw, known)
        files.append(known)
    return files


def _key_of(plugins: Mapping[str, Plugin]) -> bytes:
    """Everything a text is checked against."""
    found = hashlib.sha256(_language())
    for name in sorted(plugins):
        plugin = plugins[name]
        if isinstance(plugin, Action):
            declared: Any = (plugin.effect, plugin.reversal, plugin.needs, plugin.undone_by)
            models: tuple[type[BaseModel], ...] = (plugin.params,)
        elif isinstance(plugin, Diagnostic | Verification):
            declared, models = plugin.needs, (plugin.params, plugin.result)
        else:
            declared, models = "", ()
        shapes = [model.model_json_schema() for model in models]
        found.update(msgspec.json.encode((name, plugin.kind, declared, shapes)))
        for model in models:  # what its validators say stands in its code only
            found.update(_code_of(model.__module__))
    return found.digest()


def _code_of(module: str) -> bytes:
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).read_bytes() if file is not None and Path(file).is_file() else b""


@cache
def _language() -> bytes:
    """The code that reads runbooks, and what it reads them by and makes them of."""
    found = hashlib.sha256()
    agent = Path(__file__).parents[1]
    for room in ("catalog", "core", "model", "ports"):
        for path in sorted((agent / room).glob("*.py")):
            found.update(path.read_bytes())
    return found.digest()
