"""What an approval is for: one plan, with the parameters its steps had when it was approved.

A person approves what they were shown. The next plan of the ladder, another version of the runbook,
and a step whose parameters came out differently since then are something else: they are asked for
again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core.facts import Unresolved, resolve_params
from agent.model.incident import Approval, Incident
from agent.model.runbook import Facts, Plan, Runbook


def approval_of(runbook: Runbook, plan: Plan, facts: Facts) -> Approval:
    """What is approved by whoever approves this plan now."""
    steps = {}
    for call in plan.steps:
        try:
            steps[call.id] = fingerprint_of(call.use, resolve_params(call.params, facts))
        except Unresolved:
            continue
    return Approval(digest=runbook.digest, plan=plan.name, steps=steps)


def fingerprint_of(use: str, params: Mapping[str, Any]) -> str:
    """Of one step; equal before and after its command was stored."""
    stored = msgspec.json.decode(msgspec.json.encode([use, params], enc_hook=str))
    text = msgspec.json.encode(stored, order="sorted")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def lacks_approval(
    incident: Incident, runbook: Runbook, facts: Facts, params: Mapping[str, Any] | None
) -> str | None:
    """Why a person has to be asked about the next step of the plan in hand, or None where they have
    agreed to it. `params` are those it will run with, or None where they have to be worked out."""
    approval = incident.approval
    if incident.approved_by is None or approval is None:
        return runbook.name
    if (approval.digest, approval.plan) != (incident.digest, incident.plan):
        return f"{runbook.name}: the approval is for plan {approval.plan}, not {incident.plan}"
    call = runbook.plan(approval.plan).steps[incident.step]
    if params is None:
        params = resolve_params(call.params, facts)
    if approval.steps.get(call.id) != fingerprint_of(call.use, params):
        return f"{runbook.name}: step {call.id} is not as it was approved"
    return None
