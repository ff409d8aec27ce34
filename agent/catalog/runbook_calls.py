"""Calls of plugins in a runbook, held against what the plugin declares.

Parameters are validated by the plugin's own model at load. A value that begins with `=` is an
expression: its text is checked against the scope of its phase, and of its type only what can be
known (a bool cannot fill a text); the rest is validated again when it is worked out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from agent.catalog.document import Path, Step, written
from agent.catalog.expression_place import place
from agent.catalog.expressions import (
    RESERVED,
    CompiledExpression,
    ExpressionError,
    Scope,
    compile_expression,
    compile_predicate,
)
from agent.catalog.faults import suggest
from agent.catalog.runbook_plan_document import CallSection
from agent.catalog.runbook_reading import Reading
from agent.core import promql
from agent.core.promql_tokens import PromqlError
from agent.model.effect import Effect
from agent.model.fault import Fault, FaultSeverity
from agent.model.runbook import Call, Expression, Predicate
from agent.ports.plugin import Action, Diagnostic, Plugin, Verification

UNKNOWN_PLUGIN = "HS201"
"""No plugin of this name is loaded."""
PARAMETER = "HS202"
"""A parameter is unknown to the plugin, missing, or of the wrong type."""
WRONG_PLUGIN = "HS203"
"""The plugin is of another kind: an action in `diagnose`, a notifier in a plan."""
EXPRESSION = "HS204"
"""The expression cannot be compiled: an unknown name, a wrong type, a syntax error."""
PROMQL = "HS226"
"""An expression that is no PromQL."""
LATER_FACT = "HS205"
"""The expression reads what is known only in a later phase."""
IDENTIFIER = "HS212"
"""A name is used twice, or cannot be read in an expression."""

BEFORE = "before"
"""What `must_not_worsen` reads the earlier look under."""
DEFAULT_TARGET = "entity.name"

_READ_ID = re.compile(r"[a-z][a-z0-9_]*")
_SAMPLES: Mapping[str, Any] = {"BOOL": True, "INT": 1, "DOUBLE": 1.5}


class Checked:
    """One document while it is checked: what of it can be read, and the faults found so far.

    Paths are those of the data that was read; faults are told at those of the document.
    """

    def __init__(self, reading: Reading, text: str, plugins: Mapping[str, Plugin]) -> None:
        self.data = reading.data
        self.plugins = plugins
        self.faults: list[Fault] = []
        self._reading = reading
        self._text = text

    def is_broken(self, path: Path) -> bool:
        """Whether something there was left out, so that what is missing is no fault of its own."""
        return self._reading.is_broken(path)

    def original(self, path: Path) -> Path:
        """Where it stands in the document."""
        return self._reading.original(path)

    def is_end_broken(self, path: Path) -> bool:
        """Whether the last item of this list was left out, or something of it."""
        return self._reading.is_end_broken(path)

    def dropped(self, *path: Step) -> tuple[str, ...]:
        """Names that were left out at this path, and exist all the same."""
        return tuple(dict.fromkeys(self._reading.dropped(path)))

    @property
    def has_nameless(self) -> bool:
        """Whether a call was left out whose id is not known: any name may be its own."""
        return self._reading.has_nameless

    def complain(
        self,
        code: str,
        path: Path,
        message: str,
        remedy: str = "",
        *,
        key: bool = False,
        severity: FaultSeverity = FaultSeverity.ERROR,
    ) -> None:
        at = self._reading.original(path)
        mark = self._reading.document.mark(at, key=key)
        self._add(code, at, mark, message, remedy, severity)

    def _add(
        self,
        code: str,
        at: Path,
        mark: tuple[int, int],
        message: str,
        remedy: str,
        severity: FaultSeverity = FaultSeverity.ERROR,
    ) -> None:
        fault = Fault(
            file=self._reading.document.file,
            line=mark[0],
            column=mark[1],
            code=code,
            message=message,
            path=written(at),
            remedy=remedy,
            severity=severity,
        )
        self.faults.append(fault)

    def predicate(self, text: str, path: Path, scope: Scope) -> Predicate | None:
        try:
            return compile_predicate(text, scope)
        except ExpressionError as error:
            self._expression_faults(error, path, skip=0)
            return None

    def predicates(self, texts: Iterable[tuple[str, Path]], scope: Scope) -> tuple[Predicate, ...]:
        found = [self.predicate(text, path, scope) for text, path in texts]
        return tuple(p for p in found if p is not None)

    def expression(self, text: str, path: Path, scope: Scope) -> Expression | None:
        """`text` with its leading `=`."""
        skip = len(text) - len(text[1:].lstrip())
        try:
            return compile_expression(text[skip:], scope)
        except ExpressionError as error:
            self._expression_faults(error, path, skip=skip)
            return None

    def promql(self, text: str, path: Path) -> None:
        """Complains where Prometheus would not take it."""
        try:
            promql.read(text)
        except PromqlError as error:
            at = self._reading.original(path)
            start = self._reading.document.mark(at)
            mark = place(self._text.splitlines(), start, (error.line, error.column))
            self._add(PROMQL, at, mark, f"not PromQL: {error.message}", "")

    def _expression_faults(self, error: ExpressionError, path: Path, *, skip: int) -> None:
        at = self._reading.original(path)
        start = self._reading.document.mark(at)
        lines = self._text.splitlines()
        for problem in error.problems:
            is_lost = problem.message.startswith("unknown name")
            is_lost = is_lost or (problem.is_later and at[:1] == ("plans",))
            if is_lost and self.has_nameless:
                continue
            mark = place(lines, start, (problem.line, problem.column), skip=skip)
            code = LATER_FACT if problem.is_later else EXPRESSION
            self._add(code, at, mark, problem.message, problem.remedy)


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
    if is_fact and (name in RESERVED or name == BEFORE or not _READ_ID.fullmatch(name)):
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
            params["target"] = _default_target()
        if not checked.is_broken(path):
            _check_params(checked, plugin.params, section, params, at)
    return Call(id=section.id, use=section.use, params=params, timeout_seconds=section.timeout)


@cache
def _default_target() -> CompiledExpression:
    """The same for every step: what kind of thing it is about makes no difference to its name."""
    return compile_expression(DEFAULT_TARGET, Scope())


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
    target = section.with_.get("target", DEFAULT_TARGET)
    if target is None or (isinstance(target, str) and not target.strip()):
        remedy = "write what is meant, or take it away: then it is the entity"
        checked.complain(PARAMETER, (*at, "with", "target"), "parameter target is empty", remedy)
        return
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


@lru_cache(maxsize=4096)
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    annotation: Any = model.model_fields[name].annotation
    return TypeAdapter(annotation)


def _check_type(
    checked: Checked, model: type[BaseModel], name: str, value: CompiledExpression, path: Path
) -> None:
    sample = _SAMPLES.get(value.kind)
    if sample is None:
        return
    try:
        _adapter(model, name).validate_python(sample)
    except ValidationError as error:
        kinds = {detail["type"] for detail in error.errors(include_url=False)}
        if kinds <= {"string_type", "list_type", "dict_type", "none_required"}:
            message = f"{value.text} is {value.kind.lower()}, which parameter {name} cannot be"
            checked.complain(PARAMETER, path, message)
