"""The decision path of an alert as people read it at night: what it is about, which runbook and
why, what came near, what would be looked at, decided, done, proven and taken back, and who is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.interface.cli import explained_words as words
from agent.interface.cli.output import clean

Found = Mapping[str, Any]
MOST_VALUES = 100
MOST_MISSES = 3
CLOSE = 0.7
"""Where a runbook was chosen, what is farther away than that is left out."""
LONGEST_CLAUSE = 70
WIDTH = 14


def whole(alerts: Sequence[Found]) -> str:
    """Every path, and how many of them name a runbook where there are several."""
    return "\n\n".join([*map(_path, alerts), *_count(alerts)])


def brief(alerts: Sequence[Found]) -> str:
    """One line for each alert."""
    return "\n".join([*(clean(_line(found)) for found in alerts), *_count(alerts)])


def _count(alerts: Sequence[Found]) -> list[str]:
    if len(alerts) < 2:
        return []
    named = sum(bool(found.get("chosen")) for found in alerts)
    return [f"{len(alerts)} alerts: {named} name a runbook, {len(alerts) - named} do not"]


def _line(found: Found) -> str:
    name = found["alert"].get("alertname", "?")
    if not found["opens"]:
        fires = found.get("if_firing")
        told = f"; firing, {_line(fires)}" if fires is not None else ""
        return f"{name}: opens nothing, {found['why']}{told}"
    told = f"otherwise {found['route']['to']}"
    if found["runbook"] is not None:
        plans = [_plan_in_brief(plan) for plan in found["plans"]]
        plans = plans or list(dict.fromkeys(row["then"] for row in found["decide"]))
        does = ", ".join(plans)
        return f"{name}: {found['chosen']} ({found['runbook']['lifecycle']}) {does}; {told}"
    near = next(iter(found["near_misses"]), None)
    missed = f"nearest {near['runbook']}, {_short(near)}" if near is not None else "none is near"
    runs = ", ".join(found["defaults"]["runs"]) or "nothing"
    return f"{name}: no runbook ({found['why']}); {missed}; looks at {runs}; {told}"


def _short(miss: Found) -> str:
    clause = miss["clause"]
    cut = clause if len(clause) <= LONGEST_CLAUSE else f"{clause[:LONGEST_CLAUSE]}…"
    return f"{cut} ({miss['truth']})"


def _plan_in_brief(plan: Found) -> str:
    if plan["settles"]:
        return f"{plan['plan']} waits"
    stop = next((s["stopped_by"] for s in plan["steps"] if s["stopped_by"]), None)
    return f"{plan['plan']} stopped by {stop}" if stop else f"{plan['plan']} may run"


def _path(found: Found) -> str:
    labels = found["alert"]
    rest = " ".join(f"{n}={v}" for n, v in sorted(labels.items()) if n != "alertname")
    head = f"{labels.get('alertname', '?')} {rest}".rstrip()
    if not found["opens"]:
        nothing = clean(f"{head}: opens nothing, {found['why']}")
        fires = found.get("if_firing")
        return f"{nothing}\nIf it were firing: {_path(fires)}" if fires is not None else nothing
    rows = [
        *_labels(labels),
        *_about(found),
        *_runbook(found),
        *_near(found),
        *_diagnosis(found),
        *_decide(found),
        *words.radius_rows(found),
        *words.quiet_rows(found),
        *(("guard", said) for said in found["guard"]),
    ]
    for plan in found["plans"]:
        rows += _plan(plan)
    rows += words.route_rows(found)
    about = found["entity"] or found["product"] or "nothing that is known"
    first = f"{labels.get('alertname', '?')} on {about}: {found['would']['text']}"
    lines, last = [clean(first)], ""
    for title, text in rows:
        shown = "" if title == last else title
        lines.append(f"  {shown:<{WIDTH}}{clean(text)}".rstrip())
        last = title
    return "\n".join(lines)


Rows = Iterator[tuple[str, str]]


def _labels(labels: Mapping[str, str]) -> Rows:
    rest = " ".join(f"{n}={v}" for n, v in sorted(labels.items()) if n != "alertname")
    yield "labels", rest or "none"


def _about(found: Found) -> Rows:
    rule = found["identified"]
    yield "about", f"entity {found['entity'] or 'none'} ({rule['entity']})"
    yield "about", f"product {found['product'] or 'none'} ({rule['product']})"
    if found["object"] is not None:
        yield "about", f"object {found['object']}"
    yield "about", f"layer {found['layer']} ({rule['layer']}), severity {found['severity']}"


def _runbook(found: Found) -> Rows:
    runbook = found["runbook"]
    if runbook is None:
        yield "runbook", f"none: {found['why']}"
    else:
        yield "runbook", f"{runbook['name']} of {runbook['owner']}: {found['why']}"
        yield "runbook", f"{runbook['lifecycle']}: {runbook['allows']}"
        for title, key in (("means", "meaning"), ("impact", "impact"), ("not for", "not_for")):
            if runbook[key]:
                yield title, runbook[key]
    for other in found["demands"]:
        if other["runbook"] != found["chosen"]:
            by = ", ".join(other["by"])
            yield "matches too", f"{other['runbook']} ({other['lifecycle']}), by {by}"


def _near(found: Found) -> Rows:
    for miss in found["near_misses"][:MOST_MISSES]:
        if found["runbook"] is None or miss["closeness"] >= CLOSE:
            yield "near miss", f"{miss['runbook']}: {_clause(miss)}"
    if not found["near_misses"] and found["runbook"] is None:
        yield "near miss", "none: no runbook is loaded"


def _clause(miss: Found) -> str:
    read = ", ".join(f"{label} is {value}" for label, value in miss["read"].items())
    return f"{miss['clause']} ({miss['truth']}" + (f": {read})" if read else ")")


def _diagnosis(found: Found) -> Rows:
    for call in found["diagnose"]:
        yield "diagnose", _call(call)
    defaults = found["defaults"]
    for use in defaults["runs"]:
        yield "diagnose", f"{use} on {defaults['target']} ({defaults['why']})"
    if not defaults["runs"]:
        nothing = "nothing" if not found["diagnose"] else "nothing more"
        yield "diagnose", f"{nothing}: {defaults['why']}"


def _call(call: Found) -> str:
    given = ", ".join(f"{name} {value[:MOST_VALUES]}" for name, value in call["with"].items())
    needs = f" [not connected: needs {call['needs']}]" if call["needs"] else ""
    return f"{call['id']}: {call['use']}" + (f" with {given}" if given else "") + needs


def _decide(found: Found) -> Rows:
    for row in found["decide"]:
        why = f", because {row['why']}" if row["why"] else ""
        if row["when"] is None:
            yield "decide", f"otherwise {row['then']}{why}"
        else:
            yield "decide", f"when {row['when']} ({row['truth']}): {row['then']}{why}"
    if not found["decide"] and found["plans"]:
        yield "decide", f"nothing to decide: plan {found['plans'][0]['plan']}"


def _plan(plan: Found) -> Rows:
    title = f"plan {plan['plan']}"
    if plan["settles"]:
        yield title, "does nothing: it waits for its proof and closes as settled"
    else:
        yield title, ""
        yield words.risk_row(plan)
    for step in plan["steps"]:
        yield "  step", f"{step['id']}: {step['use']} on {step['target'] or 'no target yet'}"
        yield "  step", f"  {_guards(step)}"
    asked = next((step for step in plan["steps"] if step["rails"]), None)
    if asked is not None:
        yield from words.rails_rows(asked)
    yield from _proof(plan["proof"], "  proof")
    yield "  decay", _decay(plan["proof"])
    yield from _back(plan)


def _guards(step: Found) -> str:
    if not step["stopped_by"]:
        return (
            f"would wait: {step['waits'][0]}"
            if step["waits"]
            else (step["text"] or "all rails agree")
        )
    also = f"; then by {', '.join(step['also'])}" if step["also"] else ""
    return f"would be stopped by {step['stopped_by']}: {step['text']}{also}"


def _proof(proof: Found, title: str) -> Rows:
    for call in proof["observe"]:
        yield title, f"look at {_call(call)}"
    joined = f" {'or' if proof['of'] == 'any' else 'and'} ".join(proof["success"])
    often = f", {proof['consecutive']} looks in a row" if proof["consecutive"] > 1 else ""
    after = f" after {proof['settle']}" if proof["settle"] != "0s" else ""
    yield title, f"held when {joined}{often}, every {proof['every']}"
    yield title, f"within {proof['within']}{after}, else inconclusive or failed"
    yield from ((title, f"failed when {text}") for text in proof["fail"])
    yield from ((title, f"failed unless {text}") for text in proof["must_not_worsen"])


def _decay(proof: Found) -> str:
    seconds = proof["decay_seconds"]
    if not seconds:
        return f"none: still firing says at once that it did not help ({proof['decay_from']})"
    minutes = f"{seconds / 60:.4g} min" if seconds >= 60 else f"{seconds:.4g} s"
    return f"the alert may go on firing for {minutes} after a good fix ({proof['decay_from']})"


def _back(plan: Found) -> Rows:
    if plan["settles"]:
        return
    back = plan["rollback"]
    title = "  way back"
    if back["by"] is None:
        yield title, "none: what was done stays"
    elif back["by"] == "snapshot":
        yield title, "each step is undone from what it recorded before it acted"
    for call in back["steps"]:
        yield title, _call(call)
    if back["proof"] is not None:
        yield from _proof(back["proof"], "  back proof")
    elif back["by"] is not None:
        yield title, "nothing proves that it led back; people are told so"
    if plan["on_inconclusive"] == "roll_back_and_escalate":
        yield title, "taken where the proof is inconclusive too"
