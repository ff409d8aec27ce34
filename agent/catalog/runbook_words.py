"""Single values of a runbook: names, texts, times, and lists that may be written as one text."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from agent.catalog.faults import shown, wrong
from agent.catalog.quantities import Duration
from agent.catalog.validation import Written

HOUR = 3_600.0
DAY = 86_400.0


class Section(Written):
    """A part of a runbook. The text below a key is its description in the schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def _date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise wrong(f"{shown(text)} is not a date", "write it like 2027-01-31") from None
    return text


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", examples=["crash-loop-after-rollout"]),
]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$", examples=["restart"])]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Condition = Annotated[str, Field(min_length=1, max_length=2_000, examples=["status.alive"])]
"""A CEL expression that is true, false or unknown."""
Use = Annotated[str, Field(min_length=1, max_length=100, examples=["process.restart"])]
WindowName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62})$", examples=["business-safe"])
]
Date = Annotated[
    str,
    AfterValidator(_date),
    Field(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2027-01-31"]),
]
LISTED = BeforeValidator(_listed, json_schema_input_type=str | list[str])
Texts = Annotated[tuple[Text, ...], LISTED, Field(min_length=1)]
"""One text or a list of them."""
Conditions = Annotated[tuple[Condition, ...], LISTED, Field(min_length=1)]

StepTimeout = Annotated[Duration, Field(gt=0, le=HOUR)]
Wait = Annotated[Duration, Field(ge=0, le=DAY)]
Window = Annotated[Duration, Field(gt=0, le=7 * DAY)]
Interval = Annotated[Duration, Field(ge=1, le=HOUR)]
LongWindow = Annotated[Duration, Field(gt=0, le=30 * DAY)]
LongWait = Annotated[Duration, Field(ge=0, le=30 * DAY)]
