"""Whether files have changed, and whether somebody is still writing them.

Contents are not read: names, sizes and times of change say enough to decide when to look. Folders
are polled rather than watched through the kernel, because what Kubernetes mounts from a ConfigMap
changes by the swap of one link above the files, and network folders tell nothing at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.catalog.runbook_files import SUFFIXES

SETTLED_SECONDS = 1.0
"""A file that was touched within the last second may be half of what it will be."""

Signature = tuple[tuple[str, int, int, int], ...]
"""Path, inode, size and time of change in nanoseconds of every file, in order of paths."""


def signature_of(paths: Sequence[Path]) -> Signature:
    """Of these files, and of the YAML files in these folders."""
    return tuple(sorted(set(_entries(paths))))


def _entries(paths: Sequence[Path]) -> Iterator[tuple[str, int, int, int]]:
    for path in paths:
        if path.is_dir():
            for here, _, names in os.walk(path):
                for name in names:
                    if name.endswith(SUFFIXES):
                        yield from _entry(os.path.join(here, name))
        else:
            yield from _entry(str(path))


def _entry(path: str) -> Iterator[tuple[str, int, int, int]]:
    try:
        found = os.stat(path)
    except OSError:
        return  # gone since the folder was listed: the next look sees it so
    yield path, found.st_ino, found.st_size, found.st_mtime_ns


class Settled:
    """Says when files that differ from the ones last read have stood still for long enough."""

    def __init__(self, read: Signature) -> None:
        self._read = read
        self._seen = read
        self._since = 0.0

    def taken(self, read: Signature) -> None:
        """These have been read, whatever came of it: they are not worth a second reading."""
        self._read = read

    def is_due(self, now: Signature, *, at: float) -> bool:
        """`at` in monotonic seconds."""
        if now != self._seen:
            self._seen, self._since = now, at
            return False
        return now != self._read and at - self._since >= SETTLED_SECONDS
