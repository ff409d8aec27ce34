"""A runbook the rule of three proposed, as the store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.catalog.strict_yaml import parse
from agent.model.learning import Promotion, PromotionState
from tests.support.runbook_plugins import SMALL


def promotion(name: str, state: PromotionState = PromotionState.APPROVED) -> Promotion:
    document: Mapping[str, Any] = parse(SMALL.replace("web-hung", name), file="x").data
    return Promotion(
        name=name,
        state=state,
        lifecycle="active",
        signature="s",
        recipe="r",
        product="web",
        alertname="ServiceNotAnswering",
        incidents=(),
        resolvers=(),
        document=document,
        proposed_at=1.0,
    )
