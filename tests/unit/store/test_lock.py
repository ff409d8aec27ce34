"""The lock file: one holder, named, and gone with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.model.errors import AlreadyRunning
from agent.store.lock import FileLock

ROOT = Path(__file__).parents[3]

HOLD = """
import pathlib, sys
from agent.store.lock import FileLock
lock = FileLock(pathlib.Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    first, second = (FileLock(tmp_path / "x.lock") for _ in range(2))
    first.acquire()
    with pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}\b.*x\.lock"):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_the_lock_vanishes_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        assert child.stdout.readline() == "held\n"
        lock = FileLock(path)
        with pytest.raises(AlreadyRunning, match=rf"pid {child.pid}\b"):
            lock.acquire()
        child.send_signal(signal.SIGKILL)
        child.wait()
    lock.acquire()
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_process_we_start_does_not_keep_our_lock(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x.lock")
    lock.acquire()
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        lock.release()
        again = FileLock(tmp_path / "x.lock")
        again.acquire()
        again.release()
        child.kill()


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "missing" / "x.lock").acquire()
