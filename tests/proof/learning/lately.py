"""What the company changed on purpose lately: mostly nothing that has to do with what is broken."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

DAY = 86_400.0
RELEASES_A_DAY = 0.25
AROUND_A_DAY = 1.0
"""Of its product and what it stands on."""
KINDS = {"release": 0.7, "configuration": 0.2, "scale": 0.1}


def usual_changes(chance: random.Random, name: str) -> dict[str, Any]:
    """What `changes.recent` says of an entity of which nothing special is known."""
    shown = _nothing()
    own = _ago(chance, RELEASES_A_DAY)
    if own is not None:
        kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
        shown |= _changed(chance, name, kind, own)
    around = _ago(chance, AROUND_A_DAY)
    if around is not None:
        line = f"release v{chance.randint(2, 90)} beside {name}"
        shown |= {"around_ago": around, "around": [line], "text": shown["text"] or line}
    return shown


def released(chance: random.Random, name: str, seen: Mapping[str, Any]) -> dict[str, Any]:
    """The same where a look at the process shows that its version changed a short time ago."""
    return _changed(chance, name, "release", seen["version_changed_seconds_ago"])


def _nothing() -> dict[str, Any]:
    empty = {"text": "", "count": 0, "latest": None, "failed": 0, "changes": [], "around": []}
    agos = ("release", "configuration", "manual", "machinery", "around")
    return {**empty, **{f"{kind}_ago": None for kind in agos}}


def _changed(chance: random.Random, name: str, kind: str, ago: float) -> dict[str, Any]:
    version = f"v{chance.randint(2, 90)}"
    line = f"{kind} {version} of {name}"
    is_manual = kind == "scale" and chance.random() < 0.5
    latest = {
        "kind": kind,
        "phase": "done",
        "what": line,
        "by": "delivery",
        "entity": name,
        "version": version,
        "before": "",
        "is_manual": is_manual,
        "ago": ago,
        "late": 0.0,
    }
    agos = {f"{kind}_ago": ago} if kind != "scale" else {}
    manual = {"manual_ago": ago} if is_manual else {}
    return {"text": line, "count": 1, "latest": latest, "changes": [line], **agos, **manual}


def _ago(chance: random.Random, a_day: float) -> float | None:
    """Since the latest of what comes by chance so often; None: not within a day."""
    ago = chance.expovariate(a_day) * DAY
    return round(ago, 1) if ago < DAY else None
