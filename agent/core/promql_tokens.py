"""The words of PromQL: numbers, durations, texts, names and signs, each with its place.

Written after the lexer of Prometheus and its documentation of literals, so that both take the same
texts: a duration names its units from the largest to the smallest and each once, a word inside of
`{}` is a label and never a keyword, and only space, tab and line ends are blank.

Everything here is linear in the length of the text, whatever the text is.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from agent.model.errors import HomeostatError

LONGEST = 16_384
"""Characters. A rule file may hold more; nobody could read such a rule."""

LARGEST_SECONDS = (2**63 - 1) / 1e9
"""Prometheus counts time in nanoseconds of 64 bits."""


class PromqlError(HomeostatError):
    """Not PromQL. `line` and `column` start at 1; the message says what was expected there."""

    def __init__(self, text: str, at: int, message: str) -> None:
        self.line = text.count("\n", 0, at) + 1
        self.column = at - text.rfind("\n", 0, at)
        self.message = message
        super().__init__(f"{self.line}:{self.column}: {message}")


class Sort(StrEnum):
    WORD = "a name"
    NUMBER = "a number"
    DURATION = "a duration"
    TEXT = "a text in quotes"
    SIGN = "a sign"
    END = "the end of the expression"


class Token(msgspec.Struct, frozen=True):
    sort: Sort
    text: str
    """As written; of a text in quotes what it says."""
    at: int
    """Offset in the expression."""
    seconds: float = 0.0
    """Value of a number or a duration."""

    def __str__(self) -> str:
        return self.sort.value if self.sort is Sort.END else f"`{self.text[:40]}`"


_UNITS = (
    ("y", 365 * 86_400.0),
    ("w", 7 * 86_400.0),
    ("d", 86_400.0),
    ("h", 3_600.0),
    ("m", 60.0),
    ("s", 1.0),
    ("ms", 0.001),
)
_BLANK = re.compile(r"(?:[ \t\n\r]+|#[^\n\r]*)+")
_WORD = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile("".join(rf"(?:([0-9]+){u}(?!s))?" for u, _ in _UNITS))
_NUMBER = re.compile(
    r"0[xX](?:_?[0-9a-fA-F])+"
    r"|(?:[0-9]+(?:_[0-9]+)*\.?(?:[0-9]+(?:_[0-9]+)*)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?"
)
_ALNUM = re.compile(r"[A-Za-z0-9_]")
_RUN = re.compile(r"[A-Za-z0-9_.]+")
_SIGN = re.compile(r"==|!=|<=|>=|[-+*/%^<>()\[\]{},@]")
_SIGN_IN_BRACES = re.compile(r"=~|!~|!=|=|[,}]")
_SIGN_IN_BRACKETS = re.compile(r"[:\]]|[-+]")
_RAW = re.compile(r"`([^`\ufffd]*)`")
_ESCAPED = r"\\(?:[abfnrtv\\%s]|[0-3][0-7]{2}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_QUOTED = {
    quote: re.compile(rf"{quote}((?:[^\\\n\ufffd{quote}]|{_ESCAPED % quote})*){quote}")
    for quote in "\"'"
}
_ESCAPE = re.compile(r"\\([0-7]{3}|x..|u.{4}|U.{8}|.)")
_SIMPLE = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_BACKSLASHED = re.compile(r"\\.", re.DOTALL)


def tokens_of(text: str) -> list[Token]:
    """All tokens, the last one is the end. Raises PromqlError."""
    if len(text) > LONGEST:
        raise PromqlError(text, 0, f"{len(text)} characters, at most {LONGEST} are read")
    found: list[Token] = []
    at, inside = 0, ""
    while True:
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at
        if at >= len(text):
            found.append(Token(Sort.END, "", at))
            return found
        token, at = _token(text, at, inside)
        found.append(token)
        if token.sort is Sort.SIGN:
            if token.text in ("{", "["):
                inside = token.text
            elif token.text in ("}", "]"):
                inside = ""


def _token(text: str, at: int, inside: str) -> tuple[Token, int]:
    first = text[at]
    if first in "\"'`" and inside != "[":
        return _quoted(text, at)
    if inside == "{":
        word, sign = _LABEL.match(text, at), _SIGN_IN_BRACES.match(text, at)
    elif inside == "[":
        word, sign = None, _SIGN_IN_BRACKETS.match(text, at)
    else:
        word, sign = _WORD.match(text, at), _SIGN.match(text, at)
    if word:
        is_number = not inside and word[0].lower() in ("inf", "nan")
        value = float(word[0]) if is_number else 0.0
        sort = Sort.NUMBER if is_number else Sort.WORD
        return Token(sort, word[0], at, value), word.end()
    if sign:
        return Token(Sort.SIGN, sign[0], at), sign.end()
    if inside != "{" and (first in "0123456789." and _NUMBER.match(text, at)):
        return _number(text, at)
    where = {"{": " inside of {}", "[": " inside of []"}.get(inside, "")
    raise PromqlError(text, at, f"`{first}` means nothing here{where}")


def _number(text: str, at: int) -> tuple[Token, int]:
    """A duration if it is one, else a number; neither may run into a letter."""
    duration = _DURATION.match(text, at)
    if duration and duration.end() > at and not _ALNUM.match(text, duration.end()):
        seconds = sum(
            float(n) * unit for n, (_, unit) in zip(duration.groups(), _UNITS, strict=True) if n
        )
        if seconds > LARGEST_SECONDS:
            raise PromqlError(text, at, "a duration of more than 292 years")
        return Token(Sort.DURATION, duration[0], at, seconds), duration.end()
    number = _NUMBER.match(text, at)
    if number and not _ALNUM.match(text, number.end()):
        return Token(Sort.NUMBER, number[0], at, _value(text, at, number[0])), number.end()
    run = _RUN.match(text, at)
    written = run[0] if run else text[at]
    message = f"`{written[:40]}` is neither a number nor a duration like 5m or 1h30m"
    raise PromqlError(text, at, message)


def _value(text: str, at: int, written: str) -> float:
    plain = written.replace("_", "")
    if plain[:2] in ("0x", "0X"):
        value: float = int(plain, 16)
        is_too_large = value >= 2**63
    elif re.fullmatch("0[0-7]+", plain):
        value, is_too_large = int(plain, 8), False
    else:
        value = float(plain)
        is_too_large = value == float("inf")
    if is_too_large:
        raise PromqlError(text, at, "the number is too large")
    return float(value)


def _quoted(text: str, at: int) -> tuple[Token, int]:
    quote = text[at]
    if quote == "`":
        raw = _RAW.match(text, at)
        if raw:
            return Token(Sort.TEXT, raw[1], at), raw.end()
        raise PromqlError(text, at, "the text does not end: a closing ` is missing")
    quoted = _QUOTED[quote].match(text, at)
    if quoted:
        return Token(Sort.TEXT, _unescaped(text, at, quoted[1]), at), quoted.end()
    raise _unquotable(text, at, quote)


def _unquotable(text: str, at: int, quote: str) -> PromqlError:
    """What is wrong between the quotes, and where."""
    plain = re.compile(rf"[^\\\n\ufffd{quote}]+|{_ESCAPED % quote}")
    place = at + 1
    while fine := plain.match(text, place):
        place = fine.end()
    escape = _BACKSLASHED.match(text, place)
    if escape:
        return PromqlError(text, place, f"`{escape[0]}` is no escape that PromQL knows")
    return PromqlError(text, at, f"the text does not end: a closing {quote} is missing")


def _unescaped(text: str, at: int, escaped: str) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) == 1:
            return _SIMPLE.get(code, code)
        point = int(code, 8) if code[0].isdigit() else int(code[1:], 16)
        if point > 0x10FFFF or 0xD800 <= point < 0xE000:
            raise PromqlError(text, at, f"`\\{code}` is no character")
        return chr(point)

    return _ESCAPE.sub(plain, escaped) if "\\" in escaped else escaped
