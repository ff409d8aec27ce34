"""The policy's limits of what is done by itself, as people write them under `rails:`.

rails: {dwell: 30s, per_product: 3, share_per_hour: 20%, floor: {count: 2, share: 60%}}

What is left out is as in `model.policy.Rails`. A runbook may tighten some of them, never loosen
one; `loose_guards` says where it tries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import msgspec
from pydantic import Field

from agent.catalog.product_document import FloorText
from agent.catalog.quantities import Duration, Percentage, PositiveDuration, format_duration
from agent.catalog.validation import Written
from agent.model.fault import Fault, FaultSeverity
from agent.model.policy import Policy, Rails
from agent.model.product import Floor
from agent.model.runbook import BudgetScope, Runbook

NO_EFFECT = "HS228"

Some = Annotated[int, Field(ge=1, le=1_000_000)]
Rate = Annotated[float, Field(gt=0, le=100_000)]


class RailsDocument(Written):
    """Keys of `rails`; each says in `model.policy.Rails` what it is for."""

    max_targets: Some | None = None
    per_domain: Some | None = None
    per_product: Some | None = None
    per_fleet: Some | None = None
    share_per_hour: Percentage | None = None
    rate_per_minute: Rate | None = None
    rate_burst: Some | None = None
    storm_rate_per_minute: Rate | None = None
    cooldown_longest: Duration | None = None
    dwell: Duration | None = None
    signal_age: PositiveDuration | None = None
    human_change: Duration | None = None
    product_sick_share: Percentage | None = None
    product_sick_least: Some | None = None
    fleet_sick_share: Percentage | None = None
    fleet_sick_least: Some | None = None
    fleet_new_per_minute: Some | None = None
    storm_quiet: Duration | None = None
    storm_half: Duration | None = None
    floor: FloorText | None = None
    breaker_in_a_row: Some | None = None
    breaker_share: Percentage | None = None
    breaker_window: Some | None = None
    breaker_open: Duration | None = None
    breaker_locks_after: Some | None = None
    relapse: Duration | None = None
    flapping_turns: Annotated[int, Field(ge=2, le=1_000)] | None = None
    flapping: PositiveDuration | None = None
    chain_depth: Annotated[int, Field(ge=0, le=100)] | None = None
    chain: Duration | None = None
    reversal: Duration | None = None
    wip_per_product: Some | None = None
    wip_per_fleet: Some | None = None
    wait: Duration | None = None
    blind: PositiveDuration | None = None
    cluster_age: PositiveDuration | None = None
    watchdog: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    approval: PositiveDuration | None = None
    normal_window: str | None = None


def compile_rails(document: RailsDocument) -> Rails:
    names = {field.name for field in msgspec.structs.fields(Rails)}
    written = {
        key if key in names else f"{key}_seconds": value
        for key, value in document.model_dump(exclude={"floor"}, exclude_none=True).items()
    }
    if document.floor is not None:
        written["floor"] = Floor(count=document.floor.count, share=document.floor.share)
    return Rails(**written)


Place = Callable[[Runbook, tuple[str, ...]], tuple[str, int, int]]
"""File, line and column of a key of a runbook."""


def loose_guards(runbooks: Iterable[Runbook], policy: Policy, place: Place) -> tuple[Fault, ...]:
    """Limits of runbooks that are wider than the policy's: the policy's hold all the same, so who
    wrote them expects what will not be."""
    found = []
    for runbook in runbooks:
        for key, text, remedy in _without_effect(runbook, policy):
            file, line, column = place(runbook, ("guard", *key))
            found.append(
                Fault(
                    file=file,
                    line=line,
                    column=column,
                    code=NO_EFFECT,
                    path=".".join(("guard", *key)),
                    message=text,
                    remedy=remedy,
                    severity=FaultSeverity.WARNING,
                )
            )
    return tuple(found)


def _without_effect(runbook: Runbook, policy: Policy) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Key, what is wrong with it, and what to do, of each limit that limits nothing."""
    own, rails = runbook.guard, policy.rails
    every = own.cooldown.every_seconds if own.cooldown is not None else None
    if every is not None and every < policy.cooldown_seconds:
        yield ("cooldown", "every"), *_shorter(every, policy.cooldown_seconds, "cooldown")
    if own.dwell_seconds is not None and own.dwell_seconds < rails.dwell_seconds:
        yield ("dwell",), *_shorter(own.dwell_seconds, rails.dwell_seconds, "rails.dwell")
    if own.budget is None or own.budget.concurrent is None:
        return
    most, limit, name = own.budget.concurrent, rails.wip_per_product, "rails.wip_per_product"
    if own.budget.scope is BudgetScope.FLEET:
        limit, name = rails.wip_per_fleet, "rails.wip_per_fleet"
    if most > limit:
        text = f"{most} at a time has no effect: the policy allows {limit}"
        yield ("budget", "concurrent"), text, f"write {limit} or less, or raise {name}"


def _shorter(own: float, of_policy: float, name: str) -> tuple[str, str]:
    longest = format_duration(of_policy)
    text = f"{format_duration(own)} has no effect: the policy's {name} is {longest}"
    return text, f"write {longest} or more, or leave it out"
