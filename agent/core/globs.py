"""Globs over alert names: `*` is any characters, `?` is one, everything else stands for itself.

They are matched in time that grows with the length of the name and of the glob, never faster than
that: each piece between two stars is looked for once, from the left, and never given back.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WILD = re.compile(r"[*?]")


def is_glob(text: str) -> bool:
    return _WILD.search(text) is not None


def literals(glob: str) -> int:
    """How many characters of it stand for themselves: the more, the narrower the family."""
    return len(_WILD.sub("", glob))


def head(glob: str) -> str:
    """The letters before its first wildcard."""
    return _WILD.split(glob, maxsplit=1)[0]


@lru_cache(maxsize=16_384)
def compiled(glob: str) -> re.Pattern[str]:
    """The glob as a pattern for `fullmatch`."""
    first, *rest = glob.split("*")
    pattern = _piece(first)
    if rest:
        *middle, last = rest
        # An atomic group: where a piece is found first is as good a place as any later one.
        pattern += "".join(f"(?>.*?{_piece(piece)})" for piece in middle if piece)
        pattern += f".*{_piece(last)}"
    return re.compile(pattern, re.DOTALL)


def fits(glob: str, name: str) -> bool:
    return compiled(glob).fullmatch(name) is not None


def _piece(text: str) -> str:
    return "".join("." if char == "?" else re.escape(char) for char in text)
