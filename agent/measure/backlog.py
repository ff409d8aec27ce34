"""The maintenance backlog of a product: what its signals cost, and what would end that.

Ranked by minutes of people in a month. What it is not known of stands behind what is known, and
before what costs nobody anything: a blind spot costs nothing until it costs everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

import msgspec

from agent.measure.signal_costs import Cost
from agent.model.learning import CauseKind, Promotion, PromotionState
from agent.model.signals import BlindSpot, BlindSpotKind

LEAST_OF_A_CAUSE = 3
"""So many incidents with one cause are no chance."""
MOST_ITEMS = 100
NAMED: dict[CauseKind, str] = {
    CauseKind.RELEASE: "releases bring it back: test for it before they go out",
    CauseKind.CONFIGURATION: "its configuration brings it back: check it before it is used",
    CauseKind.CODE: "there is a fault in the code that was never mended",
    CauseKind.CAPACITY: "there is too little of something: give it more, or let it ask for less",
    CauseKind.DATA: "its data brings it back: refuse what it cannot bear",
    CauseKind.DEPENDENCY: "what it depends on fails: bear that, or mend it there",
    CauseKind.INFRASTRUCTURE: "what it runs on fails: mend that, or do not hang on one of it",
    CauseKind.CREDENTIALS: "credentials run out: renew them before they do",
    CauseKind.EXTERNAL: "somebody else's service fails: bear that",
    CauseKind.HUMAN: "it is done by hand and goes wrong: let a machine do it",
}


class Remedy(StrEnum):
    AUTOMATE = "automate"
    """Write a runbook, or approve one."""
    FIX_CAUSE = "fix_cause"
    TUNE = "tune"
    """Mend, calm or delete the alert: nobody acts on it."""
    MEND = "mend"
    """A blind spot."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do for one product."""

    product: str | None
    subject: str
    """Name of the alert, or of what is blind."""
    remedy: Remedy
    text: str
    minutes_per_month: float | None = None
    """Of people; None: not known."""
    agent_minutes: float = 0.0
    incidents: int = 0
    pages: int = 0
    latest: tuple[str, ...] = ()


def backlog(
    found: Iterable[Cost],
    *,
    least: int,
    promotions: Sequence[Promotion] = (),
    spots: Iterable[BlindSpot] = (),
) -> tuple[Item, ...]:
    """`least`: so many incidents in which nobody did anything make an alert superfluous."""
    proposed = {
        (p.alertname, product): p.name
        for p in promotions
        if p.state is PromotionState.PROPOSED
        for product in (p.products or (p.product,))
    }
    items = [
        item
        for cost in found
        if (item := _item(cost, least=least, proposal=proposed.get((cost.name, cost.product))))
    ]
    tuned = {(i.subject, i.product) for i in items if i.remedy is Remedy.TUNE}
    items += [_mend(spot) for spot in spots if not _is_same(spot, tuned)]
    items.sort(key=_rank)
    return tuple(items[:MOST_ITEMS])


def _rank(item: Item) -> tuple[float, bool, int, int, str]:
    known = item.minutes_per_month or 0.0
    return (-known, item.minutes_per_month is not None, -item.pages, -item.incidents, item.subject)


def _item(cost: Cost, *, least: int, proposal: str | None) -> Item | None:
    """None where nothing needs doing: nobody was called, and no cause comes back."""
    if cost.acted == 0.0 and cost.over >= least and not cost.is_ours:
        remedy, text = Remedy.TUNE, (
            f"in {cost.over} incidents nobody did anything: delete it, lower its severity, mend its"
            " threshold, or settle it by a runbook"
        )  # fmt: skip
    elif cause := _cause(cost):
        remedy, text = Remedy.FIX_CAUSE, f"{cost.causes[cause]} times {cause.value}: {NAMED[cause]}"
    elif not cost.pages and not cost.by_people:
        return None
    elif proposal is not None:
        remedy, text = Remedy.AUTOMATE, f"decide the proposed runbook `{proposal}`"
    elif cost.runbook is not None and not cost.by_agent:
        remedy, text = Remedy.FIX_CAUSE, (
            f"`{cost.runbook}` hands it to people each time: mend what makes it fire, and say with"
            " `homeostat incidents resolve --kind` what that was, so that it adds up"
        )  # fmt: skip
    elif cost.runbook is not None:
        remedy, text = Remedy.AUTOMATE, (
            f"people are called though `{cost.runbook}` handles it: see `homeostat runbooks show"
            f" {cost.runbook}` for why it does not end it"
        )  # fmt: skip
    else:
        remedy, text = Remedy.AUTOMATE, (
            "no runbook handles it: write one (`homeostat init runbook`), or resolve the next with"
            " what was done, so that one is learned"
        )  # fmt: skip
    return Item(
        product=cost.product,
        subject=cost.name,
        remedy=remedy,
        text=text,
        minutes_per_month=cost.per_month,
        agent_minutes=cost.agent_minutes,
        incidents=cost.incidents,
        pages=cost.pages,
        latest=cost.latest,
    )


def _cause(cost: Cost) -> CauseKind | None:
    """The one behind most of those whose cause is known, where it came back."""
    named = {cause: count for cause, count in cost.causes.items() if cause in NAMED}
    if not named:
        return None
    cause = max(named, key=lambda one: (named[one], one.value))
    is_most = 2 * named[cause] > sum(cost.causes.values())
    return cause if named[cause] >= LEAST_OF_A_CAUSE and is_most else None


def _mend(spot: BlindSpot) -> Item:
    return Item(
        product=spot.product,
        subject=spot.subject,
        remedy=Remedy.MEND,
        text=f"{spot.text}: {spot.remedy}",
    )


def _is_same(spot: BlindSpot, tuned: Collection[tuple[str, str | None]]) -> bool:
    """An alert that nobody acts on stands there already, with what it cost."""
    name = spot.subject.removesuffix(f"/{spot.product}") if spot.product else spot.subject
    return spot.kind is BlindSpotKind.UNSEEN_ALERT and (name, spot.product) in tuned
