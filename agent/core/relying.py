"""What a runbook relies on without owning it: the contracts of its plugins, and what its alerts are
made of.

Both are remembered as they were when this version of the runbook was first seen. Where one is not
what it was, what the runbook proved it proved about something else. A new version of the runbook
was written knowing them as they are, and a person who lets it run again has looked.

Alerts come from outside: whoever forges one with another expression can have a runbook suspended.
That is the safe side: its owner is told, and nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from agent.core.alert_expression import expression_of, metrics_of
from agent.core.view import View
from agent.model.incident import AlertState
from agent.model.learning import Standing
from agent.model.runbook import Call, Runbook

MOST_ALERTS = 50
"""Alerts of one runbook whose metrics are remembered: a glob may stand for any number."""
MOST_METRICS = 20
LONGEST_NAME = 120


def uses_of(runbook: Runbook) -> tuple[str, ...]:
    """Every plugin it uses, each once."""
    return tuple(dict.fromkeys(call.use for call in _calls(runbook)))


def _calls(runbook: Runbook) -> Iterator[Call]:
    yield from runbook.diagnose
    for plan in runbook.plans:
        yield from plan.steps
        yield from plan.verify.observe
        yield from plan.rollback
        if plan.rollback_verify is not None:
            yield from plan.rollback_verify.observe


def contracts_of(runbook: Runbook, view: View) -> Mapping[str, str]:
    """What each of its plugins promises now; those that are not loaded promise nothing."""
    return {use: view.plugins[use].contract for use in uses_of(runbook) if use in view.plugins}


def up_to_date(standing: Standing, runbook: Runbook, view: View) -> Standing:
    """With what it relies on as first seen: of a new version, as it is now."""
    now = contracts_of(runbook, view)
    if standing.digest != runbook.digest:
        return msgspec.structs.replace(standing, digest=runbook.digest, relies=now, metrics={})
    fresh = {use: told for use, told in now.items() if use not in standing.relies}
    if not fresh:
        return standing
    return msgspec.structs.replace(standing, relies={**standing.relies, **fresh})


def as_now(standing: Standing, runbook: Runbook, view: View) -> Standing:
    """A person looked and lets it run again: what it relies on is seen anew."""
    return up_to_date(msgspec.structs.replace(standing, digest=""), runbook, view)


def changed_plugins(standing: Standing, runbook: Runbook, view: View) -> str:
    """Which of its plugins promises something else than when it was first seen, and what; empty
    where none does."""
    if standing.digest != runbook.digest:
        return ""
    told = [
        f"{use} ({_parts(before, now)})"
        for use, now in contracts_of(runbook, view).items()
        if (before := standing.relies.get(use, now)) != now
    ]
    return ", ".join(told)


def _parts(before: str, now: str) -> str:
    """The parts of a contract that differ, by name: `params`, `effect`, ..."""
    old, new = (dict(part.partition("=")[::2] for part in text.split()) for text in (before, now))
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(names)


def key_of(alert: AlertState, product: str | None) -> str:
    """Rules of the same name in two products may be two rules."""
    return f"{alert.name} {product}"[:LONGEST_NAME] if product else alert.name[:LONGEST_NAME]


@lru_cache(maxsize=1024)
def metrics_behind(generator_url: str) -> tuple[str, ...]:
    """Names of the metrics the alert is made of, in order; none where nobody can say."""
    found = sorted(set(metrics_of(expression_of(generator_url))))
    return tuple(name[:LONGEST_NAME] for name in found[:MOST_METRICS])


def with_metrics(standing: Standing, key: str, metrics: tuple[str, ...]) -> Standing:
    """Remembers them, where there is room."""
    if key in standing.metrics or len(standing.metrics) >= MOST_ALERTS:
        return standing
    return msgspec.structs.replace(standing, metrics={**standing.metrics, key: metrics})
