"""Alerts in the forms people have them: one as JSON, a list, what a source reads (a webhook of
Alertmanager, an answer of its API), or one on each line.

Somebody who wrote an alert down by hand, or a tool that turned YAML into JSON, writes 0.99 and true
for values of labels. In an alert every such value is text, so that is what they are taken as.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from agent.interface.times import from_rfc3339
from agent.model.alert import Alert, AlertStatus
from agent.model.errors import Unparseable
from agent.ports.plugin import PushSource

NO_ALERT = (
    "no alert in it: an object with `labels`, a list of them, one on each line, "
    "or what Alertmanager sends"
)
NAMES = ("alertname", "alert", "name")
"""Where a file says the name beside the labels, and not among them."""
EXPRESSIONS = ("expression", "expr")


def read_alerts(body: bytes, sources: Sequence[PushSource]) -> list[Alert]:
    """Raises Unparseable, with the line where only one of many cannot be read."""
    data = _decoded(body)
    said = data if isinstance(data, list) else [data]
    if isinstance(data, Mapping) and isinstance(data.get("alerts"), list):
        said = data["alerts"]
        inner = [_as_text(a) if isinstance(a, Mapping) else a for a in said]
        if found := _first_reader(json.dumps({**data, "alerts": inner}).encode(), sources):
            return found
    over: set[frozenset[tuple[str, str]]] = set()
    if said and all(_is_alert(one) for one in said):
        plain = [_plain(one) for one in said]
        over = {
            frozenset(read["labels"].items())
            for one, read in zip(said, plain, strict=True)
            if one.get("status") == AlertStatus.RESOLVED.value
        }
        body = json.dumps(plain).encode()
    found = _first_reader(body, sources)
    if not found:
        raise Unparseable(NO_ALERT)
    return [
        msgspec.structs.replace(alert, status=AlertStatus.RESOLVED)
        if frozenset(alert.labels.items()) in over
        else alert
        for alert in found
    ]


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        lines = [(n, line) for n, line in enumerate(body.splitlines(), 1) if line.strip()]
        if len(lines) < 2:
            raise Unparseable(f"not JSON: {error}") from None
    found = []
    for number, line in lines:
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise Unparseable(f"line {number} is not JSON: {error}") from None
    return found


def _is_alert(one: Any) -> bool:
    return isinstance(one, Mapping) and isinstance(one.get("labels"), Mapping)


def _plain(one: Mapping[str, Any]) -> dict[str, Any]:
    """The alert as Alertmanager's API has it, firing; one that says of itself that it is resolved
    gets that back once it is read."""
    written = _as_text(one)
    name = next((str(one[n]) for n in NAMES if isinstance(one.get(n), str)), None)
    if name is not None:
        written["labels"] = {"alertname": name, **written["labels"]}
    plain = {"labels": written["labels"], "annotations": written.get("annotations", {})}
    expression = next((one[n] for n in EXPRESSIONS if isinstance(one.get(n), str)), None)
    if isinstance(one.get("generatorURL"), str):
        plain["generatorURL"] = one["generatorURL"]
    elif expression is not None:
        plain["generatorURL"] = "http://rules/graph?" + urlencode({"g0.expr": expression})
    if _is_time(one.get("startsAt")):
        plain["startsAt"] = one["startsAt"]  # how long it has fired decides whether it is acted on
    return plain


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and from_rfc3339(value) > 0
    except (ValueError, OverflowError):
        return False


def _as_text(alert: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(alert)
    for part in ("labels", "annotations"):
        if isinstance(alert.get(part), Mapping):
            changed[part] = {name: _text(value) for name, value in alert[part].items()}
    return changed


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _first_reader(body: bytes, sources: Sequence[PushSource]) -> list[Alert]:
    for source in sources:
        try:
            found = [s for s in source.signals(body, {}) if isinstance(s, Alert)]
        except Unparseable:
            continue  # another may read it
        if found:
            return found
    return []
