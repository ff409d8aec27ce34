"""Storms: so much is sick at once that acting on single things makes it worse.

A product is in storm where a third of its targets (and three at least) are sick, or where more of
its incidents burn than a minute may bring to the whole fleet: so many are one event. The fleet is,
where in a fifth of the products (and three at least) something began, or where more incidents open
in a minute than real faults do: then perhaps the signal is what is sick.

A storm is many things that begin at about the same time. What burns for long, or somebody has
acknowledged, neither makes one by itself nor keeps it up: or three old warnings would hold the
pages of a product, and keep it from being healed, for as long as they burn.

A storm is entered at once and left slowly: when it has been quiet for a while, and then by half. It
is durable, since whoever restarts in a storm must not begin to act again. While it lasts one page
speaks for all of it, that of its root, but never for what is more severe, and not for long: where
its people were told a while ago, the next page goes out and is the root from then on. Where a
product is as sick as ever when its storm is over, that still holds for what is let go, so that a
backlog of thousands is no flood of pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from agent.core.graph import graph_of
from agent.core.release import let_go
from agent.core.signs import (
    BURNING,
    FLEET,
    IN_STORM,
    MINUTE,
    PRODUCT,
    TOLD,
    Signs,
    began_since,
    is_as_severe,
    is_symptom,
    products_since,
)
from agent.core.turn import Turn
from agent.core.view import View, signs
from agent.model.decision import Decision, JournalEntry, Record, Timer
from agent.model.incident import Incident, State
from agent.model.reason import Reason
from agent.model.records import Storm

REFRESH_SECONDS = 5.0
"""A storm that goes on is written down again no more often than this."""
NEW_LEAST = 2
"""Targets on which something began lately: one alone is no storm, whatever else burns."""
QUIET, HALF = "quiet", "half"
"""Its timers: of the end of the storm, and of the time of half rate after it."""


def storm_of(view: View, product: str | None, at: float) -> Storm | None:
    """The storm in force that this product is in: the fleet's, else its own."""
    return in_force(view, FLEET, at) or (in_force(view, product, at) if product else None)


def in_force(view: View, scope: str, at: float) -> Storm | None:
    """The storm of this scope, until it has been quiet for long enough."""
    storm = view.storms.get(scope)
    if storm is None or at >= storm.last_at + view.policy.rails.storm_quiet_seconds:
        return None
    return storm


def covering(view: View, product: str, at: float) -> Storm | None:
    """The storm under whose root pages of this product are held: the one in force, or the one that
    is over where the product is as sick as it was."""
    storm = view.storms.get(product)
    if storm is None or in_force(view, product, at) is not None:
        return storm
    return storm if _is_sick(view, product) else None


def is_half(view: View, at: float) -> bool:
    """Whether some storm is over, and so little else that only half as much is done as usual."""
    rails = view.policy.rails
    out = rails.storm_quiet_seconds + rails.storm_half_seconds
    return any(
        rails.storm_quiet_seconds <= at - storm.last_at < out for storm in view.storms.values()
    )


# entering


def weather(turn: Turn) -> Turn:
    """The stage: whether this event makes a storm, or shows that one goes on."""
    for scope, why in _seen(turn):
        turn = _note(turn, scope, why)
    return turn


def _seen(turn: Turn) -> Iterator[tuple[str, str]]:
    case, view, at = turn.case, turn.view, turn.at
    symptom = case if is_symptom(case) else None
    if case.product is not None:
        why = product_sick(view, case.product, at, symptom)
        if why:
            yield case.product, why
    more = case.id not in view.incidents
    why = fleet_sick(view, at, symptom) or too_many_new(view, at, 1 if more else 0)
    if why:
        yield FLEET, why


def product_sick(view: View, product: str, at: float, besides: Incident | None = None) -> str:
    """Why this product is in storm as things stand, for people; empty where it is not. `besides` is
    a symptom that the view may not have yet."""
    rails = view.policy.rails
    nodes, count = _begun(view, signs(view), product, at, besides)
    if nodes >= min(NEW_LEAST, rails.product_sick_least):
        sick = _targets_sick(view, product, besides)
        if sick:
            return sick
    return _many_burn(view, product, besides) if count > rails.fleet_new_per_minute else ""


def _begun(
    view: View, found: Signs, product: str, at: float, besides: Incident | None = None
) -> tuple[int, int]:
    """On how many targets of the product something began lately that nobody has yet, and how many
    incidents; counted no further than it matters."""
    rails, since = view.policy.rails, _lately(view, at)
    nodes: set[str] = set()
    count = 0
    if besides is not None and _is_its(besides, product, since):
        nodes.add(besides.entity or product)
        count += besides.id not in found.ids(PRODUCT, product)
    for node, names in began_since(found, product, since=since, at=at):
        if len(nodes) >= NEW_LEAST and count > rails.fleet_new_per_minute:
            break
        nodes.add(node)
        count += len(names)
    return len(nodes), count


def _lately(view: View, at: float) -> float:
    return at - view.policy.rails.storm_quiet_seconds - view.policy.rails.storm_half_seconds


def _is_its(case: Incident, product: str, since: float) -> bool:
    is_new = case.opened_at >= since and case.state is not State.ACKNOWLEDGED
    return is_new and case.product == product


def _is_sick(view: View, product: str) -> bool:
    """Whether as much of the product is sick as in a storm, be it new or not."""
    return bool(_targets_sick(view, product) or _many_burn(view, product))


def _targets_sick(view: View, product: str, besides: Incident | None = None) -> str:
    rails, graph = view.policy.rails, graph_of(view.registry)
    targets, sick = graph.targets.get(product, 0), signs(view).nodes(BURNING, graph)
    if besides is not None:
        sick |= graph.bit(besides.entity)
    count, total = (sick & targets).bit_count(), targets.bit_count()
    if count < rails.product_sick_least or not _is_share(count, total, rails.product_sick_share):
        return ""
    return f"{count} of {total} targets of {product} are sick"


def _many_burn(view: View, product: str, besides: Incident | None = None) -> str:
    burning = signs(view).ids(PRODUCT, product)
    count = len(burning)
    if besides is not None and besides.product == product:
        count += besides.id not in burning
    is_many = count > view.policy.rails.fleet_new_per_minute
    return f"{count} incidents of {product} burn" if is_many else ""


def fleet_sick(view: View, at: float, besides: Incident | None = None) -> str:
    """The same for the fleet: so many of its products burn, and in each of them something began."""
    rails, found, total = view.policy.rails, signs(view), len(view.registry.products)
    burning = set(found.keys(PRODUCT))
    if besides is not None and besides.product is not None:
        burning.add(besides.product)
    if not _is_share(len(burning), total, rails.fleet_sick_share):
        return ""
    since = _lately(view, at)
    begun = products_since(found, since=since, at=at)
    if besides is not None and besides.product is not None:
        begun |= {besides.product} if _is_its(besides, besides.product, since) else set()
    count = len(begun)
    if count >= rails.fleet_sick_least and _is_share(count, total, rails.fleet_sick_share):
        return f"{count} of {total} products burn"
    return ""


def too_many_new(view: View, at: float, besides: int = 0) -> str:
    """The same by how many incidents opened within a minute."""
    most = view.policy.rails.fleet_new_per_minute
    needed = most + 1 - besides
    opened = view.opened
    if needed > 0 and (len(opened) < needed or opened[-needed] <= at - MINUTE):
        return ""
    return f"more than {most} incidents within a minute"


def _is_share(count: int, total: int, share: float) -> bool:
    return count >= share * total - 1e-9


def _note(turn: Turn, scope: str, why: str) -> Turn:
    at, known = turn.at, in_force(turn.view, scope, turn.at)
    if known is not None and at < known.last_at + REFRESH_SECONDS:
        return turn
    if known is not None:
        storm = msgspec.structs.replace(known, last_at=at, why=why)
    else:
        storm = Storm(scope=scope, began_at=at, last_at=at, why=why)
        turn = turn.note("storm", reason_of(scope), why, data={"scope": scope})
        due = at + turn.view.policy.rails.storm_quiet_seconds
        turn = turn.decide(timers=(*turn.decision.timers, _timer(scope, QUIET, due)))
    return keep(turn, storm)


def keep(turn: Turn, storm: Storm) -> Turn:
    """Writes the storm down; the rest of the turn sees it already."""
    view = msgspec.structs.replace(turn.view, storms={**turn.view.storms, storm.scope: storm})
    others = [r for r in turn.decision.records if (r.kind, r.key) != ("storm", storm.scope)]
    turn = turn.decide(records=tuple(others)).record("storm", storm.scope, storm)
    return msgspec.structs.replace(turn, view=view)


def reason_of(scope: str) -> Reason:
    return Reason.STORM_FLEET if scope == FLEET else Reason.STORM_PRODUCT


def _timer(scope: str, name: str, due: float | None) -> Timer:
    return Timer(subject=f"storm:{scope}", name=name, due=due)


# the way out


def pass_over(scope: str, name: str, view: View, *, at: float) -> Decision:
    """A timer of the storm ran out. Where it still is one, it goes on; where it was quiet for long
    enough it ends, and what it held back is looked at anew."""
    storm, rails = view.storms.get(scope), view.policy.rails
    if storm is None:
        return Decision()
    over_at = storm.last_at + rails.storm_quiet_seconds
    if _still(view, scope, at):
        storm = msgspec.structs.replace(storm, last_at=at)
        return Decision(
            records=(Record(kind="storm", key=scope, body=storm),),
            timers=(
                _timer(scope, QUIET, at + rails.storm_quiet_seconds),
                _timer(scope, HALF, None),
            ),
        )
    if at < over_at:
        return Decision(timers=(_timer(scope, QUIET, over_at),))
    held = [view.incidents[name] for name in signs(view).ids(IN_STORM, scope)]
    if name == HALF:
        return _after(storm, held, view, at=at)
    quiet = f"no storm of {scope} for {rails.storm_quiet_seconds:.0f} s"
    entry = JournalEntry(
        at=at, subject=f"storm:{scope}", kind="storm_over", reason=reason_of(scope), text=quiet
    )
    return Decision(
        journal=(entry,),
        emits=let_go(held, at=at, longest=rails.storm_half_seconds),
        timers=(_timer(scope, HALF, over_at + rails.storm_half_seconds),),
    )


def _after(storm: Storm, held: list[Incident], view: View, *, at: float) -> Decision:
    """The half rate is over. What was held again meanwhile stays so while its product is as sick as
    it was: its people were told. Else it is looked at, each for itself."""
    longest = view.policy.rails.storm_half_seconds
    if storm.scope != FLEET and _is_sick(view, storm.scope):
        return Decision(timers=(_timer(storm.scope, HALF, at + longest),))
    return Decision(
        records=(Record(kind="storm", key=storm.scope, body=None),),
        emits=let_go(held, at=at, longest=longest),
    )


def _still(view: View, scope: str, at: float) -> bool:
    if scope != FLEET:
        return bool(product_sick(view, scope, at))
    return bool(fleet_sick(view, at) or too_many_new(view, at))


# who speaks for it


def root_of_storm(
    view: View, storm: Storm, scope: str, *, of: Incident, at: float
) -> Incident | None:
    """The incident whose page speaks for `of` to the people of this scope: the one that was made
    the root of the storm, else the first that can. None where they were told too long ago, or of
    nothing as severe: then they are told of this one."""
    since = at - view.policy.rails.storm_half_seconds
    able = []
    for told in _told_in(view, storm, scope):
        if told.id != of.id and told.pages[0].at > since and is_as_severe(told, of):
            if told.id == storm.root:
                return told
            able.append(told)
    return min(able, key=lambda i: (i.pages[0].at, i.id), default=None)


def is_told(view: View, storm: Storm, scope: str, *, besides: Incident) -> bool:
    """Whether the people of this scope were told of the storm at all, however long ago."""
    return any(i.id != besides.id for i in _told_in(view, storm, scope))


def _told_in(view: View, storm: Storm, scope: str) -> Iterator[Incident]:
    """Of what the people of this scope were told: its root, and what they heard of since it began,
    or shortly before; of the fleet only what names a suspect."""
    known = view.incidents.get(storm.root) if scope == storm.scope else None
    if known is not None and _speaks(known):
        yield known
    since = storm.began_at - view.policy.rails.storm_quiet_seconds
    for name in signs(view).ids(TOLD, scope):
        told = view.incidents[name]
        if (scope != FLEET or told.suspect is not None) and told.pages[0].at >= since:
            yield told


def _speaks(incident: Incident) -> bool:
    return bool(incident.pages) and not (
        incident.held_by or incident.silenced_by or incident.inhibited_by
    )


def told_of(incident: Incident, view: View) -> str:
    """What a page says of the storm the incident is the root of; empty where there is none."""
    if incident.storm is None:
        return ""
    storm = view.storms.get(incident.storm)
    began = storm.began_at if storm is not None else incident.opened_at
    since = f"since {datetime.fromtimestamp(began, tz=UTC).strftime('%H:%M:%SZ')}"
    found = signs(view)
    if incident.storm == FLEET:
        at = storm.last_at if storm is not None else incident.opened_at
        why = fleet_sick(view, at, incident) or (storm.why if storm is not None else "")
        what = f"{why}; perhaps the signal is at fault"
    else:
        what = f"{len({*found.ids(PRODUCT, incident.storm), incident.id})} incidents burn"
    return f"{incident.storm}, {since}: {what}. Further pages are held under this one"
