"""What a page says: in under 1,024 characters what is broken, who is hit, what was tried with which
result, and the next safe step (1,024 is PagerDuty's limit for a summary; libraries study, 1.4).

Alert text is quoted as data: bounded, on one line, never evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agent.core.approval import in_words
from agent.core.blast_radius import Assessment
from agent.core.display import fill
from agent.core.facts import FAILED, facts_about
from agent.core.graph import graph_of
from agent.core.signs import BURNING, FLEET
from agent.core.storm import told_of
from agent.core.suspects import FINDING as SUSPECT
from agent.core.view import View, signs
from agent.model.alert import AlertStatus
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Incident, PlanRun, Radius, State, StepRun
from agent.model.reason import Reason

LONGEST = 1023
LEAST_ROOM = 160
"""For what was found and tried, where people are asked to approve something long."""
SHOWN_STEPS = 4
SHOWN_PRODUCTS = 8

WAY_BACK: Mapping[tuple[bool, Verdict | None], str] = {
    (False, None): "",
    (False, Verdict.HELD): "",
    (False, Verdict.INCONCLUSIVE): "",
    (False, Verdict.FAILED): ", NOT rolled back: the way back failed",
    (True, None): ", rolled back, its proof is under way",
    (True, Verdict.HELD): ", rolled back and proven",
    (True, Verdict.INCONCLUSIVE): ", rolled back, not proven",
    (True, Verdict.FAILED): ", rolled back, and NOT as it was before",
}
"""By whether the way back was walked to its end, and the verdict about it."""


def title_of(incident: Incident) -> str:
    """One line for a phone's lock screen."""
    where = incident.entity or incident.product or "unowned"
    if incident.radius is Radius.SYSTEMIC and incident.suspect not in (None, where):
        where = f"{incident.suspect} (seen at {where})"
    return _line(f"[{incident.severity}] {where}: {incident.title}", 150)


def compose(incident: Incident, view: View, found: Assessment) -> str:
    """The text of a page."""
    head = [
        f"BROKEN: {_line(incident.title, 140)}",
        f"HIT: {_hit(incident, view, found)}",
        _because(incident, found),
    ]
    storm, meaning = told_of(incident, view), _meaning(incident, view)
    if storm:
        head.insert(0, f"STORM: {_line(storm, 160)}")
    elif meaning and incident.state is not State.AWAITING_APPROVAL:
        head.append(meaning)
    tail = [f"NEXT: {_line(next_step(incident, found), 160)}"]
    if view.link:
        tail.append(_line(f"{view.link}/incidents/{incident.id}", 200))
    if incident.asked is not None and incident.state is State.AWAITING_APPROVAL:
        left = LONGEST - sum(len(part) + 1 for part in (*head, *tail)) - LEAST_ROOM
        head.append(f"ASKED: {_line(in_words(incident.asked), max(80, min(left, 300)))}")
    # The next safe step is never what falls off the end: findings and attempts give way.
    room = LONGEST - sum(len(part) + 1 for part in (*head, *tail)) - 1
    tried = _line(_tried(incident), room // 2)
    found_text = _line(_findings(incident, view), room - len(tried))
    return "\n".join([*head, found_text, tried, *tail])


def _line(text: str, longest: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _hit(incident: Incident, view: View, found: Assessment) -> str:
    words, registry = [], view.registry
    if found.radius is Radius.SYSTEMIC and found.suspect:
        hit = _products_hit(incident, view, found.suspect)
        more = len(hit) - SHOWN_PRODUCTS
        names = ", ".join(hit[:SHOWN_PRODUCTS]) + (f" and {more} more" if more > 0 else "")
        words.append(_named(found.suspect, view) + (f", products {names}" if hit else ""))
    elif incident.product:
        product = registry.products.get(incident.product)
        tier = f" ({product.tier} tier)" if product else ""
        words.append(f"product {incident.product}{tier}")
    if incident.entity and incident.entity != found.suspect:
        words.append(incident.entity)
    if incident.target and incident.target != incident.entity:
        words.append(incident.target)
    firing = sum(1 for a in incident.alerts.values() if a.status is AlertStatus.FIRING)
    since = datetime.fromtimestamp(incident.opened_at, tz=UTC).strftime("%H:%M:%SZ")
    words.append(f"{firing} alert{'s' if firing != 1 else ''} firing since {since}")
    return _line(", ".join(words) or "unknown: the alert names nothing in the registry", 200)


def _products_hit(incident: Incident, view: View, suspect: str) -> list[str]:
    """Names of the products that burn above the suspect."""
    graph = graph_of(view.registry)
    number = graph.number.get(suspect)
    burning = 0
    if number is not None:
        burning = graph.all.above[number] & signs(view).nodes(BURNING, graph)
    hit = {name for name, nodes in graph.of_product.items() if nodes & burning}
    return sorted(hit | ({incident.product} if incident.product else set()))


def _named(suspect: str, view: View) -> str:
    entity = view.registry.entities.get(suspect)
    if entity is None:
        return suspect
    whose = f" of {entity.product}" if entity.product else ""
    return f"{entity.kind.value} {suspect}{whose}"


def _because(incident: Incident, found: Assessment) -> str:
    reason = incident.reason.sentence if incident.reason else found.reason.sentence
    text = f"{reason}: {incident.reason_text}" if incident.reason_text else reason
    if found.radius is Radius.SYSTEMIC and found.reason is not incident.reason:
        text = f"{found.reason.sentence}; {text}"
    # What the class hangs on is not what falls off the end.
    path = f" (path {_line(' -> '.join(found.path), 80)})" if len(found.path) > 1 else ""
    doubt = f"; in doubt: {_line('; '.join(found.doubt), 80)}" if found.doubt else ""
    return f"WHY: {_line(text, 200 - len(path) - len(doubt))}{path}{doubt}"


def _meaning(incident: Incident, view: View) -> str:
    """What the runbook's author wrote for whoever reads this, with the facts filled in."""
    runbook = view.runbooks.by_digest(incident.digest) if incident.digest else None
    if runbook is None:
        return ""
    said = " ".join(text for text in (runbook.meaning, runbook.impact) if text)
    return f"MEANS: {_line(fill(said, facts_about(incident, view)), 160)}" if said else ""


def _findings(incident: Incident, view: View) -> str:
    """What changed before a metric stalled comes first: its builder asks nothing else. Then what
    the runbook calls its evidence, whatever came of it. Of the rest, what failed tells least: it
    comes last, where it may fall off the end."""
    runbook = view.runbooks.by_digest(incident.digest) if incident.digest else None
    evidence = runbook.evidence if runbook is not None else ()
    first = [name for name in (SUSPECT, *evidence) if name in incident.findings]
    rest = sorted(
        (name for name in incident.findings if name not in first),
        key=lambda name: FAILED in incident.findings[name],
    )
    rows = [(name, incident.findings[name]) for name in (*first, *rest)]
    told = [f"{name}: {brief(finding)}" for name, finding in rows if finding]
    return "FOUND: " + _line("; ".join(told), 260) if told else "FOUND: nothing was looked at"


def brief(finding: Mapping[str, Any]) -> str:
    """The telling part of a finding: words and flags, not long lists."""
    if FAILED in finding:
        return f"failed ({_line(str(finding[FAILED]), 60)})"
    told = []
    for name, value in finding.items():
        if value is None or value == "" or value == [] or isinstance(value, Mapping):
            continue
        if isinstance(value, bool):
            told.append(name if value else f"not {name}")
        elif isinstance(value, list | tuple):
            told.append(f"{name} {_line(', '.join(str(v) for v in value[-2:]), 80)}")
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            told.append(f"{name} {_line(shown, 80)}")
    return ", ".join(told)


def _tried(incident: Incident) -> str:
    stepped = {step.plan for step in incident.steps}
    told = [_waited(run) for run in incident.plans if run.plan not in stepped]
    shown = incident.steps[-SHOWN_STEPS:]
    # The verdicts of a plan stand once, at the last of its own steps that is shown.
    last = {s.plan: s.id for s in (*(s for s in shown if s.is_rollback), *_own(shown))}
    verdicts = {last[p.plan]: _verdicts(p) for p in incident.plans if p.plan in last}
    for step in shown:
        what = f"{step.use} on {_line(str(step.target), 60)}: {_result(step)}"
        told.append(what + verdicts.get(step.id, ""))
    return "TRIED: " + (_line("; ".join(told), 220) if told else "nothing")


def _own(steps: Sequence[StepRun]) -> list[StepRun]:
    return [step for step in steps if not step.is_rollback]


def _waited(run: PlanRun) -> str:
    return f"waited ({run.plan}){_verdicts(run)}"


def _verdicts(run: PlanRun) -> str:
    """What came of the plan, and of its way back."""
    proof = f", proof {run.verdict.value}" if run.verdict else ""
    return proof + WAY_BACK[run.rolled_back, run.rollback_verdict]


def _result(step: StepRun) -> str:
    if step.status is None:
        return "under way"
    return (
        step.status.value if step.status is not OutcomeStatus.UNKNOWN else "unknown if it happened"
    )


def next_step(incident: Incident, found: Assessment) -> str:
    """The next safe step for the person who reads this at 3 a.m."""
    name = incident.id
    if incident.state is State.AWAITING_APPROVAL:
        return f"homeostat incidents approve {name} (or reject)"
    if incident.reason is Reason.STEP_UNKNOWN:
        last = incident.steps[-1] if incident.steps else None
        what = f"{last.use} on {last.target}" if last else "the step"
        return f"check by eye whether {what} happened before anybody repeats it"
    if found.radius is Radius.SYSTEMIC and found.suspect:
        return f"look at {found.suspect} first; product pages below it are held back"
    if incident.storm == FLEET:
        return "check whether the source of the alerts is right before anybody acts on them"
    if found.radius is Radius.SYSTEMIC:
        return "find the owner: nothing in the registry matches; add it to a catalog-info.yaml"
    if incident.steps:
        return f"do not repeat what was tried; homeostat incidents show {name}"
    return f"homeostat incidents ack {name}; act through incidents run, so that it is learned"
