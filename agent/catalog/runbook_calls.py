"""Calls of plugins in a runbook, held against what the plugin declares.

Parameters are validated by the plugin's own model at load. A value that begins with `=` is an
expression: its text is checked against the scope of its phase, and of its type only what can be
known (a bool cannot fill a text); the rest is validated again when it is worked out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from agent.catalog.document import Document, Path, written
from agent.catalog.expression_place import place
from agent.catalog.expressions import (
    RESERVED,
    CompiledExpression,
    CompiledPredicate,
    ExpressionError,
    Scope,
    compile_expression,
    compile_predicate,
)
from agent.catalog.faults import suggest
from agent.catalog.runbook_document import CallSection
from agent.model.effect import Effect
from agent.model.fault import Fault
from agent.model.runbook import Call
from agent.ports.plugin import Action, Diagnostic, Plugin, Verification

SHAPE = "HS200"
UNKNOWN_PLUGIN = "HS201"
PARAMETER = "HS202"
WRONG_PLUGIN = "HS203"
EXPRESSION = "HS204"
LATER_FACT = "HS205"
IDENTIFIER = "HS212"

DEFAULT_TARGET = "entity.name"
_READ_ID = re.compile(r"[a-z][a-z0-9_]*")
_SAMPLES: Mapping[str, Any] = {"BOOL": True, "INT": 1, "DOUBLE": 1.5}


class Checked:
    """One document while it is checked: where its values stand, and the faults found so far."""

    def __init__(self, document: Document, text: str, plugins: Mapping[str, Plugin]) -> None:
        self.document = document
        self.plugins = plugins
        self.faults: list[Fault] = []
        self._lines = text.splitlines()

    def complain(
        self, code: str, path: Path, message: str, remedy: str = "", *, key: bool = False
    ) -> None:
        line, column = self.document.mark(path, key=key)
        self._add(code, path, (line, column), message, remedy)

    def _add(self, code: str, path: Path, mark: tuple[int, int], message: str, remedy: str) -> None:
        fault = Fault(
            file=self.document.file,
            line=mark[0],
            column=mark[1],
            code=code,
            message=message,
            path=written(path),
            remedy=remedy,
        )
        self.faults.append(fault)

    def predicate(self, text: str, path: Path, scope: Scope) -> CompiledPredicate | None:
        try:
            return compile_predicate(text, scope)
        except ExpressionError as error:
            self._expression_faults(error, path, skip=0)
            return None

    def expression(self, text: str, path: Path, scope: Scope) -> CompiledExpression | None:
        """`text` with its leading `=`."""
        skip = len(text) - len(text[1:].lstrip())
        try:
            return compile_expression(text[skip:], scope)
        except ExpressionError as error:
            self._expression_faults(error, path, skip=skip)
            return None

    def _expression_faults(self, error: ExpressionError, path: Path, *, skip: int) -> None:
        start = self.document.mark(path)
        for problem in error.problems:
            mark = place(self._lines, start, (problem.line, problem.column), skip=skip)
            code = LATER_FACT if problem.is_later else EXPRESSION
            self._add(code, path, mark, problem.message, problem.remedy)


def read_calls(
    checked: Checked, sections: Sequence[CallSection], path: Path, scope: Scope
) -> tuple[Call, ...]:
    """Diagnostics of `diagnose` or `verify.observe`."""
    calls = []
    seen: set[str] = set()
    for number, section in enumerate(sections):
        at = (*path, number)
        _check_id(checked, section.id, (*at, "id"), seen, is_fact=True)
        plugin = _plugin(checked, section.use, (*at, "use"))
        if isinstance(plugin, Action):
            harm = "changes things" if plugin.effect is not Effect.READ else "is an action"
            message = f"{section.use} {harm}; only diagnostics may run here"
            checked.complain(WRONG_PLUGIN, (*at, "use"), message, "move it into a plan's steps")
            plugin = None
        elif plugin is not None and not isinstance(plugin, (Diagnostic, Verification)):
            message = f"{section.use} is a {plugin.kind.replace('_', ' ')}"
            checked.complain(WRONG_PLUGIN, (*at, "use"), message, "use a diagnostic")
            plugin = None
        calls.append(_call(checked, section, plugin, at, scope))
    return tuple(calls)


def act_calls(
    checked: Checked, sections: Sequence[CallSection], path: Path, scope: Scope
) -> tuple[Call, ...]:
    """Actions of a plan's `steps` or `rollback`."""
    calls = []
    seen: set[str] = set()
    for number, section in enumerate(sections):
        at = (*path, number)
        _check_id(checked, section.id, (*at, "id"), seen, is_fact=False)
        plugin = _plugin(checked, section.use, (*at, "use"))
        if plugin is not None and not isinstance(plugin, Action):
            message = f"{section.use} is a {plugin.kind.replace('_', ' ')}, not an action"
            remedy = "move it into diagnose, or into verify.observe"
            checked.complain(WRONG_PLUGIN, (*at, "use"), message, remedy)
            plugin = None
        calls.append(_call(checked, section, plugin, at, scope))
    return tuple(calls)


def scope_after(
    sections: Sequence[CallSection], plugins: Mapping[str, Plugin], scope: Scope
) -> Scope:
    """The scope once these diagnostics have run."""
    for section in sections:
        plugin = plugins.get(section.use)
        if isinstance(plugin, (Diagnostic, Verification)):
            scope = scope.with_result(section.id, plugin.result)
        elif section.id not in RESERVED:
            scope = scope.with_unchecked(section.id)
    return scope


def _check_id(checked: Checked, name: str, path: Path, seen: set[str], *, is_fact: bool) -> None:
    if name in seen:
        checked.complain(IDENTIFIER, path, f"id {name} is used twice here", "rename one of them")
    seen.add(name)
    if is_fact and (name in RESERVED or not _READ_ID.fullmatch(name)):
        remedy = "use small letters, digits and _, and no word of the expression language"
        checked.complain(IDENTIFIER, path, f"{name} cannot be read in an expression", remedy)


def _plugin(checked: Checked, use: str, path: Path) -> Plugin | None:
    plugin = checked.plugins.get(use)
    if plugin is None:
        remedy = suggest(use, checked.plugins, what="loaded are")
        checked.complain(UNKNOWN_PLUGIN, path, f"unknown plugin {use}", remedy)
    return plugin


def _call(
    checked: Checked, section: CallSection, plugin: Plugin | None, at: Path, scope: Scope
) -> Call:
    path = (*at, "with")
    params = {
        name: _compiled(checked, value, (*path, name), scope)
        for name, value in section.with_.items()
    }
    if isinstance(plugin, (Action, Diagnostic, Verification)):
        declared = plugin.params.model_fields.get("target")
        wants = declared is not None and (isinstance(plugin, Action) or declared.is_required())
        if wants and "target" not in params:
            params["target"] = compile_expression(DEFAULT_TARGET, scope)
        _check_params(checked, plugin.params, section, params, at)
    return Call(id=section.id, use=section.use, params=params, timeout_seconds=section.timeout)


def _compiled(checked: Checked, value: Any, path: Path, scope: Scope) -> Any:
    if isinstance(value, str) and value.startswith("="):
        found = checked.expression(value, path, scope)
        return value if found is None else found
    if isinstance(value, dict):
        return {k: _compiled(checked, v, (*path, k), scope) for k, v in value.items()}
    if isinstance(value, list):
        return [_compiled(checked, v, (*path, n), scope) for n, v in enumerate(value)]
    return value


def _has_expression(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_expression(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return any(_has_expression(v) for v in value)
    return isinstance(value, CompiledExpression) or (
        isinstance(value, str) and value.startswith("=")
    )


def _check_params(
    checked: Checked,
    model: type[BaseModel],
    section: CallSection,
    params: Mapping[str, Any],
    at: Path,
) -> None:
    """What the model says of the written values; values still to be worked out are left out."""
    later = {name for name, value in params.items() if _has_expression(value)}
    given = {**dict.fromkeys(later), **section.with_}
    try:
        model.model_validate(given)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            loc = detail["loc"]
            is_unknown = detail["type"] == "extra_forbidden"
            if not is_unknown and ((not loc and later) or (loc and loc[0] in later)):
                continue
            _parameter_fault(checked, model, detail, at)
    for name in later & set(model.model_fields):
        value = params[name]
        if isinstance(value, CompiledExpression):
            _check_type(checked, model, name, value, (*at, "with", name))


def _parameter_fault(checked: Checked, model: type[BaseModel], detail: Any, at: Path) -> None:
    loc = detail["loc"]
    path = (*at, "with", *loc)
    name = str(loc[0]) if loc else ""
    known = [f.alias or n for n, f in model.model_fields.items()]
    if detail["type"] == "missing":
        message = f"parameter {'.'.join(map(str, loc))} is missing"
        checked.complain(PARAMETER, (*at, "use"), message, "add it under with")
    elif detail["type"] == "extra_forbidden":
        remedy = suggest(name, known, what="it has") if len(loc) == 1 else ""
        message = f"unknown parameter {'.'.join(map(str, loc))}"
        checked.complain(PARAMETER, path, message, remedy, key=True)
    else:
        remedy = str(detail.get("ctx", {}).get("remedy", ""))
        checked.complain(PARAMETER, path, f"parameter {name}: {detail['msg']}", remedy)


def _check_type(
    checked: Checked, model: type[BaseModel], name: str, value: CompiledExpression, path: Path
) -> None:
    sample = _SAMPLES.get(value.kind)
    if sample is None:
        return
    annotation: Any = model.model_fields[name].annotation
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        adapter.validate_python(sample)
    except ValidationError as error:
        kinds = {detail["type"] for detail in error.errors(include_url=False)}
        if kinds <= {"string_type", "list_type", "dict_type", "none_required"}:
            message = f"{value.text} is {value.kind.lower()}, which parameter {name} cannot be"
            checked.complain(PARAMETER, path, message)
