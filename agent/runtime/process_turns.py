"""One act at a time per process, and each act once.

An act is: take the lock, settle what an earlier act left unfinished, write *begun*, do it, write
*completed* with the result. With a key that was completed it does nothing and returns that result.
An act that refuses or fails (Permanent, Temporary) forgets that it was begun: nothing is left to
find out, and the same key may try again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from agent.model.errors import Permanent, Temporary, UnknownEffect
from agent.model.product import Entity
from agent.ports.clock import Clock
from agent.ports.kit import Http
from agent.runtime.process_look import ProcessLook
from agent.runtime.process_spec import ProcessSpec
from agent.runtime.process_state import MOST_KEYS, Begun, ProcessState
from agent.runtime.process_table import ProcessRef

LOCK_WAIT_SECONDS = 30.0
LOCK_POLL_SECONDS = 0.05

Result = Mapping[str, Any]
Done = tuple[ProcessState, dict[str, Any]]


class ProcessTurns(ProcessLook):
    """What `Processes` acts through."""

    def __init__(
        self,
        entities: Callable[[], Mapping[str, Entity]],
        state_dir: Path,
        clock: Clock,
        http: Http | None,
    ) -> None:
        super().__init__(entities, state_dir, clock, http)
        self._turns: dict[str, asyncio.Lock] = {}

    async def _once(
        self,
        name: str,
        spec: ProcessSpec,
        key: str,
        begin: Callable[[ProcessState], Begun],
        perform: Callable[[ProcessState, Begun], Awaitable[Done]],
    ) -> Result:
        async with self._alone(name):
            state = self._settle(name, spec)
            known = state.result_of(key)
            if known is not None:
                return known
            if key in state.unclear:
                raise UnknownEffect(f"{name}: whether this was done before is not known")
            begun = begin(state)
            state = msgspec.structs.replace(
                state, begun=begun, launches=begun.launch or state.launches
            )
            try:
                self._files.save(name, state)
            except OSError as error:
                raise Temporary(f"{name}: the intent cannot be recorded: {error}") from error
            try:
                state, result = await perform(state, begun)
            except (Permanent, Temporary):
                self._forget_begun(name, state)
                raise
            try:
                self._files.save(name, state.completing(begun, result, at=self._clock.now()))
            except OSError as error:
                raise UnknownEffect(f"{name}: done, but it cannot be recorded: {error}") from error
            return result

    def _settle(self, name: str, spec: ProcessSpec) -> ProcessState:
        """Ends what an earlier act left unfinished: it is completed, forgotten or unclear."""
        state = self._load(name, spec)
        begun = state.begun
        if begun is None:
            return state
        happened, ref = self._happened(name, spec, begun)
        if happened:
            if ref is not None:
                state = state.launched(begun, ref, at=begun.at)
            result = {**result_of(begun, ref), "recovered": True}
            state = state.completing(begun, result, at=self._clock.now())
        else:
            unclear = state.unclear if happened is False else (*state.unclear, begun.key)
            state = msgspec.structs.replace(state, begun=None, unclear=unclear[-MOST_KEYS:])
        try:
            self._files.save(name, state)
        except OSError as error:
            raise Temporary(f"{name}: its state cannot be recorded: {error}") from error
        return state

    def _forget_begun(self, name: str, state: ProcessState) -> None:
        try:
            self._files.save(name, msgspec.structs.replace(state, begun=None))
        except OSError as error:
            raise UnknownEffect(f"{name}: its state cannot be recorded: {error}") from error

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[None]:
        """One act at a time per process, in this daemon and across daemons on this folder."""
        async with self._turns.setdefault(name, asyncio.Lock()):
            until = self._clock.monotonic() + LOCK_WAIT_SECONDS
            while (descriptor := self._take_lock(name)) is None:
                if self._clock.monotonic() >= until:
                    raise Temporary(f"somebody else is acting on {name}", after_seconds=5.0)
                await self._clock.sleep(LOCK_POLL_SECONDS)
            try:
                yield
            finally:
                os.close(descriptor)

    def _take_lock(self, name: str) -> int | None:
        try:
            return self._files.try_lock(name)
        except OSError as error:
            raise Temporary(f"{name} cannot be locked: {error}") from error


def result_of(begun: Begun, ref: ProcessRef | None) -> dict[str, Any]:
    """What can be said of an act from its intent and its new process alone, and so also by the one
    who finds it done after a crash."""
    if begun.act == "stop":
        return {"was_running": begun.was is not None, "pid": begun.was.pid if begun.was else None}
    if begun.act == "restore_config":
        changed = begun.replaced != begun.restored
        return {"replaced": begun.replaced, "restored": begun.restored, "changed": changed}
    result: dict[str, Any] = {
        "pid": ref.pid if ref else None,
        "replaced_pid": begun.was.pid if begun.was else None,
        "version": begun.version,
    }
    if begun.act == "set_version":
        result |= {"replaced": begun.replaced, "changed": begun.version != begun.replaced}
    return result
