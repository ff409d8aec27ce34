"""What was changed on purpose lately: of one thing, and of what it stands on and beside.

For people who ask "what changed?", and for rules that undo it or keep their hands off:
`changes.release_ago < duration("30m")`. It knows what delivery tools told (docs/changes.md); where
nobody tells, nothing is known, and a time that is not known makes no comparison true.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pydantic import Field

from agent.model.product import EntityKind
from agent.model.signals import ChangeKind, ChangePhase, ChangeSeen
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

MOST_LINES = 5
LONGEST_LINE = 160
BROKEN = (ChangePhase.FAILED, ChangePhase.ROLLED_BACK)


class ChangesRecent(Params):
    target: str = Field(
        min_length=1, description="Name of the registered entity, object or product it is about."
    )
    since: Span = Field(
        default=timedelta(hours=24),
        gt=timedelta(0),
        le=timedelta(days=30),
        description="How long ago is lately.",
    )


class Latest(Result):
    kind: str = Field(description="release, configuration, machinery, scale or other")
    phase: str = Field(description="started, done, failed or rolled_back")
    what: str
    by: str
    entity: str
    version: str
    before: str = Field(description="The version it was at, where that is known.")
    is_manual: bool = Field(description="By hand, and not by a delivery.")
    ago: Span
    late: Span = Field(description="How long after it happened it was told, by its sender's clock.")


class ChangesRecentResult(Result):
    text: str = Field(
        description="The latest change in one line, for people; empty: none is known."
    )
    count: int = Field(description="Changes of the target.")
    latest: Latest | None
    release_ago: Span | None = Field(
        description="Since the latest release of the target, whatever came of it."
    )
    configuration_ago: Span | None
    manual_ago: Span | None = Field(description="Since somebody last changed it by hand.")
    failed: int = Field(description="Changes of the target that failed or were rolled back.")
    machinery_ago: Span | None = Field(
        description="Since a sub-agent or proxy was changed: the target, or one of its product."
    )
    around_ago: Span | None = Field(
        description="Since something else of its product, or what it depends on, was changed."
    )
    changes: list[str] = Field(description="Of the target, newest first, at most 5.")
    around: list[str] = Field(description="Of its product and what it depends on, at most 5.")


@diagnostic(
    name="changes.recent",
    params=ChangesRecent,
    result=ChangesRecentResult,
    summary="What was changed lately: releases, configurations, machinery, by hand",
)
async def changes_recent(kit: ReadKit, params: ChangesRecent) -> ChangesRecentResult:
    seconds = params.since.total_seconds()
    registry, name = kit.registry, params.target
    entity = registry.entities.get(name)
    product = name if name in registry.products else entity.product if entity is not None else None
    whole = kit.signals.changes(product=product, since_seconds=seconds) if product else ()
    own = kit.signals.changes(entity=name, since_seconds=seconds)
    if name in registry.products:
        own = whole
    below = [
        seen
        for other in (entity.depends_on if entity is not None else ())
        for seen in kit.signals.changes(entity=other, since_seconds=seconds)
    ]
    around = _newest(seen for seen in (*whole, *below) if seen not in own)
    members = {e.name for e in registry.entities.values() if e.kind is EntityKind.AGENT}
    machinery = (
        seen
        for seen in (*own, *whole)
        if seen.kind is ChangeKind.MACHINERY
        or (seen.entity in members and seen.kind is not ChangeKind.OTHER)
    )
    lines, beside = _lines(own), _lines(around)
    return ChangesRecentResult(
        text=next(iter(lines or beside), ""),
        count=len(own),
        latest=_latest(own[0]) if own else None,
        release_ago=_ago(seen for seen in own if seen.kind is ChangeKind.RELEASE),
        configuration_ago=_ago(seen for seen in own if seen.kind is ChangeKind.CONFIGURATION),
        manual_ago=_ago(seen for seen in own if seen.is_manual),
        failed=sum(seen.phase in BROKEN for seen in own),
        machinery_ago=_ago(machinery),
        around_ago=_ago(around),
        changes=lines,
        around=beside,
    )


def _newest(seen: Iterable[ChangeSeen]) -> tuple[ChangeSeen, ...]:
    return tuple(sorted(dict.fromkeys(seen), key=lambda each: each.seconds_ago))


def _ago(seen: Iterable[ChangeSeen]) -> timedelta | None:
    found = min((each.seconds_ago for each in seen), default=None)
    return timedelta(seconds=found) if found is not None else None


def _latest(seen: ChangeSeen) -> Latest:
    return Latest(
        kind=seen.kind.value,
        phase=seen.phase.value,
        what=seen.what,
        by=seen.by,
        entity=seen.entity,
        version=seen.version,
        before=seen.before,
        is_manual=seen.is_manual,
        ago=timedelta(seconds=seen.seconds_ago),
        late=timedelta(seconds=max(0.0, seen.late_seconds)),
    )


def _lines(seen: tuple[ChangeSeen, ...]) -> list[str]:
    return [_line(each) for each in seen[:MOST_LINES]]


def _line(seen: ChangeSeen) -> str:
    """When and what first: pages cut at the end."""
    phase = "" if seen.phase is ChangePhase.DONE else f" {seen.phase.value.replace('_', ' ')}"
    kind = "" if seen.kind is ChangeKind.OTHER else f" {seen.kind.value}"
    version = f" {seen.version}" if seen.version and seen.version not in seen.what else ""
    by = f" by {seen.by}" if seen.by else ""
    hand = " by hand" if seen.is_manual else ""
    head = f"{_short(seen.seconds_ago)} ago{kind}{version}{phase} of {seen.entity}{by}{hand}"
    return f"{head}: {seen.what}"[:LONGEST_LINE]


def _short(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
