"""The configuration file of a process against the last good copy of it.

The copy is kept beside the state of the process, readable by the daemon's user only. A difference
is shown to people on pages, so values that look like secrets are left out of it.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from agent.core.cleaning import clean_text
from agent.model.errors import Permanent, Temporary
from agent.runtime.process_state import StateFiles, replace_file

MOST_BYTES = 1024 * 1024
MOST_DIFF_LINES = 20
LONGEST_DIFF_LINE = 200
MOST_COMPARED_LINES = 300
LONGEST_COMPARED_LINE = 1000
SECRET = re.compile(
    r"""(?ix) ( [\w.-]* (?:pass(?:word|wd|phrase)?|secret|token|credential|api_?key|private_?key)
    [\w.-]* ["']? \s* [:=] \s* ) \S.*"""
)


class ConfigText(msgspec.Struct, frozen=True, kw_only=True):
    """One reading. `body` None: there is no such file."""

    body: bytes | None
    modified_at: float | None = None
    mode: int = 0o600
    owner: tuple[int, int] | None = None

    @property
    def digest(self) -> str:
        """Empty where there is no file."""
        return "" if self.body is None else hashlib.sha256(self.body).hexdigest()


def read_config(path: Path) -> ConfigText:
    """Raises Permanent where it is no ordinary, bounded, readable file."""
    try:
        with open_ordinary(path) as file:
            facts = os.fstat(file.fileno())
            body = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ConfigText(body=None)
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}") from error
    if len(body) > MOST_BYTES:
        raise Permanent(f"{path} is larger than {MOST_BYTES} bytes")
    return ConfigText(
        body=body,
        modified_at=facts.st_mtime,
        mode=stat.S_IMODE(facts.st_mode),
        owner=(facts.st_uid, facts.st_gid),
    )


def open_ordinary(path: Path) -> BinaryIO:
    """Opens it to read, and never waits, as opening a pipe would. Raises OSError, and Permanent
    where it is no ordinary file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Permanent(f"{path} is no ordinary file")
    return os.fdopen(descriptor, "rb")


def read_good(files: StateFiles, name: str) -> ConfigText:
    return read_config(files.path(name, ".config.good"))


def keep_good(files: StateFiles, name: str, current: ConfigText) -> None:
    if current.body is not None:
        replace_file(files.path(name, ".config.good"), current.body)


def keep_replaced(files: StateFiles, name: str, current: ConfigText) -> Path | None:
    """What is about to be replaced is kept, named by its hash, for a person to have it back."""
    if current.body is None:
        return None
    path = files.path(name, f".config.replaced-{current.digest[:12]}")
    replace_file(path, current.body)
    return path


def read_replaced(files: StateFiles, name: str, digest: str) -> ConfigText:
    """What an earlier act replaced, by its hash; without a body where it is not kept."""
    kept = read_config(files.path(name, f".config.replaced-{digest[:12]}"))
    return kept if kept.digest == digest else ConfigText(body=None)


def put_back(path: Path, good: ConfigText, *, expected: str) -> None:
    """Conditional: refuses where the file is not (any more) the one with hash `expected`."""
    target = Path(os.path.realpath(path))  # a link stays a link
    current = read_config(target)
    if current.digest != expected:
        raise Temporary(f"{path} was changed at the same moment by somebody else")
    if good.body is None:
        raise Permanent(f"no good copy of {path} is known")
    replace_file(
        target,
        good.body,
        mode=current.mode if current.body is not None else 0o640,
        owner=current.owner,
    )


def difference(good: ConfigText, current: ConfigText) -> tuple[str, ...]:
    """From the good copy to what is there now: at most 20 lines, without values of secrets.

    Only what lies between the first and the last differing line is compared, and of that a bounded
    part: comparing two files in full may take seconds, and the loop waits for it.
    """
    old, new = _lines(good), _lines(current)
    begin = _equal_rows(old, new)
    end = _equal_rows(old[begin:][::-1], new[begin:][::-1])
    first, last = max(0, begin - 1), max(0, end - 1)  # one line around it for the reader
    old, new = (rows[first : len(rows) - last][:MOST_COMPARED_LINES] for rows in (old, new))
    lines = difflib.unified_diff(old, new, fromfile="good", tofile="now", lineterm="", n=1)
    shown: list[str] = []
    for line in lines:
        if line.startswith("@@"):
            continue  # its numbers count from the first difference
        if len(shown) == MOST_DIFF_LINES - 1:
            shown.append("... (more)")
            break
        masked = SECRET.sub(r"\1***", line)
        shown.append(clean_text(masked, longest=LONGEST_DIFF_LINE)[0])
    return tuple(shown)


def _equal_rows(old: Sequence[str], new: Sequence[str]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(old), len(new)))


def _lines(config: ConfigText) -> list[str]:
    text = (config.body or b"").decode(errors="replace")
    return [line[:LONGEST_COMPARED_LINE] for line in text.splitlines()]
