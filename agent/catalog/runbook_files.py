"""Finding the files of runbooks. Only regular files whose real place is under the given root count:
a link that leads out, a pipe or a device is a fault and is never opened to be read.

Names that begin with a dot are left alone: they are editors' copies, and the hidden folders in
which Kubernetes keeps the versions of a mounted ConfigMap.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.catalog.files import fault_of_file
from agent.catalog.strict_yaml import MAX_BYTES
from agent.model.fault import Fault

FILE = "HS214"
"""Something that is no regular file within the folder, or cannot be read."""

MAX_FILES = 20_000
SUFFIXES = (".yaml", ".yml")


def runbook_files(folders: Sequence[Path], faults: list[Fault]) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file in these folders (or single files), in order of names. Of one
    that is too large, a little more than the loader takes."""
    for folder in folders:
        for path in _files(folder, faults):
            raw = _read(path, faults)
            if raw is not None:
                yield str(path), raw


def _files(folder: Path, faults: list[Fault]) -> Iterator[Path]:
    if not folder.is_dir():
        if folder.exists():
            yield folder
        else:
            message = "there is no such file or folder"
            faults.append(_fault(folder, message, "make it, or correct the path"))
        return
    root = folder.resolve()
    found = sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES)
    found = [p for p in found if not _is_hidden(p.relative_to(folder))]
    if len(found) > MAX_FILES:
        faults.append(_fault(folder, f"more than {MAX_FILES} files", "split the folder"))
        found = found[:MAX_FILES]
    for path in found:
        if not _real(path).is_relative_to(root):
            remedy = "copy the file here, or name its folder in the settings"
            faults.append(_fault(path, "the link leads out of the folder", remedy))
        elif not path.is_dir():
            yield path


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _read(path: Path, faults: list[Fault]) -> bytes | None:
    try:
        # a pipe without a writer would be waited for; what was opened is what is looked at
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(opened, "rb") as file:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                faults.append(_fault(path, "not a regular file", "remove it"))
                return None
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        faults.append(_fault(path, f"cannot be read: {error.strerror}", "check the file"))
        return None


def _fault(path: Path, message: str, remedy: str) -> Fault:
    return fault_of_file(path, FILE, message, remedy)
