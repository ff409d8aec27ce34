"""What follows from how an incident ended, in one line for whoever just resolved it."""

from __future__ import annotations

import msgspec

from agent.core.likeness import alike, in_words
from agent.core.view import View
from agent.interface.proposals import in_minutes
from agent.model.learning import Credit, Resolution


def what_follows(incident_id: str, view: View) -> str:
    """As far as it is known now; empty where nothing is kept of the incident."""
    found = view.resolutions.get(incident_id)
    if found is None:
        return ""
    if not found.recipe:
        return "nothing was done here that could be run again: nothing is learned of it"
    if found.credit is Credit.PENDING:
        return _if_credited(found, view)
    if found.credit is Credit.CREDITED:
        return f"counts as {_place(found, view)}"
    return f"does not count ({found.credit.value.replace('_', ' ')}): {found.credit_why}"


def _if_credited(resolution: Resolution, view: View) -> str:
    if any(deed.began_at is None for deed in resolution.deeds):
        return "does not count: nobody said when it was done"
    rails = view.policy.rails
    quiet = in_minutes(max(rails.relapse_seconds, rails.chain_seconds))
    over = "it" if resolution.cleared_at is not None else "its alert has ended and"
    hoped = msgspec.structs.replace(resolution, credit=Credit.CREDITED)
    return f"counts as {_place(hoped, view)}, once {over} has stayed quiet for {quiet}"


def _place(resolution: Resolution, view: View) -> str:
    like = alike(resolution, view)
    what = f"({in_words(resolution.deeds)})"
    if resolution.incident_id not in {r.incident_id for r in like}:
        return f"one with {like[-1].incident_id if like else 'another'}: the same trouble {what}"
    needed = view.policy.resolutions_needed
    if len(like) > needed:
        return f"one of {len(like)} like resolutions {what}"
    return f"{len(like)} of {needed} like resolutions {what}"
