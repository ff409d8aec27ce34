"""Finds metrics where they are created, so that the list in the reference is complete.

Both styles are known: `meter.create_counter("name", description="...")` of OpenTelemetry and
`Counter("name", "...")` of prometheus_client. Names are given as `/metrics` shows them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

KINDS = {
    "create_counter": "counter",
    "create_observable_counter": "counter",
    "create_up_down_counter": "gauge",
    "create_gauge": "gauge",
    "create_observable_gauge": "gauge",
    "gauge": "gauge",
    "create_histogram": "histogram",
    "Counter": "counter",
    "Gauge": "gauge",
    "Histogram": "histogram",
}
UNITS = {"s": "seconds", "By": "bytes"}


def metrics_in(path: Path) -> Iterator[tuple[str, str, str]]:
    """Name, kind and help of every instrument this file creates."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        kind = KINDS.get(getattr(node.func, "attr", getattr(node.func, "id", "")))
        texts = [one.value for one in node.args if is_text(one)]
        named = {k.arg: k.value.value for k in node.keywords if is_text(k.value)}
        if kind is None or not texts:
            continue
        said = named.get("description") or (texts[1] if len(texts) > 1 else "")
        yield f"`{shown(texts[0], kind, named.get('unit', ''))}`", kind, said


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def shown(name: str, kind: str, unit: str) -> str:
    parts = [name.replace(".", "_"), UNITS.get(unit, ""), "total" if kind == "counter" else ""]
    return "_".join(part for part in parts if part)
