"""From what was done in like incidents to what a runbook does: parameters become expressions,
constants, or questions.

Expressions come from `core/origins.py` alone. A value is taken over as it is only where it was the
same each time and is plain: a text that reads like code is never taken over, whoever typed it, and
however often.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from agent.core.cleaning import UNSAFE
from agent.core.origins import (
    LONGEST_TEXT,
    NAME,
    facts_of,
    is_readable,
    is_readable_id,
    is_too_large,
    leaves_of,
    origins_of,
    place_in,
)
from agent.model.learning import Resolution

SHOWN_TEXT = 200
NOTHING_YET = ""
"""Stands where a person has to say what belongs there, and nothing seen may stand in for it."""

Reads = Callable[[str], bool]
"""Whether an expression can be read where it is to stand."""
Calls = Mapping[str, tuple[str, Mapping[str, Any]]]
"""By id of the diagnostic: the plugin, and its parameters with expressions in them."""


class Generalised(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of one call for all incidents of its kind."""

    params: Mapping[str, Any]
    """As the runbook has them: a text that begins with `=` is an expression."""
    asks: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    """Places nothing explains, with what stood there each time."""
    reads: tuple[str, ...] = ()
    """The expressions in it."""


def generalise(
    each: Sequence[Mapping[str, Any]], facts: Sequence[Mapping[str, Any]], reads: Reads
) -> Generalised:
    """`each` are the parameters in each incident, `facts` what could be read in it. Where something
    has to be asked, the last value stands in for the answer; in the place of a text that reads like
    code nothing does."""
    leaves = [leaves_of(params) for params in each]
    origins = [origins_of(p, f) for p, f in zip(each, facts, strict=True)]
    asks: list[tuple[str, tuple[Any, ...]]] = []
    used: list[str] = []
    known: dict[str, Any] = {}
    for place in leaves[-1]:
        values = tuple(known_leaves.get(place) for known_leaves in leaves)
        found = [o.get(place, ()) for o in origins]
        common = tuple(e for e in found[-1] if all(e in one for one in found) and reads(e))
        expression = _expression(place, values, common)
        if expression is not None:
            used.append(expression)
            known[place] = f"={expression}"
        elif is_same(values) and is_plain(values[-1]):
            known[place] = values[-1]
        else:
            asks.append((place, tuple(_shown(v) for v in values)))
            known[place] = values[-1] if is_plain(values[-1]) else NOTHING_YET
    return Generalised(
        params={str(k): _rebuilt(v, place_in("", k), known) for k, v in each[-1].items()},
        asks=tuple(asks),
        reads=tuple(dict.fromkeys(used)),
    )


def _expression(place: str, values: Sequence[Any], common: Sequence[str]) -> str | None:
    """The expression that explains all values, where one has to be looked for.

    A text is taken from where it came, also where it was the same each time. A label is the
    exception: whoever sends the alert writes it, and so could let a constant look like one, and
    choose it the next time. It counts where it has the parameter's own name, or changed as the
    parameter did. Numbers and truths are equal to something too easily: they stay what they were.
    """
    is_constant = is_same(values)
    if is_constant and not isinstance(values[-1], str):
        return None
    own = re.split(r"[.\[]", place)[-1]
    for expression in common:
        is_label = expression.startswith("alert.") and expression.rpartition(".")[2] != own
        if not (is_constant and is_label):
            return expression
    return None


def is_same(values: Sequence[Any]) -> bool:
    return all(type(v) is type(values[0]) and v == values[0] for v in values)


def is_plain(value: Any) -> bool:
    """Whether a value may stand in a runbook as it is: nothing that could be read as more than it
    says, and nothing nobody could review."""
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT and is_readable(value) and not is_code(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < 2**63
    return value is None or (isinstance(value, list | tuple | Mapping) and not value)


def is_code(text: str) -> bool:
    """Whether the language would take it for an expression, or fill something in."""
    return text.lstrip().startswith("=") or "${" in text


def _shown(value: Any) -> Any:
    """A value as people are shown it; it goes nowhere else."""
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value if abs(value) < 2**63 else str(value)[:SHOWN_TEXT]
    return (
        None if value is None else UNSAFE.sub("\N{REPLACEMENT CHARACTER}", str(value)[:SHOWN_TEXT])
    )


def _rebuilt(value: Any, place: str, known: Mapping[str, Any]) -> Any:
    """The parameter as it was, with what is known in the places of its values."""
    if place in known:
        return known[place]
    if isinstance(value, Mapping):
        return {str(k): _rebuilt(v, place_in(place, str(k)), known) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rebuilt(v, place_in(place, n), known) for n, v in enumerate(value)]
    return NOTHING_YET


def with_answer(params: Mapping[str, Any], place: str, answer: Any) -> dict[str, Any]:
    """The parameters with this value in that place. Raises LookupError where there is no such
    place."""
    known = leaves_of(params)
    if place not in known:
        raise LookupError(place)
    known[place] = answer
    return {k: _rebuilt(v, place_in("", k), known) for k, v in params.items()}


def diagnostics_of(resolutions: Sequence[Resolution]) -> Calls:
    """Diagnostics that ran in each of these incidents, and can be asked again in the next: with
    parameters that the alert and the entity explain."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    facts = [_known_before(r) for r in resolutions]
    for name, (use, params) in resolutions[-1].diagnostics.items():
        ran = [r.diagnostics.get(name) for r in resolutions]
        each = [one[1] for one in ran if one is not None and one[0] == use]
        if not is_readable_id(name) or len(each) < len(resolutions):
            continue
        places = leaves_of(params).keys()
        if is_too_large(params) or any(leaves_of(one).keys() != places for one in each):
            continue
        general = generalise(each, facts, is_known_before)
        if not general.asks:
            found[name] = use, general.params
    return found


def _known_before(resolution: Resolution) -> Mapping[str, Any]:
    facts = facts_of(resolution)
    return {name: facts[name] for name in ("alert", "entity") if name in facts}


def is_known_before(expression: str) -> bool:
    """Whether it can be read before anything was found."""
    return expression == NAME or expression.startswith("alert.")
