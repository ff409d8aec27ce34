"""What every rail would say to a step, in the order in which they are asked.

They are asked against a view that is made of files: what was done, what else burns, and what the
sources say stands in none of them. A yes that hangs on that is a yes as far as files tell, and the
row says what only a running daemon knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from agent.core import guard as guards
from agent.core.rails.rail import Rail
from agent.interface.cli.explained_diagnosis import reads_findings
from agent.interface.limits import limits_of
from agent.interface.remedies import remedy_of
from agent.model.reason import Reason
from agent.model.runbook import Runbook

ONLY_RUNNING: Mapping[str, str] = {
    "acts": "what was done to the target",
    "acting": "what is under way",
    "lately": "what was done within the hour",
    "in_hand": "plans in hand",
    "storms": "storms",
    "breakers": "results of this remedy",
    "sources": "whether its source lives",
    "levels": "what its source says now",
    "changes": "who changed it by hand",
    "halt": "the kill switch",
    "silences": "silences",
    "incidents": "what else burns",
    "burning": "what else burns",
    "signs": "what else burns",
    "inventory": "the inventory",
}
"""Fields of the view that no file fills."""
OF_THE_INCIDENT: Mapping[str, str] = {"flapping": "how often it came and went"}


class Says(StrEnum):
    YES = "yes"
    NO = "no"
    WAITS = "waits"
    """No, and it lets go by itself before a person would be told."""
    ASKS = "asks"
    """No, until a person approves."""
    UNKNOWN = "after diagnosis"
    NOT_ASKED = "not asked"


def rows(question: guards.Question, runbook: Runbook) -> list[dict[str, Any]]:
    """Every rail. Without the plugin of the step nothing that follows can be asked."""
    found: list[dict[str, Any]] = []
    is_lost = False
    for one in guards.RAILS:
        stop = None if is_lost else guards.answer(one, question)
        says = Says.NOT_ASKED if is_lost else _says(stop, question, runbook)
        found.append(_row(one, says, stop, question, runbook))
        is_lost = is_lost or (stop is not None and stop.reason is Reason.PLUGIN_MISSING)
    return found


def _says(stop: guards.Stop | None, question: guards.Question, runbook: Runbook) -> Says:
    if stop is None:
        return Says.YES
    if stop.reason is Reason.REQUIREMENT_UNKNOWN and reads_findings(stop.text, runbook.diagnose):
        return Says.UNKNOWN
    if stop.reason in guards.ASKS:
        return Says.ASKS
    longest = question.view.policy.rails.wait_seconds
    if stop.after_seconds is None:
        return Says.NO
    is_short = stop.reason is Reason.DWELL or stop.after_seconds <= longest
    return Says.WAITS if is_short else Says.NO


def _row(
    one: Rail, says: Says, stop: guards.Stop | None, question: guards.Question, runbook: Runbook
) -> dict[str, Any]:
    reason = stop.reason if stop is not None else None
    return {
        "rail": one.id,
        "says": says.value,
        "reason": reason.value if reason is not None else None,
        "text": _told(stop),
        "after_seconds": stop.after_seconds if stop is not None else None,
        "remedy": remedy_of(reason) if reason is not None else "",
        "limits": [
            {"key": limit.key, "value": limit.value, "from": limit.source}
            for limit in limits_of(one.id, question.view.policy, runbook)
        ],
        "only_running": list(_only_running(one)) if says is Says.YES else [],
        "for": one.text,
    }


def _told(stop: guards.Stop | None) -> str:
    if stop is None:
        return ""
    return f"{stop.reason.sentence}: {stop.text}" if stop.text else stop.reason.sentence


def _only_running(one: Rail) -> Iterator[str]:
    words = [ONLY_RUNNING[field] for field in one.reads if field in ONLY_RUNNING]
    own = OF_THE_INCIDENT.get(one.id)
    yield from dict.fromkeys(words if own is None else [*words, own])


def verdict(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What comes of all of them: the first that waiting does not help, else whoever has to approve;
    `also` are those behind it, `waits` those that let go by themselves."""
    stops = [row for row in found if row["says"] == Says.NO]
    asks = [row for row in found if row["says"] == Says.ASKS]
    first = next(iter([*stops, *asks]), None)
    return {
        "stopped_by": first["reason"] if first is not None else None,
        "asks": bool(asks) and not stops,
        "text": first["text"] if first is not None else "",
        "remedy": first["remedy"] if first is not None else "",
        "also": [row["reason"] for row in (*stops, *asks) if row is not first],
        "waits": [row["text"] for row in found if row["says"] == Says.WAITS],
    }
