"""What a proposal stands on now: the incidents it was made of, those that ended since, and the
runbooks in force for the same alerts.

All of it may have changed since the proposal was written, and is asked again when somebody
approves. What is not remembered any more says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from agent.core.deciders import against_by_journal
from agent.core.likeness import contrast, in_vain, with_signature
from agent.core.matching import names_allow, specificity
from agent.core.proposed_document import plain
from agent.core.trust import RUNS
from agent.core.view import View
from agent.model.learning import Backtested, Credit, Promotion
from agent.model.runbook import Lifecycle, Match, Runbook

STANDS = (Credit.CREDITED, Credit.PENDING)
MOST_NAMED = 5

_KIND = re.compile(r'entity\.kind == "[a-z_]+"')


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the runbooks in force for the same alerts."""

    ties: tuple[str, ...] = ()
    """Neither says more: where both match, nothing is done by either."""
    less: tuple[str, ...] = ()
    """Less specific: what they do there is not done any more."""


def beside(match: Match, when: str, runbooks: Iterable[Runbook], *, layer: str = "") -> Beside:
    """`when` is the text of the match's condition. Kinds of entities tell two runbooks apart; any
    other condition may hold for both, and none makes the proposal outweigh what names as much."""
    low = msgspec.structs.replace(match, when=None)
    more = 1 if when else 0
    ties, less = [], []
    for other in runbooks:
        is_of_another = None not in (other.match.product, match.product) and (
            other.match.product != match.product
        )
        if other.lifecycle not in RUNS or is_of_another or _other_kind(when, other.match):
            continue
        if layer and _other_layer(layer, other.match):
            continue
        for name in match.alert:
            if not names_allow(other.match, name):
                continue
            mine, theirs = specificity(low, name), specificity(other.match, name)
            if theirs in (mine, (mine[0] + more, *mine[1:])):
                ties.append(other.name)
            elif _does_something(other) and theirs < (mine[0] + more, *mine[1:]):
                less.append(other.name)
    return Beside(ties=tuple(dict.fromkeys(ties)), less=tuple(dict.fromkeys(less)))


def _other_layer(layer: str, match: Match) -> bool:
    """Whether it is for incidents of another layer: those are never alike."""
    named = match.labels.get("layer")
    is_other = match.layer is not None and match.layer.value != layer
    return is_other or (named is not None and layer not in named)


def _does_something(runbook: Runbook) -> bool:
    """One that only tells people loses nothing to one that heals."""
    return bool(runbook.plans) or any(row.settle for row in runbook.decide)


def _other_kind(when: str, match: Match) -> bool:
    theirs = match.when.text if match.when is not None else ""
    return bool(_KIND.fullmatch(when) and _KIND.fullmatch(theirs)) and when != theirs


def beside_now(promotion: Promotion, view: View) -> Beside:
    """Those that are loaded, without what retires with its approval."""
    mine = set(promotion.recipe.split("\n"))
    gone = {promotion.name, promotion.replaces}
    for other in view.promotions.values():
        is_same = (other.signature, other.product) == (promotion.signature, promotion.product)
        is_held = is_same and set(other.recipe.split("\n")) <= mine
        if is_held or other.lifecycle == Lifecycle.RETIRED.value:
            gone.add(other.name)
    written = promotion.document.get("match", {})
    names = written.get("alert", ())
    match = Match(
        alert=(names,) if isinstance(names, str) else tuple(names), product=written.get("product")
    )
    others = (r for r in view.runbooks.runbooks if r.name not in gone)
    layer = str(promotion.document.get("metadata", {}).get("layer", ""))
    return beside(match, str(written.get("when", "")), others, layer=layer)


def against_at_trial(
    promotion: Promotion, backtest: Backtested | None, view: View
) -> tuple[str, ...]:
    """All that speaks against letting it run alone at once, a sentence each."""
    asked = [
        f"what {plain(f'{a.step}.{a.param}', longest=80)} has to be was said and never tried"
        for a in promotion.asks
    ]
    found = (*promotion.not_clean, *against_by_journal(backtest), *_taken(promotion, view), *asked)
    return tuple(dict.fromkeys(found))


def _taken(promotion: Promotion, view: View) -> tuple[str, ...]:
    less = beside_now(promotion, view).less
    if not less:
        return ()
    return (f"it is chosen instead of {', '.join(less[:MOST_NAMED])}, in force for these alerts",)


def withdrawn(promotion: Promotion, view: View) -> tuple[str, ...]:
    """Its incidents that were told otherwise since, and do not speak for it any more."""
    mine = promotion.recipe.split("\n")
    known = ((i, view.resolutions.get(i)) for i in promotion.incidents)
    return tuple(
        i for i, r in known if r is not None and not (r.credit in STANDS and r.recipe in mine)
    )


def spoken_since(promotion: Promotion, view: View) -> tuple[str, ...]:
    """What speaks against it now and did not when it was proposed, a sentence each."""
    found = []
    gone = withdrawn(promotion, view)
    if gone:
        found.append(f"{', '.join(gone[-MOST_NAMED:])} was told otherwise since")
    other = _otherwise(promotion, view)
    if other:
        found.append(f"{', '.join(other[-MOST_NAMED:])}, which looks alike, ended otherwise since")
    return (*found, *(t for t in _taken(promotion, view) if t not in promotion.not_clean))


def _otherwise(promotion: Promotion, view: View) -> tuple[str, ...]:
    """Like incidents that were not known, or not judged, when it was proposed."""
    known = {*promotion.incidents, *promotion.contrast}
    found: dict[str, bool] = {}
    for recipe in promotion.recipe.split("\n"):
        alike = [r for r in with_signature(promotion.signature, view) if r.recipe == recipe]
        if not alike:
            continue
        for r in (*contrast(alike[-1], view), *in_vain(alike[-1], view)):
            is_mine = r.credit is Credit.CREDITED and r.recipe in promotion.recipe.split("\n")
            if r.incident_id not in known and not is_mine:
                found[r.incident_id] = True
    return tuple(found)
