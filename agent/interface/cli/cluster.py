"""`homeostat cluster`: how a cluster is seen, and what runs in it for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import Format, FormatOption, clean, emit, table
from agent.interface.record_words import moment

app = typer.Typer()

HEAD = ("WORKLOAD", "PRODUCT", "ENTITY", "READY", "REVISION", "IMAGES", "WHAT")
MOST_NAMED = 3
SPELL = "see how it is spelt in spec.homeostat.kubernetes of catalog-info.yaml"
WORDS = {"started": "rolls out", "failed": "its rollout stands still", "rolled_back": "rolled back"}


@app.command()
def cluster(
    product: Annotated[str, typer.Option(help="Only what is of this product.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Whether the cluster is seen whole, and what runs in it: pods, rollouts, what is wrong, who
    keeps or edited it, and what belongs to nobody. What is in trouble stands first.

    Example: homeostat cluster --product shop
    """
    found = ask("GET", path_of("api", "v1", "cluster", product=product))
    emit(found, style, lambda: as_text(found))


def as_text(found: Mapping[str, Any]) -> str:
    if not found["connected"]:
        return f"no cluster is connected: {found['remedy']}"
    parts = ["\n".join(clean(line) for line in _connection(found))]
    if found["workloads"]:
        parts.append(table([_row(one) for one in found["workloads"]], head=HEAD))
    else:
        parts.append("no workload of a registered product is seen")
    if found["more"]:
        parts.append(f"and {found['more']} more: --product narrows it")
    if found["absent"]:
        gone = (f"declared, and not there: {a['name']} of {a['entity']}" for a in found["absent"])
        parts.append("\n".join(clean(line) for line in (*gone, f"  remedy: {SPELL}")))
    nobodys = found["nobodys"]
    if nobodys["count"]:
        names = ", ".join(nobodys["names"])
        more = nobodys["count"] - len(nobodys["names"])
        tail = f" and {more} more" if more else ""
        parts.append(clean(f"{nobodys['count']} belong to nobody: {names}{tail}"))
    return "\n\n".join(parts)


def _connection(found: Mapping[str, Any]) -> Iterator[str]:
    version = found["version"] or "of a version that is not known"
    yield f"API server {version}, {found['objects']} objects seen"
    if found["trouble"]:
        yield f"NOT SEEN WHOLE, so nothing is done in it: {found['trouble']}"
        if found["remedy"]:
            yield f"  remedy: {found['remedy']}"
    elif found["seen_at"] is not None:
        yield f"in sync, nothing was missed up to {moment(found['seen_at'])}"
    fine = [w for w in found["watches"] if w["state"] == "watched"]
    silent = max((w["silent_seconds"] for w in fine), default=0.0)
    quietest = f", the quietest {silent:.0f} s ago" if fine else ""
    yield f"watched: {len(fine)} of {len(found['watches'])} lists{quietest}"
    yield from _unwatched([w for w in found["watches"] if w["state"] != "watched"])


def _unwatched(watches: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line for all that one thing is in the way of: an API server that is gone is said once."""
    told: dict[tuple[str, ...], list[str]] = {}
    for watch in watches:
        less = "" if watch["needed"] else " (it does without)"
        what, is_named, why = watch["said"].partition(": ")
        key = (f"{watch['state']}{less}", why if is_named else what, watch["remedy"])
        told.setdefault(key, []).append(what if is_named else "")
    for (state, why, remedy), named in told.items():
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        kinds = ", ".join(name for name in named[:MOST_NAMED] if name) + more
        yield f"{state}: {f'{kinds}: ' if kinds else ''}{why}; remedy: {remedy}"


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["name"],
        one["product"] or "-",
        one["entity"],
        f"{one['ready']}/{one['wanted']}",
        one["revision"] or "-",
        one["images"],
        "; ".join(_what(one)) or "-",
    )


def _what(one: Mapping[str, Any]) -> Iterator[str]:
    for alert in one["alerts"]:
        yield f"{alert['name']} ({alert['incident']})"
    if one["paused"]:
        yield "paused"
    if one["phase"] != "done":
        yield WORDS.get(one["phase"], one["phase"])
    yield from _rollout(one)
    edited = one["edited"]
    if edited is not None and edited["held_until"]:
        yield f"edited by {edited['by']}: left alone until {moment(edited['held_until'])}"
    if one["kept_by"]:
        yield f"kept by {one['kept_by']}"
    if one["ignored"]:
        yield "homeostat/ignore"


def _rollout(one: Mapping[str, Any]) -> Iterator[str]:
    """What is over and went well is no news."""
    rollout = one["rollout"]
    if rollout is None or not (rollout["broken"] or one["watched_until"]):
        return
    by = f" by {rollout['by']}" if rollout["by"] else ""
    undone = f" for {rollout['undone_for']}" if rollout["undone_for"] else ""
    phase = rollout["phase"].replace("_", " ") + undone
    began = moment(rollout["began_at"])
    yield f"revision {rollout['revision']} {phase}, begun {began}{by}"
    if one["watched_until"]:
        yield f"watched until {moment(one['watched_until'])}"
