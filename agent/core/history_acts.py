"""What was being done to which target at a moment of the past, as guards count it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from agent.core.history import Would
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Incident
from agent.model.records import Act

DAY_SECONDS = 86_400.0
"""No guard looks back further."""


class _Targets(Mapping[str, tuple[Act, ...]]):
    """Acts by target, oldest first, made into what a view holds when somebody looks."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Act]] = {}

    def __getitem__(self, target: str) -> tuple[Act, ...]:
        return tuple(self.lists[target])

    def __iter__(self) -> Iterator[str]:
        return iter(self.lists)

    def __len__(self) -> int:
        return len(self.lists)


class ActsThen:
    """Acts up to a moment, and those that are still to come."""

    def __init__(self) -> None:
        self._targets = _Targets()
        self._coming: list[tuple[float, int, Act]] = []
        self._number = 0

    @property
    def by_target(self) -> Mapping[str, tuple[Act, ...]]:
        """As they are now; it changes as time passes."""
        return self._targets

    def expect(self, acts: Iterable[tuple[float, Act]]) -> None:
        for at, act in acts:
            self._number += 1
            heapq.heappush(self._coming, (at, self._number, act))

    def let_pass(self, at: float) -> None:
        while self._coming and self._coming[0][0] <= at:
            self._put(heapq.heappop(self._coming)[2], at)

    def _put(self, act: Act, at: float) -> None:
        known = self._targets.lists.setdefault(act.target, [])
        for index in range(len(known) - 1, -1, -1):
            if known[index].key == act.key:
                known[index] = act
                return
            if known[index].at < act.at:
                break  # its beginning is not among them: nothing older can be it
        known.append(act)
        old = 0
        while old < len(known) and at - known[old].at >= DAY_SECONDS:
            old += 1
        del known[:old]


def real(past: Incident) -> Iterator[tuple[float, Act]]:
    """What was done, by whomever: once when it began, under way, and once when it had ended."""
    verdicts = {run.plan: run.verdict for run in past.plans}
    for step in past.steps:
        act = Act(
            key=step.id,
            target=step.target or "",
            product=past.product,
            incident_id=past.id,
            runbook=past.runbook or "",
            plan=step.plan,
            step=step.id.rpartition("/")[2],
            use=step.use,
            by=step.by,
            at=step.started_at,
        )
        yield step.started_at, act
        if step.status is not None:
            ended = msgspec.structs.replace(
                act, status=step.status, verdict=verdicts.get(step.plan)
            )
            yield step.ended_at or step.started_at, ended


def imagined(told: Would, opened: Incident) -> Iterator[tuple[float, Act]]:
    for number, step in enumerate(told.steps):
        yield (
            told.at,
            Act(
                key=f"{told.incident}/history/{number}",
                target=step.target or "",
                product=opened.product,
                incident_id=told.incident,
                runbook=told.runbook or "",
                plan=told.plan or "",
                step=str(number),
                use=step.use,
                by="agent",
                at=told.at,
                status=OutcomeStatus.DONE,
                verdict=Verdict.HELD,
            ),
        )
