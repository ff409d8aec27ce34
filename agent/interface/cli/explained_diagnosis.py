"""What would be looked at for an alert: the runbook's own diagnostics and the platform's, by name,
and which values of the alert a clause of a match read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.diagnosis import PRODUCT, default_calls
from agent.core.facts import facts_of, resolve_params
from agent.core.turn import Turn
from agent.model.runbook import Call, Facts, Runbook

MISSING = "(missing)"
_LABEL = re.compile(r"alert\.labels(?:\.(\w+)|\[[\"']([^\"']+)[\"']\])")


def diagnosis(turn: Turn, chosen: Runbook | None) -> dict[str, Any]:
    """`diagnose` is the runbook's own, `defaults` what the policy adds, or runs alone where no
    runbook matches."""
    own = chosen.diagnose if chosen is not None else ()
    return {
        "diagnose": calls(turn, own),
        "defaults": _defaults(turn, {call.use for call in own}),
    }


def calls(turn: Turn, uses: Sequence[Call]) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "use": call.use,
            "with": parameters(turn, call.params),
            "needs": _needs(turn, call.use),
        }
        for call in uses
    ]


def parameters(turn: Turn, params: Mapping[str, Any]) -> dict[str, str]:
    facts = facts_of(turn)
    return {name: shown(value, facts) for name, value in params.items()}


def _needs(turn: Turn, use: str) -> str:
    """What is not there that it cannot work without; empty where nothing is missing."""
    known = turn.view.plugins.get(use)
    if known is None:
        return "a plugin of that name"
    return "" if known.is_connected else known.needs


def shown(value: Any, facts: Facts) -> str:
    """A parameter as it would be; as it is written, where a fact it reads is not there yet."""
    try:
        found = resolve_params({"value": value}, facts)["value"]
    except LookupError:
        return f"={value.text}" if hasattr(value, "text") else "(known after diagnosis)"
    return found if isinstance(found, str) else json.dumps(found, default=str)


def _defaults(turn: Turn, own: set[str]) -> dict[str, Any]:
    """The platform's diagnostics for what the alert is about, and why there are none."""
    by_kind = turn.view.policy.default_diagnostics
    entity = turn.view.registry.entities.get(turn.case.entity or "")
    target = entity.name if entity is not None else turn.case.product
    runs = [call.use for call in default_calls(turn) if call.use not in own]
    kind = entity.kind.value if entity is not None else PRODUCT if target is not None else None
    if kind is None:
        known = "; ".join(f"{k}: {', '.join(uses)}" for k, uses in by_kind.items() if uses)
        why = "the registry knows neither what it is about nor its product"
        why += f"; known things get {known}" if known else ""
    elif runs:
        why = f"the policy's for a {kind}"
    else:
        why = f"the policy names no other for a {kind}"
    return {"kind": kind, "target": target, "runs": runs, "why": why}


def labels_read(clause: str, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels a condition speaks of, with their values in this alert."""
    named = dict.fromkeys(plain or quoted for plain, quoted in _LABEL.findall(clause))
    return {name: labels.get(name, MISSING) for name in named}


def reads_findings(text: str, uses: Sequence[Call]) -> bool:
    """Whether a condition speaks of what one of these diagnostics will find."""
    return any(re.search(rf"(?<![\w.]){re.escape(call.id)}\b", text) for call in uses)
