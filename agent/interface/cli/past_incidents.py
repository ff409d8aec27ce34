"""An incident that is over, as the beginning of a runbook: its alert, what was found, and what was
done about it. It comes from the daemon, or without one from the site's own history or an export.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.catalog.settings import Settings
from agent.core.alert_expression import expression_of
from agent.core.facts import FAILED
from agent.core.identify import ENTITY_LABELS
from agent.interface.cli.client import Told, Unreachable, path_of, request
from agent.interface.cli.output import FOUND_WRONG, WRONG_USAGE, stop
from agent.interface.cli.runbook_scaffold import Step, Wish
from agent.interface.http.incident_json import incident_json
from agent.model.alert import AlertStatus, Layer
from agent.model.errors import HomeostatError
from agent.ports.plugin import Diagnostic
from agent.runtime.history import History, opened
from agent.runtime.registry import PluginRegistry

Past = Mapping[str, Any]
"""An incident in the shape of `GET /api/v1/incidents/{id}`, with `outside`: what people did
besides, in their own words."""
LONGEST = 300
MOST_FACTS = 8


def past_incident(incident_id: str, history: str, settings: Settings) -> Past:
    """From the file where one is named; else from the daemon, or where none answers from the
    database it left. Ends the command where it is not there."""
    if history:
        return _from_history(incident_id, settings.data_dir, Path(history))
    try:
        found = request("GET", path_of("api", "v1", "incidents", incident_id))
    except Told as told:
        stop(str(told), code=FOUND_WRONG)
    except Unreachable as unreachable:
        print(f"homeostat: {unreachable}; looking into {settings.data_dir}", file=sys.stderr)
        return _from_history(incident_id, settings.data_dir, None)
    return dict(found)


def _from_history(incident_id: str, data_dir: Path, exported: Path | None) -> Past:
    try:
        with opened(data_dir, exported) as history:
            return _found(history, incident_id)
    except OSError as error:
        stop(f"{exported or data_dir}: {error.strerror or error}", code=WRONG_USAGE)
    except HomeostatError as error:
        stop(str(error), code=FOUND_WRONG)


def _found(history: History, incident_id: str) -> Past:
    for incident in history.incidents():
        if incident.id == incident_id:
            timeline = list(enumerate(history.timelines([incident_id])[incident_id]))
            outside = [str(said) for _, entry in timeline for said in entry.data.get("outside", ())]
            return {**incident_json(incident, timeline), "outside": outside}
    stop(f"there is no incident {incident_id!r} in it", code=FOUND_WRONG)


def builder_of(past: Past, settings: Settings, *, ask_daemon: bool) -> str | None:
    """Who answers for the incident's product, as the daemon knows it, or else the site's files."""
    product = past["product"]
    if product is None:
        return None
    if ask_daemon:
        try:
            rows = request("GET", path_of("api", "v1", "products"))
            return next((str(row["builder"]) for row in rows if row["name"] == product), None)
        except (Told, Unreachable):
            pass  # the files say it too
    try:
        registry, _ = load_registry(settings.products)
    except FaultsError:
        return None
    known = registry.products.get(product)
    return known.builder if known is not None else None


def wish_from(past: Past, name: str, plugins: PluginRegistry, *, owner: str) -> Wish:
    """The runbook that would have done what was done."""
    alerts = past["alerts"]
    if not alerts:
        stop(f"incident {past['id']} has no alert to begin with", code=FOUND_WRONG)
    steps, remarks = list(_steps(past)), list(_remarks(past))
    if any(_reads_like_code(value) for step in steps for value in step.params.values()):
        remarks.append("A parameter of what was done begins with =, as an expression would.")
        steps = []
    first = alerts[0]
    labels = {n: v for n, v in first["labels"].items() if n != "alertname"}
    entity = past["entity"]
    named = any(labels.get(label) == entity for label in ENTITY_LABELS)
    diagnose, facts = _findings(past, plugins)
    return Wish(
        name=name,
        owner=owner,
        layer=Layer(past["layer"]),
        alert=first["name"] or "Unnamed",
        fired=first["name"] or "Unnamed",
        labels=labels,
        entity=None if named else entity,
        expression=expression_of(first["generator_url"]),
        meaning=_prose(_meaning(past, first)) or f"{first['name']} fires.",
        diagnose=diagnose,
        facts=facts,
        steps=tuple(steps),
        remarks=tuple(remarks),
    )


def _meaning(past: Past, first: Mapping[str, Any]) -> str:
    """As the first message said it: the incident's title keeps that. The last message of an alert
    that is over may say the opposite ("all is well again")."""
    about = str(past["title"]).removeprefix(f"{first['name']}: ")
    if about != first["name"]:
        return about
    said = first["annotations"] if first["status"] == AlertStatus.FIRING.value else {}
    return next((said[n] for n in ("description", "summary", "message") if said.get(n)), "")


def _prose(text: object) -> str:
    """Of people or of an alert, with nothing in it that the language would fill in."""
    return str(text).replace("${", "$ {")[:LONGEST]


def _reads_like_code(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_reads_like_code(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return any(_reads_like_code(inner) for inner in value)
    return isinstance(value, str) and value.startswith("=")


def _steps(past: Past) -> Iterator[Step]:
    """What was really done, once each and in order. The incident's own entity is left out: it is
    what a step acts on where nothing is said."""
    seen = []
    for step in past["steps"]:
        if step["status"] != "done" or step["is_rollback"]:
            continue
        own = {"target": past["entity"]}
        params = {n: v for n, v in step["with"].items() if (n, v) not in own.items()}
        if (step["use"], params) not in seen:
            seen.append((step["use"], params))
            yield Step(use=step["use"], params=params)


def _findings(
    past: Past, plugins: PluginRegistry
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Diagnostics that can be asked again as they stand, with what they found then."""
    uses = {use.replace(".", "_"): use for use in plugins.plugins}
    diagnose: dict[str, str] = {}
    facts: dict[str, dict[str, Any]] = {}
    for name, found in past["findings"].items():
        plugin = plugins.plugins.get(uses.get(name, ""))
        if FAILED in found or not isinstance(plugin, Diagnostic) or not _needs_only_target(plugin):
            continue
        fields = [n for n in plugin.result.model_fields if _is_plain(found.get(n))]
        diagnose[name] = plugin.name
        facts[name] = {n: found[n] for n in fields[:MOST_FACTS]}
    return diagnose, facts


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) < 200)


def _needs_only_target(plugin: Diagnostic) -> bool:
    try:
        plugin.params.model_validate({"target": "x"})
    except ValidationError:
        return False
    return True


def _remarks(past: Past) -> Iterator[str]:
    ended = f", ended as {past['outcome']}" if past["outcome"] else ""
    yield f"From incident {past['id']}, opened {past['opened_at']}{ended}."
    if past["cause"]:
        yield f"The cause last time: {past['cause'][:LONGEST]}"
    by = sorted({step["by"] for step in past["steps"]})
    if by:
        yield f"What is done here was done there by {', '.join(by)}."
    for said in past.get("outside", ()):
        yield f"Done besides, by hand: {str(said)[:LONGEST]}"
