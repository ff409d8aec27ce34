"""Radius, rails, risk and route of an alert as people read them at night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from agent.catalog.quantities import format_duration
from agent.interface.cli.explained_rails import Says

Found = Mapping[str, Any]
Rows = Iterator[tuple[str, str]]
LINE = 84
HISTORY = "°"
"""After a rail that says yes as far as files tell."""


def radius_rows(found: Found) -> Rows:
    radius = found["radius"]
    suspect = f", suspect {radius['suspect']}" if radius["suspect"] else ""
    yield "radius", f"{radius['class']}{suspect}: {radius['why']}"
    for hop in radius["path"]:
        yield "radius", f"  {hop['from']} → {hop['to']} ({_edge(hop)})"
    for below in radius["stands_on"] if not radius["path"] else ():
        doubt = f" (in doubt: {below['doubt']})" if below["doubt"] else ""
        yield "radius", f"  stands on {below['name']}{doubt}"
    for doubt in radius["doubt"]:
        yield "radius", f"  in doubt, which makes it no narrower: {doubt}"
    for wider in radius["wider_if"]:
        yield "radius", f"  wider with {wider}"


def _edge(hop: Found) -> str:
    sure = "" if hop["kind"] in ("declared", "part") else f", sure to {hop['confidence']:.0%}"
    return f"{hop['kind']}{sure}" + (f"; in doubt: {hop['doubt']}" if hop["doubt"] else "")


def quiet_rows(found: Found) -> Rows:
    quiet = found["quiet"]
    if quiet["now"] is not None:
        now = quiet["now"]
        until = f" until {now['until'][:19]}Z" if now["until"] else ""
        yield "quiet", f"now, by {now['by']}{until}: {now['text'] or now['reason']}"
    for speaker in quiet["spoken_for_by"]:
        yield "quiet", f"while an alert fires with {speaker}"
    for freeze in quiet["freezes"]:
        state = "in force" if freeze["in_force"] else "to come"
        ends = "until" if freeze["in_force"] else "from"
        when = f" {ends} {freeze['until'][:19]}Z" if freeze["until"] else ""
        yield "freeze", f"{freeze['name']} {state}{when}: {freeze['why']}"


def risk_row(plan: Found) -> tuple[str, str]:
    risk = plan["risk"]
    return "  risk", f"{risk['tier']}, asks {risk['asks']} ({'; '.join(risk['because'])})"


def rails_rows(step: Found) -> Rows:
    """Every rail in the order of asking; runs of those that agree share a line."""
    title, agree = "  rails", []
    for row in step["rails"]:
        if row["says"] == Says.YES:
            agree.append(row["rail"] + (HISTORY if row["only_running"] else ""))
            continue
        yield from ((title, line) for line in _agree(agree))
        agree = []
        yield title, _rail(row)
    yield from ((title, line) for line in _agree(agree))
    if any(row["only_running"] for row in step["rails"]):
        words = dict.fromkeys(w for row in step["rails"] for w in row["only_running"])
        told = f"{HISTORY} as far as files tell; a running daemon knows {', '.join(words)}"
        yield from ((title, line) for line in wrap(told, LINE, subsequent_indent="  "))


def _agree(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    told = f"yes    {', '.join(names)}"
    return wrap(told, LINE, subsequent_indent=" " * 7, break_on_hyphens=False)


def _rail(row: Found) -> str:
    if row["says"] == Says.NOT_ASKED:
        return f"       {row['rail']} is not asked without the plugin"
    limits = ", ".join(f"{one['key']} {one['value']} ({one['from']})" for one in row["limits"])
    held = f" [{limits}]" if limits else ""
    if row["says"] == Says.UNKNOWN:
        return f"later  {row['rail']}: known after diagnosis{held}"
    remedy = f"; {row['remedy']}" if row["remedy"] else ""
    return f"{row['says']:<6} {row['rail']}: {row['text']}{held}{remedy}"


def route_rows(found: Found) -> Rows:
    route = found["route"]
    path = f", by {' → '.join(route['path'])}" if route["path"] else ""
    by = f" by {', '.join(route['channels'])}" if route["channels"] else ""
    first = f", {route['first']} first" if route["first"] != route["to"] else ""
    yield "otherwise", f"{route['to']} is told{first}{by}: {route['why']} ({route['radius']}{path})"
    if route["climbs"]:
        yield from _ladder(route["ladder"])
    else:
        yield "otherwise", "nobody further: no ladder is declared"


def _ladder(rungs: Sequence[Found]) -> Rows:
    for rung in rungs:
        whom = f"{rung['number']}. {rung['kind'].replace('_', ' ')} {rung['to']}"
        if rung["why_nobody"]:
            yield "ladder", f"{whom}: skipped, {rung['why_nobody']}"
            continue
        who = f" = {rung['tells']}" if rung["tells"] != rung["to"] else ""
        until = f" on call until {rung['until'][:16]}Z" if rung["until"] else ""
        within = format_duration(rung["ack_within_seconds"])
        by = ", ".join(rung["channels"]) or "the ways of last resort"
        yield "ladder", f"{whom}{who}{until}, by {by}; {within} to acknowledge"
