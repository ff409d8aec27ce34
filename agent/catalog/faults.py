"""What is wrong in files that people wrote, told all at once.

A person who fixes one fault only to be shown the next one gives up; so every reader in this room
collects faults and raises them together. `wrong` lets a validator inside a pydantic model say the
way out along with the complaint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pydantic_core import PydanticCustomError

from agent.model.errors import HomeostatError
from agent.model.fault import Fault, FaultSeverity

_SHOWN = 12


class FaultsError(HomeostatError):
    """Files cannot be used as they are; `faults` has every reason, in order of place."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = in_order(faults)
        super().__init__(render(self.faults))


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda f: (f.file, f.line, f.column)))


def render(faults: Iterable[Fault]) -> str:
    """One line per fault: `file:line:column: CODE path: message (remedy)`."""
    return "\n".join(str(fault) for fault in faults)


def has_errors(faults: Iterable[Fault]) -> bool:
    """Whether at least one is more than a warning."""
    return any(fault.severity is FaultSeverity.ERROR for fault in faults)


def raise_errors(faults: Sequence[Fault]) -> None:
    """Raises all of them when at least one is more than a warning."""
    if has_errors(faults):
        raise FaultsError(faults)


def wrong(message: str, remedy: str = "", *, code: str = "") -> PydanticCustomError:
    """What a pydantic validator raises; both texts end up in the fault, braces and all. `code`
    where it is not the one of the whole file."""
    context = {"message": message, "remedy": remedy, "code": code}
    return PydanticCustomError("wrong", "{message}", context)


def suggest(word: str, known: Iterable[str], *, what: str = "known") -> str:
    """A remedy for a misspelt word: the nearest known one, or what there is to choose from."""
    words = sorted(set(known))
    close = nearest(word, words)
    if close:
        return f'did you mean "{close}"?'
    if not words:
        return ""
    rest = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return f"{what}: {', '.join(words[:_SHOWN])}{rest}"


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that this one nearly is, or nothing."""
    close = get_close_matches(word[:100], sorted(set(known)), n=1, cutoff=0.6)
    return close[0] if close else ""


def shown(value: str, *, limit: int = 60) -> str:
    """Quoted for a message: no control characters, no endless values."""
    text = value if len(value) <= limit else value[: limit - 1] + "…"
    return '"' + "".join(c if c.isprintable() else "�" for c in text) + '"'
