"""Which names of its scope an expression mentions, and what the engine calls them.

An engine keeps an environment for every set of declared names, and a set costs it more than an
expression does. So it never hears of `web.alive`: it gets `_0`, a bool, at the same place in the
text, and ten thousand runbooks with names of their own share a few environments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.catalog.expression_scope import SHORT, Scope
from agent.catalog.expression_text import Name, Word, names_in, words_of

_TAKEN = re.compile(r"_\d+")


@dataclass(frozen=True)
class Names:
    declared: dict[str, str]
    """Those of the scope that the text mentions, with their types."""
    text: str
    """The text with the names the engine knows."""
    types: dict[str, str]
    """Those names, with their types."""
    reads: tuple[tuple[str, tuple[str, ...], str], ...]
    """The engine's name, where the facts have its value, and its type."""


def names_of(text: str, words: Sequence[Word], scope: Scope) -> Names:
    mentioned = _known(words, scope)
    meant = {n.dotted: SHORT.get(n.dotted, n.dotted) for n in mentioned}
    kinds = {name: scope.types[full] for name, full in meant.items()}
    # by type: `a.x > 1 && b.y` and `c.z > 1 && d.w` are one to the engine
    known = sorted(kinds, key=lambda name: (kinds[name], name))
    aliases = {name: f"_{number}" for number, name in enumerate(known)}
    if any(len(alias) > len(name) for name, alias in aliases.items()) or _TAKEN.search(text):
        aliases = {name: name for name in known}
    return Names(
        declared={meant[name]: kinds[name] for name in known},
        text=_renamed(text, mentioned, aliases),
        types={aliases[name]: kinds[name] for name in known},
        reads=tuple((aliases[n], tuple(meant[n].split(".")), kinds[n]) for n in known),
    )


def declared_in(text: str, scope: Scope) -> dict[str, str]:
    """`Names.declared` of a text that was checked before."""
    full = [SHORT.get(n.dotted, n.dotted) for n in _known(words_of(text), scope)]
    return {name: scope.types[name] for name in full}


def _known(words: Sequence[Word], scope: Scope) -> list[Name]:
    """The longest beginning that is declared, of each dotted name. No expression pays for names of
    its scope that it does not read."""
    found = {n.start: n for n in names_in(words) if SHORT.get(n.dotted, n.dotted) in scope.types}
    return list(found.values())


def _renamed(text: str, names: Sequence[Name], aliases: dict[str, str]) -> str:
    """The names under their other names, and nothing after them moved."""
    for name in names:
        alias = aliases[name.dotted]
        if alias != name.dotted:
            rest = "".join(c if c == "\n" else " " for c in text[name.start : name.end])
            text = text[: name.start] + alias + rest[len(alias) :] + text[name.end :]
    return text
