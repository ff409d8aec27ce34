"""Resolutions and deeds as they are kept; what a test does not say is as in a usual one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.core.likeness import recipe_of, signature_of
from agent.core.origins import facts_of, origins_of
from agent.core.view import View
from agent.model.decision import Decision, Record
from agent.model.learning import Credit, Deed, Mark, Resolution
from agent.runtime.view_state import ViewState

START = 1_750_000_000.0
HOUR = 3_600.0
Did = Iterable[tuple[str, Mapping[str, Any]]]
"""Plugins and their parameters, in order."""
RESTART: Did = (("process.restart", {}),)
LOOK = "process.status"
STATUS = "process_status"
"""Id of the usual diagnostic of `process.status`."""


def resolution(
    number: float = 1,
    *,
    did: Did = RESTART,
    by: str = "bob",
    alertname: str = "Hung",
    entity: str | None = "shop-worker",
    product: str | None = "shop",
    kind: str = "service",
    layer: str = "product",
    labels: Mapping[str, str] | None = None,
    status: Mapping[str, Any] | None = None,
    waited: float = 10.0,
    cured: float = 1.0,
    credit: Credit | None = None,
    mark: Mark = Mark.SEEN,
    at: float | None = None,
    **fields: Any,
) -> Resolution:
    """The `number`-th incident, two hours after the one before it. It fired for `waited` minutes
    before the first action began, and ended `cured` minutes after the last. What was done has no
    `target` of its own where none is given: it is the entity. `status` is what the diagnostic
    found, where it ran."""
    fired = START + number * 2 * HOUR if at is None else at
    labels = {"alertname": alertname, "severity": "critical", **(labels or {})}
    if entity is not None:
        labels = {"entity": entity, **labels}
    acted = list(did)
    began = [fired + waited * 60.0 + n for n in range(len(acted))]
    ended = (began[-1] if began else fired + waited * 60.0) + cured * 60.0
    told: dict[str, Any] = {
        "incident_id": f"inc-{number:g}",
        "signature": signature_of(alertnames=(alertname,), kind=kind, layer=layer),
        "recipe": "",
        "at": ended,
        "opened_at": fired,
        "fired_at": fired,
        "cleared_at": ended,
        "who": by,
        "alertname": alertname,
        "alertnames": (alertname,),
        "layer": layer,
        "kind": kind,
        "product": product,
        "entity": entity,
        "labels": labels,
        "findings": {} if status is None else {STATUS: status},
        "diagnostics": {} if status is None else {STATUS: (LOOK, {"target": entity})},
        "by": (by,) if by else (),
        "cause": "it leaks",
        "credit": credit or (Credit.CREDITED if acted else Credit.NOTHING_DONE),
        **fields,
    }
    bare = Resolution(**told)
    deeds = tuple(
        deed(use, params, bare, by=by, mark=mark, began_at=start)
        for (use, params), start in zip(acted, began, strict=True)
    )
    return msgspec.structs.replace(bare, deeds=deeds, recipe=recipe_of(deeds))


def deed(
    use: str,
    params: Mapping[str, Any],
    resolution: Resolution,
    *,
    by: str = "bob",
    mark: Mark = Mark.SEEN,
    began_at: float | None = None,
) -> Deed:
    """One action in this incident; of the entity, where its parameters name no target."""
    if "target" not in params and resolution.entity is not None:
        params = {"target": resolution.entity, **params}
    target = params.get("target")
    return Deed(
        use=use,
        params=params,
        target=target if isinstance(target, str) else None,
        by=by,
        mark=mark,
        began_at=began_at,
        ended_at=None if began_at is None else began_at + 1.0,
        origins=origins_of(params, facts_of(resolution)),
    )


def nothing_done(number: float = 1, *, lasted: float = 30.0, **told: Any) -> Resolution:
    """It went away by itself after so many minutes."""
    return resolution(number, did=(), by="", waited=lasted, cured=0.0, **told)


def three(**told: Any) -> tuple[Resolution, ...]:
    """Like ones, by two people, on two things, after times that differ."""
    return (
        resolution(1, by="bob", waited=10.0, **told),
        resolution(2, by="carl", waited=25.0, **told),
        resolution(3, by="bob", waited=50.0, **told),
    )


def remember(view: View, *resolutions: Resolution) -> ViewState:
    """The view as it is once these are recorded."""
    state = ViewState(view)
    keep(state, *resolutions)
    return state


def keep(state: ViewState, *resolutions: Resolution) -> None:
    """These are recorded as well."""
    for one in resolutions:
        record = Record(kind="resolution", key=one.incident_id, body=one)
        state.apply(Decision(records=(record,)))
    state.keep()
