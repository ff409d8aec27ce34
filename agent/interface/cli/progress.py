"""How far a command is that takes longer than a moment: one line on standard error, for people."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 1.0
PAUSE_SECONDS = 0.1
_CLEAR = "\r\x1b[K"


def told(things: Sequence[T], what: str) -> Iterator[T]:
    """The things one by one. Says how many are done once it takes longer than a second; says
    nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield from things
        return
    due = time.monotonic() + PATIENCE_SECONDS
    shown = False
    for number, thing in enumerate(things):
        now = time.monotonic()
        if now >= due:
            print(f"{_CLEAR}{what}: {number} of {len(things)}", end="", file=sys.stderr, flush=True)
            due, shown = now + PAUSE_SECONDS, True
        yield thing
    if shown:
        print(_CLEAR, end="", file=sys.stderr, flush=True)


@contextmanager
def share_told(what: str) -> Iterator[Callable[[float], None]]:
    """Lends what is to be called with the share that is done (0 to 1), as often as one likes."""
    if not sys.stderr.isatty():
        yield lambda _share: None
        return
    due = time.monotonic() + PATIENCE_SECONDS
    shown = False

    def tell(share: float) -> None:
        nonlocal due, shown
        now = time.monotonic()
        if now >= due:
            print(f"{_CLEAR}{what}: {share:.0%}", end="", file=sys.stderr, flush=True)
            due, shown = now + PAUSE_SECONDS, True

    try:
        yield tell
    finally:
        if shown:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
