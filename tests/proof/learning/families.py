"""The forty families: what is known to be right about each, and nobody in the company is told.

Rates, overlaps and noise are those of a company, not of a textbook: the same alert means two
things, restarts are tried first, some of what fires is over before anybody looks, acts sometimes
fail, and people do part of their work elsewhere.
"""

from __future__ import annotations

from tests.proof.learning.families_easy import CONSISTENT
from tests.proof.learning.families_hard import AFTERMATH, HARD
from tests.proof.learning.words import Family

__all__ = ["AFTERMATH", "all_families", "by_alert"]


def all_families() -> tuple[Family, ...]:
    return (*CONSISTENT, *HARD)


def by_alert() -> dict[str, Family]:
    """Every family there is by the name of its alert, those that only follow on harm too."""
    return {family.alert: family for family in (*all_families(), *AFTERMATH)}
