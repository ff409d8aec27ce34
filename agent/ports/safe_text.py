"""Text that leaves the house, made harmless: every notifier passes its message through `safe`.

What a page says comes in part from labels, and labels come from anybody. Control characters could
rewrite a terminal or a header, direction marks could turn a sentence round, and `@everyone` could
wake a company. Length is bounded here too, because a channel that cuts silently cuts the next safe
step, which stands last: what is cut says how much is missing, and where all of it stands. Providers
count in different units, so a cut is told how to count. `safe` is idempotent.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import replace

from agent.model.on_call import Telling
from agent.ports.plugin import Message

TEXT_CHARACTERS = 4000
TITLE_CHARACTERS = 250
WORD_CHARACTERS = 250
"""Bound of a receiver, a severity and an id."""
TOPIC_CHARACTERS = 1000
LINK_CHARACTERS = 1500
"""A longer link is left out: a link that is cut leads elsewhere."""
LOOKED_AT = 4
"""How many times its bound a text is looked at: cleaning a megabyte would hold everything up."""

Size = Callable[[str], int]

_BREAK = "\u200b"
"""Zero width space: the reader sees the same word, the chat service no mention."""
_MENTIONS = re.compile(r"@(?=(?:everyone|here|channel|all|room|group|team)\b)|<(?=[!@#])", re.I)
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_HTTP = re.compile(r"https?://[^\s<>|\"'`\\]+")

_SAID: Mapping[Telling, str] = {
    Telling.UPDATE: "Update",
    Telling.ACKNOWLEDGED: "Acknowledged",
    Telling.RESOLVED: "Resolved",
    Telling.CHANGE: "Change",
}


def safe(message: Message) -> Message:
    """The message with control characters out, mentions broken and every field bounded."""
    link = one_line(message.link[: LINK_CHARACTERS + 1])
    if len(link) > LINK_CHARACTERS or not _HTTP.fullmatch(link):
        link = ""
    return replace(
        message,
        to=_bounded(message.to, WORD_CHARACTERS, one_line),
        title=_bounded(message.title, TITLE_CHARACTERS, one_line),
        text=_bounded(message.text, TEXT_CHARACTERS, block, link=link),
        severity=_bounded(message.severity, WORD_CHARACTERS, one_line),
        incident_id=_bounded(message.incident_id, WORD_CHARACTERS, one_line),
        link=link,
        topic=one_line(message.topic[:TOPIC_CHARACTERS]),
        who=_bounded(message.who, WORD_CHARACTERS, one_line),
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
    return f"{message.text}\n\n{message.link}".lstrip("\n")


def headline(message: Message) -> str:
    """The title with what this telling says of it, as in `Resolved by ada: pay-api hangs`.

    For channels that cannot change what they said before, and so have to say it anew.
    """
    said = _SAID.get(message.telling)
    if said is None:
        return message.title
    by = f" by {message.who}" if message.who else ""
    return f"{said}{by}: {message.title}" if message.title else f"{said}{by}"


def without_mentions(text: str) -> str:
    """Breaks what chat services read as a call to many people (`@everyone`, `<!channel>`)."""
    return _MENTIONS.sub(lambda found: found[0] + _BREAK, text)


def cut(text: str, most: int, *, size: Size = len, link: str = "", unseen: int = 0) -> str:
    """The text in at most `most` units of `size`, and where something is missing it says how many
    characters, and the link to all of it. `unseen` characters are missing already.

    Never between the halves of a character, and not between a letter and its accent.
    """
    if not unseen and size(text) <= most:
        return text
    marker = _marker(len(text) + unseen, link)
    if link and size(marker) > most // 2:
        marker = _marker(len(text) + unseen, "")
    if size(marker) >= most:
        return _start(text, most, size)
    kept = _start(text, most - size(marker), size).rstrip().removesuffix(_BREAK)
    missing = len(text) - len(kept) + unseen
    return kept + marker.replace(str(len(text) + unseen), str(missing), 1)


def utf8(text: str) -> int:
    """Size in bytes, as services written in Go count."""
    return len(text.encode("utf-8", "replace"))


def utf16(text: str) -> int:
    """Size in UTF-16 units, in which an emoji is two: a service that counts characters takes what
    fits by this count, whichever way it counts."""
    return len(text) + sum(1 for character in text if character > "\uffff")


def _marker(missing: int, link: str) -> str:
    return f" […{missing} characters more: {link}]" if link else f" […{missing} characters more]"


def _start(text: str, room: int, size: Size) -> str:
    """The longest beginning that fits, and does not end inside of what is seen as one sign."""
    length = bisect_right(range(len(text) + 1), room, key=lambda end: size(text[:end])) - 1
    while 0 < length < len(text) and _belongs_to_the_one_before(text[length]):
        length -= 1
    return text[: max(length, 0)]


def _belongs_to_the_one_before(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" or ord(character) in _SKIN_TONES


def _bounded(text: str, most: int, clean: Callable[[str], str], *, link: str = "") -> str:
    looked_at = text[: most * LOOKED_AT]
    unseen = len(text) - len(looked_at)
    return cut(without_mentions(clean(looked_at)), most, link=link, unseen=unseen)


def _clean(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    if unicodedata.category(character) not in _HARMFUL:
        return character
    return " " if character.isspace() else ""
