"""What all stand-ins of notification services share: faults on order, limits of rate, a memory."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Clock = Callable[[], float]


@dataclass(frozen=True)
class Verdict:
    """How the service answers. `why` is empty where it took the message."""

    status: int
    body: bytes = b""
    why: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    at: float
    """Seconds since the epoch."""
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None
    """What was answered; None: nothing, the connection was reset."""
    why: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Fault:
    """Something that goes wrong with the next `times` requests.

    With a `status` nothing is ingested. With a delay alone the message is ingested at once, and the
    answer comes after it: too late for whoever gave up. With `reset` the connection is cut without
    an answer, after it was ingested where `ingests` says so.
    """

    status: int | None = None
    retry_after: float | None = None
    body: str = ""
    delay_seconds: float = 0.0
    reset: bool = False
    ingests: bool = False
    times: int = 1


class Window:
    """At most `most` calls in any `seconds`, per key."""

    def __init__(self, most: int, seconds: float, clock: Clock) -> None:
        self.most, self.seconds, self._clock = most, seconds, clock
        self._calls: dict[str, deque[float]] = {}

    def wait_seconds(self, key: str) -> float:
        """0 where the call is within the limit, which counts it; else how long to wait."""
        now = self._clock()
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - self.seconds:
            calls.popleft()
        if len(calls) >= self.most:
            return (calls[0] if calls else now) + self.seconds - now
        calls.append(now)
        return 0.0


class Provider:
    """One service. `judge` checks a request as the documentation of the service does, and ingests
    it where it holds."""

    name = ""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.base = ""
        """Address of the recording server."""
        self.clock = clock
        self.received: list[Received] = []
        self.faults: list[Fault] = []
        self.is_down = False

    @property
    def url(self) -> str:
        return f"{self.base}/{self.name}"

    def fail(self, **what: Any) -> None:
        self.faults.append(Fault(**what))

    def next_fault(self) -> Fault | None:
        if self.is_down:
            return Fault(reset=True)
        while self.faults:
            fault = self.faults[0]
            if fault.times > 0:
                fault.times -= 1
                return fault
            self.faults.pop(0)
        return None

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        raise NotImplementedError

    def recorded(self) -> dict[str, Any]:
        """What people would have seen of it, as plain data."""
        raise NotImplementedError

    @property
    def refused(self) -> list[Received]:
        """What it answered 4xx: a notifier that keeps to the limits gets none."""
        return [r for r in self.received if r.status is not None and 400 <= r.status < 500]


def utf16(text: str) -> int:
    """The strictest reading of a limit in characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_text(value: Any, most: int, *, least: int = 1) -> bool:
    return isinstance(value, str) and least <= utf16(value) <= most


def is_link(value: Any, most: int = 2048) -> bool:
    return is_text(value, most) and value.startswith(("http://", "https://")) and " " not in value


def parsed(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
