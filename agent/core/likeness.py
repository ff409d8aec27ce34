"""What makes incidents alike, and resolutions.

Incidents are alike by the names of their alerts, the kind of what they are about and the layer:
never by product, name or time. Resolutions are alike by what was done in which order, and by where
each parameter came from. What was one and the same trouble counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from agent.core.origins import leaves_of
from agent.core.view import View
from agent.model.learning import CauseKind, Credit, Deed, Resolution

NOTHING_WRONG = (CauseKind.EXPECTED, CauseKind.FALSE_ALERT)
SAYS_NOTHING = (Credit.PENDING, Credit.UNTIMED, Credit.NOTHING_DONE)
MAY_BE_CHANCE = (Credit.RELAPSED, Credit.TOO_LATE, Credit.NOT_CLEARED, Credit.HARMED)
"""Once in a while something comes back, or something else breaks next to it, for other reasons."""
MOST_HARMED = 1
GOOD_FOR_ONE = 3
"""For each time that a remedy did not help for good, so many times it has to have been
credited."""


def signature_of(*, alertnames: Sequence[str], kind: str, layer: str) -> str:
    """Incidents with the same one are alike, whatever product they are of. No name of an alert,
    however it is written, makes two incidents alike whose names differ."""
    return "|".join(map(_escaped, (layer, kind, *sorted(set(alertnames)))))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C")


def recipe_of(deeds: Sequence[Deed]) -> str:
    """Resolutions with the same one are alike: the actions in order, and for each parameter where
    it comes from. Empty where nothing was done.

    Of a text it says the expression it came from, or that it was typed; which text was typed, and
    what numbers and truths were, is no part of it: where these differ, a person is asked.
    """
    if not deeds:
        return ""
    return json.dumps([[deed.use, _marks(deed)] for deed in deeds], separators=(",", ":"))


def _marks(deed: Deed) -> dict[str, str]:
    return {
        place: _mark(value, deed.origins.get(place, ()))
        for place, value in sorted(leaves_of(deed.params).items())
    }


def _mark(value: Any, origins: Sequence[str]) -> str:
    if isinstance(value, str):
        return f"={origins[0]}" if origins else "text"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else "truth"
    return "number" if isinstance(value, int | float) else "empty"


def in_words(deeds: Sequence[Deed]) -> str:
    """What was done and where each parameter came from, for people: `process.restart(target:
    entity.name)`."""
    told = []
    for deed in deeds:
        marks = ", ".join(f"{place}: {mark.lstrip('=')}" for place, mark in _marks(deed).items())
        told.append(f"{deed.use}({marks})")
    return ", then ".join(told) or "nothing done"


def alike(resolution: Resolution, view: View) -> tuple[Resolution, ...]:
    """Credited resolutions with the same signature and recipe, this one last, oldest first; those
    that are one and the same trouble counted once."""
    if not resolution.recipe or resolution.credit is not Credit.CREDITED:
        return ()
    same = [
        r
        for r in with_signature(resolution.signature, view, latest=resolution)
        if r.recipe == resolution.recipe and r.credit is Credit.CREDITED
    ]
    return counted_once(same, view)


def credited(resolution: Resolution, view: View) -> tuple[Resolution, ...]:
    """Those with the same signature, whatever was done, counted once each, oldest first."""
    found = with_signature(resolution.signature, view, latest=resolution)
    return counted_once([r for r in found if r.credit is Credit.CREDITED and r.recipe], view)


def contrast(resolution: Resolution, view: View) -> tuple[Resolution, ...]:
    """Those with the same signature that ended otherwise: by another remedy that is credited, by
    the same one that is not, or with nothing done. Another remedy that did not help says nothing,
    and neither does one that ends with this one: something else was tried before. A few times that
    this one did not help for long are no other cause yet; they keep it from running at once."""
    seen = with_signature(resolution.signature, view, latest=resolution)
    recipe = resolution.recipe
    good = sum(1 for r in seen if r.recipe == recipe and r.credit is Credit.CREDITED)
    failed = [r for r in seen if r.recipe == recipe and r.credit in MAY_BE_CHANCE]
    harmed = sum(1 for r in failed if r.credit is Credit.HARMED)
    is_few = len(failed) * GOOD_FOR_ONE <= good and harmed <= MOST_HARMED
    few = {r.incident_id for r in failed} if is_few else set()
    return tuple(
        r for r in seen if r.incident_id not in few and _differs(r, resolution.recipe, view)
    )


def strays(resolution: Resolution, view: View) -> frozenset[str]:
    """Ids of like incidents with another remedy that was credited just once: it may have been a
    coincidence, and is no other way to resolve them before it is repeated."""
    counts: dict[str, list[str]] = {}
    for r in credited(resolution, view):
        if r.recipe != resolution.recipe:
            counts.setdefault(r.recipe, []).append(r.incident_id)
    return frozenset(ids[0] for ids in counts.values() if len(ids) == 1)


def in_vain(resolution: Resolution, view: View) -> tuple[Resolution, ...]:
    """Like incidents in which the same was done, and it was not what ended them for good."""
    return tuple(
        r
        for r in with_signature(resolution.signature, view, latest=resolution)
        if r.recipe == resolution.recipe
        and r.credit is not Credit.CREDITED
        and r.credit not in SAYS_NOTHING
    )


def went_away(resolution: Resolution, view: View) -> bool:
    """Whether nothing was done, and nothing had to be: it went away after it had lasted, or whoever
    ended it says that nothing was broken."""
    if resolution.credit is not Credit.NOTHING_DONE:
        return False
    if resolution.cause_kind in NOTHING_WRONG:
        return True
    cleared = resolution.cleared_at
    lasted = cleared - resolution.fired_at if cleared is not None else 0.0
    return lasted > view.policy.rails.dwell_seconds


def with_signature(
    signature: str, view: View, *, latest: Resolution | None = None
) -> tuple[Resolution, ...]:
    """By the index, never by looking at all of them; oldest first. `latest` stands for what is
    kept of the same incident: it was just decided."""
    known = view.resolutions
    found = {i: known[i] for i in view.likes.get(signature, ()) if i in known}
    if latest is not None:
        found[latest.incident_id] = latest
    return tuple(sorted(found.values(), key=lambda r: (r.opened_at, r.at, r.incident_id)))


def counted_once(resolutions: Iterable[Resolution], view: View) -> tuple[Resolution, ...]:
    """Siblings of one storm, and what came again on the same target within the policy's time, are
    one: the first of them."""
    roots: set[str] = set()
    latest: dict[str, float] = {}
    kept = []
    for r in resolutions:
        targets = {d.target or r.entity or "" for d in r.deeds} or {r.entity or ""}
        root = r.root or r.incident_id
        is_same = any(
            r.opened_at - latest[t] < view.policy.learning.same_seconds
            for t in targets
            if t in latest
        )
        if root in roots or is_same:
            continue
        roots.add(root)
        latest |= dict.fromkeys(targets, r.opened_at)
        kept.append(r)
    return tuple(kept)


def _differs(other: Resolution, recipe: str, view: View) -> bool:
    if other.recipe == recipe:
        return other.credit is not Credit.CREDITED and other.credit not in SAYS_NOTHING
    if other.credit is Credit.CREDITED:
        return not _ends_with(other.recipe, recipe)
    return went_away(other, view)


def _ends_with(recipe: str, last: str) -> bool:
    """Whether a remedy is this one after something else."""
    if not (recipe.startswith("[") and last.startswith("[")):
        return False
    whole, end = json.loads(recipe), json.loads(last)
    return len(whole) > len(end) and whole[-len(end) :] == end
