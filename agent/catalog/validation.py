"""From pydantic's errors to faults with a place in the file.

Documents are validated strictly, as JSON would be: lists become tuples and text becomes an enum,
but `yes` does not become true and "5" does not become 5. Pydantic names the place of an error by a
path that also mentions branches of unions and such; here it is walked along the document, and what
is not in the document is left out. For an unknown key the model is walked as well, to know which
keys the writer may have meant.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from agent.catalog.document import Document, Path, Step, written
from agent.catalog.faults import FaultsError, nearest, shown, suggest
from agent.model.fault import Fault

M = TypeVar("M", bound=BaseModel)


class Written(BaseModel):
    """Something a person writes: unknown keys are errors, and it does not change once read.

    A validator that runs before pydantic's own turns what it returns into Python values, which the
    strict mode takes as they are: it has to return a tuple for a tuple and a member for an enum.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Problem(NamedTuple):
    """One thing wrong in data, at a path within that data."""

    path: Path
    on_key: bool
    """It is about the key at the end of the path and not about its value."""
    kind: str
    """Pydantic's word for it."""
    message: str
    remedy: str
    meant: str = ""
    """For an unknown key: the known one it nearly is."""
    code: str = ""
    """Where it has a code of its own."""


def validate(document: Document, model: type[M], *, code: str) -> M:
    """The document as this model. Raises FaultsError with every fault of it, with this code where
    it has none of its own."""
    found, problems = read(document.data, model)
    if found is None:
        raise FaultsError(fault_at(document, problem, problem.path, code) for problem in problems)
    return found


def read(data: Any, model: type[M]) -> tuple[M | None, tuple[Problem, ...]]:
    """The data as this model, or all that is wrong with it."""
    try:
        return model.model_validate_json(json.dumps(data), strict=True), ()
    except ValidationError as error:
        details = [d for d in error.errors(include_url=False) if not _is_echo(d)]
        return None, tuple(_problem(data, model, detail) for detail in details)


def fault_at(document: Document, problem: Problem, path: Path, code: str) -> Fault:
    """The problem as a fault of the document, where its path leads to."""
    line, column = document.mark(path, key=problem.on_key)
    return Fault(
        file=document.file,
        line=line,
        column=column,
        code=problem.code or code,
        message=problem.message,
        path=written(path),
        remedy=problem.remedy,
    )


def _is_echo(detail: ErrorDetails) -> bool:
    """Items that are wrong are not counted by pydantic, which then calls a full list too short."""
    context = detail.get("ctx") or {}
    found = detail["input"]
    return (
        detail["type"] == "too_short"
        and isinstance(found, list)
        and len(found) >= int(context.get("min_length", 0))
    )


def _problem(data: Any, model: type[BaseModel], detail: ErrorDetails) -> Problem:
    kind = detail["type"]
    loc = detail["loc"]
    on_key = bool(loc) and loc[-1] == "[key]"
    if on_key:
        loc = loc[:-1]
    missing = kind == "missing"
    path, models = _walk(data, model, loc[:-1] if missing else loc)
    meant = ""
    if kind == "extra_forbidden":
        on_key = True
        meant = nearest(str(path[-1]), _keys_of(models))
    if missing:
        path = (*path, loc[-1])
    message, remedy = _said(detail, path, models)
    code = str((detail.get("ctx") or {}).get("code", "")) if kind == "wrong" else ""
    return Problem(path, on_key, kind, message, remedy, meant, code)


def _said(detail: ErrorDetails, path: Path, models: Iterable[type[BaseModel]]) -> tuple[str, str]:
    kind = detail["type"]
    context: Mapping[str, Any] = detail.get("ctx") or {}
    last = str(path[-1]) if path else ""
    if kind == "wrong":
        return str(context["message"]), str(context["remedy"])
    if kind == "missing":
        return f"key {shown(last)} is missing", "add it"
    if kind == "extra_forbidden":
        return f"unknown key {shown(last)}", suggest(last, _keys_of(models), what="known keys")
    said = _PLAIN.get(kind)
    if said is not None:
        return said(detail["input"], context)
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message[:1].lower() + message[1:], ""


def _kind_of(value: object) -> str:
    """What was found, in words of the file."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    return "a list" if isinstance(value, list) else "a mapping"


def _choice(value: object, context: Mapping[str, Any]) -> tuple[str, str]:
    expected = str(context.get("expected", ""))
    words = [w.strip().strip("'") for w in expected.replace(" or ", ", ").split(",")]
    remedy = (
        suggest(value, words, what="one of") if isinstance(value, str) else f"one of: {expected}"
    )
    return f"{_kind_of(value)} is not one of the possible values", remedy


def _text(value: object, _: Mapping[str, Any]) -> tuple[str, str]:
    if isinstance(value, bool | int | float):
        word = _kind_of(value).removeprefix("the number ")
        return f"text is expected here, not {_kind_of(value)}", f'quote it: "{word}"'
    return f"text is expected here, not {_kind_of(value)}", "write text"


def _expects(what: str, remedy: str) -> Callable[[object, Mapping[str, Any]], tuple[str, str]]:
    def say(value: object, _: Mapping[str, Any]) -> tuple[str, str]:
        return f"{what} is expected here, not {_kind_of(value)}", remedy

    return say


def _too_short(value: object, context: Mapping[str, Any]) -> tuple[str, str]:
    found, least = context.get("actual_length"), context.get("min_length")
    return f"the list is too short: {found} items, not {least} or more", "add what is missing"


def _empty_text(value: object, context: Mapping[str, Any]) -> tuple[str, str]:
    least = context.get("min_length")
    what = "the text is empty" if least == 1 else f"the text is shorter than {least} characters"
    return what, "write it, or take the key away"


def _long_text(value: object, context: Mapping[str, Any]) -> tuple[str, str]:
    return f"the text is longer than {context.get('max_length')} characters", "shorten or split it"


def _form(value: object, context: Mapping[str, Any]) -> tuple[str, str]:
    return f"{_kind_of(value)} does not match pattern {context.get('pattern')}", "write it so"


_PLAIN: Mapping[str, Callable[[object, Mapping[str, Any]], tuple[str, str]]] = {
    "string_type": _text,
    "literal_error": _choice,
    "enum": _choice,
    "too_short": _too_short,
    "string_too_short": _empty_text,
    "string_pattern_mismatch": _form,
    "string_too_long": _long_text,
    "bool_type": _expects("true or false", "write true or false, unquoted"),
    "bool_parsing": _expects("true or false", "write true or false, unquoted"),
    "int_type": _expects("a whole number", "write a number, unquoted"),
    "int_parsing": _expects("a whole number", "write a number, unquoted"),
    "float_type": _expects("a number", "write a number, unquoted"),
    "float_parsing": _expects("a number", "write a number, unquoted"),
    "list_type": _expects("a list", "write the items as a list: [..., ...]"),
    "tuple_type": _expects("a list", "write the items as a list: [..., ...]"),
    "set_type": _expects("a list", "write the items as a list: [..., ...]"),
    "frozen_set_type": _expects("a list", "write the items as a list: [..., ...]"),
    "dict_type": _expects("a mapping", "write it as key: value"),
    "model_type": _expects("a mapping", "write it as key: value"),
    "model_attributes_type": _expects("a mapping", "write it as key: value"),
}


def _walk(
    data: Any, model: type[BaseModel], loc: Sequence[Step]
) -> tuple[Path, tuple[type[BaseModel], ...]]:
    """The part of pydantic's path that is in the document, and the models its parent may be of.

    A word that is not a key where it stands is the name of a branch of a union: it narrows.
    """
    path: list[Step] = []
    types: tuple[Any, ...] = (model,)
    around = types
    for step in loc:
        if isinstance(data, dict) and step in data:
            data = data[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            branch = tuple(t for t in types if getattr(t, "__name__", None) == step)
            types = branch or types
            continue
        path.append(step)
        around, types = types, tuple(t for parent in types for t in _inside(parent, step))
    return tuple(path), _models(around)


def _models(types: Iterable[Any]) -> tuple[type[BaseModel], ...]:
    return tuple(t for t in types if isinstance(t, type) and issubclass(t, BaseModel))


def _inside(parent: Any, step: Step) -> tuple[Any, ...]:
    """The types a value at this step may have."""
    if isinstance(parent, type) and issubclass(parent, BaseModel):
        for name, field in parent.model_fields.items():
            if step in (name, field.alias, field.validation_alias):
                return _branches(field.annotation)
        return ()
    arguments = get_args(parent)
    origin = get_origin(parent)
    if not arguments or not isinstance(origin, type):
        return ()
    if issubclass(origin, Mapping):
        return _branches(arguments[-1])
    if origin is tuple and isinstance(step, int) and arguments[-1] is not Ellipsis:
        return _branches(arguments[step]) if step < len(arguments) else ()
    return _branches(arguments[0])


def _branches(annotation: Any) -> tuple[Any, ...]:
    """An annotation without its wrapping: each type of a union, what is annotated."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _branches(get_args(annotation)[0])
    if origin not in (Union, UnionType):
        return (annotation,)
    return tuple(t for part in get_args(annotation) for t in _branches(part))


def _keys_of(models: Iterable[type[BaseModel]]) -> set[str]:
    return {field.alias or name for model in models for name, field in model.model_fields.items()}
