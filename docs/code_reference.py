"""The page of all codes and the one of all reasons, written from what `homeostat explain-code`
prints."""

from __future__ import annotations

from collections.abc import Iterator

from agent.catalog.codes import CodePage, Example, code_pages, reason_pages
from agent.model.reason import Reason

FAMILIES = {
    "1": "YAML: the text itself",
    "2": "Runbooks",
    "3": "Products",
    "4": "Settings, policy and people",
}


def codes_page() -> str:
    pages = code_pages().values()
    parts = []
    for digit, family in FAMILIES.items():
        of_family = [page for page in pages if page.code[2] == digit]
        listed = "\n".join(f"- [{p.code}](#{anchor(p)}): {p.title}" for p in of_family)
        parts.append(f"- {family}\n" + "\n".join(f"  {line}" for line in listed.splitlines()))
    sections = "\n\n".join("\n\n".join(section(page)) for page in pages)
    return f"""# Codes

What `homeostat check` says of a file, as `file:line:column: CODE path: message (remedy)`.
`homeostat explain-code CODE` prints the same page in the terminal. A line of carets points at the
place in the line above it.

{chr(10).join(parts)}

{sections}
"""


def heading(page: CodePage) -> str:
    return f"{page.code}: {page.title}"


def anchor(page: CodePage) -> str:
    """As forges make it of a heading."""
    letters = heading(page).lower().replace(" ", "-")
    return "".join(c for c in letters if c.isalnum() or c in "-_")


def section(page: CodePage) -> Iterator[str]:
    yield f"## {heading(page)}"
    yield page.meaning
    yield page.why
    yield "Wrong:"
    yield from (block(example) for example in page.wrong)
    yield "Right:"
    yield from (block(example) for example in page.right)
    yield f"See also: {', '.join(link(see) for see in page.see)}"


def block(example: Example) -> str:
    named = f"`{example.file}`\n\n" if example.file else ""
    return f"{named}```{example.language}\n{example.shown}```"


def link(see: str) -> str:
    """Of another code, of a page (this one lies in docs/reference), or a command."""
    if see in code_pages():
        return f"[{see}](#{anchor(code_pages()[see])})"
    if see.startswith("docs/"):
        return f"[{see.removeprefix('docs/')}](../{see.removeprefix('docs/')})"
    return f"[{see}](../../{see})" if see.endswith(".md") else f"`{see}`"


def reason_rows() -> Iterator[tuple[str, str, str, str]]:
    """Word, sentence, when it is given, and what to do."""
    for reason in Reason:
        said = reason_pages().get(reason.value)
        when, then = (said.when, said.then) if said is not None else ("", "")
        yield f"`{reason.value}`", reason.sentence, when, then
