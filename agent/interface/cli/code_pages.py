"""`homeostat explain-code`: the page of a code of `check`, or of a reason from a timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import Any

from agent.catalog.codes import CodePage, Example, code_pages, reason_pages
from agent.catalog.faults import suggest
from agent.model.reason import Reason


def page_of(word: str) -> dict[str, Any]:
    """The page as data, with the whole of it as `text`. Raises LookupError with what may have been
    meant."""
    code = code_pages().get(word.upper())
    if code is not None:
        return _of_code(code)
    try:
        return _of_reason(Reason(word.lower()))
    except ValueError:
        raise LookupError(suggest(word, [*code_pages(), *Reason])) from None


def _of_code(page: CodePage) -> dict[str, Any]:
    return {
        "code": page.code,
        "kind": "fault",
        "title": page.title,
        "meaning": page.meaning,
        "why": page.why,
        "wrong": [_example(example) for example in page.wrong],
        "right": [_example(example) for example in page.right],
        "see": list(page.see),
        "text": "\n\n".join(_paragraphs(page)),
    }


def _example(example: Example) -> dict[str, Any]:
    return {
        "language": example.language,
        "file": example.file,
        "text": example.text,
        "marks": [{"line": line, "column": column} for line, column in example.marks],
    }


def _paragraphs(page: CodePage) -> Iterator[str]:
    yield f"{page.code}: {page.title}"
    yield page.meaning
    yield f"Why\n{indent(page.why, '  ')}"
    for title, examples in (("Wrong", page.wrong), ("Right", page.right)):
        yield f"{title}\n{_shown(examples)}"
    yield f"See also: {', '.join(page.see)}"


def _shown(examples: Sequence[Example]) -> str:
    parts = []
    for example in examples:
        name = f"  {example.file}:\n" if example.file else ""
        parts.append(name + indent(example.shown.rstrip("\n"), "    "))
    return "\n".join(parts)


def _of_reason(reason: Reason) -> dict[str, Any]:
    said = reason_pages().get(reason.value)
    when, then = (said.when, said.then) if said is not None else ("", "")
    return {
        "code": reason.value,
        "kind": "reason",
        "title": reason.sentence,
        "when": when,
        "then": then,
        "text": f"{reason.value}: {reason.sentence}\n\nWhen: {when}\nWhat to do: {then}",
    }
