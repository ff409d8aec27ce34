"""The registry of products, read from Backstage's `catalog-info.yaml` files.

The files are checked as one set, since what matters stands between them: a name given twice, a
dependency on something nobody declared, a service whose product is misspelt. Each of those would
send a page to the wrong team, so none of them is guessed at. A cycle of dependencies is allowed
(it happens in real companies) and told as a warning.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from agent.catalog.document import Document, Step, fault_in
from agent.catalog.faults import FaultsError, in_order, raise_errors, shown, suggest
from agent.catalog.files import UNREADABLE, fault_of_file, read_documents
from agent.catalog.objectives import openslo_files, with_objectives
from agent.catalog.openslo import is_openslo
from agent.catalog.product_compile import REFERABLE, Row, compiled
from agent.catalog.product_document import (
    AGENT_TYPES,
    OTHER_KINDS,
    READ_KINDS,
    AgentDocument,
    ProductDocument,
    ServiceDocument,
    SystemDocument,
    WholeProductDocument,
    parse_reference,
)
from agent.catalog.strict_yaml import validate
from agent.model.fault import Fault, FaultSeverity
from agent.model.product import Registry

SHAPE = "HS301"
DUPLICATE = "HS302"
UNKNOWN = "HS303"
OWNER = "HS304"
CYCLE = "HS305"
KIND = "HS306"
MISSPELT = "HS307"
NO_FOLDER = "HS308"
"""A folder of runbooks that is not there."""
UNWATCHED = "HS309"

FILE_NAMES = frozenset({"catalog-info.yaml", "catalog-info.yml"})
_SPEC_KEYS = frozenset({"owner", "dependsOn", "system", "type", "homeostat"})
_BACKSTAGE_KEYS = frozenset(
    {"lifecycle", "subcomponentOf", "providesApis", "consumesApis", "domain"}
)
_MOST_CYCLES = 20


@dataclass
class _Found:
    rows: list[Row] = field(default_factory=list)
    objectives: list[Document] = field(default_factory=list)
    """Documents of OpenSLO."""
    faults: list[Fault] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Names of documents that have faults of their own: they exist all the same."""
    is_partial: bool = False
    """A whole file could not be read: what is unknown may stand in it."""


def load_registry(paths: Sequence[Path]) -> tuple[Registry, tuple[Fault, ...]]:
    """The registry and its warnings. Raises FaultsError with every fault of all files.

    A path is a file of any name, or a folder with `catalog-info.yaml` files at any depth, and with
    files of OpenSLO (objectives.py).
    """
    found = _Found()
    for file in _files(paths, found):
        try:
            documents = read_documents(file)
        except FaultsError as error:
            found.faults.extend(error.faults)
            found.is_partial = True
            continue
        for document in documents:
            _read(document, found)
    _check_set(found)
    raise_errors(found.faults)
    found.faults.extend(_cycles({row.name: row for row in found.rows}))
    found.faults.extend(_unwatched(found.rows))
    registry, told = with_objectives(compiled(found.rows), found.rows, found.objectives)
    found.faults.extend(told)
    raise_errors(found.faults)
    return registry, in_order(found.faults)


def _files(paths: Iterable[Path], found: _Found) -> Iterator[Path]:
    seen: set[str] = set()
    for path in paths:
        files = list(_files_of(path)) if path.is_dir() else [path]
        if not files:
            message = "there is no catalog-info.yaml in this folder"
            remedy = "add one, or take the folder out of `products`"
            found.faults.append(fault_of_file(path, UNREADABLE, message, remedy))
        for file in files:
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file


def _files_of(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(FILE_NAMES.intersection(names)):
            yield Path(here) / name
    yield from openslo_files(folder)


def _read(document: Document, found: _Found) -> None:
    """Validates one document by itself."""
    data = document.data
    if is_openslo(data):
        found.objectives.append(document)
        return
    if not isinstance(data, dict):
        message = "a Backstage document is expected here"
        remedy = "write apiVersion, kind, metadata and spec"
        if isinstance(data, list):
            message = "a list is not read: each document stands by itself here"
            remedy = "part them by a line of ---, and take the dashes of the list away"
        found.faults.append(fault_in(document, (), SHAPE, message, remedy))
        return
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in READ_KINDS:
        _other_kind(document, kind, found)
        return
    spec = data.get("spec")
    keys: dict[str, Any] = spec if isinstance(spec, dict) else {}
    found.faults.extend(_misspelt(document, keys))
    try:
        parsed = validate(document, _model_of(kind, keys), code=SHAPE)
    except FaultsError as error:
        found.faults.extend(error.faults)
        metadata = data.get("metadata")
        if isinstance(metadata, dict):
            found.broken.add(str(metadata.get("name")))
        return
    if parsed.spec.owner is None:
        message = f"{shown(parsed.metadata.name)} has no owner, so nobody could be paged for it"
        found.faults.append(
            fault_in(document, ("spec",), OWNER, message, "add spec.owner: the team that owns it")
        )
    found.rows.append(Row(document=document, kind=kind.lower(), parsed=parsed))


def _model_of(kind: str, spec: dict[str, Any]) -> type[ProductDocument]:
    if kind == "System":
        return SystemDocument
    if kind == "Resource":
        return ServiceDocument
    if spec.get("type") in AGENT_TYPES:
        return AgentDocument
    return ServiceDocument if spec.get("system") is not None else WholeProductDocument


def _other_kind(document: Document, kind: object, found: _Found) -> None:
    if kind in OTHER_KINDS:
        return
    kinds = READ_KINDS | OTHER_KINDS
    if isinstance(kind, str):
        message = f"kind {shown(kind)} is not known and not read"
        remedy = suggest(kind, kinds, what="known kinds")
        severity = FaultSeverity.WARNING
    else:
        message, remedy = (
            "the document does not say its kind",
            "add kind: System, Component or Resource",
        )
        severity = FaultSeverity.ERROR
    found.faults.append(fault_in(document, ("kind",), KIND, message, remedy, severity))


def _misspelt(document: Document, spec: dict[str, Any]) -> Iterator[Fault]:
    """Backstage allows any key in `spec`; one that nearly is one of ours is worth a word."""
    for key in spec:
        close = get_close_matches(
            key.lower()[:100], {k.lower() for k in _SPEC_KEYS}, n=1, cutoff=0.8
        )
        if close and key not in _SPEC_KEYS and key not in _BACKSTAGE_KEYS:
            meant = next(k for k in _SPEC_KEYS if k.lower() == close[0])
            line, column = document.mark(("spec", key), key=True)
            yield Fault(
                file=document.file,
                line=line,
                column=column,
                code=MISSPELT,
                path=f"spec.{key}",
                message=f"key {shown(key)} is not read",
                remedy=f'did you mean "{meant}"?',
                severity=FaultSeverity.WARNING,
            )


def _check_set(found: _Found) -> None:
    by_name: dict[str, Row] = {}
    for row in found.rows:
        first = by_name.setdefault(row.name, row)
        if first is not row:
            line, column = first.document.mark(("metadata", "name"))
            message = f"the name {shown(row.name)} is taken by the {first.kind} at "
            message += f"{first.document.file}:{line}:{column}"
            remedy = "a name is unique among systems, components and resources; rename one"
            path = ("metadata", "name")
            found.faults.append(fault_in(row.document, path, DUPLICATE, message, remedy))
    for row in found.rows:
        if row.kind != "system" and row.spec.system is not None:
            _check_reference(row, ("spec", "system"), row.spec.system, by_name, found, "system")
        for place, text in row.references:
            _check_reference(row, place, text, by_name, found)
        _check_folders(row, found)


def _check_folders(row: Row, found: _Found) -> None:
    """A misspelt folder would be a product without its runbooks, and nobody would know."""
    for at, folder in enumerate(row.runbook_folders):
        if not folder.is_dir():
            path = ("spec", "homeostat", "runbooks", at)
            message = f"there is no folder {shown(os.path.relpath(folder, row.folder))}"
            remedy = "make it, or mend the path: it is relative to this file"
            found.faults.append(fault_in(row.document, path, NO_FOLDER, message, remedy))


def _check_reference(
    row: Row,
    path: tuple[Step, ...],
    text: str,
    by_name: dict[str, Row],
    found: _Found,
    expected: str = "",
) -> None:
    reference = parse_reference(text)
    kind = reference.kind or expected
    target = by_name.get(reference.name)
    if kind not in REFERABLE:
        return
    if target is None:
        if found.is_partial or reference.name in found.broken:
            return
        of_kind = {name for name, other in by_name.items() if kind in ("", other.kind)}
        message = f"{kind or 'entity'} {shown(reference.name)} is not declared in any file"
        remedy = suggest(reference.name, of_kind | found.broken, what="declared")
        found.faults.append(fault_in(row.document, path, UNKNOWN, message, remedy))
    elif kind and target.kind != kind:
        message = f"{shown(reference.name)} is a {target.kind}, not a {kind}"
        remedy = (
            "name a document of kind System" if expected else f"write {target.kind}:{target.name}"
        )
        found.faults.append(fault_in(row.document, path, UNKNOWN, message, remedy))


def _cycles(by_name: dict[str, Row]) -> Iterator[Fault]:
    graph = {
        name: [other for other in row.depends_on if other in by_name]
        for name, row in by_name.items()
    }
    for _ in range(_MOST_CYCLES):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1][::-1]  # each depends on the next
            graph[cycle[0]].remove(cycle[1])
            message = "dependencies go round in a circle: " + " → ".join(cycle)
            remedy = "it is allowed; take one away if it is not meant"
            row = by_name[cycle[0]]
            path = _position(row, cycle[1])
            yield fault_in(row.document, path, CYCLE, message, remedy, FaultSeverity.WARNING)
        else:
            return


def _unwatched(rows: Iterable[Row]) -> Iterator[Fault]:
    for row in rows:
        if isinstance(row.parsed, AgentDocument) and row.parsed.spec.homeostat.heartbeat is None:
            message = f"{shown(row.name)} declares no heartbeat: nobody is told when it dies"
            remedy = "add homeostat: {heartbeat: 10s}, and let it beat"
            yield fault_in(
                row.document, ("spec",), UNWATCHED, message, remedy, FaultSeverity.WARNING
            )


def _position(row: Row, name: str) -> tuple[Step, ...]:
    return next(path for path, text in row.references if parse_reference(text).name == name)
