"""The shared substrate: counters by name, on disk before they are told. Both products need it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.interface.demo.company.service import Reply, say, serve, setting


class Book:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._counts: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, asked: Mapping[str, Any]) -> Reply:
        """Adds `by` (0 only reads) to the counter `key` and says what it stands at."""
        key, by = str(asked["key"]), int(asked.get("by", 1))
        with self._turn:
            self._counts[key] = self._counts.get(key, 0) + by
            if by:
                fresh = self._path.with_suffix(".new")
                fresh.write_text(json.dumps(self._counts))
                fresh.replace(self._path)
            return 200, {"value": self._counts[key]}

    def health(self, _asked: Mapping[str, Any]) -> Reply:
        with self._turn:
            return 200, {"counters": len(self._counts)}


def main() -> None:
    book = Book(Path(setting("BOOK")))
    say("ledger opens")
    serve(int(setting("PORT")), {"/health": book.health, "/add": book.add})


if __name__ == "__main__":
    main()
