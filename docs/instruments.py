"""Finds metrics where they are created, so that the list in the reference is complete.

Both styles are known: `meter.create_counter("name", description="...")` of OpenTelemetry and
`Counter("name", "...")` of prometheus_client.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def metrics_in(path: Path) -> Iterator[tuple[str, str, str]]:
    """Instruments are found where they are created: by the name of the call, name and help."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        kind = called.removeprefix("create_").removeprefix("observable_")
        kind = {"up_down_counter": "gauge"}.get(kind, kind).lower()
        first = node.args[0]
        if kind not in ("counter", "gauge", "histogram") or not isinstance(first, ast.Constant):
            continue
        said = [k.value for k in node.keywords if k.arg == "description"] + node.args[1:]
        texts = [s.value for s in said if isinstance(s, ast.Constant) and isinstance(s.value, str)]
        yield f"`{first.value}`", kind, next(iter(sorted(texts, key=len, reverse=True)), "")
