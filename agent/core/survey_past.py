"""What the past shows to a survey: alerts that nobody acted on, and runbooks that never ran."""

from __future__ import annotations

from collections.abc import Iterator

from agent.core.globs import fits, is_glob
from agent.core.own_alert import OURSELVES
from agent.core.survey_seen import Gathered
from agent.core.survey_spot import Part, spot
from agent.core.trust import state_of
from agent.core.view import View
from agent.model.runbook import Lifecycle, Runbook
from agent.model.signals import BlindSpot, BlindSpotKind

LOADED = frozenset({Lifecycle.ACTIVE, Lifecycle.ASSISTED, Lifecycle.SHADOW})
NEVER_RAN_SECONDS = 90 * 86_400.0
"""A runbook that is loaded for so long should have matched something."""
FIRST = "survey"
"""Key of the record of the surveys."""


def of_alerts(seen: Gathered, view: View) -> Iterator[BlindSpot] | None:
    """Alerts that came again and again, and each time nobody did anything."""
    if seen.past is None:
        return None
    days = seen.past.days
    return (
        spot(
            view,
            seen.at,
            by=Part.PAST,
            kind=BlindSpotKind.UNSEEN_ALERT,
            subject=f"{row.name}/{row.product}" if row.product else row.name,
            text=f"{row.incidents} incidents in {days} days, pages {row.pages}, and nobody ever"
            " did anything about one",
            remedy="delete the rule, lower its severity or mend its threshold; or write a runbook"
            " that settles it (`do: settle`)",
            about=(row.product, ""),
        )
        for row in seen.past.never_acted
    )


def of_runbooks(seen: Gathered, view: View) -> Iterator[BlindSpot] | None:
    """Those of this site that never matched an incident, and those whose alert nothing raises.

    The ones that come with the agent are for whoever has what they are about, so that one of them
    never matches says nothing."""
    if seen.past is None:
        return None
    return _of_runbooks(seen, view)


def _of_runbooks(seen: Gathered, view: View) -> Iterator[BlindSpot]:
    assert seen.past is not None
    raised = _raised(seen, view)
    first = view.surveys[FIRST].runbooks if FIRST in view.surveys else {}
    for book in view.runbooks.runbooks:
        if state_of(book, view) not in LOADED or _is_shipped(book, seen.shipped):
            continue
        if _ever_ran(book.name, seen, view):
            continue
        if raised is not None and not any(_is_raised(name, raised) for name in book.match.alert):
            yield _never(
                book, seen, view,
                f"no rule raises {', '.join(book.match.alert)}, and it never came in",
                "mend the name in `match.alert`, write the rule, or retire the runbook",
            )  # fmt: skip
        elif seen.at - first.get(book.name, seen.at) > NEVER_RAN_SECONDS:
            days = (seen.at - first[book.name]) / 86_400.0
            yield _never(
                book, seen, view, f"loaded for {days:.0f} days, and it never matched an incident",
                "try it on the past (`homeostat backtest`), mend what it matches, or retire it",
            )  # fmt: skip


def _never(book: Runbook, seen: Gathered, view: View, text: str, remedy: str) -> BlindSpot:
    return spot(
        view,
        seen.at,
        by=Part.RUNBOOKS,
        kind=BlindSpotKind.RUNBOOK_NEVER_RAN,
        subject=book.name,
        text=text,
        remedy=remedy,
        about=(book.match.product, ""),
        owner=book.owner,
    )


def _is_shipped(book: Runbook, folder: str) -> bool:
    return bool(folder) and book.path.startswith(folder)


def _ever_ran(name: str, seen: Gathered, view: View) -> bool:
    assert seen.past is not None
    standing = view.standings.get(name)
    has_trials = standing is not None and bool(standing.trials or standing.metrics)
    return has_trials or name in seen.past.runbooks


def _raised(seen: Gathered, view: View) -> frozenset[str] | None:
    """Names of all alerts that could come in; None where that is not known: no rules are to be had,
    or those of one Prometheus could not be read."""
    assert seen.past is not None
    if not seen.prometheus or any(one.rules is None for one in seen.prometheus):
        return None
    names = {r.name for one in seen.prometheus for r in one.rules or () if r.is_alerting}
    ours = {
        state.name
        for incident in view.incidents.values()
        for state in incident.alerts.values()
        if state.identity.startswith(f"{OURSELVES}/")
    }
    return frozenset(names | ours | OWN | seen.past.names | seen.probe_alerts)


def _is_raised(wanted: str, raised: frozenset[str]) -> bool:
    if not is_glob(wanted):
        return wanted in raised
    return any(fits(wanted, name) for name in raised)


OWN = frozenset(
    {"AgentSilent", "AgentHung", "AgentNotAsPinned", "AgentProbeWrong", "AgentDrifting",
     "LeadershipMetricFlat", "SourceSilent", "RunbookSuspended", "SloBurnFast", "SloBurnSlow",
     "SloNoData", "AgentAdvisesOnly", "NotifierBroken"}
)  # fmt: skip
"""Alerts that the agent raises itself, or whose rules it writes."""
