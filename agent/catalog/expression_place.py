"""From a place within an expression to a place in the file that holds it.

YAML says where a scalar begins; what stands between its beginning and a character of its value
depends on how it is written: a quote, a block indented under `|`, lines folded into one. Escapes
are not followed: after one, the column is a little early.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.catalog.document import Mark


def place(lines: Sequence[str], mark: Mark, within: Mark, *, skip: int = 0) -> Mark:
    """Line and column in the file of `within` (of the expression, after `skip` characters of the
    scalar's value) where the scalar begins at `mark`."""
    line, column = mark
    row, offset = within[0], within[1] - 1 + (skip if within[0] == 1 else 0)
    first = lines[line - 1][column - 1 :] if line <= len(lines) else ""
    if first[:1] in ("|", ">"):
        return _block(lines, line, row, offset, folded=first[0] == ">")
    if first[:1] in ("'", '"'):
        column += 1
        first = first[1:]
    if row > 1:  # only a quoted or folded scalar has lines; an empty line between them is one break
        return min(line + row, len(lines)), offset + 1
    return _folded(lines, line, column, first, offset)


def _block(lines: Sequence[str], line: int, row: int, offset: int, *, folded: bool) -> Mark:
    start = line
    while start < len(lines) and not lines[start].strip():
        start += 1
    if start >= len(lines):
        return line, 1
    indent = len(lines[start]) - len(lines[start].lstrip())
    if folded:
        return _folded(lines, start + 1, indent + 1, lines[start][indent:], offset)
    return min(start + row, len(lines)), indent + offset + 1


def _folded(lines: Sequence[str], line: int, column: int, first: str, offset: int) -> Mark:
    """Lines of a scalar that become one, joined by a space each."""
    content = first.rstrip()
    while offset > len(content) and line < len(lines):
        offset -= len(content) + 1
        text = lines[line]
        line += 1
        content = text.strip()
        column = len(text) - len(text.lstrip()) + 1
    return line, column + offset
