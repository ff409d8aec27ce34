"""Regular expressions of others, in bounded time.

`re` goes back and tries again: a pattern of a few characters can keep the whole process busy for
minutes on a text of two hundred. So a pattern is read before it is used, and the ways in which it
may be matched are counted, as an upper bound. It is used on texts of a length only on which
all of them together take a few milliseconds; a pattern for which even short texts would take
longer is not used at all.

The grammar is that of ordinary matchers: letters, classes, groups, `|` and repeats. What goes
beyond it (back references, look-around, flags, possessive repeats) is not used either.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import comb

import msgspec

LONGEST_REGEX = 256
LONGEST_SUBJECT = 1024
SHORTEST_SUBJECT = 64
"""Who cannot be tried on texts of this length is of no use."""
MOST_STEPS = 300_000
"""Some 20 nanoseconds each."""
MOST_REPEATS = 3
"""Without an upper bound, behind each other."""
LETTERS_A_STEP = 8
"""So many letters that stand fixed take as long as one repeat that goes back."""
MOST_DEPTH = 20
REGEX_REMEDY = "at most 3 of * and +, no repeats inside of repeats, back references or extensions"

_REPEAT = re.compile(r"\*|\+|\?|\{(\d*)(,?)(\d*)\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)


class Unbounded(Exception):
    """Nobody can say how long it would take."""


class Ways(msgspec.Struct, frozen=True):
    """How often a part may go back: `choices` in any text, times those of `repeats` loops that
    share the length of the text; and how much of it stands fixed."""

    choices: int = 1
    repeats: int = 0
    letters: int = 1

    def then(self, other: Ways) -> Ways:
        return Ways(
            self.choices * other.choices,
            self.repeats + other.repeats,
            self.letters + other.letters,
        ).bounded()

    def either(self, other: Ways) -> Ways:
        return Ways(
            self.choices + other.choices,
            max(self.repeats, other.repeats),
            max(self.letters, other.letters),
        ).bounded()

    def repeated(self, least: int, most: int | None) -> Ways:
        if most is None:
            if self.choices > 1 or self.repeats:
                raise Unbounded  # a repeat of what itself can go back
            return Ways(1, 1, self.letters * max(least, 1)).bounded()
        if self.choices == 1 and not self.repeats:
            return Ways(most - least + 1, 0, self.letters * most).bounded()
        if most > MOST_REPEATS * LETTERS_A_STEP:
            raise Unbounded
        choices = sum(self.choices**times for times in range(least, most + 1))
        return Ways(choices, self.repeats * most, self.letters * most).bounded()

    def bounded(self) -> Ways:
        """Itself. Raises Unbounded as soon as it cannot become useful any more."""
        is_too_much = self.repeats > MOST_REPEATS or self.letters > LONGEST_REGEX
        if is_too_much or self.choices > MOST_STEPS:
            raise Unbounded
        return self

    def steps(self, length: int) -> int:
        """At most, on a text of this length."""
        loops = comb(length + self.repeats, self.repeats)
        return self.choices * loops * (1 + self.letters // LETTERS_A_STEP)


NOTHING = Ways(1, 0, 0)


class _Reader:
    """Reads a pattern once, from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at, self._depth = pattern, 0, 0

    def whole(self) -> Ways:
        found = self._either()
        if self._at < len(self._pattern):
            raise Unbounded  # a bracket too many
        return found

    def _either(self) -> Ways:
        found = self._sequence()
        while self._next() == "|":
            self._at += 1
            found = found.either(self._sequence())
        return found

    def _sequence(self) -> Ways:
        found = NOTHING
        while self._next() not in ("", "|", ")"):
            found = found.then(self._repeated(self._one()))
        return found

    def _one(self) -> Ways:
        sign = self._next()
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._skip(_CLASS.match(self._pattern, self._at))
        if sign == "\\":
            after = self._pattern[self._at + 1 : self._at + 2]
            if not after or after.isdigit():
                raise Unbounded  # a back reference
            self._at += 1
        self._at += 1
        return Ways()

    def _group(self) -> Ways:
        self._at += 3 if self._pattern.startswith("(?:", self._at) else 1
        self._depth += 1
        if self._next() == "?" or self._depth > MOST_DEPTH:
            raise Unbounded
        found = self._either()
        if self._next() != ")":
            raise Unbounded
        self._at += 1
        self._depth -= 1
        return found

    def _repeated(self, one: Ways) -> Ways:
        repeat = _REPEAT.match(self._pattern, self._at)
        if repeat is None or repeat[0] == "{}":  # which stands for itself
            return one
        self._at = repeat.end()
        if self._next() == "?":
            self._at += 1
        if self._next() in ("*", "+", "?") or _REPEAT.match(self._pattern, self._at):
            raise Unbounded  # possessive, or a repeat of a repeat
        least, most = _bounds(repeat)
        if most is not None and most < least:
            raise Unbounded
        return one.repeated(least, most)

    def _skip(self, found: re.Match[str] | None) -> Ways:
        if found is None:
            raise Unbounded
        self._at = found.end()
        return Ways()

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]


def _bounds(repeat: re.Match[str]) -> tuple[int, int | None]:
    simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
    if repeat[0] in simple:
        return simple[repeat[0]]
    low, comma, high = repeat[1], repeat[2], repeat[3]
    if max(len(low), len(high)) > 4:
        raise Unbounded
    least = int(low or 0)
    return (least, int(high) if high else None) if comma else (least, least)


def ways_of(pattern: str) -> Ways:
    """Raises Unbounded."""
    return _Reader(pattern).whole()


class Bounded(msgspec.Struct, frozen=True):
    """A pattern that was read, and the longest text it may be tried on."""

    pattern: re.Pattern[str]
    longest: int

    def is_all_of(self, text: str) -> bool | None:
        """Whether it matches the whole text; None: the text is too long to be tried."""
        if len(text) > self.longest:
            return None
        return self.pattern.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def bounded(pattern: str) -> Bounded | None:
    """None: it does not compile, or takes too long on short texts already."""
    if len(pattern) > LONGEST_REGEX:
        return None
    try:
        ways = ways_of(pattern)
        compiled = re.compile(pattern)
    except (Unbounded, re.error, OverflowError, RecursionError):
        return None
    if ways.steps(SHORTEST_SUBJECT) > MOST_STEPS:
        return None
    longest = LONGEST_SUBJECT
    while ways.steps(longest) > MOST_STEPS:
        longest -= 16
    return Bounded(compiled, max(longest, SHORTEST_SUBJECT))
