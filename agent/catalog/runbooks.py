"""Loading runbooks: folders of YAML into one set, with every fault of every file at once.

What counts is content: the digest is a hash of a runbook's own text, the order is that of names,
and times of files do not matter. A runbook with a fault is left out of the set, and the caller
decides what a set with faults is good for (`homeostat check` prints it, a reload refuses it).

A file is read by itself first (`read_file`), without a look at the others; what stands between
files (two runbooks of one name, two that tie) is found when they are put together (`as_set`). So
whoever knows what came of a file with the same content needs not read it again.
"""

from __future__ import annotations

import gc
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.catalog.document import Document
from agent.catalog.faults import FaultsError, has_errors, in_order
from agent.catalog.runbook_calls import Checked
from agent.catalog.runbook_compile import compile_runbook
from agent.catalog.runbook_document import RunbookDocument, RunbookTest, schema
from agent.catalog.runbook_files import runbook_files
from agent.catalog.runbook_order import out_of_order
from agent.catalog.runbook_reading import read_runbook
from agent.catalog.runbook_tests import check_tests
from agent.catalog.runbook_ties import TIE, ties
from agent.catalog.strict_yaml import read_all, read_one
from agent.model.fault import Fault, FaultSeverity
from agent.model.runbook import Runbook
from agent.ports.plugin import Plugin

__all__ = [
    "DUPLICATE_NAME",
    "TIE",
    "FileRead",
    "Loaded",
    "LoadedTest",
    "RunbookSet",
    "as_set",
    "digest",
    "load_files",
    "load_runbooks",
    "load_text",
    "read_file",
    "schema",
]

DUPLICATE_NAME = "HS211"
"""Two runbooks have the same name."""
PARTS = "HS227"
"""The runbooks of one file cannot be told apart, so that they would share a version."""

DIGEST_CHARACTERS = 16

_DOCUMENT_END = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True)
class LoadedTest:
    """One test of a runbook, and where it stands."""

    runbook: str
    file: str
    line: int
    test: RunbookTest


@dataclass(frozen=True)
class Loaded:
    """One runbook without an error of its own, and where its name stands."""

    runbook: Runbook
    file: str
    line: int
    column: int
    document: RunbookDocument | None = None
    """As it was written. None where only the compiled runbook was kept."""
    tests: tuple[LoadedTest, ...] = ()


@dataclass(frozen=True)
class FileRead:
    """What came of one file by itself."""

    loaded: tuple[Loaded, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class RunbookSet:
    """`runbooks` are without error on their own; ties and double names are told in `faults`."""

    runbooks: tuple[Runbook, ...] = ()
    faults: tuple[Fault, ...] = ()
    documents: Mapping[str, RunbookDocument] = field(default_factory=dict)
    """By name: the runbooks as written."""
    places: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)
    """By name: file, line and column of `metadata.name`."""
    doubled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name: the files of all runbooks with it, where it is not only one."""
    _tests: Mapping[str, tuple[LoadedTest, ...]] = field(default_factory=dict)

    def tests(self, runbook_name: str) -> tuple[LoadedTest, ...]:
        return self._tests.get(runbook_name, ())


def load_runbooks(folders: Sequence[Path], plugins: Mapping[str, Plugin]) -> RunbookSet:
    """Every runbook in these folders (or single files), checked on its own and as a set."""
    faults: list[Fault] = []
    with undisturbed():
        files = [read_file(file, raw, plugins) for file, raw in runbook_files(folders, faults)]
        return as_set(files, faults)


def load_files(
    texts: Sequence[tuple[str, str | bytes]], plugins: Mapping[str, Plugin]
) -> RunbookSet:
    """The same from texts already read, each with the name of its file."""
    with undisturbed():
        return as_set(read_file(file, raw, plugins) for file, raw in texts)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without the garbage collector: nearly all that is made here stays, and with thousands of
    runbooks it would look through them again and again, for a fifth of the whole time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def load_text(text: str, *, path: str, plugins: Mapping[str, Plugin]) -> Runbook:
    """One runbook from its own text, for example a pinned version. Raises FaultsError."""
    loaded, faults = _load(read_one(text, file=path), whole=text, part=text, plugins=plugins)
    if loaded is None:
        raise FaultsError(faults)
    return loaded.runbook


def read_file(file: str, raw: str | bytes, plugins: Mapping[str, Plugin]) -> FileRead:
    """The runbooks of one file, and all that is wrong in it."""
    try:
        documents = read_all(raw, file=file)
    except FaultsError as error:
        return FileRead(faults=error.faults)
    text = raw if isinstance(raw, str) else raw.decode("utf-8")
    parts = _parts(text, len(documents))
    if len(parts) != len(documents):
        return FileRead(faults=(_no_parts(documents[-1]),))
    found = [
        _load(document, whole=text, part=part, plugins=plugins)
        for document, part in zip(documents, parts, strict=True)
    ]
    return FileRead(
        loaded=tuple(loaded for loaded, _ in found if loaded is not None),
        faults=tuple(fault for _, faults in found for fault in faults),
    )


def as_set(files: Iterable[FileRead], faults: Iterable[Fault] = ()) -> RunbookSet:
    """Files put together, with what is wrong between them. `faults` were found before that."""
    told = list(faults)
    loaded: list[Loaded] = []
    for file in files:
        told.extend(file.faults)
        loaded.extend(file.loaded)
    named, doubled = _by_name(loaded, told)
    told.extend(_ties(named))
    return RunbookSet(
        runbooks=tuple(named[name].runbook for name in sorted(named)),
        faults=in_order(told),
        documents={n: one.document for n, one in named.items() if one.document is not None},
        places={name: (one.file, one.line, one.column) for name, one in named.items()},
        doubled=doubled,
        _tests={name: one.tests for name, one in named.items()},
    )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


def _load(
    document: Document, *, whole: str, part: str, plugins: Mapping[str, Plugin]
) -> tuple[Loaded | None, list[Fault]]:
    """`part` is the runbook's own text, `whole` the file's, which the marks are of."""
    reading = read_runbook(document)
    faults = [*document.faults, *reading.faults, *out_of_order(document)]
    read = reading.runbook
    if read is None:
        return None, faults
    checked = Checked(reading, whole, plugins)
    runbook = compile_runbook(checked, read, digest=digest(part), text=part, path=document.file)
    check_tests(checked, read)
    faults.extend(checked.faults)
    if has_errors(faults):
        return None, faults
    tests = tuple(
        LoadedTest(
            runbook=runbook.name,
            file=document.file,
            line=document.mark(("tests", number))[0],
            test=test,
        )
        for number, test in enumerate(read.tests)
    )
    line, column = document.mark(("metadata", "name"))
    return Loaded(runbook, document.file, line, column, read, tests), faults


def _parts(text: str, count: int) -> list[str]:
    """The text of each document, so that a change of one does not change the version of another.

    In YAML a line that begins with `---` ends a document wherever it stands, also in a block.
    """
    if count <= 1:
        return [text] * count
    return [part for part in _DOCUMENT_END.split(text) if _says_something(part)]


def _no_parts(document: Document) -> Fault:
    """A version is the hash of a runbook's own text: two must never have one in common."""
    line, column = document.mark(())
    return Fault(
        file=document.file,
        line=line,
        column=column,
        code=PARTS,
        message="where one runbook of this file ends and the next begins cannot be told",
        remedy="give each a file of its own, or part them by lines of --- alone, without %YAML",
    )


def _says_something(part: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in part.splitlines())


def _by_name(
    loaded: Sequence[Loaded], faults: list[Fault]
) -> tuple[dict[str, Loaded], dict[str, tuple[str, ...]]]:
    """The first of each name, and for each name given twice all files that give it."""
    named: dict[str, Loaded] = {}
    doubled: dict[str, tuple[str, ...]] = {}
    for one in loaded:
        first = named.setdefault(one.runbook.name, one)
        if first is not one:
            message = f"another runbook is called {one.runbook.name}"
            remedy = f"the first is at {first.file}:{first.line}; rename one of them"
            faults.append(_set_fault(one, DUPLICATE_NAME, "metadata.name", message, remedy))
            doubled[first.runbook.name] = (
                *doubled.get(first.runbook.name, (first.file,)),
                one.file,
            )
    return named, doubled


def _ties(named: Mapping[str, Loaded]) -> Iterator[Fault]:
    for one, other, name, severity in ties([loaded.runbook for loaded in named.values()]):
        message = f"matches the same alerts as {one.name}"
        if name not in other.match.alert:
            message += f", {name} for example" if name else ""
        first = named[one.name]
        remedy = (
            f"see {first.file}:{first.line}; let one of them say more: a label, a product, when"
        )
        yield _set_fault(named[other.name], TIE, "match", message, remedy, severity)


def _set_fault(
    one: Loaded,
    code: str,
    path: str,
    message: str,
    remedy: str,
    severity: FaultSeverity = FaultSeverity.ERROR,
) -> Fault:
    return Fault(
        file=one.file,
        line=one.line,
        column=one.column,
        code=code,
        path=path,
        message=message,
        remedy=remedy,
        severity=severity,
    )
