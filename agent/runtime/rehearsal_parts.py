"""The items of a guard, each with the guard as it is without it: some test has to notice that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from agent.catalog.document import Path
from agent.model.reason import Reason
from agent.model.runbook import Budget, Cooldown, Guard, Predicate


@dataclass(frozen=True)
class Part:
    """One item, what stops where it stops, and how an author lets it."""

    path: Path
    text: str
    without: Guard
    reasons: tuple[Reason, ...]
    remedy: str


def parts_of(guard: Guard) -> Iterator[Part]:
    if guard.cooldown is not None:
        yield from _cooldown(guard, guard.cooldown)
    if guard.budget is not None:
        yield from _budget(guard, guard.budget)
    if guard.window is not None:
        yield Part(
            path=("guard", "window"),
            text="window",
            without=replace(guard, window=None),
            reasons=(Reason.WINDOW_CLOSED, Reason.WINDOW_UNKNOWN),
            remedy="write a test with given: {window: closed}, expect: {stopped_by: window_closed}",
        )
    for number, require in enumerate(guard.require):
        yield _require(guard, number, require)


def _cooldown(guard: Guard, cooldown: Cooldown) -> Iterator[Part]:
    if cooldown.every_seconds is not None:
        yield Part(
            path=("guard", "cooldown", "every"),
            text="cooldown.every",
            without=replace(guard, cooldown=replace(cooldown, every_seconds=None)),
            reasons=(Reason.COOLDOWN,),
            remedy=(
                "write a test whose history is one run that is longer ago than the policy's own "
                "cooldown, or take it away where it is no longer than that"
            ),
        )
    if cooldown.most is not None:
        rest = replace(cooldown, most=None, within_seconds=None)
        yield Part(
            path=("guard", "cooldown", "max"),
            text="cooldown.max",
            without=replace(guard, cooldown=rest),
            reasons=(Reason.COOLDOWN,),
            remedy=(
                f"write a test whose history is {cooldown.most} runs in that time, the last of "
                "them long enough ago, expect: {stopped_by: cooldown}"
            ),
        )


def _budget(guard: Guard, budget: Budget) -> Iterator[Part]:
    if budget.min_healthy is not None:
        yield Part(
            path=("guard", "budget", "min_healthy"),
            text="budget.min_healthy",
            without=replace(guard, budget=replace(budget, min_healthy=None)),
            reasons=(Reason.BUDGET_MIN_HEALTHY,),
            remedy=(
                "write a test with given: {healthy: 10%}, expect: {stopped_by: budget_min_healthy}"
            ),
        )
    if budget.concurrent is not None:
        yield Part(
            path=("guard", "budget", "concurrent"),
            text="budget.concurrent",
            without=replace(guard, budget=replace(budget, concurrent=None)),
            reasons=(Reason.BUDGET_CONCURRENT,),
            remedy=(
                f"write a test with given: {{busy: {budget.concurrent}}}, "
                "expect: {stopped_by: budget_concurrent}"
            ),
        )


def _require(guard: Guard, number: int, require: Predicate) -> Part:
    rest = guard.require[:number] + guard.require[number + 1 :]
    return Part(
        path=("guard", "require", number),
        text=require.text,
        without=replace(guard, require=rest),
        reasons=(Reason.REQUIREMENT_FALSE, Reason.REQUIREMENT_UNKNOWN),
        remedy=(
            "write a test with facts for which it is false, expect: {stopped_by: requirement_false}"
        ),
    )
