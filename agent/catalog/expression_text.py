"""The words of an expression, as far as they must be told apart without understanding them.

Which names it mentions, where its calls begin, which literals it gives to them: all of it with the
offset, and never fooled by what stands in a string or in a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
      | (?P<text>[bB]?[rR][bB]?(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')
               | [bB]?(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}
                        |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      | (?P<name>[A-Za-z_]\w*|`[^`\n]*`)
      | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[uU]?)
      | (?P<sign>[\s\S])
    """,
    re.VERBOSE | re.ASCII,
)
_LITERALS = ("true", "false", "null", "in")
_OPERAND_SIGNS = (")", "]", "}")


@dataclass(frozen=True, slots=True)
class Word:
    sort: str
    """`text`, `name`, `number` or `sign`."""
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    dotted: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Use:
    """A call: `name(...)` or `x.name(...)`."""

    name: str
    at: int
    """Offset of the name."""
    bracket: int
    """Offset of its opening bracket."""
    is_member: bool
    arguments: tuple[Word, ...]
    """The words up to the first closing bracket: all of the argument where it holds no call."""
    end: int
    """Offset after that bracket."""
    depth: int
    """How many brackets are open around it."""


def words_of(text: str) -> list[Word]:
    return [
        Word(found.lastgroup or "", found[0], found.start())
        for found in _TOKEN.finditer(text)
        if found.lastgroup != "blank"
    ]


def names_in(words: Sequence[Word]) -> Iterator[Name]:
    """Dotted names, every beginning of each: of `a.b > f(x).y` they are a, a.b, f and x."""
    dotted, start, is_open, before = "", 0, False, ""
    for number, word in enumerate(words):
        if word.sort == "name" and word.text not in _LITERALS:
            plain = word.text.strip("`")
            is_field = before == "." and number > 1 and _is_operand(words[number - 2])
            if is_field and not is_open:
                continue
            dotted, start = (f"{dotted}.{plain}", start) if is_field else (plain, word.at)
            is_open = True
            yield Name(dotted, start, word.at + len(word.text))
        elif word.text != "." or before == ".":
            is_open = False
        before = word.text


def _is_operand(word: Word) -> bool:
    return word.sort != "sign" or word.text in _OPERAND_SIGNS


def calls_in(words: Sequence[Word]) -> Iterator[Use]:
    depth = 0
    for number, word in enumerate(words):
        if word.sort != "sign":
            continue
        if word.text == "(":
            name = words[number - 1] if number else None
            if name is not None and name.sort == "name":
                is_member = number > 1 and words[number - 2].text == "."
                yield _use(words, number, name, is_member, depth)
            depth += 1
        elif word.text == ")":
            depth -= 1


def _use(words: Sequence[Word], number: int, name: Word, is_member: bool, depth: int) -> Use:
    arguments: list[Word] = []
    end = words[number].at + 1
    for word in words[number + 1 :]:
        end = word.at + len(word.text)
        if word.sort == "sign" and word.text in "()":
            break
        arguments.append(word)
    return Use(
        name=name.text,
        at=name.at,
        bracket=words[number].at,
        is_member=is_member,
        arguments=tuple(arguments),
        end=end,
        depth=depth,
    )


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
