"""Rule of three: the third like resolution of a like incident becomes a runbook proposal.

Nothing is proposed of what cannot be repeated, of what nothing tells apart from incidents that
ended otherwise, or where nobody is left who may approve. Why not is on the record, once.

A second remedy for the same alerts, told apart by a finding, does not become a second runbook: the
two would tie. It becomes a branch of one that replaces the first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.core.deciders import (
    against_at_once,
    builder_of,
    deciders_of,
)
from agent.core.likeness import alike, contrast, credited, in_words, strays, with_signature
from agent.core.proposed_asks import carried_over
from agent.core.proposed_document import Written, document_of, plain
from agent.core.proposed_parts import Way
from agent.core.proposed_ways import Refusal, tier_of, way_of
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.learning import Credit, Promotion, PromotionState, Resolution
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle

KIND = "promotion"
LIVE = (PromotionState.TRYING, PromotionState.PROPOSED, PromotionState.APPROVED)
MAY_CHANGE = (
    Reason.RESOLUTIONS_CONTRADICT,
    Reason.RESOLVED_WITHOUT_ACT,
    Reason.TOO_FEW_PEOPLE,
    Reason.PLUGIN_MISSING,
)
"""What more incidents, people or plugins may put right."""
FEW = 20
GROWN = 1.1
LOOKED_AT_AGAIN_SECONDS = 86_400.0
MOST_NAMED = 20
LONGEST = 300


def consider(resolution: Resolution, view: View, *, at: float) -> Decision:
    """A resolution was credited: the proposal it leads to (state `trying`), or why none does."""
    likes = alike(resolution, view)
    if len(likes) < view.policy.resolutions_needed:
        return _differing(resolution, view, at=at)
    known = [p for p in view.promotions.values() if _is_of(p, resolution)]
    if any(p.state is not PromotionState.REFUSED for p in known):
        return Decision()
    if not all(_may_have_changed(p, resolution, likes, view, at=at) for p in known):
        return Decision()
    made = _made(resolution, likes, view, at=at)
    if isinstance(made, Refusal):
        return _refused(resolution, likes, made, view, at=at)
    entry = entry_of(made, Reason.PROMOTION_TRYING, f"from {', '.join(made.incidents[-5:])}", at=at)
    # What was refused before, for this remedy or for all of them, does not stand any more.
    names = {name_of(resolution, resolution.recipe), name_of(resolution, "")} - {made.name}
    stale = [view.promotions[n] for n in sorted(names) if n in view.promotions]
    over = [
        Record(kind=KIND, key=p.name, body=None) for p in stale if p.state is PromotionState.REFUSED
    ]
    return Decision(journal=(entry,), records=(*over, record_of(made)))


def recipes_of(promotion: Promotion) -> tuple[str, ...]:
    """What its plans were learned from, one for each."""
    return tuple(promotion.recipe.split("\n"))


def _is_of(promotion: Promotion, resolution: Resolution) -> bool:
    is_like = promotion.signature == resolution.signature
    return is_like and resolution.recipe in recipes_of(promotion)


def _may_have_changed(
    refused: Promotion,
    resolution: Resolution,
    likes: Sequence[Resolution],
    view: View,
    *,
    at: float,
) -> bool:
    """Whether it is worth another look. Where few incidents are known, each one may make the
    difference; where there are many, they say the same for a while."""
    if refused.reason not in MAY_CHANGE:
        return False
    before = len(refused.incidents) + len(refused.contrast)
    now = len(likes) + len(contrast(resolution, view))
    is_due = at - refused.proposed_at >= LOOKED_AT_AGAIN_SECONDS
    return now < FEW or now < before or now >= GROWN * before or is_due


def _made(
    resolution: Resolution, likes: Sequence[Resolution], view: View, *, at: float
) -> Promotion | Refusal:
    before = _before(resolution, likes, view)
    found: list[Way] = []
    for recipe in (*_recipes(before), resolution.recipe):
        same = likes if recipe == resolution.recipe else _of(recipe, resolution, view)
        if not same:
            text = "the incidents behind another remedy for the same alerts are not known any more"
            return Refusal(reason=Reason.RESOLUTIONS_CONTRADICT, text=text)
        latest = same[-1] if recipe != resolution.recipe else resolution
        way = _way(len(found) + 1, same, latest, view)
        if isinstance(way, Refusal):
            return way
        found.append(way)
    return _promotion(found, before, view, at=at)


def _way(number: int, same: Sequence[Resolution], latest: Resolution, view: View) -> Way | Refusal:
    """Told apart from all that ended otherwise; where nothing does that, from all but what was
    resolved otherwise just once. That one keeps it from running at once (core/deciders.py)."""
    others = contrast(latest, view)
    way = way_of(number, same, others, view.plugins)
    if not isinstance(way, Refusal) or way.reason is not Reason.RESOLUTIONS_CONTRADICT:
        return way
    once = strays(latest, view)
    fewer = tuple(r for r in others if r.incident_id not in once)
    return way_of(number, same, fewer, view.plugins) if len(fewer) < len(others) else way


def _recipes(before: Promotion | None) -> tuple[str, ...]:
    return () if before is None else recipes_of(before)


def _before(resolution: Resolution, likes: Sequence[Resolution], view: View) -> Promotion | None:
    """The learned runbook that one for these alerts would tie with: the latest that lives."""
    products = {r.product for r in likes}
    product = products.pop() if len(products) == 1 else None
    replaced = {p.replaces for p in view.promotions.values() if p.state in LIVE}
    others = [
        p
        for p in view.promotions.values()
        if p.signature == resolution.signature
        and p.product == product
        and p.state in LIVE
        and p.lifecycle != Lifecycle.RETIRED.value
        and p.name not in replaced
    ]
    return max(others, key=lambda p: p.proposed_at, default=None)


def _of(recipe: str, resolution: Resolution, view: View) -> tuple[Resolution, ...]:
    """The like resolutions behind another recipe."""
    found = [
        r
        for r in with_signature(resolution.signature, view)
        if r.recipe == recipe and r.credit is Credit.CREDITED
    ]
    return alike(found[-1], view) if found else ()


def _promotion(
    ways: Sequence[Way], before: Promotion | None, view: View, *, at: float
) -> Promotion | Refusal:
    likes = [r for way in ways for r in way.likes]
    products = sorted({r.product for r in likes}, key=lambda p: p or "")
    resolvers = sorted({person for r in likes for person in (*r.by, r.who) if person})
    tier = tier_of(ways, view.plugins)
    deciders = deciders_of(products, tier, resolvers, view)
    if isinstance(deciders, Refusal):
        return deciders
    recipe = "\n".join(way.recipe for way in ways)
    product = products[0] if len(products) == 1 else None
    what = Written(
        name=name_of(likes[-1], recipe),
        owner=builder_of(products, view),
        layer=likes[-1].layer,
        tier=tier,
        product=product,
        at=at,
    )
    document = document_of(what, ways, view.policy)
    if document is None:
        text = "several remedies are right for it, and no finding tells each from the others"
        return Refusal(reason=Reason.RESOLUTIONS_CONTRADICT, text=text)
    chance, against = against_at_once(ways, products, tier, view)
    ids = {r.incident_id for r in likes}
    others = [r.incident_id for way in ways for r in way.contrast if r.incident_id not in ids]
    promotion = Promotion(
        name=what.name,
        state=PromotionState.TRYING,
        lifecycle=document["lifecycle"]["state"],
        signature=likes[-1].signature,
        recipe=recipe,
        product=product,
        products=tuple(p for p in products if p is not None),
        alertname=likes[-1].alertname,
        incidents=tuple(r.incident_id for r in likes),
        contrast=tuple(dict.fromkeys(others)),
        resolvers=tuple(resolvers),
        document=document,
        separated_by="; ".join(way.condition for way in ways if way.condition),
        asks=tuple(ask for way in ways for ask in way.asks),
        chance=chance,
        not_clean=against,
        decider=deciders.team,
        decider_why=deciders.why,
        needed=deciders.needed,
        proposed_at=at,
        replaces=before.name if before is not None else "",
    )
    return promotion if before is None else carried_over(promotion, before)


def name_of(resolution: Resolution, recipe: str) -> str:
    """Of the alert, and of what makes it and the remedy what they are: nobody can choose an alert
    name that takes the place of another proposal."""
    slug = re.sub(r"[^a-z0-9]+", "-", resolution.alertname.lower())[:36].strip("-") or "incident"
    of = msgspec.json.encode([resolution.signature, recipe])
    return f"learned-{slug}-{hashlib.blake2b(of, digest_size=6).hexdigest()}"


def _differing(resolution: Resolution, view: View, *, at: float) -> Decision:
    """Often enough resolved, and each time in another way: nothing can be learned of that, and
    people should see how they differ."""
    needed, seen = view.policy.resolutions_needed, credited(resolution, view)
    counts: dict[str, int] = {}
    for r in seen:
        counts[r.recipe] = counts.get(r.recipe, 0) + 1
    if len(seen) < needed or len(counts) < 2 or max(counts.values()) >= needed:
        return Decision()
    shown = "; ".join(f"{r.incident_id}: {in_words(r.deeds)}" for r in seen[-needed:])
    text = plain(f"each was resolved in another way: {shown}", longest=LONGEST)
    refusal = Refusal(reason=Reason.RESOLUTIONS_CONTRADICT, text=text)
    return _refused(msgspec.structs.replace(resolution, recipe=""), seen, refusal, view, at=at)


def _refused(
    resolution: Resolution,
    likes: Sequence[Resolution],
    refusal: Refusal,
    view: View,
    *,
    at: float,
) -> Decision:
    """Written down once for each reason: another like incident says nothing new."""
    name = name_of(resolution, resolution.recipe)
    before = view.promotions.get(name)
    others = contrast(resolution, view) if resolution.recipe else ()
    is_told = before is not None and before.reason is refusal.reason
    if is_told and (not resolution.recipe or len(likes) + len(others) < FEW):
        return Decision()
    products = sorted({r.product for r in likes}, key=lambda p: p or "")
    refused = Promotion(
        name=name,
        state=PromotionState.REFUSED,
        lifecycle=Lifecycle.DRAFT.value,
        signature=resolution.signature,
        recipe=resolution.recipe,
        product=products[0] if len(products) == 1 else None,
        products=tuple(p for p in products if p is not None),
        alertname=resolution.alertname,
        incidents=tuple(r.incident_id for r in likes),
        contrast=tuple(r.incident_id for r in others),
        resolvers=tuple(sorted({person for r in likes for person in r.by})),
        document={},
        reason=refusal.reason,
        reason_text=refusal.text,
        decider=builder_of(products, view),
        proposed_at=at,
    )
    entry = entry_of(refused, refusal.reason, refusal.text, at=at)
    journal = () if is_told else (entry,)
    return Decision(journal=journal, records=(record_of(refused),))


def entry_of(promotion: Promotion, reason: Reason, text: str, *, at: float) -> JournalEntry:
    return JournalEntry(
        at=at,
        subject=promotion.name,
        kind=KIND,
        reason=reason,
        text=text[:LONGEST],
        data=audit_of(promotion),
    )


def audit_of(promotion: Promotion) -> Mapping[str, Any]:
    """The figures it was decided by."""
    return {
        "alert": promotion.alertname,
        "product": promotion.product,
        "likes": len(promotion.incidents),
        "contrast": len(promotion.contrast),
        "incidents": list(promotion.incidents[-MOST_NAMED:]),
        "against": list(promotion.contrast[-MOST_NAMED:]),
        "people": list(promotion.resolvers),
        "chance": promotion.chance,
        "separated_by": promotion.separated_by,
        "replaces": promotion.replaces,
        "is_clean": promotion.is_clean,
        "not_clean": list(promotion.not_clean),
        "decider": promotion.decider,
    }


def record_of(promotion: Promotion) -> Record:
    return Record(kind=KIND, key=promotion.name, body=promotion)
