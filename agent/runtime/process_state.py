"""What is remembered of one supervised process, and the lock that makes its acts one at a time.

One JSON file per process, replaced atomically and on disk before the next thing happens. An act
writes *begun* before it touches anything, and *completed* with its result after, in the same write
as the new pid. So a begun act without its completion is one that was cut off, and what it did is
read from the world (processes.py, `_happened`), not guessed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from agent.model.errors import Permanent
from agent.runtime.process_table import ProcessRef

MOST_KEYS = 100
MOST_VERSIONS = 10
MOST_LAUNCHES = 50


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An act that was begun: all that is needed to tell later whether it happened."""

    key: str
    act: str
    at: float
    was: ProcessRef | None = None
    launch: int | None = None
    version: str = ""
    replaced: str = ""
    """The version (or the hash of the configuration) that was there before."""
    history: tuple[str, ...] = ()
    restored: str = ""
    """Hash of the configuration to put back."""


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    act: str
    at: float
    result: Mapping[str, Any]


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    running: ProcessRef | None = None
    """The last one started; whether it lives, the kernel says."""
    started_at: float | None = None
    version: str = ""
    history: tuple[str, ...] = ()
    """Versions before this one, oldest first. Rolling back takes the last one off, so that rolling
    back twice goes two versions back, and never forward to the bad one."""
    version_changed_at: float | None = None
    launches: int = 0
    """Counts every launch that was begun; the number is part of the mark of the process."""
    restarts: int = 0
    launched_at: tuple[float, ...] = ()
    """Times of the last launches, oldest first."""
    good_config: str = ""
    """Hash of the last good configuration."""
    begun: Begun | None = None
    completed: tuple[Completed, ...] = ()
    unclear: tuple[str, ...] = ()
    """Keys of acts that were cut off, and of which the world does not tell what they did."""

    @property
    def previous_version(self) -> str | None:
        return self.history[-1] if self.history else None

    def result_of(self, key: str) -> Mapping[str, Any] | None:
        for row in self.completed:
            if row.key == key:
                return row.result
        return None

    def completing(self, begun: Begun, result: Mapping[str, Any], *, at: float) -> ProcessState:
        row = Completed(key=begun.key, act=begun.act, at=at, result=result)
        completed = (*self.completed, row)[-MOST_KEYS:]
        return msgspec.structs.replace(self, begun=None, completed=completed)

    def launched(self, begun: Begun, ref: ProcessRef, *, at: float) -> ProcessState:
        changed = begun.version != self.version
        return msgspec.structs.replace(
            self,
            running=ref,
            started_at=at,
            version=begun.version,
            history=begun.history[-MOST_VERSIONS:],
            version_changed_at=at if changed else self.version_changed_at,
            restarts=self.restarts + (0 if self.started_at is None else 1),
            launched_at=(*self.launched_at, at)[-MOST_LAUNCHES:],
        )


class StateFiles:
    """The folder with a state file, a lock and the copies of the configuration per process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def path(self, name: str, ending: str) -> Path:
        return self.folder / (quote(name, safe="") + ending)

    def load(self, name: str) -> ProcessState | None:
        """None where there is none yet. Raises Permanent where it cannot be read: then nobody
        knows what runs, and nothing may be done to it."""
        path = self.path(name, ".json")
        try:
            return msgspec.json.decode(path.read_bytes(), type=ProcessState)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise Permanent(
                f"state of {name} cannot be read: {error} (move {path} away to begin anew; the "
                f"running process is found again by its mark)"
            ) from error

    def save(self, name: str, state: ProcessState) -> None:
        """On disk when it returns. Raises OSError."""
        body = msgspec.json.format(msgspec.json.encode(state), indent=1)
        replace_file(self.path(name, ".json"), body)

    def try_lock(self, name: str) -> int | None:
        """A file descriptor that holds the lock until it is closed; None while another has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path(name, ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def replace_file(
    path: Path, body: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None
) -> None:
    """Atomically and durably: readers see the old file or the new one, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
