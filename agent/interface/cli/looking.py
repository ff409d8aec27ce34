"""What `homeostat doctor` shows: one row for each thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    GOOD = "good"
    UNWISE = "unwise"
    WRONG = "wrong"


@dataclass(frozen=True)
class Look:
    """One row: what was looked at, what was found, why it matters, how to mend it."""

    what: str
    grade: Grade
    found: str
    why: str = ""
    mend: str = ""
