"""One fault in a file somebody wrote: what, where, and the way out."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class FaultSeverity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Printed as `file:line:column: CODE path: message (remedy)`. Line and column start at 1."""

    file: str
    line: int
    column: int
    code: str
    message: str
    path: str = ""
    remedy: str = ""
    severity: FaultSeverity = FaultSeverity.ERROR

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{self.file}:{self.line}:{self.column}: {self.code} {where}{self.message}{remedy}"
