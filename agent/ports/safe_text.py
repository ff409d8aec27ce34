"""Text that leaves the house, made harmless: every notifier passes its message through `safe`.

What a page says comes in part from labels, and labels come from anybody. Control characters could
rewrite a terminal or a header, direction marks could turn a sentence round, and `@everyone` could
wake a company. Length is bounded here too, because a channel that cuts silently cuts the next safe
step, which stands last. `safe` is idempotent.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from agent.ports.plugin import Message

TEXT_CHARACTERS = 1024
TITLE_CHARACTERS = 250
WORD_CHARACTERS = 250
"""Bound of a receiver, a severity and an id."""
CUT = " […cut]"

_BREAK = "\u200b"
"""Zero width space: the reader sees the same word, the chat service no mention."""
_MENTIONS = re.compile(r"@(?=(?:everyone|here|channel|all|room|group|team)\b)|<(?=[!@#])", re.I)
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def safe(message: Message) -> Message:
    """The message with control characters out, mentions broken and every field bounded."""
    return replace(
        message,
        to=cut(one_line(message.to), WORD_CHARACTERS),
        title=cut(without_mentions(one_line(message.title)), TITLE_CHARACTERS),
        text=cut(without_mentions(block(message.text)), TEXT_CHARACTERS),
        severity=cut(one_line(message.severity), WORD_CHARACTERS),
        incident_id=cut(one_line(message.incident_id), WORD_CHARACTERS),
        link=one_line(message.link),
    )


def one_line(text: str) -> str:
    """One line without control, direction and half characters."""
    return " ".join(_clean(text).split())


def block(text: str) -> str:
    """Lines without control, direction and half characters; no space at their ends."""
    lines = (_clean(line).rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    return "\n".join(lines).strip("\n")


def with_link(message: Message) -> str:
    """The text, and the link below it where the text does not hold it already."""
    if not message.link or message.link in message.text:
        return message.text
    return f"{message.text}\n\n{message.link}"


def without_mentions(text: str) -> str:
    """Breaks what chat services read as a call to many people (`@everyone`, `<!channel>`)."""
    return _MENTIONS.sub(lambda found: found[0] + _BREAK, text)


def cut(text: str, characters: int) -> str:
    """At most `characters`, and visibly so where something is missing."""
    if len(text) <= characters:
        return text
    return text[: characters - len(CUT)].rstrip() + CUT


def _clean(text: str) -> str:
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    if unicodedata.category(character) not in _HARMFUL:
        return character
    return " " if character.isspace() else ""
