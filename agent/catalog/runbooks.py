"""Loading runbooks: folders of YAML into one set, with every fault of every file at once.

What counts is content: the digest is a hash of a runbook's own text, the order is that of names,
and times of files do not matter. Only regular files under a given root are read; a link that leads
out of it is a fault. A runbook with a fault is left out of the set, and the caller decides what a
set with faults is good for (`homeostat check` prints it, a reload refuses it).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.catalog.document import Document
from agent.catalog.faults import FaultsError, in_order
from agent.catalog.runbook_calls import SHAPE, Checked
from agent.catalog.runbook_compile import compile_runbook
from agent.catalog.runbook_document import RunbookDocument, RunbookTest, schema
from agent.catalog.runbook_tests import check_tests
from agent.catalog.strict_yaml import parse, parse_all, validate
from agent.model.fault import Fault
from agent.model.runbook import Lifecycle, Runbook
from agent.ports.plugin import Plugin

__all__ = ["LoadedTest", "RunbookSet", "load_files", "load_runbooks", "load_text", "schema"]

TIE = "HS210"
DUPLICATE_NAME = "HS211"
FILE = "HS214"

MAX_BYTES = 1024 * 1024
MAX_FILES = 20_000
DIGEST_CHARACTERS = 16
SUFFIXES = (".yaml", ".yml")

_DOCUMENT_END = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True)
class LoadedTest:
    """One test of a runbook, and where it stands."""

    runbook: str
    file: str
    line: int
    test: RunbookTest


@dataclass(frozen=True)
class RunbookSet:
    """`runbooks` are without fault on their own; ties and double names are told in `faults`."""

    runbooks: tuple[Runbook, ...] = ()
    faults: tuple[Fault, ...] = ()
    documents: Mapping[str, RunbookDocument] = field(default_factory=dict)
    """By name: the runbooks as written."""
    places: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)
    """By name: file, line and column of `metadata.name`."""
    _tests: Mapping[str, tuple[LoadedTest, ...]] = field(default_factory=dict)

    def tests(self, runbook_name: str) -> tuple[LoadedTest, ...]:
        return self._tests.get(runbook_name, ())


@dataclass(frozen=True)
class _Loaded:
    runbook: Runbook
    document: RunbookDocument
    tests: tuple[LoadedTest, ...]
    file: str
    line: int
    column: int


def load_runbooks(folders: Sequence[Path], plugins: Mapping[str, Plugin]) -> RunbookSet:
    """Every runbook in these folders (or single files), checked on its own and as a set."""
    faults: list[Fault] = []
    texts: list[tuple[str, bytes]] = []
    for folder in folders:
        for path in _files(folder, faults):
            raw = _read(path, faults)
            if raw is not None:
                texts.append((str(path), raw))
    found = load_files(texts, plugins)
    return RunbookSet(
        runbooks=found.runbooks,
        faults=in_order((*faults, *found.faults)),
        documents=found.documents,
        places=found.places,
        _tests=found._tests,
    )


def load_files(
    texts: Sequence[tuple[str, str | bytes]], plugins: Mapping[str, Plugin]
) -> RunbookSet:
    """The same from texts already read, each with the name of its file."""
    faults: list[Fault] = []
    loaded: list[_Loaded] = []
    for file, raw in texts:
        try:
            documents = parse_all(raw, file=file)
        except FaultsError as error:
            faults.extend(error.faults)
            continue
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
        parts = _parts(text, len(documents))
        for document, part in zip(documents, parts, strict=True):
            one = _load(document, whole=text, part=part, plugins=plugins, faults=faults)
            if one is not None:
                loaded.append(one)
    named = _by_name(loaded, faults)
    faults.extend(_ties(tuple(named.values())))
    return RunbookSet(
        runbooks=tuple(named[name].runbook for name in sorted(named)),
        faults=in_order(faults),
        documents={name: one.document for name, one in named.items()},
        places={name: (one.file, one.line, one.column) for name, one in named.items()},
        _tests={name: one.tests for name, one in named.items()},
    )


def load_text(text: str, *, path: str, plugins: Mapping[str, Plugin]) -> Runbook:
    """One runbook from its own text, for example a pinned version. Raises FaultsError."""
    document = parse(text, file=path)
    faults: list[Fault] = []
    one = _load(document, whole=text, part=text, plugins=plugins, faults=faults)
    if one is None:
        raise FaultsError(faults)
    return one.runbook


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


def _load(
    document: Document,
    *,
    whole: str,
    part: str,
    plugins: Mapping[str, Plugin],
    faults: list[Fault],
) -> _Loaded | None:
    """`part` is the runbook's own text, `whole` the file's, which the marks are of."""
    try:
        read = validate(document, RunbookDocument, code=SHAPE)
    except FaultsError as error:
        faults.extend(error.faults)
        return None
    checked = Checked(document, whole, plugins)
    runbook = compile_runbook(checked, read, digest=digest(part), text=part, path=document.file)
    check_tests(checked, read)
    faults.extend(checked.faults)
    if checked.faults:
        return None
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
    return _Loaded(runbook, read, tests, document.file, line, column)


def _parts(text: str, count: int) -> list[str]:
    """The text of each document, so that a change of one does not change the version of another.

    In YAML a line that begins with `---` ends a document wherever it stands, also in a block.
    """
    if count <= 1:
        return [text] * count
    parts = [part for part in _DOCUMENT_END.split(text) if _says_something(part)]
    return parts if len(parts) == count else [text] * count


def _says_something(part: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in part.splitlines())


def _by_name(loaded: Sequence[_Loaded], faults: list[Fault]) -> dict[str, _Loaded]:
    named: dict[str, _Loaded] = {}
    for one in loaded:
        first = named.setdefault(one.runbook.name, one)
        if first is not one:
            message = f"another runbook is called {one.runbook.name}"
            remedy = f"the first is at {first.file}:{first.line}; rename one of them"
            faults.append(_set_fault(one, DUPLICATE_NAME, "metadata.name", message, remedy))
    return named


def _set_fault(one: _Loaded, code: str, path: str, message: str, remedy: str) -> Fault:
    return Fault(
        file=one.file,
        line=one.line,
        column=one.column,
        code=code,
        path=path,
        message=message,
        remedy=remedy,
    )


def _ties(loaded: Sequence[_Loaded]) -> Iterator[Fault]:
    """Pairs of active runbooks that one alert would match with equal right."""
    by_alert: dict[str, list[_Loaded]] = {}
    for one in loaded:
        if one.runbook.lifecycle is Lifecycle.ACTIVE:
            for name in one.runbook.match.alert or ("",):
                by_alert.setdefault(name, []).append(one)
    told: set[tuple[str, str]] = set()
    for group in by_alert.values():
        for at, one in enumerate(group):
            for other in group[:at]:
                pair = (other.runbook.name, one.runbook.name)
                if pair not in told and _tie(one.runbook, other.runbook):
                    told.add(pair)
                    message = f"matches the same alerts as {other.runbook.name}"
                    remedy = f"see {other.file}:{other.line}; add a label to one of them"
                    yield _set_fault(one, TIE, "match", message, remedy)


def _tie(one: Runbook, other: Runbook) -> bool:
    """Whether neither is more specific. Where both have a different `when`, nobody can tell."""
    a, b = one.match, other.match
    if a.specificity != b.specificity or a.labels.keys() != b.labels.keys():
        return False
    if any(set(a.labels[n]).isdisjoint(b.labels[n]) for n in a.labels):
        return False
    if a.layer is not None and b.layer is not None and a.layer is not b.layer:
        return False
    if a.product != b.product and a.product is not None and b.product is not None:
        return False
    whens = {m.when.text for m in (a, b) if m.when is not None}
    return len(whens) <= 1


def _files(folder: Path, faults: list[Fault]) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    if not folder.is_dir():
        faults.append(
            _file_fault(folder, "there is no such folder", "make it, or correct the path")
        )
        return
    root = folder.resolve()
    found = sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES)
    if len(found) > MAX_FILES:
        faults.append(_file_fault(folder, f"more than {MAX_FILES} files", "split the folder"))
        found = found[:MAX_FILES]
    for path in found:
        if not path.resolve().is_relative_to(root):
            remedy = "copy the file here, or name its folder in the settings"
            faults.append(_file_fault(path, "the link leads out of the folder", remedy))
        elif path.is_file():
            yield path
        elif not path.is_dir():
            faults.append(_file_fault(path, "not a regular file", "remove it"))


def _read(path: Path, faults: list[Fault]) -> bytes | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        faults.append(_file_fault(path, f"cannot be read: {error.strerror}", "check the file"))
        return None
    return raw


def _file_fault(path: Path, message: str, remedy: str) -> Fault:
    return Fault(file=str(path), line=1, column=1, code=FILE, message=message, remedy=remedy)
