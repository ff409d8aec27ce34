"""Puts the files of a batch in the trash back where they were, with their times and rights.

The way back of `files.trash`, and of use to a person who knows the name of the batch. A file whose
name is taken meanwhile stays in the trash and is named in the result: nothing is overwritten.

Idempotent: what is back is not put back again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class RestoreFiles(Params):
    target: str = Field(description="Name of the registered entity whose files they are.")
    batch: str = Field(
        pattern=r"^[0-9a-f]{16}$", description="Name of the batch, as `files.trash` told it."
    )


@action(
    name="files.restore",
    params=RestoreFiles,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NOTHING,
    availability=Availability.KEEPS,
    summary="Puts files of a process back from the trash, as they were",
)
async def restore_files(kit: ActKit, params: RestoreFiles) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    result = await kit.processes.untrash_files(entity.name, batch=params.batch)
    kit.log.info("files_restored", target=entity.name, restored=result.get("restored"))
    return result
