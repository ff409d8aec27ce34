"""What the commands that go through the past print: rows for people, data for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from agent.core.backtest import Agreement, Counted, Tried, count, counted
from agent.core.history import Kind, Was, Would, was
from agent.core.history_compare import between, since_then
from agent.interface.cli.output import clean, table
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.incident import Incident
from agent.model.runbook import Lifecycle, Runbook
from agent.runtime.history import Backtest, Decided

MOST_TOLD = 5


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One incident, then and now."""

    incident: str
    at: float
    title: str
    where: str
    then: Was
    now: Would
    differs: tuple[str, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One incident under two sets of rules."""

    incident: str
    at: float
    title: str
    where: str
    old: Would
    new: Would
    differs: tuple[str, ...]


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _where(past: Incident) -> str:
    return past.target or past.entity or past.product or "-"


def _name(past: Incident) -> str:
    return next((state.name for state in past.alerts.values()), past.title)


def _counts(words: dict[str, int], *, most: int = MOST_TOLD) -> str:
    told = [f"{word} {number}" for word, number in list(words.items())[:most]]
    left = len(words) - most
    return ", ".join(told) + (f", and {left} more" if left > 0 else "")


def _then(then: Was) -> str:
    by = f"{then.runbook}/{then.plan}" if then.plan else then.runbook
    words = {
        Kind.ACTS: f"{by} {then.outcome.value if then.outcome else 'under way'}",
        Kind.SETTLES: f"{then.runbook} settled",
        Kind.ASKS: f"{by} asked",
        Kind.ROUTES: f"{f'{then.runbook}, ' if then.runbook else ''}to {then.routed_to}",
        Kind.CLEARED: "cleared by itself",
        Kind.SILENCED: "silenced",
        Kind.UNKNOWN: "still open",
    }
    return words[then.kind]


def _now(would: Would) -> str:
    by = f"{would.runbook}/{would.plan}" if would.plan else would.runbook
    why = f" ({would.reason.value})" if would.reason is not None else ""
    words = {
        Kind.ACTS: f"{by}",
        Kind.SETTLES: f"{would.runbook} settles",
        Kind.ASKS: f"{by} asks",
        Kind.ROUTES: f"{f'{by}, ' if by else ''}to {would.routed_to}{why}",
        Kind.CLEARED: "cleared by itself",
        Kind.SILENCED: "silenced",
        Kind.UNKNOWN: f"{by}: not known, lacks {', '.join(would.lacks)}",
    }
    return words[would.kind]


def _near(would: Would) -> str:
    miss = would.near_miss
    return f"; nearly {miss.runbook}: {miss.clause}" if miss is not None else ""


def would_data(would: Would) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(would)
    del data["incident"], data["at"]
    return data


# replay


def replayed(decided: Iterable[tuple[Incident, Decided]]) -> list[Row]:
    rows = []
    for past, would in decided:
        if isinstance(would, Would):
            then = was(past)
            differs = since_then(then, would)
            rows.append(
                Row(
                    incident=past.id,
                    at=past.opened_at,
                    title=_name(past),
                    where=_where(past),
                    then=then,
                    now=would,
                    differs=differs,
                )
            )
    return rows


def _moves(rows: Iterable[Row | Change]) -> dict[str, int]:
    """How often one kind of end became another."""
    told = []
    for row in rows:
        if row.differs:
            old, new = (row.then, row.now) if isinstance(row, Row) else (row.old, row.new)
            told.append(f"{old.kind.value} -> {new.kind.value}")
    return count(told)


def replay_data(rows: Sequence[Row], *, since: float, changed: bool) -> dict[str, Any]:
    return {
        "since": rfc3339_or_none(since or None),
        "incidents": len(rows),
        "different": sum(bool(row.differs) for row in rows),
        "unknown": sum(row.now.kind is Kind.UNKNOWN for row in rows),
        "moves": _moves(rows),
        "rows": [
            {
                "incident": row.incident,
                "at": rfc3339(row.at),
                "alert": row.title,
                "where": row.where,
                "then": msgspec.to_builtins(row.then),
                "now": would_data(row.now),
                "differs": list(row.differs),
            }
            for row in rows
            if row.differs or not changed
        ],
    }


def replay_text(rows: Sequence[Row], *, changed: bool) -> str:
    told = [
        ("*" if r.differs else " ", _day(r.at), r.incident, r.title, r.where, _then(r.then),
         f"{_now(r.now)}{_near(r.now)}" + (f"  [{', '.join(r.differs)}]" if r.differs else ""))
        for r in rows
        if r.differs or not changed
    ]  # fmt: skip
    lines = []
    if told:
        lines.append(table(told, head=("", "OPENED", "INCIDENT", "ALERT", "WHERE", "THEN", "NOW")))
    different = sum(bool(row.differs) for row in rows)
    unknown = sum(row.now.kind is Kind.UNKNOWN for row in rows)
    lines.append(
        f"{len(rows)} incidents, {different} would be decided differently, {unknown} not known"
    )
    moves = _moves(rows)
    lines += [f"  {move}: {number}" for move, number in moves.items()]
    return "\n".join(lines)


# backtest


def backtest_data(tested: Backtest, candidate: Runbook, *, since: float) -> dict[str, Any]:
    figures: Counted = counted(tested.rows)
    return {
        "runbook": candidate.name,
        "digest": candidate.digest,
        "lifecycle": candidate.lifecycle.value,
        "since": rfc3339_or_none(since or None),
        "incidents": tested.incidents,
        "alerts": tested.alerts,
        **msgspec.to_builtins(figures),
        "near_misses": count_down(tested.near_misses),
        "not_chosen": count_down(tested.not_chosen),
        "rows": [_tried_data(row) for row in tested.rows],
    }


def count_down(words: dict[str, int]) -> dict[str, int]:
    return dict(sorted(words.items(), key=lambda each: (-each[1], each[0])))


def _tried_data(row: Tried) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(row)
    return {**data, "at": rfc3339(row.at), "would": would_data(row.would)}


def backtest_text(tested: Backtest, candidate: Runbook) -> str:
    figures = counted(tested.rows)
    as_if = ""
    if candidate.lifecycle is not Lifecycle.ACTIVE:
        as_if = f", as if it were active (it is {candidate.lifecycle.value})"
    lines = [
        f"{candidate.name} against {tested.incidents} incidents, {tested.alerts} alerts{as_if}",
        _figure("would match", figures.matched, ""),
        _figure(
            "nearly", sum(tested.near_misses.values()), _counts(count_down(tested.near_misses))
        ),
        _figure(
            "not chosen", sum(tested.not_chosen.values()), _counts(count_down(tested.not_chosen))
        ),
        _figure("would act", figures.acts, _counts(figures.plans)),
        _figure("would settle", figures.settles, ""),
        _figure("would stop", figures.routes, _counts(figures.stopped_by)),
        _figure("not known", figures.unknown, _lacks(figures)),
        _figure("people did", sum(figures.actions_of_people.values()), _people(figures)),
        _figure("agreement", figures.agreement.get(Agreement.YES.value, 0), _agreement(figures)),
        _figure("conflicts", sum(figures.conflicts.values()), _conflicts(figures)),
    ]
    if tested.rows:
        lines += ["", table([_tried_row(r) for r in tested.rows], head=TRIED_HEAD)]
    return "\n".join(clean(line) if "\n" not in line else line for line in lines)


TRIED_HEAD = ("OPENED", "INCIDENT", "WHAT", "THEN", "WOULD", "AGREES", "PEOPLE")


def _figure(what: str, number: int, detail: str) -> str:
    return f"{what:<14}{number:>6}   {detail}".rstrip()


def _lacks(figures: Counted) -> str:
    return f"the history lacks {_counts(figures.lacks)}" if figures.lacks else ""


def _people(figures: Counted) -> str:
    parts = [_counts(figures.actions_of_people)]
    if figures.minutes_median is not None and figures.minutes_most is not None:
        parts.append(
            f"resolved in {figures.minutes_median:.0f} min (median),"
            f" {figures.minutes_most:.0f} min at most"
        )
    if figures.ended_by_agent:
        parts.append(f"{figures.ended_by_agent} by the agent")
    if figures.causes:
        parts.append(f"causes: {_counts(figures.causes)}")
    return "; ".join(part for part in parts if part)


def _agreement(figures: Counted) -> str:
    return _counts(figures.agreement) if figures.agreement else ""


def _conflicts(figures: Counted) -> str:
    return f"handled then by {_counts(figures.conflicts)}" if figures.conflicts else ""


def _tried_row(row: Tried) -> tuple[str, ...]:
    people = [*row.people.actions, *(f"outside: {told}" for told in row.people.outside)]
    if row.people.cause:
        people.append(f"cause: {row.people.cause}")
    if row.people.minutes is not None:
        by = " by the agent" if row.people.ended_by_agent else ""
        people.append(f"{row.people.minutes:.0f} min{by}")
    return (
        _day(row.at),
        row.incident,
        row.title,
        _then(row.then),
        _now(row.would),
        row.agreement.value,
        "; ".join(people),
    )


# diff


def changes(old: Sequence[Runbook], new: Sequence[Runbook]) -> dict[str, list[str]]:
    """Runbooks by what became of them: added, removed or changed, by name and content."""
    before, after = {r.name: r for r in old}, {r.name: r for r in new}
    both = sorted(before.keys() & after.keys())
    return {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": [name for name in both if before[name].digest != after[name].digest],
    }


def differing(seen: Iterable[tuple[Incident, Would, Would]]) -> tuple[int, list[Change]]:
    """How many were looked at, and those that would end differently."""
    whole, rows = 0, []
    for past, old, new in seen:
        whole += 1
        differs = between(old, new)
        if differs:
            rows.append(
                Change(
                    incident=past.id,
                    at=past.opened_at,
                    title=_name(past),
                    where=_where(past),
                    old=old,
                    new=new,
                    differs=differs,
                )
            )
    return whole, rows


def diff_data(
    rows: Sequence[Change], changed: dict[str, list[str]], *, since: float, incidents: int
) -> dict[str, Any]:
    return {
        "since": rfc3339_or_none(since or None),
        "runbooks": changed,
        "incidents": incidents,
        "different": len(rows),
        "moves": _moves(rows),
        "rows": [
            {
                "incident": row.incident,
                "at": rfc3339(row.at),
                "alert": row.title,
                "where": row.where,
                "old": would_data(row.old),
                "new": would_data(row.new),
                "differs": list(row.differs),
            }
            for row in rows
        ],
    }


def diff_text(rows: Sequence[Change], changed: dict[str, list[str]], *, incidents: int) -> str:
    lines = [f"{what:<9}{clean(name)}" for what, names in changed.items() for name in names]
    told = [
        (_day(r.at), r.incident, r.title, r.where, _now(r.old),
         f"{_now(r.new)}{_near(r.new)}  [{', '.join(r.differs)}]")
        for r in rows
    ]  # fmt: skip
    if told:
        lines.append(table(told, head=("OPENED", "INCIDENT", "ALERT", "WHERE", "OLD", "NEW")))
    lines.append(f"{incidents} incidents, {len(rows)} would end differently")
    lines += [f"  {move}: {number}" for move, number in _moves(rows).items()]
    return "\n".join(lines)
