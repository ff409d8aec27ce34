"""What an action would change in a cluster, as lines for people, before it does.

The very function of the action runs, with a cluster on which every change is a dry run of the API
server and nothing else, and with the reading side of everything else that actions are lent: one
that would change something besides fails here instead of doing it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from agent.model.cluster import Asked, Foreseen
from agent.model.errors import HomeostatError
from agent.ports.plugin import Action
from agent.ports.safe_text import one_line
from agent.runtime.cluster_lending import LentToShow, Showing
from agent.runtime.kit import Kits, LentToAct
from agent.runtime.known_secrets import names_a_secret

log = structlog.get_logger("cluster")

KUBERNETES = "kubernetes"
SECONDS = 10.0
MOST_LINES = 60
LONGEST_VALUE = 120
LONGEST_LINE = 400
DEEPEST = 20
NOT_TOLD = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"}
)
"""Of the metadata: they change with every write, and say nothing of what it does."""
HIDDEN = "(not shown)"
NONE = object()


async def foresee(kits: Kits, action: Action, params: Any, *, key: str) -> Foreseen:
    """For a person: as if one had asked for it. Never raises; bounded in time."""
    lent = kits.read(deadline_seconds=SECONDS, use=action.name, rights=action.rights)
    cluster = LentToShow(
        kits.cluster,
        use=action.name,
        rights=action.rights,
        seconds=SECONDS,
        asked=Asked(by_person=True, keep_off_seconds=0.0),
    )
    kit = LentToAct(
        http=lent.http,
        promql=lent.promql,
        processes=lent.processes,  # type: ignore[arg-type]  # on purpose: what writes is missing
        signals=lent.signals,
        members=lent.members,  # type: ignore[arg-type]  # the same
        cluster=cluster,
        registry=lent.registry,
        log=lent.log,
        deadline_seconds=SECONDS,
        key=key,
    )
    fails = ""
    try:
        async with asyncio.timeout(SECONDS):
            await action.run(kit, params)
    except HomeostatError as error:
        fails = str(error)
    except TimeoutError:
        fails = f"the API server did not say within {SECONDS:g} s"
    except Exception as error:  # whatever a plugin raises, it is a preview that fails
        log.warning("preview_raised", use=action.name, exc_info=True)
        fails = f"it cannot be tried out: {type(error).__name__}: {error}"
    return Foreseen(lines=_bounded(cluster.shown), fails=one_line(fails)[:LONGEST_LINE])


def _bounded(shown: Sequence[Showing]) -> tuple[str, ...]:
    lines = [line[:LONGEST_LINE] for each in shown for line in lines_of(each)]
    if len(lines) <= MOST_LINES:
        return tuple(lines)
    left = len(lines) - MOST_LINES + 1
    return (*lines[: MOST_LINES - 1], f"... and {left} lines more")


def lines_of(showing: Showing) -> Iterator[str]:
    """One line that names the change, and below it each field that would be another one."""
    write, before, after = showing
    name = write.ref.text
    if write.part == "eviction":
        uid = write.body["deleteOptions"]["preconditions"]["uid"]
        yield f"evict {name} (UID {uid})"
    elif write.verb == "delete":
        yield f"delete {name} (UID {write.body['preconditions']['uid']})"
    elif write.verb == "create":
        yield f"create {name}"
    else:
        yield f"change {name}" + (f", its {write.part}" if write.part else "")
        if write.part and isinstance(write.body, Mapping):
            # What is served as a part of an object says the same in fewer fields.
            before, after = _as_far_as(write.body, before), _as_far_as(write.body, after)
        changed = [f"  {line}" for line in _differences(before, after, write.part)]
        yield from changed or ["  nothing"]


def _differences(before: Any, after: Any, part: str) -> Iterator[str]:
    if before is None:
        yield "it was not read before, so what it is now is not known"
        return
    yield from _walk(_declared(before, part), _declared(after, part), "", DEEPEST)


def _as_far_as(body: Any, thing: Any) -> Any:
    """Only the fields that a merge patch names."""
    if not isinstance(body, Mapping) or not isinstance(thing, Mapping):
        return thing
    return {key: _as_far_as(part, thing[key]) for key, part in body.items() if key in thing}


def _declared(thing: Any, part: str) -> dict[str, Any]:
    """Without what the API server and controllers keep in it."""
    told = {k: v for k, v in dict(thing or {}).items() if k != "status" or part == "status"}
    meta = told.get("metadata")
    if isinstance(meta, Mapping):
        told["metadata"] = {k: v for k, v in meta.items() if k not in NOT_TOLD}
    return told


def _walk(before: Any, after: Any, path: str, deep: int) -> Iterator[str]:
    if before == after:
        return
    old, new = _named(before), _named(after)
    if before is NONE or before is None:
        old = {} if new else None
    if after is NONE or after is None:
        new = {} if old else None
    if not deep or old is None or new is None or not (old or new):
        yield f"{one_line(path)}: {_value(before, path)} -> {_value(after, path)}"
        return
    is_list = isinstance(before, list) or isinstance(after, list)
    for key in [*old, *(k for k in new if k not in old)]:
        step = f"[{key}]" if is_list else f".{key}" if path else str(key)
        yield from _walk(old.get(key, NONE), new.get(key, NONE), f"{path}{step}", deep - 1)


def _named(thing: Any) -> Mapping[Any, Any] | None:
    """Parts of it by their names; those of a list by `name` where each has one of its own, because
    one that is put in before others changes none of them. None: it has no parts."""
    if isinstance(thing, Mapping):
        return thing
    if not isinstance(thing, list):
        return None
    names = [part.get("name") if isinstance(part, Mapping) else None for part in thing]
    if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        return dict(zip(names, thing, strict=True))
    return dict(enumerate(thing))


def _value(value: Any, path: str) -> str:
    if value is NONE:
        return "none"
    # `...env[DB_PASSWORD].value` names it in the middle.
    if any(names_a_secret(word) for word in path.replace("[", ".").replace("]", "").split(".")):
        return HIDDEN
    text = one_line(msgspec.json.encode(value).decode())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
