"""Lines of a log as people read them on a page: cleaned, bounded, and which of them tell of an
error.

A log is written by whoever sends requests to what writes it: escapes that move the cursor of a
terminal, direction marks and lines without an end are taken out before anybody sees them. What
counts as an error is a word at the border of words (`error`, `fatal`, `traceback`, ...), good
enough to show the right line; it is no base for a decision where better evidence exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.ports.safe_text import block

LONGEST_LINE = 500
LOOKED_AT = 4
MOST_CHARACTERS = 40_000
"""Of all lines together; the oldest go first."""
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and movements
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
ERROR = re.compile(
    r"(?i)\b(?:error|fatal|critical|panic|traceback|exception|failed|out of memory|killed)\b"
    r"|\b[A-Z]\w*(?:Error|Exception)\b"
)
NO_ERROR = re.compile(r"(?i)\b(?:0|no|without) (?:errors?|exceptions?)\b")


def cleaned(lines: Iterable[str]) -> tuple[str, ...]:
    """Without empty ones. What was written over itself (`\\r`) is told as it stood at the end."""
    found: list[str] = []
    for line in lines:
        seen = _ESCAPES.sub("", line[: LONGEST_LINE * LOOKED_AT]).rstrip("\r\n")
        text = block(seen.rpartition("\r")[2].replace("\n", " ")).rstrip()
        if text:
            found.append(text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 3]}...")
    left = MOST_CHARACTERS
    for index in range(len(found) - 1, -1, -1):
        left -= len(found[index])
        if left < 0:
            return tuple(found[index + 1 :])
    return tuple(found)


def errors_among(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line for line in lines if ERROR.search(NO_ERROR.sub("", line)))
