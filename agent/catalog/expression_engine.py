"""What an engine for expressions has to be: the one door to the library that computes them.

An engine understands CEL with the operators, macros and functions of its standard, over names that
are declared with their types. Beyond the standard it orders numbers of different kinds, and it
bounds what one evaluation may cost. It knows no facts and no phases; it does not have to be loaded
before the first expression is compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from agent.model.errors import HomeostatError


class Wrong(StrEnum):
    """What can be wrong with an expression."""

    UNDECLARED = "a name that is not declared"
    OVERLOAD = "an operator or function that does not take these types"
    FIELD = "a field asked of something that has none"
    DEPTH = "nested too deeply"
    SYNTAX = "something that cannot stand where it stands"
    END = "the text ends before the expression does"
    OTHER = "anything else, said in `text`"


@dataclass(frozen=True)
class Fault:
    """One thing wrong; line and column start at 1 and are where the engine noticed it."""

    line: int
    column: int
    wrong: Wrong
    text: str = ""
    """The name, the operator or the type it is about, as the author wrote it; of an end that comes
    too early, the bracket that is missing."""
    types: tuple[str, ...] = ()
    """Of an overload: what it was given."""


class Refused(HomeostatError):
    """The engine cannot compile the expression."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{f.wrong.value}: {f.text}" for f in self.faults))


class Program(Protocol):
    """One compiled expression."""

    kind: str
    """CEL type of its value: BOOL, INT, UINT, DOUBLE, STRING, BYTES, LIST, MAP, DURATION,
    TIMESTAMP, TYPE, NULL or DYN."""

    def run(self, data: Mapping[str, Any]) -> Any:
        """The value, over values by declared name; a missing one is an error value, as CEL has it.
        Raises LookupError where the result is an error, whatever the reason."""
        ...


class Engine(Protocol):
    def compile(self, text: str, names: Mapping[str, str]) -> Program:
        """`names`: dotted name to CEL type, as in {"web.tags": "list<string>"}. Raises Refused."""
        ...
