"""Waiting for something to come true, with a deadline and a sentence for when it does not."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], T | Awaitable[T]],
    *,
    within: float,
    what: str,
    every: float = 0.05,
) -> T:
    """Looks again and again and returns the first true answer.

    `look` may be async. An OSError counts as "not yet" (nothing listens there yet). Raises
    AssertionError with `what` and the last thing seen after `within` seconds.
    """
    deadline = time.monotonic() + within
    seen: object = None
    while True:
        try:
            answer = look()
            seen = await answer if inspect.isawaitable(answer) else answer
            if seen:
                return seen  # type: ignore[return-value]
        except OSError as error:
            seen = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {within:g} s; last seen: {seen!r}")
        await asyncio.sleep(every)
