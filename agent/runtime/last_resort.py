"""The last resort: a file on this machine for what could be told to nobody.

It needs no network, no configuration and no plugin. A line is on disk before it counts as written.
While something stands only here, the health check fails (runtime/escalating.py), so that whoever
watches the agent comes to look.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.model.errors import Temporary

NAME = "last-resort.jsonl"


class LastResort:
    def __init__(self, path: Path) -> None:
        self.path = path

    async def write(self, message: Mapping[str, Any]) -> str:
        """One line. Returns a receipt; raises Temporary where the disk does not take it."""
        try:
            await asyncio.to_thread(self._append, msgspec.json.encode(dict(message)) + b"\n")
        except OSError as error:
            raise Temporary(f"{self.path}: {error.strerror or error}") from None
        return f"written to {self.path}"

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
