"""Which files of a process are meant: a folder below its working directory, and names in it.

Written out in a runbook and nowhere else. A folder is a plain relative path; that its real path
stays below the working directory, the runtime sees to (runtime/process_folder.py).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from agent.ports.plugin import Params

LITERAL_AT_LEAST = 3


def _folder(value: str) -> str:
    if value.startswith("/"):
        raise ValueError("write it relative to the working directory of the process")
    if any(part in ("", ".", "..") for part in value.split("/")):
        raise ValueError("name a folder below the working directory, without `.` and `..`")
    return value


def _names(value: str) -> str:
    if "/" in value:
        raise ValueError("a pattern is for names within the folder, and has no `/`")
    return value


def _telling(value: str) -> str:
    """`*` alone would mean everything, also what nobody thought of."""
    literal, inside = 0, False
    for character in value:
        inside = (inside or character == "[") and character != "]"
        literal += not inside and character not in "*?[]"
    if literal < LITERAL_AT_LEAST:
        raise ValueError(f"write at least {LITERAL_AT_LEAST} characters that are no `*` and no `?`")
    return value


Folder = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_folder)]
Names = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_names)]
TellingNames = Annotated[Names, AfterValidator(_telling)]


class FolderQuestion(Params):
    """Parameters of a plugin that looks into a folder of a process."""

    target: str = Field(description="Name of the registered entity whose folder it is.")
    folder: Folder = Field(description="Folder, relative to the working directory of the process.")
    pattern: Names = Field(
        default="*", description="Names of the files that count, as in `app.log.*`"
    )
