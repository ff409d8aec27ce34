"""What people write who have other languages in their fingers, and how it is written here.

Asked only about a text that cannot be read: nothing of this is an error by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.catalog.expression_scope import Problem
from agent.catalog.expression_text import Word, names_in, place_of, words_of

_TEMPLATE = re.compile(r"\$\{([^{}]*)\}?|\{\{([^{}]*)\}\}|\$(\w[\w.]*)")
_TEMPLATES = {1: "${}", 2: "{{ }}", 3: "$"}
_SIGNS = {
    "=": "write == to compare",
    "===": "write ==",
    "!==": "write !=",
    "<>": "write !=",
    "=>": "write >=",
    "=<": "write <=",
    "&": "write &&",
    "|": "write ||",
    "≥": "write >=",
    "≤": "write <=",
    "≠": "write !=",
}
_PATTERNS = {"=~": "", "!~": "!"}
_WORDS = {"and": "write &&", "or": "write ||", "is": "write =="}
_METHODS = ("matches", "contains", "startsWith", "endsWith")
_METHOD = {word.lower(): word for word in _METHODS}
_CHARACTERS = re.compile(r"[=<>!&|~]+")


def habits_in(text: str) -> list[Problem]:
    """Each place where another language shows, once."""
    found: list[tuple[int, str, str]] = []
    plain = text
    for template in _TEMPLATE.finditer(_without_texts(text)):
        group = template.lastindex or 1
        inner = text[template.start(group) : template.end(group)].strip()
        remedy = f"write {inner}" if inner else "write the name alone"
        found.append((template.start(), f"no {_TEMPLATES[group]} in an expression", remedy))
        blank = " " * len(template[0])
        plain = plain[: template.start()] + blank + plain[template.end() :]
    words = joined(words_of(plain))
    for number, word in enumerate(words):
        said = _said(text, words, number)
        if said is not None:
            found.append((word.at, *said))
        if _is_unclosed(word):
            break  # what follows is part of the text
    return [Problem(*place_of(text, at), message, remedy) for at, message, remedy in sorted(found)]


def _without_texts(text: str) -> str:
    for word in words_of(text):
        if word.sort == "text":
            text = text[: word.at] + " " * len(word.text) + text[word.at + len(word.text) :]
    return text


def joined(words: Sequence[Word]) -> list[Word]:
    """The words, operators of several characters as one."""
    found: list[Word] = []
    for word in words:
        last = found[-1] if found else None
        if (
            last is not None
            and last.sort == word.sort == "sign"
            and last.at + len(last.text) == word.at
            and _CHARACTERS.fullmatch(last.text + word.text)
            and word.text != "!"
        ):
            found[-1] = Word("sign", last.text + word.text, last.at)
        else:
            found.append(word)
    return found


def _is_unclosed(word: Word) -> bool:
    return word.sort == "sign" and word.text in ("'", '"')


def _said(text: str, words: Sequence[Word], number: int) -> tuple[str, str] | None:
    word = words[number]
    if word.sort == "name":
        return _word_said(text, words, number)
    if word.sort != "sign":
        return None
    if word.text == "=" and number == 0:
        return "no = here: a condition is always an expression", "take the = away"
    if _is_unclosed(word):
        return "a text begins here and does not end", f"close it with {word.text}"
    if word.text in "“”„‘’":
        return f"{word.text} is no quote", "write \" or '"
    if word.text in _PATTERNS:
        call = _call(text, words, number, "matches")
        return f"{word.text} is no operator", f"write {_PATTERNS[word.text]}{call}"
    remedy = _SIGNS.get(word.text)
    return (f"{word.text} is no operator", remedy) if remedy else None


def _word_said(text: str, words: Sequence[Word], number: int) -> tuple[str, str] | None:
    word, lower = words[number], words[number].text.lower()
    before = words[number - 1] if number else None
    after = words[number + 1] if number + 1 < len(words) else None
    if before is not None and before.text == ".":
        return None
    if lower == "not":
        if after is not None and after.text == "in":
            return f"{word.text} is no operator", "write !(x in y)"
        return f"{word.text} is no operator", f"write !{_operand_after(words, number) or 'x'}"
    if lower == "if":
        return f"{word.text} is no word of an expression", "write condition ? this : that"
    if before is None or not _ends_operand(before):
        return None
    if lower in _WORDS:
        return f"{word.text} is no operator", _WORDS[lower]
    if lower in _METHOD and after is not None and after.text != ".":
        name = _METHOD[lower]
        return f"{word.text} is no operator", f"write {_call(text, words, number, name)}"
    return None


def _ends_operand(word: Word) -> bool:
    return word.sort != "sign" or word.text in (")", "]", "}")


def _call(text: str, words: Sequence[Word], number: int, method: str) -> str:
    """`x.method(y)` of what stands around the word, where that is plain."""
    at = words[number].at
    names = [n for n in names_in(words[:number]) if text[n.end : at].strip() == ""]
    subject = names[-1].dotted if names else "x"
    argument = words[number + 1] if number + 1 < len(words) else None
    pattern = argument.text if argument is not None and argument.sort == "text" else '"..."'
    return f"{subject}.{method}({pattern})"


def _operand_after(words: Sequence[Word], number: int) -> str:
    after = list(words[number + 1 :])
    if after and after[0].text == "(":
        return "(...)"
    names = [n for n in names_in(after) if after and n.start == after[0].at]
    return names[-1].dotted if names else ""
