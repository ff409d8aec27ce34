"""Moves old files of a process out of one of its folders, compressed, into the trash.

Not for a folder whose files the process still needs, however old they are; the runbook's author
knows, and names folder, pattern and age, none of which has a default. What the process has open is
left alone. Not for a disk that is full to the last byte: the compressed copy needs a place first.

Compressed and not deleted: a mistaken pattern can be taken back (`files.restore`), and the disk is
relieved all the same. People empty the trash.

Idempotent: the files of one key make one batch. Called again with the key, it goes on where it was
cut off, and the result is that of the whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.ports.folder_question import Folder, TellingNames
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action
from agent.ports.span import Span


class Trash(Params):
    target: str = Field(description="Name of the registered entity whose folder it is.")
    folder: Folder = Field(description="Folder, relative to the working directory of the process.")
    pattern: TellingNames = Field(description="Names of the files to move, as in `app.log.*`")
    older_than: Span = Field(
        ge=timedelta(minutes=1), description="Only files last written longer ago than this."
    )
    most: int = Field(default=1000, ge=1, le=10_000, description="How many files at once.")


@action(
    name="files.trash",
    params=Trash,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    undone_by="files.restore",
    summary="Moves old files of a process into the trash, compressed, and can put them back",
)
async def trash(kit: ActKit, params: Trash) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    result = dict(
        await kit.processes.trash_files(
            entity.name,
            params.folder,
            pattern=params.pattern,
            older_than_seconds=params.older_than.total_seconds(),
            most=params.most,
            key=kit.key,
        )
    )
    kit.log.info("files_trashed", target=entity.name, moved=result.get("moved"))
    if result.get("moved"):
        way_back = {"target": entity.name, "batch": result["batch"]}
        result["undo"] = {"use": "files.restore", "with": way_back}
    return result
