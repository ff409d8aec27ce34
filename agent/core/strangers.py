"""Something beats that nobody registered: a blind spot with the lines that would register it.

Names are chosen by whoever sends, so that nothing is kept of a stranger but its blind spot, and of
those only `MOST`: one who invents ten thousand names fills neither the memory nor the list. Nobody
is told when a stranger dies: who is to be missed has to be registered.
"""

from __future__ import annotations

import re

from agent.core import blind_spots
from agent.core.members import NOTHING, subject_of
from agent.core.view import View
from agent.model.decision import Decision, Timer
from agent.model.signals import BlindSpotKind

KIND = BlindSpotKind.MEMBER_UNKNOWN
MOST = 100
MORE = "further names"
"""Subject of the line that stands for all beyond those."""
TIMER = "unknown"
FORGOTTEN_SECONDS = 86_400.0
"""Who has not beaten for so long is not looked for any more."""

_NAME = re.compile(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*", re.ASCII)


def heard(agent: str, view: View, *, at: float) -> Decision:
    """A beat, or telemetry, of a name that the registry does not have."""
    subject = agent
    known = view.blind_spots.get(blind_spots.key_of(KIND, agent))
    if known is None or known.gone_at is not None:
        subject = agent if _has_room(view) else MORE
    text = "it says that it lives, and nobody registered it: nobody is told when it falls silent"
    if subject == MORE:
        text = f"more than {MOST} names that nobody registered say that they live"
    found = blind_spots.found(
        view, kind=KIND, subject=subject, text=text, remedy=_remedy(subject), at=at
    )
    if not found.journal:  # known: its timer stands
        return found
    due = at + FORGOTTEN_SECONDS
    return found.also(Decision(timers=(Timer(subject=subject_of(subject), name=TIMER, due=due),)))


def look_again(agent: str, view: View, *, at: float) -> Decision:
    """The timer ran out: it is gone, or it beats on."""
    known = view.blind_spots.get(blind_spots.key_of(KIND, agent))
    if known is None or known.gone_at is not None:
        return NOTHING
    if at - known.last_at < FORGOTTEN_SECONDS - blind_spots.SEEN_SECONDS:
        due = known.last_at + FORGOTTEN_SECONDS
        return Decision(timers=(Timer(subject=subject_of(agent), name=TIMER, due=due),))
    return blind_spots.gone(view, kind=KIND, subject=agent, at=at)


def registered(agent: str, view: View, *, at: float) -> Decision:
    """It is no stranger any more."""
    return blind_spots.gone(view, kind=KIND, subject=agent, at=at)


def _has_room(view: View) -> bool:
    more = view.blind_spots.get(blind_spots.key_of(KIND, MORE))
    if more is not None and more.gone_at is None:
        return False  # it was full within the last day: nothing is counted for each new name
    standing = (s for s in view.blind_spots.values() if s.kind is KIND and s.gone_at is None)
    return sum(1 for _ in standing) < MOST


def _remedy(subject: str) -> str:
    if subject == MORE:
        return "see who sends them (an access list of the broker lets each use its own name only)"
    if len(subject) > 63 or not _NAME.fullmatch(subject):
        return "give it a name of letters and digits, at most 63, and register it under that"
    return (
        "register it in a catalog-info.yaml: {apiVersion: backstage.io/v1alpha1, kind: Component,"
        f" metadata: {{name: {subject}}}, spec: {{type: agent, owner: TEAM, system: PRODUCT,"
        " homeostat: {heartbeat: 10s}}}; or stop it"
    )
