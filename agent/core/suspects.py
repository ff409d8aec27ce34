"""What changed shortly before a leadership metric stalled: the first suspect (M6).

Changes of the product, of what it is made of and of what it stands on, and members of the machinery
that are not as they should be. The nearer to the onset the more suspect; a release or a change of
the machinery comes before a configuration, and that before anything else, unless it is much
farther away. Suspicion is no proof: it is told to the builder, and nothing is done about it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from agent.core.diagnosis import default_calls
from agent.core.graph import graph_of, numbers_in
from agent.core.leadership_verdict import allowed_seconds, metric_of, verdict_of
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.alert import Layer
from agent.model.product import EntityKind
from agent.model.records import ChangeRecord
from agent.model.series import Moving
from agent.model.signals import Aspect, ChangeKind, ChangePhase, Mode

FINDING = "first_suspect"
LEAST_LOOK_SECONDS = 7200.0
"""What happened so long before is looked at, however short the cadence."""
LEAST_SLACK_SECONDS = 300.0
"""So long after the onset may it have happened: the onset is known to a bin of the series only."""
MOST = 5
SHOWN = 48
TROUBLED = 0.5
"""Weight of a member that is not as it should be, and nobody knows since when."""
AFTERWARDS = 0.25
"""Weight of what only began after the onset: a cause comes before, as far as the onset is known."""
FARTHER = 0.25
"""Weight of what the product only stands on, against what it is made of."""

WEIGHTS = {
    ChangeKind.MACHINERY: 0.0,
    ChangeKind.RELEASE: 0.0,
    ChangeKind.CONFIGURATION: 0.25,
    ChangeKind.SCALE: 0.5,
    ChangeKind.OTHER: 0.5,
}
"""In parts of the time that is looked back."""
WORDS = {ChangeKind.MACHINERY: "machinery change", ChangeKind.OTHER: "change"}
ENDINGS = {
    ChangePhase.STARTED: " (not finished)",
    ChangePhase.FAILED: " (failed)",
    ChangePhase.ROLLED_BACK: " (rolled back)",
}


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """Something that may have made it stall."""

    text: str
    entity: str
    kind: str
    """Of the change, or what a member is in."""
    at: float | None = None
    version: str = ""
    by: str = ""
    link: str = ""
    weight: float = 0.0
    """The less the more suspect."""


def suspects(
    product: str, view: View, *, since: float, cadence_seconds: float, bin_seconds: float = 0.0
) -> tuple[Suspect, ...]:
    """The most suspect first. `since` is when it began to stall."""
    look = max(cadence_seconds, LEAST_LOOK_SECONDS)
    slack = max(bin_seconds, LEAST_SLACK_SECONDS)
    best: dict[tuple[str, str, str], Suspect] = {}
    for name, weight in _places(product, view).items():
        seen = [*_changed(name, view, since, look, slack), *_troubled(name, view, since, look)]
        for one in seen:
            weighed = msgspec.structs.replace(one, weight=round(one.weight + weight, 4))
            key = (one.entity, one.kind, one.version)
            if key not in best or weighed.weight < best[key].weight:
                best[key] = weighed
    ranked = sorted(best.values(), key=lambda one: (one.weight, -(one.at or 0.0), one.text))
    return tuple(ranked[:MOST])


def suspects_now(product: str, view: View, *, since: float | None = None) -> tuple[Suspect, ...]:
    """The same by what is known of the metric now; `since` where it does not say itself."""
    metric, moved = metric_of(product, view), verdict_of(product, view)
    onset = moved.since if moved.verdict is Moving.STALLED else since
    if onset is None:
        return ()
    series = view.motions.get(product)
    return suspects(
        product,
        view,
        since=onset,
        cadence_seconds=allowed_seconds(metric) if metric is not None else LEAST_LOOK_SECONDS,
        bin_seconds=series.bin_seconds if series is not None else 0.0,
    )


def name_suspects(turn: Turn) -> Turn:
    """The stage: before the builder is told of a stall, what changed before it is put beside what
    else was found."""
    case = turn.case if turn.todo is Todo.ROUTE else None
    if case is None or case.layer is not Layer.OUTCOME or FINDING in case.findings:
        return turn
    if case.product is None:
        return turn
    if not case.findings and case.after_diagnosis != "route" and default_calls(turn):
        return turn  # those are asked first, and only where nothing was found yet
    known = suspects_now(case.product, turn.view, since=case.opened_at)
    return turn.change(findings={**case.findings, FINDING: finding_of(known)})


def finding_of(known: tuple[Suspect, ...]) -> dict[str, object]:
    """For pages, which show words and lists, and for tools, which read `ranked`."""
    if not known:
        return {"suspect": "nothing that is known of changed shortly before", "ranked": {}}
    return {
        "suspect": known[0].text,
        "others": [one.text for one in known[1:]],
        "ranked": {
            str(rank): {
                "text": one.text,
                "entity": one.entity,
                "kind": one.kind,
                "at": one.at,
                "version": one.version,
                "by": one.by,
                "link": one.link,
            }
            for rank, one in enumerate(known, start=1)
        },
    }


def _places(product: str, view: View) -> dict[str, float]:
    """Where to look, by name: the product and what it is made of, and what it stands on."""
    own = {product, *(entity.name for entity in view.registry.entities_of(product))}
    # What is not registered by itself may still have been delivered for this product.
    own |= {name for name, told in view.changes.items() if told[-1].product == product}
    graph = graph_of(view.registry)
    below = 0
    for name in own:
        number = graph.number.get(name)
        below |= graph.below[number] if number is not None else 0
    far = {graph.names[number] for number in numbers_in(below)} - own
    return dict.fromkeys(sorted(own), 0.0) | dict.fromkeys(sorted(far), FARTHER)


def _changed(name: str, view: View, since: float, look: float, slack: float) -> Iterator[Suspect]:
    for change in view.changes.get(name, ()):
        before = _before(change, since)
        if not -slack <= before <= look:
            continue
        yield Suspect(
            text=_told(change, before),
            entity=change.entity,
            kind=change.kind.value,
            at=change.at,
            version=change.version,
            by=change.by,
            link=change.link,
            weight=WEIGHTS[change.kind] + abs(before) / look + (AFTERWARDS if before < 0 else 0.0),
        )


def _before(change: ChangeRecord, since: float) -> float:
    """Seconds from the change to the onset; below 0: it only began after that."""
    began = change.at if change.began_at is None else change.began_at
    return since - (change.at if change.at <= since else began)


def _told(change: ChangeRecord, before: float) -> str:
    kind = WORDS.get(change.kind, change.kind.value)
    version = f" {_short(change.version)}" if change.version else ""
    what = f" ({_short(change.what)})" if not version and change.what else ""
    when = f"{ago(before)} before" if before >= 0 else f"{ago(-before)} after it began"
    by = f", by {_short(change.by)}" if change.by else ""
    ending = ENDINGS.get(change.phase, "")
    return f"{kind}{version} of {_short(change.entity)}{what}{ending}, {when}{by}"


def _troubled(name: str, view: View, since: float, look: float) -> Iterator[Suspect]:
    """What a member is in, where it is one."""
    entity = view.registry.entities.get(name)
    if entity is None or entity.kind is not EntityKind.AGENT:
        return
    for aspect in Aspect:
        drift = view.drifts.get(f"{name}/{aspect.value}")
        if drift is not None and drift.firing_since is not None:
            text = f"{name} drifts in its {aspect.value}"
            yield _member(name, f"drift_{aspect.value}", text, drift.firing_since, since, look)
    signs = view.agents.get(name)
    if signs is None:
        return
    if signs.mode is Mode.OBSERVE:
        yield _member(name, "quarantined", f"{name} is in quarantine", None, since, look)
    if signs.unpinned_since is not None:
        text = f"{name} runs another version or configuration than declared"
        yield _member(name, "pinned", text, signs.unpinned_since, since, look)


def _member(
    name: str, kind: str, text: str, at: float | None, since: float, look: float
) -> Suspect:
    near = TROUBLED if at is None else min(abs(since - at) / look, 1.0)
    return Suspect(text=text, entity=name, kind=kind, at=at, weight=near)


def ago(seconds: float) -> str:
    """A time as people say it: `35 min`, `2 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
