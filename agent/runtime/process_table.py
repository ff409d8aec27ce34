"""The kernel's side of a process: find it again, look at it, signal it, start it.

A pid alone names nothing: the kernel gives it to somebody else. A process is named here by pid,
kernel start time and boot, and every look compares all three, so that a recycled pid is never taken
for ours. Zombies are dead: our own children are reaped at the next look, those of others are read
as they lie.

Every process is started as leader of a session of its own. That detaches it from the daemon (it
outlives a kill -9), and lets its workers be found: the session id of everything it forked is its
pid. A process that gives itself a new session escapes; such a one is not for this substrate.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.runtime.process_spec import Launch

MARK = "HOMEOSTAT_PROCESS"
"""Environment variable that says which launch a process came from. It closes the gap between the
fork and the write of the state file: what a kill -9 left there is found by its mark."""
MOST_EXITS = 256
LOG_ROTATE_BYTES = 16 * 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessRef(msgspec.Struct, frozen=True, kw_only=True):
    """One process for good. `started` is the kernel's start time in clock ticks since boot."""

    pid: int
    started: int
    boot: str


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """/proc/PID/stat, as far as it is needed. `state` is the kernel's letter."""

    pid: int
    state: str
    session: int
    started: int
    memory_bytes: int
    exit_status: int

    @property
    def is_dead(self) -> bool:
        return self.state in "ZXx"

    @property
    def is_stopped(self) -> bool:
        return self.state in "Tt"


class _Detached(subprocess.Popen[bytes]):
    """A child that is left to itself on purpose; Popen would warn when it is forgotten."""

    def __del__(self) -> None:
        return


def look_at(pid: int) -> Look | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The command name stands in parentheses and may hold any byte, also ") Z 1".
    fields = text[text.rindex(b")") + 2 :].split()
    return Look(
        pid=pid,
        state=fields[0].decode(),
        session=int(fields[3]),
        started=int(fields[19]),
        memory_bytes=int(fields[21]) * PAGE_BYTES,
        exit_status=int(fields[49]),
    )


def all_pids() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield int(name)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class ProcessTable:
    def __init__(self) -> None:
        self._boot = boot_id()
        self._exits: OrderedDict[ProcessRef, int] = OrderedDict()

    def look(self, ref: ProcessRef | None) -> Look | None:
        """The process, if it lives; None where it is dead or the pid belongs to another."""
        if ref is None or ref.boot != self._boot:
            return None
        seen = look_at(ref.pid)
        if seen is None or seen.started != ref.started:
            return None
        if seen.is_dead:
            self._bury(ref, seen)
            return None
        return seen

    def exit_code(self, ref: ProcessRef | None) -> int | None:
        """Negative for a signal; None where nobody saw the end of it."""
        self.look(ref)
        return None if ref is None else self._exits.get(ref)

    def session(self, ref: ProcessRef | None) -> tuple[int, ...]:
        """Pids of what lives of it: the process itself and what it forked."""
        if ref is None or ref.boot != self._boot:
            return ()
        leader = look_at(ref.pid)
        if leader is not None and leader.started != ref.started:
            return ()  # the pid is somebody else's now, and so is the session of that number
        seen = (look_at(pid) for pid in all_pids())
        return tuple(s.pid for s in seen if s and s.session == ref.pid and not s.is_dead)

    def is_gone(self, ref: ProcessRef | None) -> bool:
        return self.look(ref) is None and not self.session(ref)

    def send(self, ref: ProcessRef, *signals: signal.Signals) -> None:
        """To the whole session. What ended meanwhile is fine."""
        for pid in self.session(ref):
            for number in signals:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    break

    def start(self, launch: Launch, *, log: Path, mark: str) -> ProcessRef:
        """Raises OSError where it cannot be executed."""
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_ROTATE_BYTES:
            os.replace(log, log.with_name(log.name + ".1"))
        with log.open("ab") as output:
            child = _Detached(
                list(launch.command),
                cwd=launch.cwd,
                env={**launch.env, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        seen = look_at(child.pid)
        if seen is None:  # impossible for an unreaped child, except where something else reaps
            raise ProcessLookupError(child.pid)
        return ProcessRef(pid=child.pid, started=seen.started, boot=self._boot)

    def find(self, prefix: str) -> tuple[tuple[ProcessRef, str], ...]:
        """Live session leaders whose mark begins so, with the rest of the mark; oldest first.

        What they forked has the same mark, but leads no session.
        """
        wanted = f"{MARK}={prefix}".encode()
        found = []
        for pid in all_pids():
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                continue  # not ours to read, or gone
            for item in environment.split(b"\0"):
                if item.startswith(wanted):
                    seen = look_at(pid)
                    if seen and seen.session == pid and not seen.is_dead:
                        ref = ProcessRef(pid=pid, started=seen.started, boot=self._boot)
                        found.append((ref, item[len(wanted) :].decode(errors="replace")))
        return tuple(sorted(found, key=lambda row: row[0].started))

    def _bury(self, ref: ProcessRef, seen: Look) -> None:
        status = seen.exit_status
        try:
            pid, waited = os.waitpid(ref.pid, os.WNOHANG)
            if pid == ref.pid:
                status = waited
        except ChildProcessError:
            pass  # not our child (any more): its parent reaps it
        self._exits[ref] = os.waitstatus_to_exitcode(status)
        while len(self._exits) > MOST_EXITS:
            self._exits.popitem(last=False)
