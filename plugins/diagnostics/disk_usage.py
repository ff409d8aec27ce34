"""How full a folder of a process is, and the disk that the folder is on.

Free is what is free for those who are not root. Some file systems do not count inodes; then the
share of them is unknown.
"""

from __future__ import annotations

from pydantic import Field

from agent.ports.folder_question import Folder
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


class DiskQuestion(Params):
    target: str = Field(description="Name of the registered entity whose folder it is.")
    folder: Folder = Field(description="Folder, relative to the working directory of the process.")


class DiskResult(Result):
    path: str
    folder_bytes: int = Field(description="Of all files that stand in the folder directly.")
    is_cut: bool = Field(description="There is more than was read: it is a lower bound.")
    disk_bytes: int
    free_bytes: int
    used_share: float | None = Field(default=None, description="Of the disk; 1 is all of it.")
    inodes_used_share: float | None = Field(
        default=None, description="Unknown where the file system does not count them."
    )


@diagnostic(
    name="disk.usage",
    params=DiskQuestion,
    result=DiskResult,
    summary="How much a folder of a process holds, and how full its disk is",
)
async def usage(kit: ReadKit, params: DiskQuestion) -> DiskResult:
    seen = await kit.processes.folder(params.target, params.folder, pattern="*")
    return DiskResult(
        path=seen.path,
        folder_bytes=seen.bytes,
        is_cut=seen.is_cut,
        disk_bytes=seen.disk_bytes,
        free_bytes=seen.disk_free_bytes,
        used_share=_used(seen.disk_free_bytes, seen.disk_bytes),
        inodes_used_share=_used(seen.inodes_free, seen.inodes),
    )


def _used(free: int, total: int) -> float | None:
    return round(1 - free / total, 4) if total else None
