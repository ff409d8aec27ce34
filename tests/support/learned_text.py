"""A small learned runbook whose tests prove every part of it, as data."""

from __future__ import annotations

from typing import Any

from agent.model.learning import Promotion, PromotionState

NAME = "learned-hung-abc123"


def document(name: str = NAME, **sections: Any) -> dict[str, Any]:
    """For alerts called Hung, where the service does not answer; `sections` take the place of its
    own."""
    labels = {"alertname": "Hung", "entity": "shop-worker"}
    return {
        "apiVersion": "homeostat/v1",
        "kind": "Runbook",
        "metadata": {"name": name, "owner": "team-shop", "layer": "product", "tier": "low"},
        "about": {"meaning": "Learned: it hangs", "impact": "orders wait"},
        "match": {"alert": ["Hung"], "product": "shop"},
        "plans": {
            "as-resolved": {
                "steps": [
                    {"id": "step-1", "use": "process.restart", "with": {"target": "=entity.name"}}
                ],
                "verify": {"success": "alert_cleared", "within": "5m"},
            }
        },
        "lifecycle": {
            "state": "shadow",
            "review_by": "2099-01-31",
            "promoted_from": ["i-000001", "i-000002", "i-000003"],
        },
        "tests": [
            {
                "name": "as resolved in i-000001",
                "given": {
                    "alert": {"labels": labels},
                    "entity": {"name": "shop-worker"},
                },
                "expect": {
                    "plan": "as-resolved",
                    "actions": ["process.restart"],
                    "verdict": "held",
                },
            }
        ],
        **sections,
    }


def learned(
    name: str = NAME, state: PromotionState = PromotionState.TRYING, **fields: Any
) -> Promotion:
    told: dict[str, Any] = {
        "lifecycle": "shadow",
        "signature": "product|service|Hung",
        "recipe": "r",
        "product": "shop",
        "alertname": "Hung",
        "incidents": ("i-000001", "i-000002", "i-000003"),
        "resolvers": ("ann", "bob"),
        "document": document(name),
        "proposed_at": 1_750_000_000.0,
        **fields,
    }
    return Promotion(name=name, state=state, **told)
