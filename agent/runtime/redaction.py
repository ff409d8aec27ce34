"""Secrets that are known by their value are taken out of whatever is kept or told.

Plugins, processes and receivers repeat what they were given: in the text of an error, in a line of
a log, in a header that is echoed. Where a secret is known (known_secrets.py) it is replaced by
`***`:

- in an alert and in all else that is received, before it is decided about or stored: in its texts
  and in the keys of its mappings. A label that was changed is flagged, and what is flagged is never
  used for targeting (core/cleaning.py), so that no other thing is acted on for it;
- in the outcome of a command, before it is decided about or stored. The command itself stays as it
  was decided: it is ours, and to change it would be to forget what was done;
- in the body and the reason of what goes to quarantine, and in each line of the log.

Statuses, reasons and other words of our own stay, and names of the catalog are never taken for
secrets. What Homeostat never knew it cannot find: a token that is configured as a digest is not
looked for.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from agent.model.event import AlertReceived

MASK = "***"
SHORTEST = 8
"""What is shorter would be found inside of ordinary words. It is also the size of the windows in
which a text is looked through, so it has to be that of a machine word (`Q`)."""
SHORTEST_CUT = 200
"""Nobody cuts a text to fewer characters than this; what is shorter ends where it was meant to."""
_CUT = re.compile(r"\.\.\.\[\d+ characters [0-9a-f]{16}\]\Z")
"""What `core.cleaning` writes at the end of a text it cut."""

S = TypeVar("S", bound=msgspec.Struct)


class Redaction:
    """Knows the secrets of this process. What holds none costs one pass over its bytes, however
    many secrets there are."""

    def __init__(self) -> None:
        self._words: dict[int, tuple[str, ...]] = {}
        """By their first bytes, as the number these are in memory."""
        self._heads: frozenset[int] = frozenset()

    def know(self, secrets: Iterable[str]) -> None:
        """Adds to what is known: an old secret may still be under way after a new one is."""
        words = {form for secret in secrets for form in _forms(secret)}
        words |= {word for known in self._words.values() for word in known}
        found: dict[int, list[str]] = {}
        for word in sorted(words):
            found.setdefault(int.from_bytes(_bytes(word)[:SHORTEST], sys.byteorder), []).append(
                word
            )
        self._words = {head: tuple(those) for head, those in found.items()}
        self._heads = frozenset(found)

    def text(self, text: str) -> str:
        for word in self._likely(_bytes(text)):
            text = text.replace(word, MASK)
        return text

    def raw(self, body: bytes) -> bytes:
        for word in self._likely(body):
            body = body.replace(_bytes(word), MASK.encode())
        return body

    def of(self, struct: S) -> S:
        """The same without secrets in any of its texts, also without the beginning of one at the
        end of a text that was cut; the very same where there are none."""
        if not self._heads:
            return struct
        try:
            if not self._likely(msgspec.json.encode(struct)):
                return struct
        except (TypeError, ValueError):
            pass  # what cannot be JSON is looked through piece by piece
        masked: Any = self._value(struct)
        if isinstance(struct, AlertReceived):
            flags = _changed(struct.alert.labels, masked.alert.labels)
            alert = msgspec.structs.replace(masked.alert, flags=(*masked.alert.flags, *flags))
            masked = msgspec.structs.replace(masked, alert=alert)
        shown: S = masked
        return shown

    def _likely(self, body: bytes) -> list[str]:
        """Secrets whose first bytes stand in there, longest first: a secret may be a part of
        another one, and the longer is to go as a whole."""
        if not self._heads:
            return []
        found: set[int] = set()
        view = memoryview(body)
        for start in range(min(SHORTEST, len(body) - SHORTEST + 1)):
            windows = view[start : start + (len(body) - start) // SHORTEST * SHORTEST].cast("Q")
            if not self._heads.isdisjoint(windows):
                found |= self._heads.intersection(windows)
        words = (word for head in found for word in self._words[head])
        return sorted(words, key=lambda word: (-len(word), word))

    def _told(self, text: str) -> str:
        likely = self._likely(_bytes(text))
        may_be_cut = len(text) >= SHORTEST_CUT
        for word in likely:
            text = text.replace(word, MASK)
        if not likely or not may_be_cut:
            return text
        mark = _CUT.search(text)
        end = mark.start() if mark is not None else len(text)
        for word in likely:
            start = text.rfind(word[:SHORTEST], 0, end)
            if start >= 0 and word.startswith(text[start:end]):
                return text[:start] + MASK + text[end:]
        return text

    def _value(self, value: Any) -> Any:
        if type(value) is str:  # and not a status or a reason, which are words of our own
            return self._told(value)
        if isinstance(value, msgspec.Struct):
            fields = {name: getattr(value, name) for name in value.__struct_fields__}
            changed = {
                name: after
                for name, before in fields.items()
                if (after := self._value(before)) is not before and after != before
            }
            return msgspec.structs.replace(value, **changed) if changed else value
        if isinstance(value, Mapping):
            return {self._value(key): self._value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | frozenset | set):
            return type(value)(self._value(item) for item in value)
        return value


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """A flag for each label that says something else now."""
    for name in after:
        if name in before and after[name] != before[name]:
            yield f"masked:{name[:64]}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _forms(secret: str) -> Iterator[str]:
    """As it stands, and as it looks in JSON, in an address, and in base64 (basic authorization)."""
    if len(secret) < SHORTEST:
        return
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(_bytes(secret), safe="")
    yield base64.b64encode(_bytes(secret)).decode().rstrip("=")
