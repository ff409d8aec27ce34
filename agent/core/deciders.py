"""Who decides about a proposal, and whether they may let it run alone at once.

Whoever resolved one of its incidents never decides: what one person did again and again is no
evidence that it is right. The builder decides about what is theirs alone; the platform, about what
crosses products, what can break much, and where nobody else is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from agent.core.chance import chance_of, variation_of
from agent.core.likeness import in_vain, strays
from agent.core.proposed_parts import Way
from agent.core.proposed_ways import Refusal
from agent.core.view import View
from agent.model.learning import Backtested, Mark
from agent.model.reason import Reason

NOBODY = ("agent", "local", "")
"""Names that prove no person."""


class Deciders(msgspec.Struct, frozen=True, kw_only=True):
    team: str
    why: str
    needed: int


def folded(names: Iterable[str]) -> frozenset[str]:
    """These names as one counts people: `Bob` is no second person beside `bob`."""
    return frozenset(" ".join(name.split()).casefold() for name in names)


def builder_of(products: Sequence[str | None], view: View) -> str:
    """The team that builds all of them; the platform, where there are several or none."""
    known = [view.registry.products.get(p or "") for p in products]
    teams = {p.builder if p is not None else view.policy.platform for p in known}
    return teams.pop() if len(teams) == 1 and len(products) == 1 else view.policy.platform


def regulated_of(products: Sequence[str | None], view: View) -> tuple[str, ...]:
    """Those of them that are regulated."""
    known = view.registry.products
    return tuple(p for p in products if p is not None and p in known and known[p].regulated)


def deciders_of(
    products: Sequence[str | None], tier: str, resolvers: Collection[str], view: View
) -> Deciders | Refusal:
    """Refused where nobody is left who may approve."""
    policy = view.policy
    is_regulated = bool(regulated_of(products, view))
    needed = max(2 if is_regulated else 1, policy.learning.people - len(folded(resolvers)))
    builder = builder_of(products, view)
    team, why = builder, f"{builder} builds {products[0]}" if products[0] else "nobody's product"
    if len(products) != 1:
        team, why = policy.platform, f"it is about {len(products)} products"
    elif builder == policy.platform:
        why = "it is about no product that somebody else builds"
    elif tier == "high":
        team, why = policy.platform, "it can break much"
    if view.approvers is not None:
        theirs = set.intersection(*(set(view.approvers.get(p or "", ())) for p in products))
        able = folded(theirs) - folded(resolvers)
        if len(able) < needed:
            text = (
                f"{', '.join(sorted(resolvers))} resolved all of them; {len(able)} others may "
                f"approve it, and {needed} have to"
            )
            return Refusal(reason=Reason.TOO_FEW_PEOPLE, text=text[:300])
        # Those who may approve for everybody count as its own where nobody is its own alone.
        own = theirs - set(view.approvers.get("", ())) or theirs
        if team != policy.platform and not own - set(resolvers):
            why = f"nobody of {team} may approve but those who resolved its incidents"
            team = policy.platform
    return Deciders(team=team, why=why, needed=needed)


def against_at_once(
    ways: Sequence[Way], products: Sequence[str | None], tier: str, view: View
) -> tuple[float, tuple[str, ...]]:
    """The chance that its recoveries were coincidences, and what speaks against letting it run
    alone at once, a sentence each; what the journal says comes later."""
    learning = view.policy.learning
    likes = [r for way in ways for r in way.likes]
    chance = max(chance_of(way.likes) for way in ways)
    resolvers = {person for r in likes for person in (r.who, *(d.by for d in r.deeds)) if person}
    told = [r.incident_id for r in likes if any(d.mark is not Mark.SEEN for d in r.deeds)]
    regulated = regulated_of(products, view)
    found = []
    if tier != "low":
        found.append(f"its tier is {tier}: that asks for proof first")
    if told:
        found.append(f"what was done in {', '.join(told[:5])} was told, not seen")
    if len(folded(resolvers)) < learning.people:
        found.append(f"{', '.join(sorted(resolvers))} alone resolved all of them")
    if len(products) != 1 or products[0] is None:
        found.append("it is not about one product alone")
    if regulated:
        found.append(f"{regulated[0]} is regulated")
    vain = [r.incident_id for way in ways for r in in_vain(way.likes[-1], view)]
    if vain:
        found.append(f"the same did not help, or not for good, in {', '.join(vain[-5:])}")
    mine = {way.recipe for way in ways}
    once = sorted(
        i
        for way in ways
        for i in strays(way.likes[-1], view)
        if view.resolutions[i].recipe not in mine
    )
    if once:
        found.append(f"{', '.join(once[-5:])}, which looks alike, was resolved in another way")
    if any(way.contrast for way in ways):
        found.append("incidents that look alike ended otherwise")
    if chance > learning.chance:
        found.append(
            f"they ended by themselves with a chance of {chance:.3g}; at most {learning.chance:g} "
            "is allowed"
        )
    if any(variation_of(way.likes) < learning.spread for way in ways):
        found.append("all of them lasted about equally long: they may have ended by themselves")
    return chance, tuple(found)


def against_by_journal(backtest: Backtested | None) -> tuple[str, ...]:
    """What the back-test says against letting it run alone at once."""
    if backtest is None:
        return ("it was not tried against the journal",)
    if backtest.harm or backtest.harm_count:
        count = max(backtest.harm_count, len(backtest.harm))
        return (f"it would have acted in {count} incidents in which people did not do that",)
    if not backtest.matched:
        return ("the journal holds no incident it would have matched",)
    return ()
