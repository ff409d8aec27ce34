"""What runbooks rely on of a plugin, in one line of `name=value` words that can be compared.

Descriptions and titles are no part of it: a better sentence about a parameter changes nothing for
whoever uses it.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from agent.ports.plugin import Action, Diagnostic, Plugin, Verification

DIGEST_BYTES = 6
IN_WORDS_ONLY = frozenset({"title", "description", "examples"})


def contract_of(plugin: Plugin) -> str:
    """Parameters, effect, reversal, availability and result, as far as the plugin has them; empty
    for what no runbook uses."""
    if isinstance(plugin, Action):
        probed = "yes" if plugin.probe_function is not None else "no"
        words = {
            "params": _shape_of(plugin.params),
            "effect": plugin.effect.value,
            "reversal": plugin.reversal.value,
            "undone_by": plugin.undone_by,
            "availability": plugin.availability.value,
            "probe": probed,
        }
    elif isinstance(plugin, Diagnostic | Verification):
        words = {"params": _shape_of(plugin.params), "result": _shape_of(plugin.result)}
    else:
        return ""
    return " ".join(f"{name}={value}" for name, value in words.items())


@lru_cache(maxsize=1024)
def _shape_of(model: type[BaseModel]) -> str:
    """Digest of the fields with their types, limits and defaults."""
    told = json.dumps(_without_words(model.model_json_schema()), sort_keys=True, default=str)
    return hashlib.blake2b(told.encode(), digest_size=DIGEST_BYTES).hexdigest()


def _without_words(schema: Any, *, is_names: bool = False) -> Any:
    """The schema without what is only for people. Under `properties` and `$defs` stand names that
    somebody chose: a field may well be called `title`."""
    if isinstance(schema, dict):
        return {
            key: _without_words(value, is_names=not is_names and key in ("properties", "$defs"))
            for key, value in schema.items()
            if is_names or key not in IN_WORDS_ONLY
        }
    if isinstance(schema, list):
        return [_without_words(part) for part in schema]
    return schema
