"""One long-running program of the control plane, owned by the whole pytest session.

Unlike tests/support/running.py it belongs to no event loop, because it outlives the loop of each
test. It dies with pytest, whatever way pytest ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

STOP_SECONDS = 3.0
AS_THE_SERVER_DOES = {"KUBE_FEATURE_WatchListClient": "false"}
"""Clients of our API server need not ask for what it refuses (control_plane.py says why)."""


class Process:
    """`start` again after `kill` uses the same folder, and other arguments where given."""

    def __init__(self, name: str, argv: Sequence[str], *, folder: Path) -> None:
        self.name = name
        self.argv = list(argv)
        self.folder = folder
        self.log = folder / f"{name}.log"
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    @property
    def tail(self) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def start(self) -> None:
        """From the main thread only: it is killed when the thread that started it ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        setpriv = shutil.which("setpriv")
        dies_with_us = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [*dies_with_us, *self.argv],
                cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder), **AS_THE_SERVER_DOES},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], *, within: float) -> None:
        """Blocks. Raises AssertionError, with the end of its log, where it is not ready in time."""
        deadline = time.monotonic() + within
        while not ready():
            if not self.is_running:
                raise AssertionError(f"{self.name} ended; its last words:\n{self.tail}")
            if time.monotonic() >= deadline:
                raise AssertionError(f"{self.name}: not ready in {within:g} s:\n{self.tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Asks it to end, and makes it end after 3 s."""
        if self._running is None:
            return
        self._running.terminate()
        try:
            self._running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9 of it and of everything it started."""
        if self._running is None:
            return
        if self._running.poll() is None:
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running.wait()
