"""An engine's faults in the words of the language: the place of the misspelt name, a way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from agent.catalog.expression_checks import MACROS
from agent.catalog.expression_engine import Fault, Wrong
from agent.catalog.expression_habits import habits_in, joined
from agent.catalog.expression_meant import (
    METHODS,
    function_meant,
    is_like_a_text,
    name_meant,
    value_meant,
    wrong_part,
)
from agent.catalog.expression_scope import SHORT, Problem, Scope
from agent.catalog.expression_text import Word, calls_in, names_in, place_of, words_of

MAX_PROBLEMS = 5

_ALIAS = re.compile(r"\b_\d+\b")
"""What the engine calls a name (`expression_names`): nothing for people to read."""
_DASHED = re.compile(r"\balert\.(labels|annotations)\.(\w+(?:-\w+)+)$")


def problems_of(faults: Iterable[Fault], text: str, scope: Scope) -> list[Problem]:
    """Each thing wrong once, not more than people can read."""
    found = list(faults)
    if any(f.wrong in (Wrong.SYNTAX, Wrong.END) for f in found):
        habits = habits_in(text)
        if habits:
            return habits[:MAX_PROBLEMS]
    lost = _lost_variables(found, words_of(text))
    explained = [
        _explained(fault, text, scope)
        for fault in found
        if fault.wrong is not Wrong.UNDECLARED or fault.text not in lost
    ]
    return list(dict.fromkeys(explained))[:MAX_PROBLEMS]


def _lost_variables(faults: Sequence[Fault], words: Sequence[Word]) -> set[str]:
    """Variables of macros that are misspelt: unknown only because the macro is."""
    undeclared = {f.text for f in faults if f.wrong is Wrong.UNDECLARED}
    return {
        word.text
        for use in calls_in(words)
        if use.name in undeclared and (use.name in MACROS or use.name not in METHODS)
        for word, after in zip_longest(use.arguments, use.arguments[1:])
        if word.sort == "name"
        and word.text in undeclared
        and (after.text == "," if after is not None else len(use.arguments) == 1)
    }


def _explained(fault: Fault, text: str, scope: Scope) -> Problem:
    lines = text.split("\n")
    written = lines[fault.line - 1] if fault.line <= len(lines) else ""
    if _ALIAS.fullmatch(fault.text) and fault.text not in text:
        return _misplaced(fault, text)
    if fault.wrong is Wrong.UNDECLARED:
        return _undeclared(fault, text, written, scope)
    if fault.wrong is Wrong.FIELD:
        return _no_field(fault, written, scope)
    if fault.wrong is Wrong.OVERLOAD:
        message = f"`{fault.text}` does not work on ({', '.join(fault.types)})"
        return Problem(fault.line, fault.column, message, _other_types(set(fault.types)))
    if fault.wrong is Wrong.DEPTH:
        return Problem(fault.line, fault.column, "it is nested too deeply")
    if fault.wrong is Wrong.END:
        remedy = f"close it with {fault.text}" if fault.text else "write the rest of it"
        return Problem(fault.line, fault.column, "it ends too early", remedy)
    if fault.wrong is Wrong.SYNTAX:
        return _misplaced(fault, text)
    return Problem(fault.line, fault.column, _ALIAS.sub("it", fault.text))


def _misplaced(fault: Fault, text: str) -> Problem:
    """Something the grammar does not have there, called by what its author wrote."""
    words = joined(words_of(text))
    for number, word in enumerate(words):
        if place_of(text, word.at) < (fault.line, fault.column):
            continue
        place = place_of(text, word.at)
        before = words[number - 1] if number else None
        is_value = word.sort != "sign" and before is not None
        is_second = (
            is_value and before is not None and (before.sort != "sign" or before.text == ")")
        )
        remedy = "an operator is missing before it, as && or ==" if is_second else ""
        return Problem(*place, f"{_whole(text, word, words)} cannot stand here", remedy)
    return Problem(fault.line, fault.column, "it ends too early", "write the rest of it")


def _whole(text: str, word: Word, words: Sequence[Word]) -> str:
    names = [n for n in names_in(words) if n.start == word.at]
    return names[-1].dotted if names else word.text


def _undeclared(fault: Fault, text: str, written: str, scope: Scope) -> Problem:
    """The engine points at the last dot of a name, and at the bracket after a function."""
    name = fault.text
    pointed = written[fault.column - 1 : fault.column]
    if pointed == "(":
        before = written[: fault.column - 1].rstrip()
        at = max(0, len(before) - len(name))
        is_member = before[:at].rstrip().endswith(".")
        return Problem(fault.line, at + 1, *function_meant(name, is_member=is_member))
    end = (fault.line, fault.column + (pointed == "."))
    message, remedy = _unknown_name(name, scope)
    if name.partition(".")[0] in scope.later:
        return Problem(*end, message, remedy, is_later=True)
    if "." in name:
        return Problem(*_first_wrong(fault, text, scope, end), message, remedy)
    return Problem(*end, *(_word_meant(name, end, text, scope) or (message, remedy)))


def _first_wrong(fault: Fault, text: str, scope: Scope, end: tuple[int, int]) -> tuple[int, int]:
    """Place of the first part of a dotted name that no known name has there."""
    parts: list[int] = []
    for found in names_in(words_of(text)):
        parts = parts if "." in found.dotted else []
        parts.append(found.end - len(found.dotted.rpartition(".")[2]))
        if found.dotted == fault.text and place_of(text, found.end) > end:
            return place_of(text, parts[wrong_part(fault.text, scope.types)])
    return end


def _word_meant(
    name: str, place: tuple[int, int], text: str, scope: Scope
) -> tuple[str, str] | None:
    """For a word that was meant as a value."""
    value = value_meant(name)
    if value is not None:
        return value
    line = text.split("\n")[place[0] - 1]
    if dashed := _DASHED.search(line[: place[1] - 1 + len(name)]):
        remedy = f'write alert.{dashed[1]}["{dashed[2]}"]'
        return f"- is a minus, and {name} is no name", remedy
    words = words_of(text)
    number = next((n for n, w in enumerate(words) if place_of(text, w.at) == place), None)
    has_fields = any(known.startswith(f"{name}.") for known in scope.types)
    if number is None or has_fields or not is_like_a_text(words, number):
        return None
    mark = "'" if "'" in text and '"' not in text else '"'
    return f"unknown name {name}", f"quote it if it is a text: {mark}{name}{mark}"


def _no_field(fault: Fault, written: str, scope: Scope) -> Problem:
    """A field asked of something that has none: mostly a misspelt field of `entity`, which stands
    for its name where it stands alone."""
    before = re.search(r"([\w.]+)\s*$", written[: fault.column - 1])
    after = re.match(r"\.\s*(\w+)", written[fault.column - 1 :])
    if before and after and before[1] in SHORT:
        message, remedy = _unknown_name(f"{before[1]}.{after[1]}", scope)
        return Problem(fault.line, fault.column + after.start(1), message, remedy)
    what = before[1] if before else "it"
    return Problem(fault.line, fault.column, f"{what} is a {fault.text} and has no fields")


def _other_types(types: set[str]) -> str:
    if {"int", "double"} <= types:
        return "write 1.0 for 1, or double(x)"
    if any("duration" in t for t in types) and types & {"int", "double", "uint"}:
        return 'write the number of seconds, or duration("30m").getSeconds()'
    return ""


def _unknown_name(name: str, scope: Scope) -> tuple[str, str]:
    root = name.partition(".")[0]
    if root in scope.later:
        return f"{name} is known only later: {scope.later[root]}", "use it from there on"
    return f"unknown name {name}", name_meant(name, scope)
