"""The reading half of the embedded substrate: nothing here changes a process or a file.

Hung means: it lives and nobody is home. It is stopped by a signal, or its health address gives no
answer at all within `hung_after`. A process that answers with an error is not hung, it is broken
(`answers` is false); one that was started less than `hung_after` ago is given time to listen.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.core.cleaning import clean_text
from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity
from agent.ports.clock import Clock
from agent.ports.kit import (
    Certificate,
    Certificates,
    FolderSeen,
    Http,
    ProcessStatus,
    ProcessUse,
    Unreached,
)
from agent.runtime.process_certificate import read_file, served_at
from agent.runtime.process_config import difference, open_ordinary, read_config, read_good
from agent.runtime.process_folder import look_into, path_below
from agent.runtime.process_spec import ProcessSpec, spec_of
from agent.runtime.process_state import Begun, ProcessState, StateFiles
from agent.runtime.process_table import ProcessRef, ProcessTable
from agent.runtime.process_use import open_inodes, use_of

LOG_READ_BYTES = 64 * 1024
LONGEST_LINE = 2000
MOST_LINES = 1000
TERMINAL_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    answers: bool | None
    silent: bool = False
    detail: str = ""


class ProcessLook:
    """Implements agent.ports.kit.ProcessReader."""

    def __init__(
        self,
        entities: Callable[[], Mapping[str, Entity]],
        state_dir: Path,
        clock: Clock,
        http: Http | None,
    ) -> None:
        self._entities = entities
        self._files = StateFiles(state_dir)
        self._table = ProcessTable()
        self._clock = clock
        self._http = http

    def names(self) -> tuple[str, ...]:
        """Entities that this substrate runs."""
        return tuple(n for n, e in self._entities().items() if e.process is not None)

    async def status(self, name: str) -> ProcessStatus:
        try:
            spec = self._spec(name)
            state = self._as_it_is(name, spec)
        except Permanent as error:
            return ProcessStatus(name=name, known=False, alive=False, detail=str(error))
        now = self._clock.now()
        changed_at = state.version_changed_at
        status = ProcessStatus(
            name=name,
            known=True,
            alive=False,
            version=state.version,
            previous_version=state.previous_version,
            version_changed_seconds_ago=None if changed_at is None else max(0.0, now - changed_at),
            restarts=state.restarts,
            launched_seconds_ago=tuple(max(0.0, now - at) for at in reversed(state.launched_at)),
        )
        ref = state.running
        seen = self._table.look(ref)
        if ref is None or seen is None:
            code = self._table.exit_code(ref)
            detail = "never started" if ref is None else _ended(code)
            return msgspec.structs.replace(status, exit_code=code, detail=detail)
        uptime = None if state.started_at is None else max(0.0, now - state.started_at)
        if seen.is_stopped:
            health = Health(answers=False, silent=True, detail="stopped by a signal")
        else:
            health = await self._health(spec, uptime)
            if self._table.look(ref) is None:  # it ended while we waited for its answer
                code = self._table.exit_code(ref)
                return msgspec.structs.replace(status, exit_code=code, detail=_ended(code))
        return msgspec.structs.replace(
            status,
            alive=True,
            pid=seen.pid,
            hung=health.silent,
            uptime_seconds=uptime,
            memory_bytes=seen.memory_bytes,
            answers=health.answers,
            detail=health.detail,
        )

    async def use(self, name: str) -> ProcessUse | None:
        """Raises Permanent where it has no process block."""
        state = self._as_it_is(name, self._spec(name))
        seen = self._table.look(state.running)
        if seen is None:
            return None
        pids = self._table.session(state.running)
        return await asyncio.to_thread(use_of, seen.pid, pids, at=self._clock.monotonic())

    async def folder(self, name: str, folder: str, *, pattern: str) -> FolderSeen:
        """Raises Permanent where it does not exist or leads out of the working directory."""
        spec = self._spec(name)
        pids = self._table.session(self._as_it_is(name, spec).running)
        in_use = await asyncio.to_thread(open_inodes, pids)
        return await asyncio.to_thread(
            look_into,
            spec.path("."),
            folder,
            pattern=pattern,
            in_use=in_use,
            now=self._clock.now(),
        )

    async def certificates(self, name: str, *, file: str) -> Certificates:
        """Raises Permanent where it has no process block; all else is in the answer."""
        spec = self._spec(name)
        served: Certificate | None = None
        on_disk: Certificate | None = None
        now, why = self._clock.now(), []
        try:
            if spec.health_url is None:
                raise Permanent(f"{name} declares no health address")
            limit = spec.hung_after_seconds
            served = await served_at(spec.health_url, timeout_seconds=limit, now=now)
        except (Permanent, Temporary) as error:
            why.append(str(error))
        try:
            on_disk = read_file(path_below(spec.path("."), file), now=now)
        except Permanent as error:
            why.append(str(error))
        detail = clean_text("; ".join(why), longest=500)[0]
        return Certificates(served=served, on_disk=on_disk, detail=detail)

    async def recent_log(self, name: str, *, lines: int) -> tuple[str, ...]:
        """Raises Permanent where it has no process block or its log cannot be read."""
        return read_tail(self._log(name, self._spec(name)), lines=max(1, min(lines, MOST_LINES)))

    async def config_state(self, name: str) -> Mapping[str, Any]:
        """Besides the port's keys: `known` (there is a good copy to compare with)."""
        spec = self._spec(name)
        if not spec.config:
            nothing = {"path": "", "known": False, "changed": False, "diff": ()}
            return {**nothing, "changed_seconds_ago": None}
        path = spec.path(spec.config)
        current, good = read_config(path), read_good(self._files, name)
        known = good.body is not None
        changed = known and current.digest != good.digest
        ago = None
        if changed and current.modified_at is not None:
            ago = max(0.0, self._clock.now() - current.modified_at)
        return {
            "path": str(path),
            "known": known,
            "changed": changed,
            "changed_seconds_ago": ago,
            "diff": difference(good, current) if changed else (),
        }

    async def done_with_key(self, name: str, key: str) -> bool | None:
        """None while the act is going on, and where the world does not tell."""
        spec = self._spec(name)
        state = self._load(name, spec)
        if state.result_of(key) is not None:
            return True
        if key in state.unclear:
            return None
        if state.begun is None or state.begun.key != key:
            return False
        descriptor = self._files.try_lock(name)
        if descriptor is None:
            return None
        try:
            state = self._load(name, spec)
            if state.begun is None or state.begun.key != key:
                return state.result_of(key) is not None
            return self._happened(name, spec, state.begun)[0]
        finally:
            os.close(descriptor)

    def _as_it_is(self, name: str, spec: ProcessSpec) -> ProcessState:
        """The state, with the launch of an act that was cut off between the start of the process
        and the writing of it: else a process that runs would be told as dead until the next act.
        Nothing is written here, and an act that is going on is left to tell for itself."""
        state = self._load(name, spec)
        if state.begun is None or state.begun.launch is None:
            return state
        descriptor = self._files.try_lock(name)
        if descriptor is None:
            return state
        try:
            state = self._load(name, spec)
            begun = state.begun
            if begun is None or (ref := self._happened(name, spec, begun)[1]) is None:
                return state
            return state.launched(begun, ref, at=begun.at)
        finally:
            os.close(descriptor)

    def _happened(
        self, name: str, spec: ProcessSpec, begun: Begun
    ) -> tuple[bool | None, ProcessRef | None]:
        """What an act that was cut off did, read from the world.

        A launch happened if a process with its mark lives. If none does, the old one still runs, or
        nothing does; both ways doing it again is right, so that is "did not happen". A stop
        happened if the one that was to be stopped is gone. A configuration was put back if the good
        one is there, and was not if the replaced one is; with a third one nobody can tell.
        """
        if begun.launch is not None:
            found = self._table.find(self._mark(name, begun.launch))
            return (True, found[0][0]) if found else (False, None)
        if begun.act == "stop":
            return self._table.is_gone(begun.was), None
        digest = read_config(spec.path(spec.config)).digest
        if digest == begun.restored:
            return True, None
        return (False if digest == begun.replaced else None), None

    def _spec(self, name: str) -> ProcessSpec:
        entity = self._entities().get(name)
        if entity is None:
            raise Permanent(f"{name} is not registered")
        return spec_of(entity)

    def _load(self, name: str, spec: ProcessSpec) -> ProcessState:
        state = self._files.load(name)
        if state is not None:
            return state
        fresh = ProcessState(version=spec.version)
        found = self._table.find(self._mark(name))
        if not found:
            return fresh
        # The state was lost but the process was not: take it in, rather than start a second one.
        ref, rest = found[-1]
        number = rest.rstrip(".")
        return msgspec.structs.replace(
            fresh, running=ref, launches=int(number) if number.isdigit() else 0
        )

    def _mark(self, name: str, launch: int | None = None) -> str:
        begin = f"{self._files.folder}#{name}#"
        return begin if launch is None else f"{begin}{launch}."

    def _log(self, name: str, spec: ProcessSpec) -> Path:
        return spec.path(spec.log) if spec.log else self._files.path(name, ".log")

    async def _health(self, spec: ProcessSpec, uptime: float | None) -> Health:
        if self._http is None or spec.health_url is None:
            return Health(answers=None)
        limit = spec.hung_after_seconds
        try:
            reply = await self._http.get(spec.health_url, timeout_seconds=limit)
        except (Unreached, Permanent) as error:  # our side: says nothing about the process
            return Health(answers=None, detail=clean_text(str(error), longest=500)[0])
        except Temporary as error:
            if uptime is not None and uptime < limit:
                return Health(answers=False, detail="starting")
            detail = clean_text(f"no answer from {spec.health_url}: {error}", longest=500)[0]
            return Health(answers=False, silent=True, detail=detail)
        if 200 <= reply.status < 300:
            return Health(answers=True)
        return Health(answers=False, detail=f"{spec.health_url} answers {reply.status}")


def read_tail(path: Path, *, lines: int) -> tuple[str, ...]:
    """The last lines of a log, cleaned: what a process writes is not trusted either."""
    try:
        with open_ordinary(path) as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - LOG_READ_BYTES)
            file.seek(start)
            text = file.read(LOG_READ_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise Permanent(f"log {path} cannot be read: {error.strerror}") from error
    rows = re.split(r"\r?\n", text)
    if start > 0 and len(rows) > 1:
        rows = rows[1:]  # the first one is cut in the middle
    if rows and not rows[-1]:
        rows = rows[:-1]
    plain = (TERMINAL_SEQUENCE.sub("", row) for row in rows[-lines:])
    return tuple(clean_text(row, longest=LONGEST_LINE)[0] for row in plain)


def _ended(code: int | None) -> str:
    if code is None:
        return "not running"
    return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
