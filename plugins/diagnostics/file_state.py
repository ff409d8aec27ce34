"""How many files of a kind lie in a folder of a process, how large and how old they are.

Only ordinary files that stand in the folder directly. With `older_than` the old ones are
counted apart, as `files.trash` would find them: those that the process has open are not among them.
An age that is not there (no file matches) is unknown, never nought.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.ports.folder_question import FolderQuestion
from agent.ports.kit import FileSeen, ReadKit
from agent.ports.plugin import Result, diagnostic
from agent.ports.span import Span


class FilesQuestion(FolderQuestion):
    older_than: Span = Field(
        default=timedelta(days=1), description="Files last written longer ago than this are old."
    )


class FilesResult(Result):
    path: str
    count: int = Field(description="Files whose names match.")
    bytes: int
    newest_age: Span | None = Field(
        default=None, description="Since the newest was written; unknown where there is none."
    )
    newest_bytes: int | None = None
    oldest_age: Span | None = None
    old: int = Field(description="Old ones that the process does not have open.")
    old_bytes: int
    is_cut: bool = Field(description="There is more than was read: figures are lower bounds.")


@diagnostic(
    name="files.state",
    params=FilesQuestion,
    result=FilesResult,
    summary="How many files lie in a folder of a process, how large and how old they are",
)
async def files(kit: ReadKit, params: FilesQuestion) -> FilesResult:
    seen = await kit.processes.folder(params.target, params.folder, pattern=params.pattern)
    old = [
        file
        for file in seen.files
        if file.modified_seconds_ago > params.older_than.total_seconds() and not file.in_use
    ]
    newest = seen.files[-1] if seen.files else None
    return FilesResult(
        path=seen.path,
        count=len(seen.files),
        bytes=sum(file.bytes for file in seen.files),
        newest_age=_age(newest),
        newest_bytes=newest.bytes if newest else None,
        oldest_age=_age(seen.files[0] if seen.files else None),
        old=len(old),
        old_bytes=sum(file.bytes for file in old),
        is_cut=seen.is_cut,
    )


def _age(file: FileSeen | None) -> timedelta | None:
    return None if file is None else timedelta(seconds=file.modified_seconds_ago)
