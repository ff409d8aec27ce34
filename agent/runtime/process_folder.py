"""One folder below the working directory of a process, opened so that nothing leads out of it.

The folder is written by people, in a runbook; what lies in it is written by the process. Neither
may lead elsewhere: the real path of the folder has to be below the working directory, and from then
on everything is done through the open folder, by plain names and never through a link. Only
ordinary files that stand in it directly exist here.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.model.errors import Permanent
from agent.ports.kit import FileSeen, FolderSeen

MOST_ENTRIES = 20_000
"""Of one folder: the rest of a fuller one is not read."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    bytes: int
    modified_ns: int
    identity: tuple[int, int]
    """Device and inode."""

    @property
    def modified_at(self) -> float:
        return self.modified_ns / 1e9


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    entries: tuple[Entry, ...]
    is_cut: bool


def path_below(root: Path, written: str) -> Path:
    """The real path of `written`, which is relative to `root`. Raises Permanent where it does not
    exist or is not below `root`, however it is written and whatever links it goes through."""
    parts = written.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in written:
        raise Permanent(f"{written!r} does not name anything below the working directory")
    try:
        real_root = root.resolve(strict=True)
        real = (real_root / written).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise Permanent(f"{root / written} cannot be opened: {_why(error)}") from error
    if real_root not in real.parents:
        raise Permanent(f"{root / written} leads out of {root}")
    return real


@contextmanager
def opened(root: Path, written: str) -> Iterator[tuple[int, Path]]:
    """The folder's descriptor, for as long as it is used, and its real path."""
    real = path_below(root, written)
    try:
        descriptor = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise Permanent(f"{real} cannot be opened: {_why(error)}") from error
    try:
        yield descriptor, real
    finally:
        os.close(descriptor)


def list_files(descriptor: int) -> Listing:
    """Ordinary files of the open folder, oldest first."""
    found, number = [], 0
    with os.scandir(descriptor) as entries:
        for entry in entries:
            number += 1
            if number > MOST_ENTRIES:
                break
            try:
                seen = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # it went meanwhile
            if stat.S_ISREG(seen.st_mode):
                found.append(
                    Entry(
                        name=entry.name,
                        bytes=seen.st_size,
                        modified_ns=seen.st_mtime_ns,
                        identity=(seen.st_dev, seen.st_ino),
                    )
                )
    found.sort(key=lambda entry: (entry.modified_ns, entry.name))
    return Listing(entries=tuple(found), is_cut=number > MOST_ENTRIES)


def matching(listing: Listing, pattern: str) -> tuple[Entry, ...]:
    """Those whose whole name matches; `*` does not begin a name with a dot, as in a shell. A name
    that is no text matches nothing: it could not be written down."""
    return tuple(
        entry
        for entry in listing.entries
        if fnmatch.fnmatchcase(entry.name, pattern)
        and (pattern.startswith(".") or not entry.name.startswith("."))
        and entry.name.isprintable()
    )


def look_into(
    root: Path, written: str, *, pattern: str, in_use: frozenset[tuple[int, int]], now: float
) -> FolderSeen:
    with opened(root, written) as (descriptor, real):
        listing = list_files(descriptor)
        disk = os.fstatvfs(descriptor)
    return FolderSeen(
        path=str(real),
        files=tuple(
            FileSeen(
                name=entry.name,
                bytes=entry.bytes,
                modified_seconds_ago=max(0.0, now - entry.modified_at),
                in_use=entry.identity in in_use,
            )
            for entry in matching(listing, pattern)
        ),
        bytes=sum(entry.bytes for entry in listing.entries),
        is_cut=listing.is_cut,
        disk_bytes=disk.f_blocks * disk.f_frsize,
        disk_free_bytes=disk.f_bavail * disk.f_frsize,
        inodes=disk.f_files,
        inodes_free=disk.f_favail,
    )


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
