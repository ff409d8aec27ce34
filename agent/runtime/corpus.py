"""Alerts nobody here wrote: rules or instances from files, made into alerts that could arrive.

A rule is an alert that has not fired yet. Its labels are those the rule gives, those its expression
pins, and for those the expression merely shows to be there a plausible value. Read are lines of
JSON (a rule with `expr`, or an instance with all its `labels`), rule files of Prometheus and
PrometheusRule objects, alone, in a list or several in a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.catalog.faults import FaultsError
from agent.catalog.strict_yaml import parse_all
from agent.core.alert_labels import labels_of
from agent.model.errors import Unparseable

SUFFIXES = (".jsonl", ".ndjson", ".json", ".yaml", ".yml")
_TOLD = re.compile(r"\{\{.*?\$labels\.(\w+).*?\}\}", re.DOTALL)
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)

PLAUSIBLE: Mapping[str, str] = {
    "namespace": "prod-a",
    "pod": "web-7cc77d965f-cgsdv",
    "container": "web",
    "service": "web",
    "endpoint": "http",
    "job": "web",
    "instance": "10.0.0.7:9100",
    "node": "node-7",
    "cluster": "prod",
    "deployment": "web",
    "statefulset": "store",
    "daemonset": "collector",
    "replicaset": "web-7cc77d965f",
    "job_name": "report-28412345",
    "cronjob": "report",
    "horizontalpodautoscaler": "web",
    "poddisruptionbudget": "web",
    "persistentvolumeclaim": "data-store-0",
    "persistentvolume": "pv-7",
    "resourcequota": "compute",
    "resource": "requests.memory",
    "ingress": "web",
    "device": "sda1",
    "mountpoint": "/var",
    "fstype": "ext4",
    "severity": "warning",
    "phase": "Failed",
    "reason": "Error",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of a corpus, as it would arrive. `expression` None: the corpus does not tell it."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = {}
    expression: str | None = None
    where: str = ""
    """File and line, or group."""


def read_corpus(path: Path) -> list[Entry]:
    """Everything in the file, or in the files of the folder. Raises Unparseable with the place, or
    OSError."""
    files = [path]
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    return [entry for file in files for entry in _entries(file)]


def _entries(file: Path) -> Iterator[Entry]:
    raw = file.read_bytes()
    if file.suffix in (".jsonl", ".ndjson"):
        for number, line in enumerate(raw.splitlines(), start=1):
            if line.strip():
                where = f"{file}:{number}"
                yield from _of(_json(line, where), where, must=True)
    elif file.suffix == ".json":
        yield from _of(_json(raw, str(file)), str(file), must=True)
    else:
        try:
            documents = parse_all(raw, file=str(file))
        except FaultsError as error:
            raise Unparseable("; ".join(map(str, error.faults[:3]))) from None
        for document in documents:
            yield from _of(document.data, str(file), must=len(documents) == 1)


def _json(raw: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Unparseable(str(error), where=where) from None


def _of(data: Any, where: str, *, must: bool) -> Iterator[Entry]:
    """The alerts in one value of any of the forms. `must`: it is an error where it has no form."""
    if isinstance(data, list):
        for number, each in enumerate(data):
            yield from _of(each, f"{where}[{number}]", must=must)
    elif not isinstance(data, Mapping):
        raise Unparseable("a rule, an alert or a group of rules is expected", where=where)
    elif isinstance(data.get("items"), list):
        for each in data["items"]:
            yield from _of(each, where, must=False)
    elif isinstance(data.get("spec"), Mapping) and "groups" in data["spec"]:
        yield from _groups(data["spec"]["groups"], where)
    elif "groups" in data:
        yield from _groups(data["groups"], where)
    elif "expr" in data:
        yield rule(data, where)
    elif isinstance(data.get("labels"), Mapping):
        yield instance(data, where)
    elif must:
        raise Unparseable("neither `expr` nor `labels` nor `groups` is in it", where=where)


def _groups(groups: Any, where: str) -> Iterator[Entry]:
    for group in groups if isinstance(groups, list) else ():
        rules = group.get("rules") if isinstance(group, Mapping) else None
        for each in rules if isinstance(rules, list) else ():
            if isinstance(each, Mapping) and "alert" in each:
                yield rule(each, f"{where} {group.get('name', '')}".rstrip())


def instance(data: Mapping[str, Any], where: str) -> Entry:
    labels = _texts(data.get("labels"))
    name = str(labels.get("alertname") or data.get("alertname") or "")
    if not name:
        raise Unparseable("an alert without alertname", where=where)
    annotations = _texts(data.get("annotations"))
    return Entry(
        name=name,
        labels={"alertname": name, **labels},
        annotations=annotations,
        where=where,
    )


def rule(data: Mapping[str, Any], where: str) -> Entry:
    """The alert of a rule, with every label that its expression shows it to have."""
    name = data.get("alertname") or data.get("alert")
    expression = data.get("expr")
    if not isinstance(name, str) or not isinstance(expression, str):
        raise Unparseable("a rule needs a name and `expr` as text", where=where)
    own, annotations = _texts(data.get("labels")), _texts(data.get("annotations"))
    carried = labels_of(expression)
    named = set(carried.named)
    if carried.is_whole:
        named |= {told for text in annotations.values() for told in _TOLD.findall(text)}
    labels = {label: plausible(label) for label in sorted(named)} | dict(carried.pinned)
    labels |= {label: _filled(text, labels) for label, text in own.items()}
    return Entry(
        name=name,
        labels={**labels, "alertname": name},
        annotations={key: _filled(text, labels) for key, text in annotations.items()},
        expression=expression,
        where=where,
    )


def plausible(label: str) -> str:
    return PLAUSIBLE.get(label, f"some-{label.replace('_', '-')}")


def _filled(text: str, labels: Mapping[str, str]) -> str:
    """A template of a rule with the labels in it; what else it would compute is left out."""
    filled = _TOLD.sub(lambda told: labels.get(told[1]) or plausible(told[1]), text)
    return _TEMPLATE.sub("1", filled)


def _texts(value: Any) -> dict[str, str]:
    pairs: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else ()
    return {str(key): str(text) for key, text in pairs if text is not None}
