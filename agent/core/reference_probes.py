"""Machinery layer: members are asked what has a known answer.

`IN_A_ROW` wrong answers raise `AgentProbeWrong`, as many right ones end it. An answer that does not
come says nothing of whether the member is right: it changes nothing here, and after `UNANSWERED` of
them it is a blind spot, since a drift would not be seen by that probe any more.
"""

from __future__ import annotations

import msgspec

from agent.core import blind_spots
from agent.core.members import NOTHING, begins, declared, ends, line, owner_of
from agent.core.view import View
from agent.model.alert import ReferenceAnswer
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import AlertReceived, ReferenceAnswered
from agent.model.reason import Reason
from agent.model.signals import BlindSpotKind, ProbeSigns, Trouble

KIND = "probe"
IN_A_ROW = 2
"""One wrong answer may be a bad moment."""
UNANSWERED = 5
"""More in a row without an answer are a blind spot."""
KEPT = 10
LONGEST_SAID = 120


def take_answer(event: ReferenceAnswered, view: View) -> Decision:
    answer, at = event.answer, event.at
    probes = {probe.name for probe in declared(view, answer.agent).probes}
    if answer.probe not in probes:
        return NOTHING  # taken out of the registry while it was asked
    key = f"{answer.agent}/{answer.probe}"
    known = view.probes.get(key) or ProbeSigns(agent=answer.agent, probe=answer.probe, last_at=at)
    if answer.is_right is None:
        return _without_answer(known, view, at=at)
    results = (*known.results, answer.is_right)[-KEPT:]
    signs = msgspec.structs.replace(
        known, last_at=at, results=results, said=answer.said[:LONGEST_SAID], unanswered=0
    )
    decision = _judged(signs, answer, view, at=at)
    if known.unanswered <= UNANSWERED:
        return decision
    kind = BlindSpotKind.MEMBER_SILENT
    return decision.also(blind_spots.gone(view, kind=kind, subject=key, at=at))


def _judged(signs: ProbeSigns, answer: ReferenceAnswer, view: View, *, at: float) -> Decision:
    agent, probe, since = signs.agent, signs.probe, signs.firing_since
    latest = signs.results[-IN_A_ROW:]
    emits: tuple[AlertReceived, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    if since is None and len(latest) == IN_A_ROW and not any(latest):
        said = f"it said {signs.said!r}" if signs.said else "it said nothing"
        why = f"{Reason.PROBE_WRONG.sentence}: {probe}, {said}"
        emits = (begins(Trouble.PROBE, agent, view, at=at, why=why, about=probe),)
        journal = (line(KIND, agent, at, Reason.PROBE_WRONG, f"{probe}: {said}"),)
        signs = msgspec.structs.replace(signs, firing_since=at)
    elif since is not None and len(latest) == IN_A_ROW and all(latest):
        emits = (ends(Trouble.PROBE, agent, view, at=at, since=since, about=probe),)
        journal = (line(KIND, agent, at, Reason.PROBE_RIGHT, probe),)
        signs = msgspec.structs.replace(signs, firing_since=None)
    record = Record(kind="probe", key=f"{agent}/{probe}", body=signs)
    return Decision(records=(record,), emits=emits, journal=journal)


def _without_answer(known: ProbeSigns, view: View, *, at: float) -> Decision:
    key = f"{known.agent}/{known.probe}"
    signs = msgspec.structs.replace(known, last_at=at, unanswered=known.unanswered + 1)
    decision = Decision(records=(Record(kind="probe", key=key, body=signs),))
    if signs.unanswered <= UNANSWERED:
        return decision
    entity = view.registry.entities.get(known.agent)
    return decision.also(
        blind_spots.found(
            view,
            kind=BlindSpotKind.MEMBER_SILENT,
            subject=key,
            text="its reference probe is not answered: a wrong answer would not be seen",
            remedy="see that the address of the probe answers in time, or take the probe away",
            at=at,
            product=entity.product if entity is not None else None,
            owner=owner_of(view, known.agent),
        )
    )
