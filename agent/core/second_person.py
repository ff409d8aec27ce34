"""One of two has approved: whoever was called learns that a second person is needed.

It calls nobody anew: the escalation goes on as it was. Only channels that were told and can say
more about it hear of it; for everybody else the journal says it.
"""

from __future__ import annotations

from agent.core.approval import in_words
from agent.core.ending import tells
from agent.core.paging import LONGEST, title_of
from agent.core.reaching import calls_of, channel_of, latest_wave, send
from agent.core.turn import Turn
from agent.model.incident import Page
from agent.model.on_call import Telling


def tell_of_first(turn: Turn, who: str) -> Turn:
    """After the first approval of a change that needs two."""
    case, view = turn.case, turn.view
    if case.asked is None:
        return turn
    known = {c.id: c for channels in view.channels.values() for c in channels}
    lines = [
        f"APPROVED by {who}, one of {case.asked.approvals}. A second person has to as well.",
        f"ASKED: {in_words(case.asked)}"[:600],
        f"NEXT: homeostat incidents approve {case.id} (or reject)",
    ]
    if view.link:
        lines.append(f"{view.link}/incidents/{case.id}")
    title = f"one of {case.asked.approvals} has approved: {title_of(case)}"[:150]
    told: dict[str, Page] = {channel_of(p): p for p in calls_of(case) if p.delivered is not False}
    for name, page in told.items():
        channel = known.get(name)
        if channel is None or not tells(view, channel, Telling.UPDATE):
            continue
        turn = send(
            turn,
            channel,
            to=page.to,
            team=case.climb.team if case.climb is not None else page.to,
            text="\n".join(lines)[:LONGEST],
            title=title,
            wave=latest_wave(case),
            telling=Telling.UPDATE,
            who=who,
        )
    return turn
