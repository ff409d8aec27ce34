"""Reading the files people write. Whatever is wrong with the file itself is a fault like any other.

Files are named in faults as they were named to us, so that the name works where it was typed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from agent.catalog.document import Document
from agent.catalog.faults import FaultsError
from agent.catalog.strict_yaml import MAX_BYTES, parse_all
from agent.model.fault import Fault, FaultSeverity

UNREADABLE = "HS100"


def read_bytes(path: Path, *, code: str = UNREADABLE) -> bytes:
    """The content, at most a little more than the loader takes. Raises FaultsError."""
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise FaultsError([fault_of_file(path, code, f"the file {what}", "check the path")])
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        message = f"the file cannot be read: {said}"
        raise FaultsError([fault_of_file(path, code, message, "check its permissions")]) from None


def read_documents(path: Path) -> list[Document]:
    """All documents of this file. Raises FaultsError."""
    return parse_all(read_bytes(path), file=str(path))


def read_secret(path: Path, *, code: str) -> str:
    """The text of a file that holds one secret, without the newline at its end.

    Raises FaultsError. No fault shows anything of the content.
    """
    raw = read_bytes(path, code=code)
    try:
        text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        message = "the file has to hold one line of text"
        raise FaultsError([fault_of_file(path, code, message, "write the secret alone")])
    return text


def is_open_to_all(path: Path) -> bool:
    """Whether everybody on this machine may read it."""
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)
    except OSError:
        return False


def fault_of_file(
    path: Path,
    code: str,
    message: str,
    remedy: str,
    severity: FaultSeverity = FaultSeverity.ERROR,
) -> Fault:
    return Fault(
        file=str(path),
        line=1,
        column=1,
        code=code,
        message=message,
        remedy=remedy,
        severity=severity,
    )
