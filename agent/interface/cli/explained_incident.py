"""An incident that happened, explained from its journal and its state: why this radius, why this
route, why this action, and why not. Read from `GET /api/v1/incidents/{id}`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agent.catalog.quantities import format_duration
from agent.interface.cli.output import clean

Found = Mapping[str, Any]
Rows = Iterator[tuple[str, str]]
WIDTH = 10
MOST_HELD = 10


def text_of(found: Found) -> str:
    """The whole answer; its first line says how it stands."""
    lines, last = [clean(headline(found))], ""
    for title, text in (*_radius(found), *_route(found), *_action(found), *_not(found)):
        shown = "" if title == last else title
        lines.append(f"  {shown:<{WIDTH}}{clean(text)}".rstrip())
        last = title
    return "\n".join(lines)


def headline(found: Found) -> str:
    state = found["state"].replace("_", " ")
    why = f": {found['reason_text']}" if found["reason_text"] else ""
    return f"{found['id']} {found['title']} ({state}){_told(found)}{why}"


def _told(found: Found) -> str:
    """What came of it, in three words or four."""
    if found["outcome"] in ("healed", "settled"):
        return f", {found['outcome']} by {found['runbook'] or 'itself'}"
    if found["held_by"]:
        return f", held under {found['held_by']}"
    if found["acknowledged_by"]:
        return f", {found['acknowledged_by']} has it"
    return f", {found['routed_to']} was told" if found["routed_to"] else ""


def why_lines(found: Found) -> list[str]:
    """The same without a headline, for a place that has its own."""
    return text_of(found).splitlines()[1:] if "why" in found else []


def _radius(found: Found) -> Rows:
    suspect = f", suspect {found['suspect']}" if found["suspect"] else ""
    yield "radius", f"{found['radius'] or 'not asked for: nobody had to be told'}{suspect}"
    for edge in found["radius_edges"]:
        sure = "" if edge["confidence"] >= 1 else f", sure to {edge['confidence']:.0%}"
        doubt = f"; in doubt: {edge['doubt']}" if edge["doubt"] else ""
        yield "radius", f"  {edge['from']} → {edge['to']} ({edge['kind']}{sure}{doubt})"
    yield from (("radius", _line(line)) for line in found["why"]["radius"])
    if found["storm"]:
        yield "radius", f"part of the storm of {found['storm']}"
    if found["caused_by"]:
        yield "radius", f"perhaps caused by an act for {found['caused_by']}"


def _route(found: Found) -> Rows:
    yield from (("route", _line(line)) for line in found["why"]["route"])
    if not found["why"]["route"]:
        yield "route", "nobody was told"
    yield from (("ladder", text) for text in ladder_lines(found["climb"]))
    held = found["holds"]
    if held:
        more = f" and {len(held) - MOST_HELD} more" if len(held) > MOST_HELD else ""
        yield "holds", f"{len(held)} under its page: {', '.join(held[:MOST_HELD])}{more}"


def ladder_lines(climb: Found | None) -> Iterator[str]:
    """Rung by rung: who was told when, and who is next."""
    for rung in climb["rungs"] if climb is not None else ():
        yield f"{rung['number']}. {rung['kind'].replace('_', ' ')} {rung['to']}: {_stands(rung)}"


def _stands(rung: Found) -> str:
    who = rung["tells"] or "nobody"
    if rung["standing"] == "told":
        at = f" at {rung['at'][11:19]}" if rung["at"] else ""
        due = f", to acknowledge by {rung['due'][11:19]}" if rung["due"] else ""
        return f"{who} told{at}{due}"
    if rung["standing"] == "skipped":
        return f"skipped, {rung['why_nobody'] or 'nobody could be reached'}"
    if rung["standing"] == "spared":
        return "not needed"
    if rung["standing"] == "next":
        return f"next, {who} at {rung['due'][11:19]}"
    return f"{who} after that; {format_duration(rung['ack_within_seconds'])} to acknowledge"


def _action(found: Found) -> Rows:
    for line in found["why"]["action"]:
        yield "action", _line(line)
    if not found["why"]["action"]:
        yield "action", "nothing was done"
    asked = found["approval"]
    if asked is not None:
        yield "approval", asked["in_words"]
        for step in asked["steps"]:
            yield "approval", f"  {step['use']} on {step['target']}: {json.dumps(step['with'])}"
        for given in asked["given"]:
            yield "approval", f"given by {given['by']}, good until {given['until'][:19]}Z"


def _not(found: Found) -> Rows:
    for line in found["why"]["not"]:
        yield "why not", _line(line)
    last = found["why"]["not"][-1:]
    if last and last[0].get("remedy") and found["state"] != "resolved":
        yield "remedy", last[0]["remedy"]


def _line(line: Found) -> str:
    rail = f" [rail {line['rail']}]" if line.get("rail") else ""
    return f"{line['at'][11:19]}  {line['text']}{rail}"
