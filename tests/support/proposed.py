"""Proposals as the loop makes them, and what `homeostat check` and `homeostat test` say to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.catalog.draft import draft
from agent.catalog.lint import lint
from agent.catalog.runbooks import load_files
from agent.core.matching import MatchIndex
from agent.core.proposing import consider
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.fault import FaultSeverity
from agent.model.learning import Promotion, PromotionState, Resolution
from agent.model.policy import Policy
from agent.model.runbook import Lifecycle
from agent.runtime.registry import plugin_facts
from agent.runtime.rehearsal import Company
from agent.runtime.rehearsal_coverage import cover, faults_of
from agent.runtime.view_state import ViewState
from tests.support.cases import REGISTRY
from tests.support.resolutions import START, remember
from tests.support.runbook_plugins import PLUGINS

LATER = START + 1_000_000.0


def site(**fields: Any) -> View:
    """Products and plugins, and nothing known yet."""
    told: dict[str, Any] = {
        "policy": Policy(),
        "registry": REGISTRY,
        "runbooks": MatchIndex(()),
        "plugins": {p.name: plugin_facts(p) for p in PLUGINS.values()},
        **fields,
    }
    return View(**told)


def considered(view: View, *resolutions: Resolution, of: int = -1) -> Decision:
    """What the last of these (or the one of that number) leads to."""
    remember(view, *resolutions)
    return consider(resolutions[of], view, at=LATER)


def proposal_in(decision: Decision) -> Promotion:
    """The one that is written down."""
    (found,) = [r.body for r in decision.records if isinstance(r.body, Promotion)]
    return found


def proposed(view: View, *resolutions: Resolution, of: int = -1) -> Promotion:
    found = proposal_in(considered(view, *resolutions, of=of))
    assert found.state is PromotionState.TRYING, found.reason_text
    return found


def shown(promotion: Promotion, **fields: Any) -> Promotion:
    """As it is once it was tried out."""
    told = {"state": PromotionState.PROPOSED, "is_clean": True, "not_clean": (), **fields}
    return msgspec.structs.replace(promotion, **told)


def step_of(promotion: Promotion, plan: str = "as-resolved", number: int = 0) -> Mapping[str, Any]:
    """Parameters of one step."""
    found: Mapping[str, Any] = promotion.document["plans"][plan]["steps"][number]["with"]
    return found


def faults_in(document: Mapping[str, Any], state: Lifecycle = Lifecycle.ASSISTED) -> list[str]:
    """Everything that is wrong with it, as an error, once it may act."""
    lifecycle = {**document["lifecycle"], "state": state.value}
    text = draft({**document, "lifecycle": lifecycle})
    found = load_files([("learned.yaml", text)], PLUGINS)
    faults, said = [*found.faults, *lint(found)], []
    for runbook in found.runbooks:
        company = Company(found, PLUGINS)
        results = company.play_all(runbook)
        faults += faults_of(found, cover(company, runbook, results))
        failed = [r for r in results if not r.passed]
        said += [f"{r.name}: {'; '.join(r.differences)} ({r.why})" for r in failed]
    return said + [str(f) for f in faults if f.severity is FaultSeverity.ERROR]


def without_a_guard(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one of its guards deleted, for each of them."""
    guard = document["guard"]
    for part in guard:
        yield part, {**document, "guard": {k: v for k, v in guard.items() if k != part}}
    for part, keys in (
        ("cooldown", (("every",), ("max", "in"))),
        ("budget", (("concurrent",), ("min_healthy",))),
    ):
        for gone in keys if part in guard else ():
            rest = {k: v for k, v in guard[part].items() if k not in gone}
            if rest != guard[part] and rest.keys() - {"per", "scope"}:
                yield ".".join((part, gone[0])), {**document, "guard": {**guard, part: rest}}


def state_with(view: View, *promotions: Promotion) -> ViewState:
    """The view as it is with these on record."""
    state = ViewState(view)
    for each in promotions:
        state.single["promotion"][each.name] = each
    return state
