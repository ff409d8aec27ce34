"""An incident, and what is to be done in it, in words for a terminal."""

from __future__ import annotations

import json
from typing import Any

from agent.interface.cli.explained_incident import why_lines
from agent.interface.cli.output import clean, pairs

SHOWN = ("id", "title", "state", "severity", "layer", "product", "entity", "radius", "runbook",
         "plan", "risk", "verdict", "outcome", "routed_to", "reason_text", "opened_at",
         "resolved_at", "acknowledged_by", "approved_by", "caused_by", "resolved_by",
         "cause", "learning")  # fmt: skip


def as_text(incident: dict[str, Any]) -> str:
    parts = [pairs({n: incident[n] for n in SHOWN if incident.get(n)})]
    parts += ["why", *why_lines(incident)] if "why" in incident else []
    parts += approval_lines(incident)
    for name, found in incident["findings"].items():
        parts.append(f"finding {clean(name)}: {clean(json.dumps(found, default=str))}")
    parts += [step_line(s) for s in incident["steps"]]
    for page in incident["pages"]:
        state = {True: "delivered", False: "not delivered", None: "on its way"}[page["delivered"]]
        parts.append(f"page to {clean(page['to'])} by {clean(page['channel'])}: {state}")
    parts.append("timeline")
    parts += [
        f"  {line['at'][11:19]}  {clean(line['kind'])} ({clean(line['reason'])}): "
        f"{clean(line['text'])}" + (f" [{clean(line['who'])}]" if line["who"] != "agent" else "")
        for line in incident["timeline"]
    ]
    return "\n".join(parts)


def step_line(step: dict[str, Any]) -> str:
    """With its id, which `resolve --step` takes."""
    text = (
        f"step {step['id']}: {step['use']} on {step['target']} by {step['by']}: "
        f"{step['status'] or 'under way'} {step['detail']}"
    )
    return clean(text).rstrip()


def approval_lines(incident: dict[str, Any]) -> list[str]:
    """What exactly is to be approved, in full: whoever approves has read this."""
    asked = incident.get("approval")
    if asked is None:
        return []
    people = asked["people_needed"]
    good = f"{asked['good_for_seconds'] / 60:.0f} min"
    told = [
        f"{'to approve' if incident['state'] == 'awaiting_approval' else 'asked for'}: "
        f"plan {clean(asked['plan'])}, risk {asked['risk']}, {people} "
        f"{'person' if people == 1 else 'people'}, good for {good} once given"
    ]
    for step in asked["steps"]:
        shown = clean(json.dumps(step["with"], default=str))
        if step["unknown"]:
            shown = clean(f"{step['unknown']}; not covered by an approval")
        told.append(f"  {clean(step['use'])} on {clean(str(step['target']))}: {shown}")
    told.append(f"  fingerprint {clean(asked['fingerprint'])}")
    told += [f"  approved by {clean(g['by'])}, until {g['until'][:19]}" for g in asked["given"]]
    return told


def preview_text(preview: dict[str, Any]) -> str:
    """What would run, in full, and what would stop it."""
    facts = {
        "action": preview["use"],
        "target": preview["target"] or "none",
        "with": json.dumps(preview["with"], default=str, ensure_ascii=False),
        "effect": f"{preview['effect']}, {preview['availability']} its target",
        "way back": preview["way_back"],
        "not undone": preview["not_undone"],
        "risk": preview["risk"],
        "verified by": preview["verified_by"],
        "would run": "yes" if preview["would_run"] else f"no: {why_it_stops(preview)}",
    }
    told = pairs({name: value for name, value in facts.items() if value})
    changes = [f"  {clean(line)}" for line in preview["changes"]]
    return "\n".join([told, "", "in the cluster:", *changes]) if changes else told


def why_it_stops(preview: dict[str, Any]) -> str:
    told = preview["stops_why"] or preview["stops"]
    again = preview["ask_again_after_seconds"]
    parts = [told, preview["remedy"], f"ask again in {again:.0f} s" if again else ""]
    return "; ".join(part for part in parts if part)
