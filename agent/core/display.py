"""Text for people with facts in it: `${path}` is replaced once, and what it is replaced by is text.

This is display only. Nothing that is filled in is ever looked at again, so a label that itself says
`${...}`, `{{...}}` or `=entity` stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.model.runbook import Facts

_PLACE = re.compile(r"\$\{\s*([A-Za-z_][\w.]*)\s*\}")
UNKNOWN = "?"
LONGEST = 200


def fill(text: str, facts: Facts) -> str:
    """The text with every `${path}` replaced by the fact under it; `?` where there is none."""
    return _PLACE.sub(lambda place: _shown(facts, place[1]), text)


def paths(text: str) -> tuple[str, ...]:
    """Every path the text asks for, in order."""
    return tuple(_PLACE.findall(text))


def _shown(facts: Facts, path: str) -> str:
    value: Any = facts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return _text(value)


def _text(value: Any) -> str:
    if value is None or isinstance(value, Mapping):
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        value = f"{value:.6g}"
    elif isinstance(value, list | tuple):
        value = ", ".join(str(each) for each in value)
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
