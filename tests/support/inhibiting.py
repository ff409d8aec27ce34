"""Inhibition rules of tests."""

from __future__ import annotations

from agent.catalog.matchers import compile_matchers
from agent.model.policy import InhibitRule


def rule(source: str, target: str, *equal: str) -> InhibitRule:
    return InhibitRule(
        source=compile_matchers([source]), target=compile_matchers([target]), equal=equal
    )
