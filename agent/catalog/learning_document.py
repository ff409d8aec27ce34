"""What may be learned, as people write it: `learning:` of the policy and `learning:` of the
settings.

policy:   learning: {proof: 10m, people: 2, chance: 1%, review_days: 180}
settings: learning: {folder: runbooks, branch: "homeostat/{name}", push: [git, push, origin,
          "{branch}"], request: [gh, pr, create, --head, "{branch}", --fill]}

The policy says how much proof is asked for; the settings say where an approved runbook is written.
What is left out of the policy is as in `model.policy.Learning`. The ranges keep what no evidence
may be asked less of: two people, better odds than a coin's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import AfterValidator, ConfigDict, Field

from agent.catalog.faults import shown, wrong
from agent.catalog.quantities import Duration, Percentage, PositiveDuration
from agent.catalog.validation import Written
from agent.model.policy import Learning

BRANCH = "homeostat/{name}"
PLACES = ("branch", "name", "path")
"""What the words of a command may name in braces."""
_BRACES = re.compile(r"\{([^{}]*)\}")
_REFUSED_IN_A_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[./]$")

Share = Annotated[Percentage, Field(gt=0, lt=1)]
Word = Annotated[str, Field(min_length=1, max_length=4_096)]


class LearningDocument(Written):
    """Keys of `policy.learning`; each says in `model.policy.Learning` what it is for."""

    proof: PositiveDuration | None = None
    same: Duration | None = None
    people: Annotated[int, Field(ge=2, le=100)] | None = None
    chance: Annotated[Percentage, Field(gt=0, le=0.5)] | None = None
    spread: Annotated[Percentage, Field(ge=0, le=1)] | None = None
    at_once: Annotated[int, Field(ge=3, le=1_000)] | None = None
    confidence: Annotated[Percentage, Field(ge=0.8, lt=1)] | None = None
    quality_low: Annotated[Percentage, Field(ge=0.5, lt=1)] | None = None
    quality_medium: Annotated[Percentage, Field(ge=0.5, lt=1)] | None = None
    failing_low: Share | None = None
    failing_medium: Share | None = None
    failing_high: Share | None = None
    window: Annotated[int, Field(ge=5, le=1_000)] | None = None
    early: PositiveDuration | None = None
    review_days: Annotated[int, Field(ge=1, le=3_650)] | None = None


def compile_learning(document: LearningDocument) -> Learning:
    names = {field.name for field in msgspec.structs.fields(Learning)}
    written = {
        key if key in names else f"{key}_seconds": value
        for key, value in document.model_dump(exclude_none=True).items()
    }
    return Learning(**written)


def _branch(text: str) -> str:
    """A name git takes, whatever the runbook is called; it has to say which runbook it is."""
    if text.count("{name}") != 1:
        raise wrong(f"{shown(text)} does not name the runbook", f"write it like {BRANCH}")
    plain = text.replace("{name}", "n")
    if plain.startswith(("-", "/", ".")) or _REFUSED_IN_A_BRANCH.search(plain):
        raise wrong(f"{shown(text)} is no name of a branch", f"write it like {BRANCH}")
    return text


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        if "\x00" in word:
            raise wrong("a word of a command cannot hold a NUL", "take it away")
        for name in _BRACES.findall(word):
            if name not in PLACES:
                known = ", ".join(f"{{{place}}}" for place in PLACES)
                raise wrong(f"nothing is called {shown(f'{{{name}}}')} here", f"known: {known}")
    if words and _BRACES.search(words[0]):
        raise wrong("the program itself cannot be filled in", "write its name or its path")
    return words


Command = Annotated[tuple[Word, ...], Field(max_length=100), AfterValidator(_command)]


class DeliveryDocument(Written):
    """Keys of `learning` of the settings."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    folder: Annotated[str, Field(min_length=1)] | None = None
    """Folder an approved runbook is written into. In a git work tree it becomes one commit on a
    branch of its own; the work tree stays as it is."""
    branch: Annotated[str, Field(max_length=200), AfterValidator(_branch)] = BRANCH
    """Name of that branch."""
    push: Command = ()
    """Program and its words, run in the work tree once the branch is there: `[git, push, origin,
    "{branch}"]`. No shell; `{branch}`, `{name}` and `{path}` are filled in."""
    request: Command = ()
    """The same once that is done: what asks for a merge."""


class DeliverySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where an approved runbook is written; the folder is absolute."""

    folder: Path | None = None
    """None: it stays in the data folder, and is used from there."""
    branch: str = BRANCH
    """Name of the branch, with `{name}` for the runbook's."""
    push: tuple[str, ...] = ()
    """Program and its words, to run once the branch is there; empty: none."""
    request: tuple[str, ...] = ()
    """The same, once it is pushed: opens a request to merge."""


def compile_delivery(document: DeliveryDocument, *, folder: Path) -> DeliverySettings:
    """`folder`: what relative paths are relative to."""
    named = document.folder
    return DeliverySettings(
        folder=Path(os.path.abspath(folder / named)) if named is not None else None,
        branch=document.branch,
        push=document.push,
        request=document.request,
    )


def filled(words: tuple[str, ...], *, branch: str, name: str, path: str) -> tuple[str, ...]:
    """The command with its places filled. Each word stays one word, whatever is put into it."""
    values = {"branch": branch, "name": name, "path": path}
    return tuple(_BRACES.sub(lambda found: values[found[1]], word) for word in words)
