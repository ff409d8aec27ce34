"""What a process and what it forked take of the machine, read from /proc.

Only counters are read here; what is too much, runbooks say. What the kernel does not show us (the
process belongs to another user) is None, and never nought.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from agent.ports.kit import ProcessUse
from agent.runtime.process_table import PAGE_BYTES

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
BATCH_POLICIES = (3, 5)
"""SCHED_BATCH and SCHED_IDLE."""
BATCH_NICENESS = 10
"""What `nice` gives where nothing else is asked for."""
CLOSE_WAIT = "08"
MOST_TABLE_BYTES = 8 * 1024 * 1024
MOST_DESCRIPTORS = 100_000


class _Stat(msgspec.Struct, frozen=True, kw_only=True):
    cpu_seconds: float
    cpu_waited_seconds: float | None
    memory_bytes: int
    is_batch: bool


class _Files(msgspec.Struct, frozen=True, kw_only=True):
    open: int
    sockets: frozenset[str]
    """Their inodes, as the kernel writes them."""


def use_of(leader: int, pids: Iterable[int], *, at: float) -> ProcessUse | None:
    """Of the process `leader` and all of `pids`; None where the leader is gone."""
    stats = {pid: stat for pid in pids if (stat := _stat(pid)) is not None}
    if leader not in stats:
        return None
    files = {pid: _files(pid) for pid in stats}
    waited = [stat.cpu_waited_seconds for stat in stats.values()]
    memory = max((_memory(pid, stat) for pid, stat in stats.items()), key=_nearness)
    opened = max((_opened(pid, found) for pid, found in files.items()), key=_nearness)
    sockets: set[str] | None = set()
    for found in files.values():
        sockets = None if sockets is None or found is None else sockets | found.sockets
    return ProcessUse(
        at=at,
        cpu_seconds=sum(stat.cpu_seconds for stat in stats.values()),
        cpu_waited_seconds=None if None in waited else sum(seconds or 0.0 for seconds in waited),
        memory_bytes=memory[0] or 0,
        memory_limit_bytes=memory[1],
        open_files=opened[0],
        open_files_limit=opened[1],
        sockets=None if sockets is None else len(sockets),
        half_closed=None if sockets is None else _half_closed(leader, sockets),
        processes=len(stats),
        is_batch=stats[leader].is_batch,
    )


def open_inodes(pids: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Device and inode of every file these processes have open, as far as we are told."""
    found = set()
    for pid in pids:
        for path in _descriptors(pid) or ():
            try:
                seen = os.stat(path)
            except OSError:
                continue  # it was closed meanwhile
            found.add((seen.st_dev, seen.st_ino))
    return frozenset(found)


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X", b"x"):
        return None
    # Its own time and that of the children it has waited for.
    ticks = sum(int(field) for field in fields[11:15])
    return _Stat(
        cpu_seconds=ticks / TICKS_PER_SECOND,
        cpu_waited_seconds=_waited(pid),
        memory_bytes=int(fields[21]) * PAGE_BYTES,
        is_batch=int(fields[38]) in BATCH_POLICIES or int(fields[16]) >= BATCH_NICENESS,
    )


def _waited(pid: int) -> float | None:
    """Of all its threads; None where the kernel does not count it."""
    nanoseconds = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text()
            nanoseconds += int(text.split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return nanoseconds / 1e9


def _limit(pid: int, name: str) -> int | None:
    """The soft limit; None where there is none, or we may not see it."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(name):
            word = line[len(name) :].split()[0]
            return int(word) if word.isdigit() else None
    return None


def _memory(pid: int, stat: _Stat) -> tuple[int | None, int | None]:
    return stat.memory_bytes, _limit(pid, "Max resident set")


def _opened(pid: int, files: _Files | None) -> tuple[int | None, int | None]:
    return (None if files is None else files.open), _limit(pid, "Max open files")


def _nearness(taken: tuple[int | None, int | None]) -> tuple[float, int]:
    used, limit = taken
    return (used or 0) / limit if limit else 0.0, used or 0


def _descriptors(pid: int) -> Iterator[str] | None:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return None
    return (f"{folder}/{name}" for name in names[:MOST_DESCRIPTORS])


def _files(pid: int) -> _Files | None:
    paths = _descriptors(pid)
    if paths is None:
        return None
    number, sockets = 0, set()
    for path in paths:
        number += 1
        try:
            points_at = os.readlink(path)
        except OSError:
            continue
        if points_at.startswith("socket:["):
            sockets.add(points_at[len("socket:[") : -1])
    return _Files(open=number, sockets=frozenset(sockets))


def _half_closed(pid: int, sockets: set[str]) -> int | None:
    """None where the table of connections cannot be read, or not all of it."""
    number = 0
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", "rb") as file:
                text = file.read(MOST_TABLE_BYTES + 1)
        except FileNotFoundError:
            continue  # a kernel without that protocol
        except OSError:
            return None
        if len(text) > MOST_TABLE_BYTES:
            return None
        rows = (line.split() for line in text.decode(errors="replace").splitlines()[1:])
        number += sum(len(row) > 9 and row[3] == CLOSE_WAIT and row[9] in sockets for row in rows)
    return number
