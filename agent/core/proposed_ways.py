"""From like resolutions to what the runbook does, or why nothing can be made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agent.core.generalising import (
    Calls,
    Generalised,
    diagnostics_of,
    generalise,
    is_known_before,
    is_same,
)
from agent.core.globs import is_glob
from agent.core.likeness import NOTHING_WRONG, in_words
from agent.core.origins import facts_of, fields_of, is_readable, is_too_large, keys_of
from agent.core.proposed_document import PLAN, plain
from agent.core.proposed_parts import Observed, Way
from agent.core.separating import separate
from agent.model.alert import Layer
from agent.model.effect import Availability, Effect, Reversal
from agent.model.learning import Ask, Credit, Resolution
from agent.model.policy import PluginFacts
from agent.model.reason import Reason

MOST_NAMED = 5
"""Incidents a text names before it only counts them."""
LONGEST = 300

Plugins = Mapping[str, PluginFacts]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing is proposed."""

    reason: Reason
    text: str


def way_of(
    number: int,
    likes: Sequence[Resolution],
    contrast: Sequence[Resolution],
    plugins: Plugins,
) -> Way | Refusal:
    """`number` tells the ways of one runbook apart, from 1."""
    refusal = cannot_be_matched(likes) or cannot_be_repeated(likes, plugins)
    if refusal is not None:
        return refusal
    calls = diagnostics_of(likes)
    generals = _steps(likes, calls)
    names = [
        f"step-{n}" if number == 1 else f"step-{number}-{n}" for n, _ in enumerate(generals, 1)
    ]
    uses = [deed.use for deed in likes[-1].deeds]
    way = Way(
        plan=PLAN if number == 1 else f"{PLAN}-{number}",
        recipe=likes[-1].recipe,
        likes=tuple(likes),
        contrast=tuple(contrast),
        steps=tuple(
            {"id": name, "use": use, "with": general.params}
            for name, use, general in zip(names, uses, generals, strict=True)
        ),
        asks=tuple(
            Ask(step=name, param=place, seen=seen)
            for name, general in zip(names, generals, strict=True)
            for place, seen in general.asks
        ),
        reads=tuple(dict.fromkeys(e for general in generals for e in general.reads)),
        calls=calls,
        goes_back=any(plugins[use].reversal == Reversal.SNAPSHOT for use in uses),
    )
    return _proven(_separated(way), plugins)


def _steps(likes: Sequence[Resolution], calls: Calls) -> list[Generalised]:
    facts = [facts_of(r) for r in likes]

    def can_be_read(expression: str) -> bool:
        return is_known_before(expression) or expression.partition(".")[0] in calls

    return [
        generalise([r.deeds[n].params for r in likes], facts, can_be_read)
        for n in range(len(likes[-1].deeds))
    ]


def _separated(way: Way) -> Way | Refusal:
    if not way.contrast:
        return way
    found = separate(way.likes, way.contrast)
    if found is None:
        return contradiction(way.contrast)
    name = found.field.partition(".")[0]
    calls = {**way.calls, name: diagnostics_of((*way.likes, *way.contrast))[name]}
    return msgspec.structs.replace(way, condition=found.condition, field=found.field, calls=calls)


def contradiction(contrast: Sequence[Resolution]) -> Refusal:
    """What stands against it, with what was done there."""
    idle = [r for r in contrast if r.credit is Credit.NOTHING_DONE]
    if idle:
        told = "nothing was done in " + _named(idle)
        wrong = [r for r in idle if r.cause_kind in NOTHING_WRONG]
        told += ", where nothing was broken" if len(wrong) == len(idle) else ""
        return Refusal(reason=Reason.RESOLVED_WITHOUT_ACT, text=plain(told, longest=LONGEST))
    shown = "; ".join(f"{r.incident_id}: {in_words(r.deeds)}" for r in contrast[-MOST_NAMED:])
    told = (
        f"{len(contrast)} like incidents ended otherwise, and no finding tells them apart: {shown}"
    )
    return Refusal(reason=Reason.RESOLUTIONS_CONTRADICT, text=plain(told, longest=LONGEST))


def _named(resolutions: Sequence[Resolution]) -> str:
    names = ", ".join(r.incident_id for r in resolutions[-MOST_NAMED:])
    more = len(resolutions) - MOST_NAMED
    return f"{names} and {more} more" if more > 0 else names


def _proven(way: Way | Refusal, plugins: Plugins) -> Way | Refusal:
    """What destroys something has to be seen to have helped, in the thing itself: a truth that was
    the same in each incident has to have turned. Where nothing like that was found, nobody could
    tell by machine."""
    if isinstance(way, Refusal):
        return way
    if not any(plugins[s["use"]].reversal == Reversal.NONE for s in way.steps):
        return way
    observed = _observed(way)
    if observed is None:
        text = "it destroys something, and no finding says when it has helped: write it by hand"
        return Refusal(reason=Reason.PROMOTION_REFUSED, text=text)
    return msgspec.structs.replace(way, observed=observed)


def _observed(way: Way) -> Observed | None:
    found = [
        {f: v for name in way.calls for f, v in fields_of(name, r.findings.get(name, {}))}
        for r in way.likes
    ]
    fields = [way.field] if way.field else []
    for field in (*fields, *sorted(found[0])):
        seen = [row.get(field) for row in found]
        if isinstance(seen[0], bool) and is_same(seen):
            name, _, rest = field.partition(".")
            return Observed(call=name, field=rest, was=seen[0])
    return None


def cannot_be_matched(likes: Sequence[Resolution]) -> Refusal | None:
    """A runbook needs the exact name of an alert, and something the registry knows."""
    text = ""
    names = [r.alertname for r in likes]
    if not all(n.strip() and is_readable(n) and len(n) <= LONGEST for n in names):
        text = "its alert has no name a runbook could match on"
    elif any(map(is_glob, names)):
        text = (
            "the name of its alert reads as a pattern: a runbook would match other alerts as well"
        )
    elif any(r.entity is None or not r.kind for r in likes):
        text = "the registry does not know what it is about"
    elif any(r.layer == Layer.OUTCOME.value for r in likes):
        text = "a leadership metric is never healed by machine"
    return Refusal(reason=Reason.PROMOTION_REFUSED, text=text) if text else None


def cannot_be_repeated(likes: Sequence[Resolution], plugins: Plugins) -> Refusal | None:
    for r in likes:
        for deed in r.deeds:
            plugin, use = plugins.get(deed.use), plain(deed.use, longest=100)
            if plugin is None or plugin.kind != "action":
                text = f"{use} is no action that is loaded"
                return Refusal(reason=Reason.PLUGIN_MISSING, text=text)
            if plugin.effect == Effect.OPAQUE:
                text = f"{use} can neither be repeated nor checked"
                return Refusal(reason=Reason.EFFECT_OPAQUE, text=text)
            if is_too_large(deed.params) or not all(map(is_readable, keys_of(deed.params))):
                text = f"{use} had more parameters in {r.incident_id} than anybody could read"
                return Refusal(reason=Reason.PROMOTION_REFUSED, text=text)
    return None


def tier_of(ways: Sequence[Way], plugins: Plugins) -> str:
    """By the worst its actions may do: what destroys is high, what takes something away until
    somebody brings it back is medium."""
    used = [plugins[step["use"]] for way in ways for step in way.steps]
    if any(p.reversal == Reversal.NONE for p in used):
        return "high"
    return "medium" if any(p.availability == Availability.REMOVES for p in used) else "low"
