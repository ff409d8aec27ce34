"""The parts of a survey, and how one of its findings is made."""

from __future__ import annotations

from enum import StrEnum

from agent.core.blind_spots import LONGEST_TEXT, owner_of
from agent.core.cleaning import clean_text
from agent.core.view import View
from agent.model.signals import BlindSpot, BlindSpotKind

LONGEST_SUBJECT = 200


class Part(StrEnum):
    """What is looked at as a whole or not at all. Those of a Prometheus name it behind an `@`."""

    RULES = "rules"
    METRICS = "metrics"
    """Whether what rules read is there."""
    TARGETS = "targets"
    ALERTS = "alerts"
    PAST = "past"
    PRODUCTS = "products"
    RUNBOOKS = "runbooks"
    SOURCES = "sources"
    MEMBERS = "members"
    MEASURES = "measures"
    FILES = "files"
    SURVEY = "survey"
    """What could not be looked at; and of which kind more was found than is kept."""


def part_of(part: Part, place: str) -> str:
    return f"{part.value}@{place}"


def spot(
    view: View,
    at: float,
    *,
    by: str,
    kind: BlindSpotKind,
    subject: str,
    text: str,
    remedy: str,
    about: tuple[str | None, str] = (None, ""),
    owner: str = "",
) -> BlindSpot:
    """`about`: product and entity, by which its owner is found where none is given."""
    product, entity = about
    return BlindSpot(
        kind=kind,
        subject=clean_text(subject, longest=LONGEST_SUBJECT)[0],
        owner=owner or owner_of(view, product=product, entity=entity),
        text=clean_text(text, longest=LONGEST_TEXT)[0],
        remedy=clean_text(remedy, longest=LONGEST_TEXT)[0],
        product=product,
        since=at,
        last_at=at,
        by=str(by),
    )
