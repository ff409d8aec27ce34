"""What an engine would let through and this language does not, and the literals it has besides.

Each literal is looked at when the runbook is loaded: `duration("1d")` and `matches("(")` compile as
well as any, and would be unknown at every evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from agent.catalog.expression_engine import Engine, Refused
from agent.catalog.expression_scope import ExpressionError, Problem, Scope
from agent.catalog.expression_text import Use, Word, calls_in, place_of, words_of

MAX_CHARACTERS = 1_000

MACROS = frozenset(("all", "exists", "exists_one", "map", "filter"))

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PERCENT = re.compile(r"""(["'])\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%\s*\1""")
_SPAN = re.compile(r"[0-9.]+(?:ms|[smhdw])$")
_HOURS = {"d": 24, "w": 168}
_STARTS = re.compile(r"[\"'`\w(\[{.!-]")


def checked_words(text: str, scope: Scope) -> list[Word]:
    """The words of a text that may go on to the engine. Raises ExpressionError."""
    problem = _unreadable(text)
    if problem is None:
        words = words_of(text)
        problem = next(_refused(text, words, scope), None)
    if problem is not None:
        raise ExpressionError([problem])
    return words


def _unreadable(text: str) -> Problem | None:
    if not text.strip():
        return Problem(1, 1, "the expression is empty")
    if len(text) > MAX_CHARACTERS:
        message = f"the expression has {len(text)} characters, at most {MAX_CHARACTERS} are allowed"
        return Problem(1, 1, message, "move the work into a diagnostic")
    control = _CONTROL.search(text)
    if control:
        place = place_of(text, control.start())
        return Problem(*place, "the expression holds a control character")
    return None


def _refused(text: str, words: Sequence[Word], scope: Scope) -> Iterator[Problem]:
    yield from _units(text, words)
    macros: list[int] = []
    maps = 0
    for use in calls_in(words):
        while macros and macros[-1] >= use.depth:
            macros.pop()
        if use.is_member and use.name in MACROS:
            if macros:
                message = "a macro inside a macro is not allowed"
                place = place_of(text, use.bracket)
                yield Problem(*place, message, "move the work into a diagnostic")
            macros.append(use.depth)
            maps += use.name == "map"
            if maps > 1:
                message = "a second map could make a text grow without end"
                remedy = "move the work into a diagnostic"
                yield Problem(*place_of(text, use.at), message, remedy)
            yield from _misnamed(text, use, scope)
        if use.name == "has" and not use.is_member:
            asked = "".join(w.text for w in use.arguments)
            if asked in scope.types:
                message = f"has({asked}) cannot be asked of a declared name"
                remedy = "leave it out: a missing fact is unknown by itself"
                yield Problem(*place_of(text, use.bracket), message, remedy)


def _misnamed(text: str, use: Use, scope: Scope) -> Iterator[Problem]:
    """A variable of a macro that is named like a fact: it has two readings, so it gets none."""
    roots = {name.partition(".")[0] for name in scope.types}
    if use.arguments and use.arguments[0].text in roots:
        message = f"{use.arguments[0].text} is a fact and cannot be a variable"
        place = place_of(text, use.arguments[0].at)
        yield Problem(*place, message, "call the variable otherwise")


def _units(text: str, words: Sequence[Word]) -> Iterator[Problem]:
    """Numbers with a unit: what people write first, and CEL does not have."""
    for number, word in enumerate(words[:-1]):
        if word.sort != "number":
            continue
        unit = words[number + 1]
        if unit.at != word.at + len(word.text):
            continue
        written = word.text + unit.text
        if unit.sort == "name" and _SPAN.match(written):
            remedy = f"write {_duration_for(written)}"
            yield Problem(*place_of(text, word.at), f"{written} is a number with a unit", remedy)
        after = words[number + 2].text if number + 2 < len(words) else ""
        if unit.text == "%" and not _STARTS.match(after):
            remedy = f'write percent("{written}")'
            yield Problem(*place_of(text, word.at), f"{written} is a number with a unit", remedy)


def _duration_for(written: str) -> str:
    factor = _HOURS.get(written[-1])
    if factor and written[:-1].isdecimal():
        return f'duration("{int(written[:-1]) * factor}h")'
    return f'duration("{written}")'


def with_values(text: str, words: Sequence[Word], engine: Engine) -> str:
    """The text as the engine gets it: `percent("80%")` became 0.8, nothing moved. Raises
    ExpressionError for a literal that has no value."""
    problems: list[Problem] = []
    for use in calls_in(words):
        literal = use.arguments[-1] if use.arguments else None
        if use.name == "percent" and not use.is_member:
            value = _share(use)
            if value is None:
                place = place_of(text, use.arguments[0].at if literal else use.at)
                remedy = 'as in percent("80%")'
                problems.append(Problem(*place, "percent needs a literal with a % sign", remedy))
            else:
                text = text[: use.at] + value.ljust(use.end - use.at) + text[use.end :]
        elif literal is not None and literal.sort == "text":
            problem = _without_value(text, use, literal, engine)
            problems += [problem] if problem else []
    if problems:
        raise ExpressionError(problems)
    return text


def _share(use: Use) -> str | None:
    if len(use.arguments) != 1:
        return None
    found = _PERCENT.fullmatch(use.arguments[0].text)
    if found is None:
        return None
    value = format(Decimal(found[2]) / 100, "f")
    return value if "." in value else f"{value}.0"


_REMEDIES = {
    "duration": ("is no duration", 'in h, m, s and ms, as in duration("1h30m")'),
    "timestamp": ("is no time", 'as in timestamp("2026-01-31T08:00:00Z")'),
    "matches": ("is no regular expression", "lookaround and backreferences are not known"),
}


def _without_value(text: str, use: Use, literal: Word, engine: Engine) -> Problem | None:
    is_matches = use.name == "matches"
    if use.name not in _REMEDIES or (use.is_member and not is_matches):
        return None
    if len(use.arguments) > 1 and (use.is_member or not is_matches):
        return None  # a sum of texts, say
    probe = f"''.matches({literal.text})" if is_matches else f"{use.name}({literal.text})"
    try:
        engine.compile(probe, {}).run({})
    except Refused:
        return None  # the whole is refused as well, with its own place
    except LookupError:
        what, remedy = _REMEDIES[use.name]
        plain = literal.text.strip("\"'")
        if use.name == "duration" and _SPAN.match(plain):
            remedy = f"write {_duration_for(plain)}"
        return Problem(*place_of(text, literal.at), f"{literal.text} {what}", remedy)
    return None
