"""One process to one store: a lock file beside the database.

SQLite's own locks let two processes take turns, and two decision loops taking turns would decide
everything twice. The kernel drops this lock with the process that holds it, however it ends, so it
is never stale; the file itself stays, because removing it would open a race with the next holder.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from agent.model.errors import AlreadyRunning


class FileLock:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises AlreadyRunning with the holder's pid; OSError where the file cannot be made."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise AlreadyRunning(
                f"another Homeostat (pid {holder or 'unknown'}) runs on this store: it holds"
                f" {self.path}"
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
