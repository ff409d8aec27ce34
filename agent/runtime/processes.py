"""The embedded substrate: runs local processes, so that healing is real without a cluster.

The processes are not the daemon's. They are started detached, outlive a kill -9 of it, and are
found again by a state file per process; two daemons (or a daemon and a command line) may look at
one state folder, and act one at a time under its lock. How an act is done
once, process_turns.py says.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from agent.model.errors import Permanent, Temporary
from agent.runtime.process_config import (
    ConfigText,
    keep_good,
    keep_replaced,
    put_back,
    read_config,
    read_good,
    read_replaced,
)
from agent.runtime.process_spec import Launch, ProcessSpec, launch_of
from agent.runtime.process_state import Begun, ProcessState
from agent.runtime.process_table import ProcessRef
from agent.runtime.process_trash import BATCH, Wanted, batch_of, in_pieces, trash
from agent.runtime.process_trash import put_back as put_files_back
from agent.runtime.process_turns import Done, ProcessTurns, Result, result_of
from agent.runtime.process_use import open_inodes

END_POLL_SECONDS = 0.02
KILL_WAIT_SECONDS = 5.0


class Processes(ProcessTurns):
    """Implements agent.ports.kit.ProcessControl over the entities with a `process` block.

    `state_dir` gets a state file, a lock, a log (where none is declared) and the copies of the
    configuration of each. Without `http` nothing is known about health addresses.
    """

    async def start(self, name: str, *, key: str) -> Result:
        """Raises Permanent where it already runs (a hung one wants a restart)."""
        spec = self._spec(name)

        def begin(state: ProcessState) -> Begun:
            if self._table.look(state.running) is not None:
                raise Permanent(f"{name} already runs")
            return self._launching(state, "start", key, state.version)

        return await self._once(name, spec, key, begin, self._relaunch(name, spec, None))

    async def stop(self, name: str, *, key: str, grace_seconds: float | None = None) -> Result:
        """One that does not run is stopped already: that is no error, and is in the result."""
        spec = self._spec(name)
        grace = spec.stop_grace_seconds if grace_seconds is None else grace_seconds

        def begin(state: ProcessState) -> Begun:
            return Begun(key=key, act="stop", at=self._clock.now(), was=self._runs(state))

        async def perform(state: ProcessState, begun: Begun) -> Done:
            killed = await self._end(state.running, grace)
            return state, {**result_of(begun, None), "killed": killed}

        return await self._once(name, spec, key, begin, perform)

    async def restart(self, name: str, *, key: str, grace_seconds: float | None = None) -> Result:
        """Also starts one that does not run."""
        spec = self._spec(name)

        def begin(state: ProcessState) -> Begun:
            return self._launching(state, "restart", key, state.version)

        return await self._once(name, spec, key, begin, self._relaunch(name, spec, grace_seconds))

    async def set_version(self, name: str, *, version: str | None, key: str) -> Result:
        """Raises Permanent where there is no such version, or none before this one."""
        spec = self._spec(name)

        def begin(state: ProcessState) -> Begun:
            wanted = state.previous_version if version is None else version
            if wanted is None:
                raise Permanent(f"no version of {name} before {state.version!r} is known")
            return self._launching(state, "set_version", key, wanted, back=version is None)

        relaunch = self._relaunch(name, spec, None)

        async def perform(state: ProcessState, begun: Begun) -> Done:
            if begun.version == state.version and (ref := self._runs(state)) is not None:
                return state, result_of(begun, ref)
            return await relaunch(state, begun)

        return await self._once(name, spec, key, begin, perform)

    async def restore_config(self, name: str, *, key: str, to: str | None = None) -> Result:
        """The process itself is left alone: most read their configuration only at start.

        Raises Permanent where there is no configuration, or nothing to put there.
        """
        spec = self._spec(name)
        if not spec.config:
            raise Permanent(f"{name} declares no config file")
        path = spec.path(spec.config)

        def wanted() -> ConfigText:
            return (
                read_good(self._files, name) if to is None else read_replaced(self._files, name, to)
            )

        def begin(state: ProcessState) -> Begun:
            good, current = wanted(), read_config(path)
            if good.body is None:
                what = "good copy" if to is None else f"copy {to[:12]}"
                raise Permanent(f"no {what} of {path} is known")
            return Begun(
                key=key,
                act="restore_config",
                at=self._clock.now(),
                replaced=current.digest,
                restored=good.digest,
            )

        async def perform(state: ProcessState, begun: Begun) -> Done:
            result = {**result_of(begun, None), "path": str(path)}
            if begun.replaced != begun.restored:
                try:
                    kept = keep_replaced(self._files, name, read_config(path))
                    put_back(path, wanted(), expected=begun.replaced)
                except OSError as error:
                    raise Permanent(f"{path} cannot be written: {error}") from error
                result["kept"] = "" if kept is None else str(kept)
            return state, result

        return await self._once(name, spec, key, begin, perform)

    async def mark_config_good(self, name: str) -> str:
        """The configuration as it is now becomes the one `restore_config` puts back.

        Returns its hash. The first launch of a process does this by itself.
        """
        spec = self._spec(name)
        async with self._alone(name):
            current = read_config(spec.path(spec.config)) if spec.config else None
            if current is None or current.body is None:
                raise Permanent(f"{name} has no config file to remember")
            try:
                keep_good(self._files, name, current)
            except OSError as error:
                raise Temporary(f"good copy of {name} cannot be kept: {error}") from error
        return current.digest

    async def trash_files(
        self,
        name: str,
        folder: str,
        *,
        pattern: str,
        older_than_seconds: float,
        most: int,
        key: str,
    ) -> Result:
        """What the process has open is left alone, however old it is."""
        spec = self._spec(name)
        async with self._alone(name):
            pids = self._table.session(self._load(name, spec).running)
            wanted = Wanted(
                root=spec.path("."),
                folder=folder,
                pattern=pattern,
                modified_before=self._clock.now() - older_than_seconds,
                most=most,
                in_use=await asyncio.to_thread(open_inodes, pids),
            )
            return await in_pieces(trash(wanted, self._trash(name) / batch_of(key)))

    async def untrash_files(self, name: str, *, batch: str) -> Result:
        """Raises Permanent where there is no such batch, or it is damaged."""
        spec = self._spec(name)
        if BATCH.fullmatch(batch) is None:
            raise Permanent(f"{batch!r} is no name of a batch")
        async with self._alone(name):
            return await in_pieces(put_files_back(spec.path("."), self._trash(name) / batch))

    async def ensure_running(self, names: Iterable[str], *, key: str = "ensure") -> tuple[str, ...]:
        """Starts what does not run, and returns the names of those. For a demo or a first start;
        afterwards runbooks decide."""
        started = []
        for name in names:
            state = self._load(name, self._spec(name))
            if self._table.look(state.running) is None:
                await self.start(name, key=f"{key}:{name}:{state.launches + 1}")
                started.append(name)
        return tuple(started)

    async def end_all(self, names: Iterable[str], *, key: str = "end") -> tuple[str, ...]:
        """Stops what runs, and returns the names of those. For a demo and for tests."""
        ended = []
        for name in names:
            spec = self._spec(name)
            state = self._load(name, spec)
            if not self._table.is_gone(state.running):
                await self.stop(name, key=f"{key}:{name}:{state.launches}:{self._clock.now()}")
                ended.append(name)
        return tuple(ended)

    def _trash(self, name: str) -> Path:
        return self._files.path(name, ".trash")

    def _launching(
        self, state: ProcessState, act: str, key: str, version: str, *, back: bool = False
    ) -> Begun:
        history = state.history
        if version != state.version:
            history = history[:-1] if back else (*history, state.version)
        return Begun(
            key=key,
            act=act,
            at=self._clock.now(),
            was=self._runs(state),
            launch=state.launches + 1,
            version=version,
            replaced=state.version,
            history=history,
        )

    def _relaunch(
        self, name: str, spec: ProcessSpec, grace_seconds: float | None
    ) -> Callable[[ProcessState, Begun], Awaitable[Done]]:
        grace = spec.stop_grace_seconds if grace_seconds is None else grace_seconds

        async def perform(state: ProcessState, begun: Begun) -> Done:
            launch = launch_of(name, spec, begun.version)  # refuses before anything is stopped
            self._remember_first_config(name, spec)
            killed = await self._end(state.running, grace)
            ref = self._execute(name, spec, launch, begun)
            result = {**result_of(begun, ref), "killed": killed}
            return state.launched(begun, ref, at=self._clock.now()), result

        return perform

    def _execute(self, name: str, spec: ProcessSpec, launch: Launch, begun: Begun) -> ProcessRef:
        try:
            return self._table.start(
                launch, log=self._log(name, spec), mark=self._mark(name, begun.launch)
            )
        except OSError as error:
            raise Permanent(f"{name} cannot be started: {error}") from error

    def _remember_first_config(self, name: str, spec: ProcessSpec) -> None:
        if not spec.config or read_good(self._files, name).body is not None:
            return
        try:
            keep_good(self._files, name, read_config(spec.path(spec.config)))
        except OSError as error:
            raise Temporary(f"good copy of {name} cannot be kept: {error}") from error

    async def _end(self, ref: ProcessRef | None, grace_seconds: float) -> bool:
        """Ends it and all it forked; returns whether that took a SIGKILL. One that is stopped by a
        signal gets SIGCONT, or it would never see the SIGTERM."""
        if ref is None or self._table.is_gone(ref):
            return False
        self._table.send(ref, signal.SIGTERM, signal.SIGCONT)
        if await self._ends_within(ref, grace_seconds):
            return False
        self._table.send(ref, signal.SIGKILL)
        if await self._ends_within(ref, KILL_WAIT_SECONDS):
            return True
        raise Temporary(f"process {ref.pid} does not end, even by SIGKILL")

    async def _ends_within(self, ref: ProcessRef, limit_seconds: float) -> bool:
        until = self._clock.monotonic() + limit_seconds
        while not self._table.is_gone(ref):
            if self._clock.monotonic() >= until:
                return False
            await self._clock.sleep(END_POLL_SECONDS)
        return True

    def _runs(self, state: ProcessState) -> ProcessRef | None:
        return state.running if self._table.look(state.running) is not None else None
