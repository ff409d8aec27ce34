"""What each code of a fault means, and each reason: a page for every one of them.

The pages are Markdown files beside this module, `code_pages/HS204.md`, all of the same shape: a
heading with the title, what it means, and the sections Why, Wrong, Right and See also. In a wrong
example a line of carets points at what is wrong in the line above it; it is not part of the file.
Reasons stand in one YAML file: when each is used, and what a person does about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agent.catalog.strict_yaml import parse, validate
from agent.catalog.validation import Written

FOLDER = Path(__file__).with_name("code_pages")
REASONS = FOLDER / "reasons.yaml"

_HEADING = re.compile(r"# (HS\d{3}): (.+)")
_FENCED = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"#?\s*\^+\s*")
_SECTIONS = ("Why", "Wrong", "Right", "See also")


@dataclass(frozen=True)
class Example:
    """A file as it should or should not be; with the language `sh`, commands that make it."""

    language: str
    file: str
    """Name of the file, where it matters."""
    shown: str
    """With the lines that mark a place."""

    @property
    def text(self) -> str:
        """What stands in the file: without marks."""
        return "".join(line for line in self._lines() if not _MARK.fullmatch(line))

    @property
    def marks(self) -> tuple[tuple[int, int], ...]:
        """Line and column, from 1 and in `text`, of every place that is marked."""
        found, number = [], 0
        for line in self._lines():
            if _MARK.fullmatch(line):
                found.append((number, line.index("^") + 1))
            else:
                number += 1
        return tuple(found)

    def _lines(self) -> list[str]:
        return self.shown.splitlines(keepends=True)


@dataclass(frozen=True)
class CodePage:
    code: str
    title: str
    meaning: str
    why: str
    wrong: tuple[Example, ...]
    right: tuple[Example, ...]
    see: tuple[str, ...]
    """Codes, pages of the documentation and commands that have to do with it."""


class ReasonPage(Written):
    """When a reason is given, and what a person does about it."""

    when: str
    then: str


class _ReasonPages(Written):
    reasons: dict[str, ReasonPage]


@cache
def code_pages() -> Mapping[str, CodePage]:
    """Every page by its code, in order."""
    return {page.code: page for page in map(_read, sorted(FOLDER.glob("HS*.md")))}


@cache
def reason_pages() -> Mapping[str, ReasonPage]:
    """Every page by the word of its reason."""
    document = parse(REASONS.read_text("utf-8"), file=str(REASONS))
    return validate(document, _ReasonPages, code="").reasons


def _read(path: Path) -> CodePage:
    """Raises ValueError for a file that is no page: our own mistake, found by a test."""
    heading, _, rest = path.read_text("utf-8").partition("\n")
    titled = _HEADING.fullmatch(heading)
    meaning, *parts = re.split(r"^## (.+)\n", rest, flags=re.MULTILINE)
    if titled is None or titled[1] != path.stem or tuple(parts[::2]) != _SECTIONS:
        raise ValueError(f"{path} is no page of a code")
    why, wrong, right, see = parts[1::2]
    return CodePage(
        code=titled[1],
        title=titled[2],
        meaning=meaning.strip(),
        why=why.strip(),
        wrong=tuple(_examples(wrong)),
        right=tuple(_examples(right)),
        see=tuple(one.strip() for one in see.replace("\n", " ").split(",") if one.strip()),
    )


def _examples(section: str) -> Iterator[Example]:
    for language, file, shown in _FENCED.findall(section):
        yield Example(language=language, file=file, shown=shown)
