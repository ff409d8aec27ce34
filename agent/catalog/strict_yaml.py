"""YAML, read so that nobody is surprised.

YAML 1.1 turns `22:00` into 1320, `no` into false and `010` into 8; a hundred characters of aliases
unfold into gigabytes; a hundred thousand brackets end the process while libyaml's loader composes.
So nothing is composed before it is checked. Events are pulled one by one and counted; the scan
stops at the first that goes too deep, and values are made here, from a short list of forms: the
YAML 1.2 core scalars. What two YAML readers would understand differently is a fault and not a
guess. Keys are always text. Every fault names its place and the way out, and one reading tells as
many of them as can be known.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from agent.catalog.document import Document, Mark, Place, Step
from agent.catalog.faults import FaultsError, shown
from agent.catalog.validation import validate
from agent.model.fault import Fault

__all__ = ["Document", "FaultsError", "parse", "parse_all", "read_all", "read_one", "validate"]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_FAULTS = 100

TOO_LARGE = "HS101"
ENCODING = "HS102"
CHARACTER = "HS103"
SYNTAX = "HS104"
TAB = "HS105"
TOO_DEEP = "HS106"
TOO_MANY = "HS107"
ALIAS = "HS108"
MERGE = "HS109"
DUPLICATE = "HS110"
TAG = "HS111"
AMBIGUOUS = "HS112"
NUMBER = "HS113"
KEY = "HS114"
DOCUMENTS = "HS115"

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
    "\u202a-\u202e\u2066-\u2069]"  # these change the order in which the text is shown
)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_BEGINS_A_NUMBER = frozenset("+-.0123456789")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(:[0-9]{1,2})+(\.[0-9]*)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INT_DIGITS = 24
_INT_LIMIT = 2**63

_REMEDIES = (
    (
        "mapping values are not allowed",
        'quote a value that contains ": ", or check the indentation',
    ),
    ("could not find expected ':'", 'write "key: value"'),
    ("',' or ']'", "close the bracket, or put a comma between the items"),
    ("',' or '}'", "close the brace, or put a comma between the items"),
    ("unexpected end of stream", "close the quote"),
    ("did not find expected key", "line it up with the keys above, and close every quote"),
    ("'-' indicator", "line it up with the items above"),
    ("document start", 'begin the next document with "---"'),
)


def parse(text: str | bytes, *, file: str) -> Document:
    """The one document of this text. Raises FaultsError, also when there are none or several."""
    return _only(parse_all(text, file=file), file)


def read_one(text: str | bytes, *, file: str) -> Document:
    """The same, as `read_all` reads it."""
    return _only(read_all(text, file=file), file)


def _only(documents: list[Document], file: str) -> Document:
    if len(documents) == 1:
        return documents[0]
    if not documents:
        raise FaultsError(
            [_fault(file, (1, 1), DOCUMENTS, "the file is empty", "write a document")]
        )
    second = documents[1].root.mark
    remedy = 'take the "---" away, or move the rest into a file of its own'
    raise FaultsError(
        [_fault(file, second, DOCUMENTS, "only one document is allowed here", remedy)]
    )


def parse_all(text: str | bytes, *, file: str) -> list[Document]:
    """All documents of this text but the empty ones. Raises FaultsError with every fault found."""
    documents = read_all(text, file=file)
    faults = [fault for document in documents for fault in document.faults]
    if faults:
        raise FaultsError(faults)
    return documents


def read_all(text: str | bytes, *, file: str) -> list[Document]:
    """The same, where only what ends the reading is raised: what is wrong with one value or key
    (twice the same key, an alias, a tag, a number that could be another) is in `Document.faults`.
    """
    clean = _decoded(text, file)
    builder = _Builder(file)
    is_whole = True
    try:
        for event in yaml.parse(clean, Loader=_LOADER):
            if not builder.take(event):
                is_whole = False
                break
    except yaml.YAMLError as error:
        builder.faults.append(_syntax_fault(error, clean, file))
        is_whole = False
    if not is_whole or builder.faults:  # those left over belong to a document that is empty
        told = [fault for document in builder.documents for fault in document.faults]
        raise FaultsError([*told, *builder.faults])
    return builder.documents


def _fault(file: str, mark: Mark, code: str, message: str, remedy: str = "") -> Fault:
    line, column = mark
    return Fault(file=file, line=line, column=column, code=code, message=message, remedy=remedy)


def _decoded(text: str | bytes, file: str) -> str:
    """The text, when its size and every character of it are fit to be scanned."""
    if len(text) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES} bytes"
        raise FaultsError([_fault(file, (1, 1), TOO_LARGE, message, "split it")])
    if isinstance(text, bytes):
        text = _utf8(text, file)
    if text.startswith("\ufeff"):
        raise FaultsError([_byte_order_mark(file, "UTF-8")])
    faults = []
    for found in _FORBIDDEN.finditer(text):
        name = "NUL" if found[0] == "\0" else f"character U+{ord(found[0]):04X}"
        message = f"{name} is not allowed"
        faults.append(_fault(file, _mark_at(text, found.start()), CHARACTER, message, "remove it"))
        if len(faults) == MAX_FAULTS:
            break
    if faults:
        raise FaultsError(faults)
    if len(text.encode()) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES} bytes"
        raise FaultsError([_fault(file, (1, 1), TOO_LARGE, message, "split it")])
    return text


def _utf8(raw: bytes, file: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FaultsError([_byte_order_mark(file, "UTF-16")])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        mark = _mark_at(before, len(before))
        message = f"byte 0x{raw[error.start]:02X} is not UTF-8"
        raise FaultsError([_fault(file, mark, ENCODING, message, "save it as UTF-8")]) from None


def _byte_order_mark(file: str, encoding: str) -> Fault:
    message = f"the file begins with a byte order mark ({encoding})"
    return _fault(file, (1, 1), ENCODING, message, "save it as UTF-8 without byte order mark")


def _mark_at(text: str, index: int) -> Mark:
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _syntax_fault(error: yaml.YAMLError, text: str, file: str) -> Fault:
    problem = str(getattr(error, "problem", None) or "not YAML")
    at = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if at is None:
        return _fault(file, (1, 1), SYNTAX, problem)
    mark = (at.line + 1, at.column + 1)
    character = text[at.index : at.index + 1]
    if character == "\t" or " tab " in problem:
        return _fault(file, mark, TAB, "a tab is not allowed here", "use spaces, no tabs")
    context = getattr(error, "context", None)
    message = f"{problem} ({context})" if context else problem
    if "cannot start any token" in problem:
        remedy = f"quote the value that begins with {shown(character)}"
        return _fault(file, mark, SYNTAX, message, remedy)
    for fragment, remedy in _REMEDIES:
        if fragment in problem:
            return _fault(file, mark, SYNTAX, message, remedy)
    return _fault(file, mark, SYNTAX, message, "check indentation, quotes and brackets here")


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    data: dict[str, Any] | list[Any]
    mark: Mark
    within: dict[Step, Place] = field(default_factory=dict)
    keys: dict[Step, Mark] = field(default_factory=dict)
    is_key: bool = False
    awaits_key: bool = True
    key: str | None = None
    """Of the value that comes next; None where that value is thrown away."""
    key_mark: Mark = (1, 1)


class _Builder:
    """Takes events in order and makes documents and faults of them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.documents: list[Document] = []
        self._open: list[_Open] = []
        self._nodes = 0
        self._told = 0

    def take(self, event: Any) -> bool:
        """False: it is no use to read on."""
        start = event.start_mark
        mark = (start.line + 1, start.column + 1)
        if isinstance(event, yaml.NodeEvent):
            self._nodes += 1
            if self._nodes > MAX_NODES:
                self._complain(mark, TOO_MANY, f"more than {MAX_NODES} values", "split the file")
                return False
            self._node(event, mark)
            if len(self._open) > MAX_DEPTH:
                message = f"nested deeper than {MAX_DEPTH} levels"
                self._complain(mark, TOO_DEEP, message, "flatten it")
                return False
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self._open.pop()
            self._put(done.data, Place(done.mark, done.within, done.keys))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._directives(event, mark)
        return len(self.faults) + self._told < MAX_FAULTS

    def _complain(self, mark: Mark, code: str, message: str, remedy: str) -> None:
        self.faults.append(_fault(self.file, mark, code, message, remedy))

    def _directives(self, event: Any, mark: Mark) -> None:
        if event.tags:
            self._complain(mark, TAG, "tag directives are not allowed", "remove the %TAG line")

    def _node(self, event: Any, mark: Mark) -> None:
        if type(event) is yaml.AliasEvent:
            self._complain(
                mark, ALIAS, f"alias {shown(f'*{event.anchor}')} is not allowed", "write it out"
            )
            self._put(None, Place(mark))
            return
        if event.anchor is not None:
            name = shown(f"&{event.anchor}")
            self._complain(mark, ALIAS, f"anchor {name} is not allowed", "remove it")
        if event.tag is not None:
            remedy = "remove it; quote the value if it has to be text"
            self._complain(mark, TAG, f"tag {shown(event.tag)} is not allowed", remedy)
        if type(event) is yaml.ScalarEvent:
            self._scalar(event, mark)
            return
        is_key = self._at_key()
        if is_key and not any(outer.is_key for outer in self._open):
            self._complain(mark, KEY, "a key has to be text", "use a plain word as key")
        data: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(data=data, mark=mark, is_key=is_key))

    def _at_key(self) -> bool:
        return (
            bool(self._open) and isinstance(self._open[-1].data, dict) and self._open[-1].awaits_key
        )

    def _scalar(self, event: Any, mark: Mark) -> None:
        text: str = event.value
        plain = event.style is None or event.style == ""
        hidden = _FORBIDDEN.search(text) if event.style == '"' else None  # only there are escapes
        if hidden:
            message = f"the value contains character U+{ord(hidden[0]):04X}"
            self._complain(mark, CHARACTER, message, "remove the escape")
        if self._at_key():
            self._key(text, plain, mark)
        elif not self._open and plain and not text:
            return  # an empty document
        else:
            self._put(self._value(text, mark) if plain else text, Place(mark))

    def _key(self, text: str, plain: bool, mark: Mark) -> None:
        top = self._open[-1]
        top.awaits_key, top.key, top.key_mark = False, None, mark
        if plain and text == "<<":
            self._complain(mark, MERGE, 'merge key "<<" is not allowed', "write the keys out")
        elif plain and text in _NULL:
            self._complain(mark, KEY, "a key is missing or null", "write a key before the colon")
        elif plain and self._ambiguous(text, mark):
            return
        elif text in top.data:
            line, column = top.keys[text]
            remedy = f"the first is at {line}:{column}; keep one of them"
            self._complain(mark, DUPLICATE, f"duplicate key {shown(text)}", remedy)
        else:
            top.key = text

    def _put(self, value: Any, place: Place) -> None:
        """Hangs a finished value where it belongs."""
        if not self._open:
            faults = tuple(self.faults)
            self.faults.clear()
            self._told += len(faults)
            self.documents.append(Document(value, self.file, place, faults))
            return
        top = self._open[-1]
        if isinstance(top.data, list):
            top.within[len(top.data)] = place
            top.data.append(value)
        elif top.awaits_key:  # a collection or an alias as key; the complaint is made
            top.awaits_key, top.key = False, None
        else:
            if top.key is not None:
                top.data[top.key] = value
                top.within[top.key] = place
                top.keys[top.key] = top.key_mark
            top.awaits_key = True

    def _value(self, text: str, mark: Mark) -> Any:
        if text in _NULL:
            return None
        if text in _TRUTH:
            return _TRUTH[text]
        if text[0] not in _BEGINS_A_NUMBER:
            return text
        if _NOT_FINITE.fullmatch(text):
            self._complain(mark, NUMBER, f"{text} is not a number to work with", "write a number")
            return None
        if self._ambiguous(text, mark):
            return None
        for form, radix in ((_DECIMAL, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
            if form.fullmatch(text):
                return self._int(text, radix, mark)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                self._complain(mark, NUMBER, f"number {shown(text)} is too large", "quote it")
            return number
        return text

    def _ambiguous(self, text: str, mark: Mark) -> bool:
        if text[:1] not in _BEGINS_A_NUMBER:
            return False
        if _SEXAGESIMAL.fullmatch(text):
            message = f"{shown(text)} is a number to base 60 for some readers"
        elif _LEADING_ZERO.fullmatch(text):
            message = f"{shown(text)} is octal for some readers"
        else:
            return False
        self._complain(mark, AMBIGUOUS, message, f"quote it: {shown(text)}")
        return True

    def _int(self, text: str, radix: int, mark: Mark) -> int:
        number = int(text, radix) if len(text) <= _INT_DIGITS else _INT_LIMIT
        if not -_INT_LIMIT <= number < _INT_LIMIT:
            message = f"integer {shown(text, limit=24)} does not fit into 64 bits"
            self._complain(mark, NUMBER, message, "quote it if it is text")
            return 0
        return number
