"""A proposal in words, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.backtest import Agreement
from agent.interface.cli.output import clean, pairs
from agent.interface.proposals import did, in_minutes

MOST_HARM = 10
PEOPLE_DID = {
    Agreement.YES: "just that",
    Agreement.PARTLY: "partly that",
    Agreement.NO: "something else",
    Agreement.IN_WORDS: "what is told in words",
    Agreement.NOBODY: "nothing",
}
Told = Mapping[str, Any]


def evidence(promotion: Told) -> str:
    """What speaks for it, in one cell."""
    if promotion["state"] == "refused":
        return str(promotion["reason_text"])
    told = [f"{len(promotion['incidents'])} incidents"]
    tried = promotion["backtest"]
    if tried is not None:
        told.append(f"{tried['agreed']} of {tried['matched']} agree")
        told.append(f"{tried['harm_count']} harm")
    if promotion["unanswered"]:
        told.append(f"{len(promotion['unanswered'])} to answer")
    return ", ".join(told)


def one(promotion: Told) -> str:
    parts = [
        pairs(_facts(promotion)),
        *_who(promotion),
        *_asks(promotion["asks"]),
        *_section("incidents", [_ended(i) for i in promotion["incidents_detail"]]),
        *_contrast(promotion),
        *_backtest(promotion["backtest"]),
        *_section("not to be made active at once", promotion["not_clean"]),
        *_section("faults", promotion["faults"]),
        *_delivered(promotion["delivered"]),
    ]
    if promotion["diff"]:
        parts += [
            "",
            f"what changes beside {clean(promotion['replaces'])}",
            _text(promotion["diff"]),
        ]
    return "\n".join([*parts, "", _text(promotion["yaml"])]).rstrip()


def _facts(promotion: Told) -> dict[str, Any]:
    lifecycle, chance = promotion["lifecycle"], promotion["chance"]
    facts = {
        "name": promotion["name"],
        "state": f"{promotion['state']} ({lifecycle})",
        "why": promotion["reason_text"],
        "product": promotion["product"] or ", ".join(promotion["products"]) or "none",
        "alert": promotion["alertname"],
        "proposed at": promotion["proposed_at"],
        "decided": _decided(promotion),
        "condition": promotion["separated_by"] or "none is needed: nothing like it ended otherwise",
        "by chance": f"{chance:.2g} that recoveries came so soon after the acts by chance",
        "at once": _at_once(promotion),
        "replaces": promotion["replaces"],
    }
    return {name: value for name, value in facts.items() if value}


def _at_once(promotion: Told) -> str:
    if promotion["is_clean"]:
        return "may be made active by its approver"
    return "no: see below" if promotion["not_clean"] else "no: it has to prove itself first"


def _decided(promotion: Told) -> str:
    if not promotion["decided_by"]:
        return ""
    why = f": {promotion['why']}" if promotion["why"] else ""
    return f"{promotion['decided_at']} by {promotion['decided_by']}{why}"


def _who(promotion: Told) -> list[str]:
    """Who decides, who may, who may not, and whether whoever asks may."""
    people = "1 person" if promotion["needed"] == 1 else f"{promotion['needed']} people"
    why = f" ({promotion['decider_why']})" if promotion["decider_why"] else ""
    told = [f"decided by    {promotion['decider'] or 'whoever may approve'}{why}, {people}"]
    if promotion["approvals"]:
        wanted = f" as {promotion['wanted']}" if promotion["wanted"] else ""
        told.append(f"approved by   {', '.join(promotion['approvals'])}{wanted}")
    may = promotion["may_decide"]
    if may is not None:
        told.append(f"may decide    {', '.join(may) or 'nobody with the role approver for it'}")
    barred = ", ".join(promotion["may_not_decide"])
    told.append(f"may not       {barred} (resolved its incidents)" if barred else "")
    for state, reason in promotion["may_approve"]["states"].items():
        told.append(f"you, {state + ':':10}{reason or 'yes'}")
    return [clean(line) for line in told if line]


def _asks(asks: Sequence[Told]) -> list[str]:
    lines = []
    for ask in asks:
        seen = ", ".join(json.dumps(value, default=str) for value in ask["seen"])
        if ask["answered_by"]:
            said = f"{json.dumps(ask['answer'], default=str)} says {ask['answered_by']}"
        else:
            said = "to answer"
        lines.append(f"{ask['step']}.{ask['param']}: {said} (it was {seen})")
    return _section("parameters that nothing in the incidents explains", lines)


def _ended(incident: Told) -> str:
    if not incident["is_known"]:
        return f"{incident['id']}: not kept any more"
    soon = incident["seconds_to_clear"]
    gone = f"gone after {in_minutes(soon)} " if soon is not None else ""
    who, did_what = (
        incident["who"] or ", ".join(incident["by"]) or "nobody",
        did(incident["deeds"]) or "nothing was done",
    )
    credit = incident["credit"].replace("_", " ")
    return f"{incident['id']}  {incident['fired_at'][:16]}  {who}: {did_what}; {gone}({credit})"


def _contrast(promotion: Told) -> list[str]:
    found = promotion["contrast_detail"]
    lines = [_ended(incident) for incident in found]
    more = len(promotion["contrast"]) - len(found)
    lines += [f"and {more} more"] if more else []
    hidden = promotion["contrast_hidden"]
    lines += [f"and {hidden} of products that are not yours"] if hidden else []
    return _section("like them, and ended otherwise: these it must leave alone", lines)


def _backtest(tried: Told | None) -> list[str]:
    if tried is None:
        return []
    lines = [
        f"{tried['matched']} of {tried['incidents']} incidents match, it would act in "
        f"{tried['would_act']}, as people did in {tried['agreed']}"
    ]
    counted = [f"{PEOPLE_DID.get(kind, kind)} {n}" for kind, n in tried["agreement"].items() if n]
    lines += [f"where it would act, people did {', '.join(counted)}"] if counted else []
    unknown = tried["unknown"]
    lines += [f"{unknown} cannot be told: the journal does not hold it"] if unknown else []
    harm = tried["harm"][:MOST_HARM]
    lines += [f"harm: {h['incident']} would {h['would']}, people: {h['people']}" for h in harm]
    more = tried["harm_count"] - len(harm)
    lines += [f"harm: {more} more"] if more > 0 else []
    return _section(f"against the journal ({tried['at'][:16]})", lines)


def _delivered(where: Told | None) -> list[str]:
    if where is None:
        return []
    lines = [where["path"]]
    if where["branch"]:
        pushed = ", pushed" if where["pushed"] else ""
        lines.append(f"branch {where['branch']}, commit {where['commit']}{pushed}")
    lines += [f"could not be delivered: {where['error']}"] if where["error"] else []
    return _section("written to", lines)


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, *(f"  {clean(line)}" for line in lines)] if lines else []


def _text(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())
