"""The trash of a process: old files leave its folder, compressed, and can be put back as they were.

Compressed, because moving them within one disk would free nothing. A file goes in an order that a
crash may cut anywhere without losing it: compressed beside, read back and compared, named, entered
in the list of the batch, and only then taken out of its folder. So the trash is never a guess: what
is in the list is in the trash, whole. Emptying it is left to people.

Both ways are generators that pause after each piece, so that whoever drives them is never held for
longer than one piece, however large a file is.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import re
import stat
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import msgspec

from agent.model.errors import Permanent
from agent.runtime.process_folder import Entry, list_files, matching, opened

PIECE_BYTES = 1024 * 1024
LEVEL = 3
"""Of gzip: logs shrink to a tenth with it, at some 100 MB/s."""
LIST = "list.jsonl"
BATCH = re.compile(r"[0-9a-f]{16}")

T = TypeVar("T")
Steps = Generator[None, None, T]


class Trashed(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list."""

    name: str
    kept: str
    """Its name in the trash."""
    bytes: int
    kept_bytes: int
    digest: str
    modified_ns: int
    mode: int
    owner: tuple[int, int]
    identity: tuple[int, int]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which files are to go: those of `folder` (below `root`) that match, are older, and that the
    process does not have open; the oldest first, and at most so many."""

    root: Path
    folder: str
    pattern: str
    modified_before: float
    most: int
    in_use: frozenset[tuple[int, int]]


def batch_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


async def in_pieces(steps: Steps[T]) -> T:
    """Drives the generator in threads, piece by piece. When it is told to stop, the piece under way
    is waited for: two must never work on one folder."""
    while True:
        piece = asyncio.ensure_future(asyncio.to_thread(_advance, steps))
        try:
            is_done, result = await asyncio.shield(piece)
        except asyncio.CancelledError:
            await asyncio.wait([piece])
            piece.exception()  # that of the piece matters no more
            steps.close()
            raise
        if is_done:
            return cast(T, result)


def _advance(steps: Steps[T]) -> tuple[bool, T | None]:
    try:
        next(steps)
    except StopIteration as end:
        return True, end.value
    return False, None


def trash(wanted: Wanted, batch: Path) -> Steps[dict[str, Any]]:
    """Moves what is wanted into the folder `batch`, and says what is in it now.

    Raises Permanent where nothing at all could be moved for an error of the disk; where something
    was, the result says what stopped it.
    """
    stopped = ""
    with opened(wanted.root, wanted.folder) as (folder, real):
        batch.mkdir(mode=0o700, parents=True, exist_ok=True)
        where = batch / "folder"
        if not where.exists():
            where.write_text(wanted.folder)
        try:
            for known in _listed(batch):
                _take_out(folder, known)  # where the last try was cut off in between
            for entry in _chosen(wanted, folder):
                yield from _move(folder, entry, batch)
        except OSError as error:
            if not _listed(batch):
                raise Permanent(f"nothing of {real} can be moved: {error.strerror}") from error
            stopped = error.strerror or str(error)
    inside = _listed(batch)
    return {
        "folder": str(real),
        "batch": batch.name,
        "trash": str(batch),
        "moved": len(inside),
        "bytes": sum(known.bytes for known in inside),
        "kept_bytes": sum(known.kept_bytes for known in inside),
        "stopped": stopped,
    }


def put_back(root: Path, batch: Path) -> Steps[dict[str, Any]]:
    """Puts back what the batch holds. A name that is taken meanwhile is left in the trash.

    Raises Permanent where there is no such batch, or what it holds is damaged.
    """
    try:
        written = (batch / "folder").read_text()
    except OSError as error:
        raise Permanent(f"there is no batch {batch.name} in the trash") from error
    restored, left = 0, []
    with opened(root, written) as (folder, real):
        for known in _listed(batch):
            try:
                is_back = yield from _put_back(folder, known, batch)
            except OSError as error:
                raise Permanent(f"{known.name} cannot be put back: {error.strerror}") from error
            if is_back:
                restored += 1
            else:
                left.append(known.name)
    return {"folder": str(real), "restored": restored, "left": left[:50], "left_count": len(left)}


def _listed(batch: Path) -> list[Trashed]:
    """What is in the trash. A torn last line is of a file that was not taken out."""
    try:
        lines = (batch / LIST).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found: dict[str, Trashed] = {}
    for line in lines:
        try:
            known = msgspec.json.decode(line, type=Trashed)
        except msgspec.MsgspecError:
            continue
        if (batch / known.kept).exists():
            found[known.kept] = known
    return list(found.values())


def _chosen(wanted: Wanted, folder: int) -> list[Entry]:
    old = [
        entry
        for entry in matching(list_files(folder), wanted.pattern)
        if entry.modified_at < wanted.modified_before and entry.identity not in wanted.in_use
    ]
    return old[: wanted.most]


def _move(folder: int, entry: Entry, batch: Path) -> Steps[None]:
    mark = f"{entry.name}\0{entry.identity}\0{entry.modified_ns}"
    kept = batch / (hashlib.sha256(mark.encode()).hexdigest()[:24] + ".gz")
    part = kept.with_name(kept.name + ".part")
    try:
        descriptor = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return
    try:
        with os.fdopen(descriptor, "rb") as source:
            before = os.fstat(source.fileno())
            if not stat.S_ISREG(before.st_mode) or _differs(entry, before):
                return
            digest = yield from _compress(source, part)
            if (yield from _digest_of(part)) != digest:
                raise Permanent(f"{entry.name} came out of the trash otherwise than it went in")
            if _differs(entry, os.fstat(source.fileno())):
                return  # somebody wrote to it meanwhile: it is not old
        os.replace(part, kept)
        _sync(batch)
        known = Trashed(
            name=entry.name,
            kept=kept.name,
            bytes=entry.bytes,
            kept_bytes=kept.stat().st_size,
            digest=digest,
            modified_ns=entry.modified_ns,
            mode=stat.S_IMODE(before.st_mode),
            owner=(before.st_uid, before.st_gid),
            identity=entry.identity,
        )
        with (batch / LIST).open("ab") as file:
            file.write(b"\n" + msgspec.json.encode(known))
            file.flush()
            os.fsync(file.fileno())
        _take_out(folder, known)
    finally:
        part.unlink(missing_ok=True)


def _differs(entry: Entry, seen: os.stat_result) -> bool:
    now = ((seen.st_dev, seen.st_ino), seen.st_size, seen.st_mtime_ns)
    return now != (entry.identity, entry.bytes, entry.modified_ns)


def _take_out(folder: int, known: Trashed) -> None:
    """Removes the file that is in the trash, and no other that has its name by now."""
    try:
        seen = os.stat(known.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    now = ((seen.st_dev, seen.st_ino), seen.st_size, seen.st_mtime_ns)
    if now == (known.identity, known.bytes, known.modified_ns):
        os.unlink(known.name, dir_fd=folder)


def _compress(source: BinaryIO, part: Path) -> Steps[str]:
    digest = hashlib.sha256()
    with part.open("wb") as raw:
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=LEVEL) as packed:
            while piece := source.read(PIECE_BYTES):
                digest.update(piece)
                packed.write(piece)
                yield
        raw.flush()
        os.fsync(raw.fileno())
    return digest.hexdigest()


def _digest_of(part: Path) -> Steps[str]:
    digest = hashlib.sha256()
    with gzip.open(part, "rb") as packed:
        while piece := packed.read(PIECE_BYTES):
            digest.update(piece)
            yield
    return digest.hexdigest()


def _put_back(folder: int, known: Trashed, batch: Path) -> Steps[bool]:
    kept, beside = batch / known.kept, f".{known.kept}.new"
    if _exists(known.name, folder):
        return False
    _remove(beside, folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(beside, flags, 0o600, dir_fd=folder), "wb") as file:
            digest = hashlib.sha256()
            with gzip.open(kept, "rb") as packed:
                while piece := packed.read(PIECE_BYTES):
                    digest.update(piece)
                    file.write(piece)
                    yield
            if digest.hexdigest() != known.digest:
                raise Permanent(f"{kept} is damaged")
            file.flush()
            if known.owner != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), *known.owner)
            os.fchmod(file.fileno(), known.mode)
            os.utime(file.fileno(), ns=(known.modified_ns, known.modified_ns))
            os.fsync(file.fileno())
        try:
            os.link(beside, known.name, src_dir_fd=folder, dst_dir_fd=folder)  # never overwrites
        except FileExistsError:
            return False
        os.fsync(folder)
    except (EOFError, gzip.BadGzipFile) as error:
        raise Permanent(f"{kept} is damaged: {error}") from error
    finally:
        _remove(beside, folder)
    kept.unlink()
    return True


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _remove(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
