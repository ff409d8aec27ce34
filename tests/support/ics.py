"""Calendar files of tests, written as exporters write them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo


def event(*lines: str, uid: str = "one") -> str:
    return "\r\n".join(("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *lines,
                        "END:VEVENT", ""))  # fmt: skip


def calendar(*events: str) -> str:
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
    return head + "".join(events) + "END:VCALENDAR\r\n"


def ics_file(folder: Path, text: str, name: str = "some.ics") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    return file


def seconds(wall: str, zone: str = "Europe/Berlin", fold: int = 0) -> float:
    """Of a wall time that comes once (or, with `fold`, of the one of two that is meant)."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()
