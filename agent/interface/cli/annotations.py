"""Faults as the two big CI systems read them: GitHub's workflow commands and GitLab's code quality
report. Both show a fault beside the line it is in.

Their files are named from the folder the command runs in, because that is how a CI system knows
them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent.interface.cli.output import clean
from agent.model.fault import Fault, FaultSeverity


def github(faults: Iterable[Fault]) -> str:
    """One `::error file=...,line=...,col=...,title=CODE::message` for each."""
    lines = []
    for fault in faults:
        properties = {
            "file": _relative(fault.file),
            "line": str(fault.line),
            "col": str(fault.column),
            "title": fault.code,
        }
        told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
        lines.append(f"::{fault.severity.value} {told}::{_data(_message(fault))}")
    return "\n".join(lines)


def gitlab(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """A code quality report. The fingerprint leaves out the line, so that a fault is still the same
    when something above it changes; of several that are alike in one file each counts on."""
    report: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for fault in faults:
        file = _relative(fault.file)
        same = "\0".join((file, fault.code, fault.path, fault.message))
        seen[same] = seen.get(same, 0) + 1
        fingerprint = hashlib.sha256(f"{same}\0{seen[same]}".encode()).hexdigest()
        report.append(
            {
                "description": clean(_message(fault)),
                "check_name": fault.code,
                "fingerprint": fingerprint,
                "severity": "major" if fault.severity is FaultSeverity.ERROR else "minor",
                "location": {"path": file, "lines": {"begin": fault.line}},
            }
        )
    return report


def _message(fault: Fault) -> str:
    where = f"{fault.path}: " if fault.path else ""
    return f"{where}{fault.message}" + (f" ({fault.remedy})" if fault.remedy else "")


def _relative(file: str) -> str:
    path, here = Path(file), Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)


def _data(text: str) -> str:
    """What ends a workflow command, or would begin another, is escaped."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
