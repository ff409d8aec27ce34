"""Matchers as Alertmanager reads them: `env="prod"`, `env!=prod`, `env=~"prod|stage"`, `env!~x`.

The form of its releases to 0.26 (names are words, a value may go without quotes) and what we need
of the later one (any name, in quotes). A matcher that `core.silence` could not evaluate in bounded
time is refused here, where somebody can be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from agent.catalog.faults import shown, wrong
from agent.core.bounded_regex import LONGEST_REGEX, REGEX_REMEDY
from agent.core.silence import agrees, is_usable
from agent.model.errors import HomeostatError
from agent.model.records import SilenceMatcher

BAD_MATCHER = "HS425"
"""A matcher of a policy cannot be read, or not be evaluated."""
LONGEST = 4096

_FORM = re.compile(
    r"""\s*(?:"(?P<quoted>(?:[^"\\]|\\.)+)"|(?P<plain>[^\s{}!=~,\\"'`]+))
        \s*(?P<operator>=~|!~|!=|=)\s*(?P<value>.*?)\s*""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


class BadMatcher(HomeostatError):
    """This text is no matcher. `remedy` is the way out."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def parse_matcher(text: str) -> SilenceMatcher:
    """One matcher. Raises BadMatcher."""
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise BadMatcher(f"{shown(text)} is no matcher", 'write it like env="prod"')
    quoted = found["quoted"]
    operator = found["operator"]
    matcher = SilenceMatcher(
        name=_unescaped(quoted) if quoted is not None else found["plain"],
        value=_value(found["value"], text),
        is_regex="~" in operator,
        is_equal=operator[0] == "=",
    )
    if not is_usable(matcher):
        message = f"{shown(matcher.value)} is no bounded regular expression"
        remedy = f"{REGEX_REMEDY}; at most {LONGEST_REGEX} characters"
        raise BadMatcher(message, remedy)
    return matcher


def parse_matchers(text: str) -> tuple[SilenceMatcher, ...]:
    """One or more of them, with commas between and braces around or not. Raises BadMatcher."""
    inside = text.strip()
    if inside.startswith("{") is not inside.endswith("}"):
        raise BadMatcher(f"{shown(text)} has one brace", "write both, or none")
    inside = inside.removeprefix("{").removesuffix("}")
    found = tuple(parse_matcher(part) for part in _parts(inside) if part.strip())
    if not found:
        raise BadMatcher("there is no matcher here", 'write it like env="prod"')
    return found


def _parts(text: str) -> Iterator[str]:
    """What is between the commas outside of quotes."""
    begin, is_quoted, is_escaped = 0, False, False
    for at, character in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted:
            yield text[begin:at]
            begin = at + 1
    yield text[begin:]


def _value(raw: str, text: str) -> str:
    if not raw.startswith('"'):
        if _has_bare_quote(raw):
            raise BadMatcher(f"the value of {shown(text)} has a quote in it", 'write it as \\"')
        return _unescaped(raw)
    inside = raw[1:-1]
    if len(raw) < 2 or not raw.endswith('"') or _ends_in_escape(inside):
        raise BadMatcher(f"the quote in {shown(text)} is not closed", "close it")
    if _has_bare_quote(inside):
        raise BadMatcher(f"the value of {shown(text)} has a quote in it", 'write it as \\"')
    return _unescaped(inside)


def _has_bare_quote(raw: str) -> bool:
    return '"' in re.sub(r"\\.", "", raw, flags=re.DOTALL)


def _ends_in_escape(raw: str) -> bool:
    return (len(raw) - len(raw.rstrip("\\"))) % 2 == 1


def _unescaped(raw: str) -> str:
    """A backslash before anything else stays, as in Alertmanager: regular expressions are full of
    them."""
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), raw, flags=re.DOTALL)


def _checked(text: str) -> str:
    try:
        parse_matchers(text)
    except BadMatcher as error:
        raise wrong(str(error), error.remedy, code=BAD_MATCHER) from None
    return text


MatcherText = Annotated[
    str,
    AfterValidator(_checked),
    Field(json_schema_extra={"examples": ['alertname="Maintained"', 'env=~"prod|stage"']}),
]
"""One text with one matcher or more."""


def compile_matchers(texts: Iterable[str]) -> tuple[SilenceMatcher, ...]:
    return tuple(matcher for text in texts for matcher in parse_matchers(text))


def match_all(matchers: tuple[SilenceMatcher, ...]) -> bool:
    """Whether they agree with an alert that has no labels, and so very likely with every one."""
    return all(agrees(matcher, {}) for matcher in matchers)
