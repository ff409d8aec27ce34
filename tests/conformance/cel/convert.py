"""Makes cases.jsonl from the conformance tests of CEL, which are protocol buffers as text.

    go mod download -json cel.dev/expr@v0.25.3      # says where the module lies: `Dir`
    cd tests/conformance/cel && python convert.py DIR/tests/simple/testdata > cases.jsonl

Every case of the files in `FILES` becomes one line, whole: which of them are claimed and which are
left out is said by the test, not here. A value is written `[type, value]`, as in `["int", 5]`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = (
    "basic",
    "comparisons",
    "conversions",
    "fields",
    "fp_math",
    "integer_math",
    "lists",
    "logic",
    "macros",
    "namespace",
    "parse",
    "plumbing",
    "string",
    "timestamps",
)

_QUOTED = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_TOKEN = re.compile(
    r"\s+|\#[^\n]*"
    rf"|(?P<text>{_QUOTED}(?:\s*{_QUOTED})*)"
    r"|(?P<sign>[{}<>:;,])"
    r"|(?P<word>\[[^\]\n]+\]|[^\s{}<>:;,]+)"
)
_PART = re.compile(r"\"((?:\\.|[^\"\\])*)\"|'((?:\\.|[^'\\])*)'")
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_SIMPLE = {
    b"n": b"\n",
    b"t": b"\t",
    b"r": b"\r",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"v": b"\v",
}

Message = dict[str, list[Any]]


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if code[:1] in (b"u", b"U") and len(code) > 1:
        return chr(int(code[1:], 16)).encode()
    if code.isdigit():
        return bytes([int(code, 8)])
    return _SIMPLE.get(code, code)


def _text(token: str) -> bytes:
    parts = (double or single for double, single in _PART.findall(token))
    return b"".join(_ESCAPE.sub(_unescaped, part.encode()) for part in parts)


def _tokens(source: str) -> Iterator[tuple[str, Any]]:
    for found in _TOKEN.finditer(source):
        if found["text"]:
            yield "text", _text(found["text"])
        elif found["word"]:
            yield "word", found["word"]
        elif found["sign"]:
            yield "sign", found["sign"]


def _message(tokens: Iterator[tuple[str, Any]]) -> Message:
    """Fields up to the closing bracket: each a list, for it may come again."""
    found: Message = {}
    name = ""
    for sort, token in tokens:
        if sort == "sign" and token in "}>":
            return found
        if sort == "sign" and token in "{<":
            found.setdefault(name, []).append(_message(tokens))
            name = ""
        elif sort == "sign":
            continue
        elif name:
            found.setdefault(name, []).append(token)
            name = ""
        else:
            name = token
    return found


def _one(message: Message, name: str, default: Any = None) -> Any:
    return message.get(name, [default])[0]


def _string(raw: bytes | None) -> str:
    return (raw or b"").decode()


_PLAIN = {
    "int64_value": "int",
    "uint64_value": "uint",
    "double_value": "double",
    "bool_value": "bool",
}


def _value(message: Message) -> list[Any]:
    for name, kind in _PLAIN.items():
        if name in message:
            word = message[name][0]
            return [kind, word == "true" if kind == "bool" else word]
    if "string_value" in message:
        return ["string", _string(_one(message, "string_value"))]
    if "bytes_value" in message:
        return ["bytes", _one(message, "bytes_value").hex()]
    if "list_value" in message:
        return ["list", [_value(v) for v in _one(message, "list_value").get("values", [])]]
    if "map_value" in message:
        entries = _one(message, "map_value").get("entries", [])
        return ["map", [[_value(_one(e, "key")), _value(_one(e, "value"))] for e in entries]]
    if "type_value" in message:
        return ["type", _string(_one(message, "type_value"))]
    if "null_value" in message:
        return ["null", None]
    if "object_value" in message:
        return _object(_one(message, "object_value"))
    return ["other", sorted(message)]


def _object(message: Message) -> list[Any]:
    name, inner = next(iter(message.items()))
    kind = name.strip("[]").rpartition("/")[2]
    if kind in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
        seconds, nanos = _one(inner[0], "seconds", "0"), _one(inner[0], "nanos", "0")
        return [kind.rpartition(".")[2].lower(), [int(seconds), int(nanos)]]
    return ["message", kind]


def _type(message: Message) -> str:
    if "primitive" in message:
        return {"INT64": "int", "UINT64": "uint"}.get(
            _one(message, "primitive"), _one(message, "primitive").lower()
        )
    if "list_type" in message:
        return f"list<{_type(_one(_one(message, 'list_type'), 'elem_type'))}>"
    if "map_type" in message:
        inner = _one(message, "map_type")
        return f"map<{_type(_one(inner, 'key_type'))}, {_type(_one(inner, 'value_type'))}>"
    if "well_known" in message:
        return str(_one(message, "well_known")).lower()
    if "message_type" in message:
        return f"message {_string(_one(message, 'message_type'))}"
    return next(iter(message))


def _case(file: str, section: str, test: Message) -> dict[str, Any]:
    case: dict[str, Any] = {
        "name": f"{file}/{section}/{_string(_one(test, 'name'))}",
        "expr": _string(_one(test, "expr")),
    }
    names = {
        _string(_one(d, "name")): _type(_one(_one(d, "ident"), "type"))
        if "ident" in d
        else "function"
        for d in test.get("type_env", [])
    }
    bindings = {
        _string(_one(b, "key")): _value(_one(_one(b, "value"), "value", {}))
        for b in test.get("bindings", [])
    }
    flags = [f for f in ("disable_macros", "disable_check", "check_only") if f in test]
    container = _string(_one(test, "container"))
    more = {"names": names, "facts": bindings, "flags": flags, "container": container}
    case.update({key: found for key, found in more.items() if found})
    if "eval_error" in test:
        errors = _one(test, "eval_error").get("errors", [{}])
        case["error"] = _string(_one(errors[0], "message"))
    elif "value" in test:
        case["value"] = _value(_one(test, "value"))
    elif set(test) & {"typed_result", "any_eval_errors", "unknown", "any_unknowns"}:
        case["value"] = ["other", sorted(test)]
    else:
        case["value"] = ["bool", True]
    return case


def cases(folder: Path) -> Iterator[dict[str, Any]]:
    for file in FILES:
        source = (folder / f"{file}.textproto").read_text(encoding="utf-8")
        for section in _message(_tokens(source)).get("section", []):
            for test in section.get("test", []):
                yield _case(file, _string(_one(section, "name")), test)


if __name__ == "__main__":
    for found in cases(Path(sys.argv[1])):
        print(json.dumps(found, ensure_ascii=True, separators=(",", ":")))
