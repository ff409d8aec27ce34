"""Pages as lines of JSON in a file, on disk before they count as delivered.

The file is the record of last resort: it works without network and without another service. A line
is appended with one write to a file opened for appending, so that two writers cannot mix lines, and
a line that a crash cut short is closed before the next one begins.

It is told of pages and what is added to them, and of nothing else: whoever counts its lines counts
calls for people.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
from pydantic import Field

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from agent.ports.kit import NotifyKit
from agent.ports.plugin import Message, Params, notifier
from agent.ports.safe_text import safe


class File(Params):
    path: str = Field(min_length=1, description="File the pages are appended to, one JSON a line")


@notifier(
    name="file",
    params=File,
    summary="Appends the page as one line of JSON to a file",
    tells=(Telling.PAGE, Telling.UPDATE),
)
async def file(kit: NotifyKit, params: File, message: Message) -> str:
    page = safe(message)
    line = msgspec.json.encode(
        {
            "at": kit.now(),
            "key": page.key,
            "telling": page.telling.value,
            "to": page.to,
            "title": page.title,
            "text": page.text,
            "severity": page.severity,
            "incident": page.incident_id,
            "link": page.link,
        }
    )
    try:
        await asyncio.to_thread(_append, Path(params.path), line + b"\n")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise Permanent(f"{params.path} cannot be written: {error.strerror}") from error
    except OSError as error:
        raise Temporary(f"{params.path} cannot be written now: {error.strerror}") from error
    return f"appended to {params.path}"


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # pages name people and systems: only the owner of the daemon reads them
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(28, "only a part of the line could be written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
