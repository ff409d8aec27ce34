"""A rail: one limit of what is done by itself, as a pure function with a name.

A rail says which fields of the view it reads, which reasons it may give, whose acts it holds, and
whether it lets go by itself. What it says no to is not done; one that raises, or that misses what
it reads, has said no. All of them stand in one tuple (`core.guard.RAILS`).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agent.core.rails.question import LOOK_AGAIN_SECONDS, Question, Stop
from agent.model.reason import Reason

Check = Callable[[Question], Stop | None]


class Undeclared(ValueError):
    """A rail gave a reason it did not declare: it would be counted and told under another name."""


class Rail(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    check: Check
    reads: tuple[str, ...]
    """Fields of the view it may look at."""
    reasons: tuple[Reason, ...]
    lets_go: bool = False
    """Its no passes by itself: a step waits for it. Another rail may say so of one answer, by
    `Stop.after_seconds`."""
    holds_people: bool = False
    """Also what people do through the agent."""
    holds_rollbacks: bool = False
    """Also the way back of a plan that was begun. Few do: stopping half-way is worse."""
    default: str = ""
    """Its limits as people read them, where the policy says nothing else."""
    text: str = ""
    """What it is for."""

    def __call__(self, q: Question) -> Stop | None:
        """Its answer; None where it agrees, or does not hold such an act. May raise."""
        if q.by != "agent" and not self.holds_people:
            return None
        if q.is_rollback and not self.holds_rollbacks:
            return None
        stop = self.check(q)
        if stop is None:
            return None
        if stop.reason not in self.reasons:
            raise Undeclared(f"{self.id} gave {stop.reason.value}")
        if self.lets_go and stop.after_seconds is None:
            return msgspec.structs.replace(stop, after_seconds=LOOK_AGAIN_SECONDS)
        return stop


def rail(
    *,
    id: str,
    reads: tuple[str, ...],
    reasons: tuple[Reason, ...],
    lets_go: bool = False,
    holds_people: bool = False,
    holds_rollbacks: bool = False,
    default: str = "",
) -> Callable[[Check], Rail]:
    """Makes a rail of a function. The first line of its docstring says what it is for."""

    def made(check: Check) -> Rail:
        return Rail(
            id=id,
            check=check,
            reads=reads,
            reasons=reasons,
            lets_go=lets_go,
            holds_people=holds_people,
            holds_rollbacks=holds_rollbacks,
            default=default,
            text=(check.__doc__ or "").strip().partition("\n\n")[0].replace("\n    ", " "),
        )

    return made
