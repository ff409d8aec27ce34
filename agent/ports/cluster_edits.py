"""Who owns which fields of an object, by its `managedFields`.

The API server records under each field manager all fields that it wrote and nobody wrote since,
with the time of its last write. So an entry tells who and when for certain, and of what was written
then only that it is among these fields.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from agent.ports.cluster import Json
from agent.ports.cluster_objects import Writer
from agent.ports.cluster_walking import items, mapping, moment, text
from agent.ports.cluster_writers import OURS
from agent.ports.safe_text import one_line

MOST_PATHS = 20
LONGEST_PATH = 160
DEEPEST = 24
RESTART_NOTES = ("kubectl.kubernetes.io/restartedAt", "homeostat/")
"""Annotations of a template that start its pods anew, and change nothing that runs."""


class Written(NamedTuple):
    by: str
    at: float | None


def writers_of(thing: Json) -> tuple[Writer, ...]:
    """For agent.ports.cluster_writers. What cannot be read is written by nobody known: its name is
    empty, which is a person's, and its time is now missing."""
    return tuple(_writer(entry) for entry in items(thing, "metadata", "managedFields"))


def _writer(entry: Mapping[str, Any]) -> Writer:
    try:
        return msgspec.convert(entry, Writer)
    except msgspec.ValidationError:
        return Writer(
            manager=text(entry, "manager", most=128), subresource=text(entry, "subresource")
        )


def paths_of(thing: Json, manager: str, part: str, at: float) -> tuple[str, ...]:
    """Fields of one entry, as `spec.template.spec.containers[app].image`: the deepest ones, at most
    20 of them, the metadata after the rest."""
    found: list[str] = []
    for entry in items(thing, "metadata", "managedFields"):
        is_it = (text(entry, "manager", most=128), text(entry, "subresource")) == (manager, part)
        if is_it and moment(entry, "time") == at:
            found += _leaves(mapping(entry, "fieldsV1"))
    unique = sorted(dict.fromkeys(found), key=lambda path: path.startswith("metadata"))
    return tuple(unique[:MOST_PATHS])


def _leaves(fields: Mapping[str, Any], path: str = "", depth: int = 0) -> Iterator[str]:
    below = {k: v for k, v in fields.items() if isinstance(k, str) and k != "."}
    if path and (not below or depth >= DEEPEST):
        yield path[:LONGEST_PATH]
        return
    for name, inside in below.items():
        yield from _leaves(
            inside if isinstance(inside, Mapping) else {}, _joined(path, name), depth + 1
        )


def _joined(path: str, step: str) -> str:
    """`f:NAME` is a field, `k:{"name":"app"}` an element by its key, `v:` an element of a set."""
    kind, _, word = step[:200].partition(":")
    word = one_line(word)
    if kind == "f":
        return f"{path}.{word}" if path else word
    if kind == "k":
        try:
            key = msgspec.json.decode(word)
        except (msgspec.DecodeError, RecursionError):
            key = {}
        named = key.values() if isinstance(key, dict) else ()
        word = ",".join(str(value)[:60] for value in named) or word
    return f"{path}[{word.strip(chr(34))}]"


def template_writer(thing: Json, changed: Collection[str] = ()) -> Written | None:
    """Who wrote the template of a workload last, apart from whoever only starts its pods anew; of
    those who own one of the fields that were changed (paths below the template) where anybody does,
    since times count in seconds. `at` is when they last wrote anything: the template then, or
    before."""
    found: list[tuple[bool, float, Written]] = []
    for entry in items(thing, "metadata", "managedFields"):
        template = mapping(entry, "fieldsV1", "f:spec", "f:template")
        if template and not _only_restarts(template):
            at = moment(entry, "time")
            owns = not set(changed).isdisjoint(_leaves(template)) if changed else False
            found.append((owns, at or 0.0, Written(text(entry, "manager", most=128), at)))
    return max(found, key=lambda each: each[:2])[2] if found else None


def templates_since(thing: Json, at: float) -> tuple[Written, ...]:
    """Who may have written the template of a workload after that moment, apart from the agent and
    from whoever only starts its pods anew."""
    found = []
    for entry in items(thing, "metadata", "managedFields"):
        template = mapping(entry, "fieldsV1", "f:spec", "f:template")
        by, written_at = text(entry, "manager", most=128), moment(entry, "time")
        if not template or by == OURS or _only_restarts(template):
            continue
        if written_at is None or written_at > at:
            found.append(Written(by, written_at))
    return tuple(found)


def _only_restarts(template: Mapping[str, Any]) -> bool:
    if any(name != "f:metadata" for name in template if name != "."):
        return False
    meta = mapping(template, "f:metadata")
    if any(name != "f:annotations" for name in meta if name != "."):
        return False
    notes = [name.removeprefix("f:") for name in mapping(meta, "f:annotations") if name != "."]
    return all(note.startswith(RESTART_NOTES) for note in notes)


def field_writer(thing: Json, *path: str) -> Written | None:
    """Who wrote one field last: `field_writer(node, "spec", "unschedulable")`."""
    steps = [f"f:{step}" for step in path]
    found = []
    for entry in items(thing, "metadata", "managedFields"):
        above = mapping(entry, "fieldsV1", *steps[:-1])
        if steps[-1] in above:
            found.append(Written(text(entry, "manager", most=128), moment(entry, "time")))
    return max(found, key=lambda written: written.at or 0.0, default=None)
