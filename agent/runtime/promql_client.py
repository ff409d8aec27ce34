"""PromQL that plugins are lent: prometheus-api-client behind a bounded pool of threads.

The package is synchronous, and a thread cannot be cancelled. So the pool is small, each request
carries its time both to the socket and to Prometheus (which then stops evaluating), and the caller
stops waiting at its deadline whatever the thread does. The package's own retries turn a timeout of
one second into ten, so they are off and tenacity owns them: two tries, with jitter, only while the
deadline leaves room. Each question has its own session: no state is shared between threads.

An empty answer is an empty tuple and means no data. NaN is no data either: it is what `0/0` leaves
behind, and a comparison with it is never true.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, wait_random

from agent.model.errors import Permanent, Temporary
from agent.ports.clock import Clock
from agent.ports.kit import Sample

THREADS = 4
TRIES = 2
PAUSE_MOST_SECONDS = 0.25
READ_CAP_BYTES = 8 * 1024 * 1024
REMEDY = "pip install 'homeostat[prometheus]'"


@dataclass(frozen=True)
class Packages:
    """What is used of the packages, resolved at first use."""

    connect: Any
    session: Any
    retry: Any
    refused: type[Exception]
    timed_out: type[Exception]
    unreachable: type[Exception]


class TooLarge(Exception):
    """The answer is over the read cap."""


class PromQLThreads:
    """Implements ports.kit.PromQL. `url` is the Prometheus asked where a query names none."""

    def __init__(
        self, clock: Clock, *, url: str | None, method: str = "POST", threads: int = THREADS
    ) -> None:
        self._clock = clock
        self._url = url
        self._method = method
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    async def query(
        self, expression: str, *, url: str | None, timeout_seconds: float
    ) -> tuple[Sample, ...]:
        address = _address(url or self._url)
        deadline = self._clock.monotonic() + timeout_seconds

        def worth_another_try(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            left = deadline - self._clock.monotonic()
            return isinstance(error, Temporary) and left > 2 * PAUSE_MOST_SECONDS

        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_random(0.0, PAUSE_MOST_SECONDS),
            retry=worth_another_try,
            sleep=self._clock.sleep,
            reraise=True,
        ):
            with attempt:
                left = max(deadline - self._clock.monotonic(), 0.001)
                return await self._once(expression, address, left)
        raise AssertionError("unreachable")  # reraise=True leaves by return or by an error

    async def close(self) -> None:
        """Gives up what still waits. Threads that are asking end at their own timeout."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    async def _once(
        self, expression: str, address: str, timeout_seconds: float
    ) -> tuple[Sample, ...]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="promql")
        asked = asyncio.get_running_loop().run_in_executor(
            self._pool, _ask, expression, address, self._method, timeout_seconds
        )
        try:
            return await asyncio.wait_for(asked, timeout_seconds)
        except TimeoutError as error:
            raise Temporary(
                f"Prometheus at {address} did not answer within {timeout_seconds:.3g} s"
            ) from error


def _address(url: str | None) -> str:
    if not url:
        raise Permanent("no Prometheus is known: set prometheus_url in the settings")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Permanent("the address of Prometheus has to be http:// or https:// with a host")
    return url.rstrip("/")


def _packages() -> Packages:
    try:
        # heavy (0.7 s of CPU) and an extra: at first use
        import prometheus_api_client as client
        import requests
        import urllib3
        from prometheus_api_client.exceptions import PrometheusApiClientException
    except ImportError as error:
        raise Permanent(f"PromQL needs a package that is not installed: {REMEDY}") from error

    return Packages(
        connect=client.PrometheusConnect,
        session=requests.Session,
        retry=urllib3.Retry,
        refused=PrometheusApiClientException,
        timed_out=requests.Timeout,
        unreachable=requests.RequestException,
    )


class _Reading:
    """Reads the answer in our bounds, in requests' hook for responses: it runs before a redirect
    is followed and before the body is taken in whole."""

    status = 0
    text = ""

    def __call__(self, response: Any, *_: Any, **__: Any) -> None:
        self.status = response.status_code
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(64 * 1024):
            size += len(chunk)
            if size > READ_CAP_BYTES:
                response.close()
                raise TooLarge
            chunks.append(chunk)
        # requests has no public way to hand a body back that was read in bounds
        response._content = b"".join(chunks)
        self.text = response._content[:300].decode("utf-8", "replace")
        # without it there is no redirect to follow, and the status speaks for itself
        response.headers.pop("location", None)


def _ask(expression: str, address: str, method: str, timeout_seconds: float) -> tuple[Sample, ...]:
    found = _packages()
    reading = _Reading()
    with found.session() as session:
        session.trust_env = False
        session.hooks["response"] = [reading]
        connection = found.connect(
            url=address, retry=found.retry(total=0), session=session, method=method
        )
        try:
            result = connection.custom_query(
                expression,
                params={"timeout": f"{max(int(timeout_seconds * 1000), 1)}ms"},
                timeout=timeout_seconds,
            )
        except found.refused as error:
            raise _refusal(address, reading) from error
        except found.timed_out as error:
            raise Temporary(
                f"Prometheus at {address} did not answer within {timeout_seconds:.3g} s"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            # requests' own error for a body that is no JSON is a ValueError too
            raise Permanent(f"what answers at {address} is no Prometheus") from error
        except TooLarge as error:
            raise Permanent("the answer of Prometheus is over 8 MiB: aggregate more") from error
        except found.unreachable as error:
            raise Temporary(f"Prometheus at {address} cannot be reached") from error
    return samples(result)


def _refusal(address: str, reading: _Reading) -> Temporary | Permanent:
    status = reading.status
    if status == 429 or status >= 500:
        return Temporary(f"Prometheus at {address} answered {status}")
    if status in (400, 422):
        return Permanent(f"Prometheus refuses the query: {reading.text}")
    return Permanent(f"Prometheus at {address} answered {status}")


def samples(result: Any) -> tuple[Sample, ...]:
    """The samples of an instant answer, NaN and histograms left out, ordered by their labels.

    Raises Permanent for an answer that is no vector and no scalar.
    """
    if not isinstance(result, list):
        raise Permanent("the answer of Prometheus has an unknown shape")
    if len(result) == 2 and isinstance(result[0], int | float):
        rows: list[Any] = [{"metric": {}, "value": result}]
    else:
        rows = result
    found = [sample for row in rows if (sample := _sample(row)) is not None]
    return tuple(sorted(found, key=lambda sample: sorted(sample.labels.items())))


def _sample(row: Any) -> Sample | None:
    if not isinstance(row, Mapping):
        raise Permanent("the answer of Prometheus has an unknown shape")
    if "values" in row:
        raise Permanent("the query gives a range of samples: put a function such as rate() around")
    pair = row.get("value")
    if pair is None:
        return None
    try:
        at, value = float(pair[0]), float(pair[1])
    except (TypeError, ValueError, IndexError) as error:
        raise Permanent("the query gives text, not a number") from error
    if math.isnan(value):
        return None
    labels = {str(name): str(text) for name, text in row.get("metric", {}).items()}
    return Sample(labels=labels, value=value, at=at)
