"""Whether the answer to a reference probe is the expected one.

What is expected is a regular expression somebody wrote into the catalog, and the answer is text of
whoever was asked. So it is looked for in bounded time only: on the first part of the text, as long
as all starts together take a few milliseconds.
"""

from __future__ import annotations

from functools import lru_cache

from agent.core.bounded_regex import bounded, ways_of

MOST_STEPS = 2_000_000
"""Of all places to start at together: some 40 milliseconds."""
SHORTEST = 16


def holds(pattern: str, text: str) -> bool | None:
    """Whether the expression is found in the text; an empty one is in any. None: it cannot be told,
    because the expression cannot be used, or the text is too long to be looked through and its
    beginning does not hold it. The `path` of a field makes it short.
    """
    if not pattern:
        return True
    usable = bounded(pattern)
    if usable is None:
        return None
    longest = _longest(pattern, usable.longest)
    if usable.pattern.search(text[:longest]) is not None:
        return True
    return None if len(text) > longest else False


@lru_cache(maxsize=1024)
def _longest(pattern: str, most: int) -> int:
    ways, length = ways_of(pattern), most
    while length > SHORTEST and length * ways.steps(length) > MOST_STEPS:
        length -= 16
    return max(length, SHORTEST)
