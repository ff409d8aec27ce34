"""What delivery tools tell, in the words of a change: what several sources read alike."""

from __future__ import annotations

import re

_ELSEWHERE = re.compile(
    r"(?:^|[^a-z])(?:dev|devel|development|test|tests|testing|stage|staging|stg|qa|uat|preview"
    r"|review|sandbox|demo|ci|non-?prod|pre-?prod|pre-?production|non-?production)"
    r"(?:[^a-z]|$)"
)
_COMMIT = re.compile(r"(?<![0-9a-fA-F])[0-9a-f]{40}(?:[0-9a-f]{24})?(?![0-9a-fA-F])")
COMMIT_CHARACTERS = 12
LOOKED_AT = 1000
LARGEST = 1e18


def is_elsewhere(environment: str) -> bool:
    """Whether a name says that it is not production: `staging`, `preview-12`, `eu-test`. Others may
    be called anything, so they are production."""
    return _ELSEWHERE.search(environment[:LOOKED_AT].casefold()) is not None


def short(version: str) -> str:
    """The version with commits and digests as short as people write them."""
    return _COMMIT.sub(lambda found: found[0][:COMMIT_CHARACTERS], version[:LOOKED_AT])


def text_of(value: object) -> str:
    """A word or a number as text; anything else is nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value) if abs(value) < LARGEST else ""
