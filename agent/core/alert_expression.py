"""The PromQL an alert came with, from the address of the rule that raised it.

Prometheus sends with each alert a `generatorURL`: the address of its own page that shows the
expression, `http://prometheus:9090/graph?g0.expr=...&g0.tab=1`. The text comes from outside: it is
read, never run.
"""

from __future__ import annotations

import re

from agent.core.promql import skim
from agent.core.promql_tokens import PromqlError
from agent.core.promql_tree import Selector, walk

_KEY = "g0.expr"
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_CUT = re.compile(r"\.\.\.\[\d+ characters [0-9a-f]+\]$")


def expression_of(generator_url: str | None) -> str | None:
    """The expression in the address, or None where there is none."""
    _, found, query = (generator_url or "").partition("?")
    if not found:
        return None
    for pair in query.partition("#")[0].split("&"):
        key, _, value = pair.partition("=")
        if _plain(key) == _KEY:
            return _plain(value).strip() or None
    return None


def _plain(escaped: str) -> str:
    raw = escaped.replace("+", " ").encode(errors="replace")
    plain = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), raw)
    return plain.decode(errors="replace")


def is_cut(expression: str) -> bool:
    """Whether the address was too long to be kept whole (core/cleaning.py), so that this is half an
    expression. The half may read well."""
    return _CUT.search(expression) is not None


def metrics_of(expression: str | None) -> tuple[str, ...]:
    """Names of the metrics it selects, each once, in the order of writing. None where it cannot be
    read."""
    if not expression or is_cut(expression):
        return ()
    try:
        tree = skim(expression)
    except PromqlError:
        return ()
    selectors = [node for node in walk(tree) if isinstance(node, Selector)]
    names = [name for selector in selectors for name in _names(selector)]
    return tuple(dict.fromkeys(names))


def _names(selector: Selector) -> list[str]:
    named = [m.value for m in selector.matchers if m.label == "__name__" and m.op == "="]
    return [selector.name] if selector.name else named
