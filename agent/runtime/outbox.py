"""Workers of the outbox: run committed commands under a deadline, feed what came of them back.

This is the only place that catches what plugins raise and turns it into a frozen Outcome. A command
found unfinished at start is not run again here when it acts: its outcome is unknown, and that goes
to the core as an event, which decides by the effect class the action declared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
import structlog

from agent.core import guard
from agent.core.halting import Place
from agent.core.view import View
from agent.model.command import Command, CommandKind
from agent.model.effect import Effect, Outcome, OutcomeStatus
from agent.model.errors import Permanent, StoreUnavailable, Temporary, UnknownEffect
from agent.model.event import CommandFinished
from agent.model.reason import Reason
from agent.ports.clock import Clock
from agent.ports.cluster import RightsMissing
from agent.runtime.lane import Undecidable

log = structlog.get_logger("outbox")

MOST_READS = 64
MOST_ACTS = 16
MOST_PAGES = 16
LONGEST_DETAIL = 500
READS = (CommandKind.DIAGNOSE, CommandKind.OBSERVE, CommandKind.PROBE)
"""They give up their slot once their outcome is on disk; acts and pages go on without that."""
MOST_RESULT_BYTES = 256 * 1024
UNTOLD = "what it brought could not be kept; the log has it"

LONGEST_WAIT_SECONDS = 3600.0
"""What a plugin may ask for before it is tried again: a `Retry-After` of an hour is kept to."""
CANCEL_SECONDS = 1.0
"""For a plugin to leave when it is told to."""

Finish = Callable[[CommandFinished], Awaitable[None]]


class Runner(Protocol):
    """Calls the plugin of a command (runtime/calling.py)."""

    async def call(self, command: Command) -> Mapping[str, Any]: ...


class HaltSwitch(Protocol):
    """The kill switch outside of the store (runtime/halt_files.py)."""

    def look(self) -> Place | None:
        """Who says on, read now; None where nobody does."""
        ...


class Outbox:
    def __init__(
        self, *, clock: Clock, view: View, runner: Runner, finish: Finish, halt: HaltSwitch
    ) -> None:
        self._clock, self._view, self._runner, self._finish = clock, view, runner, finish
        self._halt = halt
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun: set[asyncio.Task[Any]] = set()
        """Those of them that have called their plugin."""
        self._slots = {
            CommandKind.DIAGNOSE: asyncio.Semaphore(MOST_READS),
            CommandKind.ACT: asyncio.Semaphore(MOST_ACTS),
            CommandKind.NOTIFY: asyncio.Semaphore(MOST_PAGES),
        }
        self._slots[CommandKind.OBSERVE] = self._slots[CommandKind.DIAGNOSE]
        self._slots[CommandKind.PROBE] = self._slots[CommandKind.DIAGNOSE]
        self._late = asyncio.Semaphore(MOST_READS)
        self._draining = False

    @property
    def under_way(self) -> int:
        return len(self._tasks)

    def dispatch(self, command: Command) -> None:
        """Runs a command that has just been committed."""
        if self._draining and command.kind is CommandKind.ACT:
            return  # its intent stays open: after the next start it is judged as unknown
        self._start(self._work(command))

    def recover(self, command: Command) -> None:
        """A command that was committed before this process started, and not finished."""
        if command.kind is not CommandKind.ACT:
            self._start(self._work(command))
            return
        lost = Outcome(
            status=OutcomeStatus.UNKNOWN,
            reason=Reason.INTERRUPTED,
            detail="the agent stopped while it was under way",
        )
        self._start(self._report(command, lost))

    async def drain(self, *, grace_seconds: float) -> None:
        """No new acts; what is under way gets its grace, then its outcome is left unknown. What
        only waits for its time or its turn stands in the outbox and is found there at the next
        start."""
        self._draining = True
        for task in self._tasks - self._begun:
            task.cancel()
        if self._begun:
            await asyncio.wait(self._begun, timeout=grace_seconds)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CANCEL_SECONDS)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._begun.discard)

    async def _work(self, command: Command) -> None:
        wait = command.not_before - self._clock.now()
        if wait > 0:
            await self._clock.sleep(wait)
        if command.kind in READS:
            await self._read(command)
            return
        async with self._slots[command.kind]:
            if self._draining and command.kind is CommandKind.ACT:
                return  # its intent stays open: after the next start it is judged as unknown
            self._begin()
            outcome = await self._run(command)
        await self._report(command, outcome)

    async def _read(self, command: Command) -> None:
        """Thousands that read at once must not stand before a new alert, neither here nor in the
        lane: whoever does not get a turn in time goes without an answer."""
        slots = self._slots[command.kind]
        try:
            async with asyncio.timeout(command.timeout_seconds):
                await slots.acquire()
        except TimeoutError:
            text = f"no turn within {command.timeout_seconds:g} s"
            late = _failed(OutcomeStatus.TEMPORARY, Reason.TIMED_OUT, text)
            async with self._late:
                await self._report(command, late)
            return
        try:
            self._begin()
            await self._report(command, await self._run(command))
        finally:
            slots.release()

    def _begin(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._begun.add(task)

    def _refused(self, command: Command) -> Outcome | None:
        """The guards, read again at the moment of acting. The kill switch is read itself, and not
        what was kept of it: the store may be what is broken."""
        if command.kind is not CommandKind.ACT:
            return None
        place = self._halt.look()
        if place is not None:
            return _failed(OutcomeStatus.REFUSED, place.reason, place.sentence)
        incident = self._view.incidents.get(command.subject)
        stop = guard.recheck(command, incident, self._view, at=self._clock.now())
        if stop is None:
            return None
        outcome = _failed(OutcomeStatus.REFUSED, stop.reason, stop.text)
        return _with_wait(outcome, stop.after_seconds)  # it may let go by itself

    async def _run(self, command: Command) -> Outcome:
        changes = command.kind is CommandKind.ACT and command.effect is not Effect.READ
        called = False
        try:
            refused = self._refused(command)
            if refused is not None:
                return refused
            called = True
            async with asyncio.timeout(command.timeout_seconds):
                value = _plain(await self._runner.call(command))
        except TimeoutError:
            return _failed(
                OutcomeStatus.UNKNOWN if changes else OutcomeStatus.TEMPORARY,
                Reason.TIMED_OUT,
                f"no answer within {command.timeout_seconds:g} s",
            )
        except Temporary as error:
            outcome = _failed(OutcomeStatus.TEMPORARY, Reason.STEP_TEMPORARY, str(error))
            return _with_wait(outcome, error.after_seconds)
        except UnknownEffect as error:
            return _failed(OutcomeStatus.UNKNOWN, Reason.STEP_UNKNOWN, str(error))
        except RightsMissing as error:
            return _failed(OutcomeStatus.FAILED, Reason.RIGHTS_MISSING, str(error))
        except Permanent as error:
            return _failed(OutcomeStatus.FAILED, Reason.STEP_FAILED, str(error))
        except Exception as error:  # the one place: whatever a plugin raises becomes an outcome
            log.warning("plugin_raised", use=command.use, command=command.id, exc_info=True)
            status = OutcomeStatus.UNKNOWN if changes and called else OutcomeStatus.FAILED
            return _failed(status, Reason.STEP_FAILED, f"{type(error).__name__}: {error}")
        return Outcome(status=OutcomeStatus.DONE, reason=Reason.STEP_DONE, value=value)

    async def _report(self, command: Command, outcome: Outcome) -> None:
        """Feeds the outcome back in at the top. It is not given up while the store is down, and
        one that cannot be decided about is told once more without what it brought."""
        wait = 0.2
        while True:
            try:
                at = self._clock.now()
                await self._finish(CommandFinished(at=at, command=command, outcome=outcome))
                return
            except StoreUnavailable:
                log.warning("outcome_not_stored", command=command.id, retry_seconds=wait)
                await self._clock.sleep(wait)
                wait = min(wait * 2, 5.0)
            except Undecidable as error:
                bare = Outcome(status=outcome.status, reason=outcome.reason, detail=UNTOLD)
                if outcome == bare:
                    # Its row stays in the outbox: the next start tries it again.
                    log.error("outcome_stuck", command=command.id, error=str(error)[:300])
                    return
                outcome = bare


def _plain(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a plugin returned, as it will be read back from the store. Raises what JSON raises."""
    encoded = msgspec.json.encode(dict(value))
    if len(encoded) > MOST_RESULT_BYTES:
        raise ValueError(f"a result of {len(encoded)} bytes; at most {MOST_RESULT_BYTES}")
    plain: dict[str, Any] = msgspec.json.decode(encoded)
    return plain


def _failed(status: OutcomeStatus, reason: Reason, detail: str) -> Outcome:
    return Outcome(status=status, reason=reason, detail=detail[:LONGEST_DETAIL])


def _with_wait(outcome: Outcome, after_seconds: float | None) -> Outcome:
    if after_seconds is None:
        return outcome
    return Outcome(
        status=outcome.status,
        reason=outcome.reason,
        detail=outcome.detail,
        after_seconds=min(after_seconds, LONGEST_WAIT_SECONDS),
    )
