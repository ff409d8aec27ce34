"""The page of the settings and of the policy, and the one of the rails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from model_tables import (
    HEAD,
    complete,
    default_of,
    duration,
    kind_of,
    part_name,
    schema_of,
    schema_rows,
    table,
    written_value,
)
from sentences import LEARNING, POLICY, RAILS, SETTINGS

from agent.catalog.learning_document import LearningDocument
from agent.catalog.policy import PolicyDocument, compile_policy
from agent.catalog.rails_document import RailsDocument
from agent.catalog.settings_document import SettingsDocument
from agent.core import guard
from agent.core.rails.rail import Rail
from agent.interface.limits import LIMITS
from agent.model.policy import Learning, Rails
from agent.model.product import Floor

OF_SETTINGS = (
    "UseDocument",
    "SecretDocument",
    "LogDocument",
    "DeliveryDocument",
    "SurveyDocument",
    "ClusterDocument",
    "OwnDocument",
)
OF_POLICY = (
    "WindowKeys",
    "FreezeKeys",
    "MaintenanceKeys",
    "InhibitKeys",
    "FloorKeys",
    "DefaultDiagnostics",
)


def settings_page() -> str:
    schema = schema_of(SettingsDocument)
    keys, parts = schema["properties"], schema["$defs"]
    complete(SETTINGS, keys, "settings")
    rows = ((f"`{key}`", kind_of(s), default_of(s), SETTINGS[key]) for key, s in keys.items())
    return f"""# Settings

One YAML file, given with `--config`; every key may be left out. `HOMEOSTAT_` and the key in
capitals (`HOMEOSTAT_LISTEN`) in the environment lies over it. Unknown keys and variables are
errors, and `homeostat check` prints all of them at once. Relative paths are relative to the file.
Durations are written with a unit: `500ms`, `30s`, `15m`, `6h`, `7d`.

{table(HEAD, rows)}

An entry of `sources` or `notify` names a plugin with its parameters and secrets. A secret stands
in a file (`file`) or in a variable of the environment (`env`), never in this file.
Plugins and their parameters: [plugins](plugins.md).

{_sections(parts, OF_SETTINGS)}

## Policy

What every runbook lives under. A runbook may tighten it, never loosen it.

{table(HEAD, _policy_rows())}

## Rails

Limits of what the agent does by itself, under `policy.rails`. A runbook may tighten the cooldown,
the dwell and how much is under way (`guard`), never loosen one. Which rail each belongs to:
[rails](rails.md).

{table(HEAD, _rails_rows())}

## Learning

What may be learned from what people do, and how much proof it needs, under `policy.learning`.

{table(HEAD, _learning_rows())}

{_sections(parts, OF_POLICY)}
"""


def _sections(parts: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return "\n\n".join(
        f"## {part_name(name)}\n\n{table(HEAD, schema_rows(parts[name]))}" for name in names
    )


def _policy_rows() -> Iterator[tuple[str, str, str, str]]:
    keys = schema_of(PolicyDocument)["properties"]
    complete(POLICY, keys, "policy")
    for key, schema in keys.items():
        yield f"`{key}`", kind_of(schema), _default_of_policy(key), POLICY[key]


def _default_of_policy(key: str) -> str:
    defaults = compile_policy(PolicyDocument())
    if hasattr(defaults, f"{key}_seconds"):
        return duration(getattr(defaults, f"{key}_seconds"))
    value = getattr(defaults, key)
    if isinstance(value, Rails | Learning):
        return "as below"
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {', '.join(v)}" for k, v in value.items()) or "none"
    return written_value(value)


def _rails_rows() -> Iterator[tuple[str, str, str, str]]:
    keys = schema_of(RailsDocument)["properties"]
    complete(RAILS, keys, "rails")
    for key, schema in keys.items():
        yield f"`{key}`", kind_of(schema), _default_of_rails(key), RAILS[key]


def _default_of_rails(key: str) -> str:
    defaults = compile_policy(PolicyDocument()).rails
    if hasattr(defaults, f"{key}_seconds"):
        return duration(getattr(defaults, f"{key}_seconds"))
    value = getattr(defaults, key)
    if isinstance(value, Floor):
        return f"`{{count: {value.count}, share: {value.share:.0%}}}`"
    is_share = isinstance(value, float) and "share" in key
    return f"`{value:.0%}`" if is_share else written_value(value)


def _learning_rows() -> Iterator[tuple[str, str, str, str]]:
    keys = schema_of(LearningDocument)["properties"]
    complete(LEARNING, keys, "learning")
    defaults = compile_policy(PolicyDocument()).learning
    for key, schema in keys.items():
        if hasattr(defaults, f"{key}_seconds"):
            told = duration(getattr(defaults, f"{key}_seconds"))
        else:
            value = getattr(defaults, key)
            told = f"`{value:.0%}`" if isinstance(value, float) else written_value(value)
        yield f"`{key}`", kind_of(schema), told, LEARNING[key]


def rails_page() -> str:
    rows = (
        (
            f"`{one.id}`",
            one.text,
            one.default or "–",
            ", ".join(f"`{key}`" for key in LIMITS.get(one.id, ())) or "–",
            _also_holds(one),
            "waits" if one.lets_go else "–",
        )
        for one in guard.RAILS
    )
    behind = (
        (
            f"`{one.id}`",
            "; ".join(f"`{reason.value}`" for reason in one.reasons),
            ", ".join(f"`{name}`" for name in one.reads) or "the incident alone",
        )
        for one in guard.RAILS
    )
    asks = ", ".join(f"`{reason.value}`" for reason in sorted(guard.ASKS))
    head = ("rail", "what it is for", "default", "set by", "holds also", "lets go by itself")
    return f"""# Rails

All {len(guard.RAILS)} limits of what is done, in the order in which they are asked: when a step is
decided, and again right before it is begun. The first no that waiting does not help stops the step;
otherwise it waits for the first that lets go by itself. A rail that raises, or that misses what it
reads, has said no. What people do about one: [rails, for operators](../operating/rails.md).

*Set by* are keys of the [policy](settings.md#policy). *Holds also*: every rail holds what the agent
does by itself; some hold what people do through it (`people`), and the way back of a plan that was
begun (`way back`). *Lets go by itself*: the step waits for it up to `rails.wait` before a person is
told.

{table(head, rows)}

## Reasons, and what is read

The reason stands on the timeline, on the page and in the metric of rails
([metrics](metrics.md)); each is explained in [reasons](reasons.md). A person can settle these by
approving: {asks}.

{table(("rail", "reasons", "reads"), behind)}
"""


def _also_holds(one: Rail) -> str:
    held = [("people", one.holds_people), ("way back", one.holds_rollbacks)]
    return ", ".join(word for word, is_held in held if is_held) or "–"
