"""`homeostat halt` and `unhalt`: the kill switch, also where the daemon does not answer.

Then the file `HALT` is written into the data folder of the settings: a daemon that runs there and
only cannot be reached reads it within a second, and one that is started later starts halted. To
lift it takes the daemon: it is a person's word, and it has to be kept.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.interface.cli.client import Told, Unreachable, ask, path_of, request
from agent.interface.cli.output import Format, FormatOption, clean, complain, emit, stop
from agent.interface.cli.site import ConfigOption, settings_of
from agent.runtime.halt_files import NAME

app = typer.Typer()
ANSWER_SECONDS = 5.0
"""The file is the quicker way where the daemon takes longer."""
BROKEN = 500
"""From this status on the daemon could not do it, whoever asks."""


@app.command()
def halt(
    reason: Annotated[str, typer.Argument(metavar="[REASON]", help="Why; it is kept.")] = "",
    config: ConfigOption = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Set the kill switch: no new act begins, within a second and until a person lifts it.

    Where no daemon answers, the file HALT is written into the data folder.

    Example: homeostat halt "it restarts the wrong thing"
    """
    try:
        told = request(
            "POST", path_of("api", "v1", "halt"), {"why": reason}, timeout_seconds=ANSWER_SECONDS
        )
    except Told as error:
        if error.status < BROKEN:
            stop(str(error))
        complain(f"the daemon cannot: {error}")
        told = _by_file(reason, config)
    except Unreachable as unreachable:
        complain(str(unreachable))
        told = _by_file(reason, config)
    emit(told, style, lambda: _sentence(told))


def _by_file(reason: str, config: Path | None) -> dict[str, Any]:
    path = settings_of(config).data_dir / NAME
    why = reason.strip() or "set from the command line"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"{why}\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        complain(f"{path} is there already, and stays as it is")
    except OSError as error:
        stop(
            f"{path} cannot be written: {error.strerror}; it is not halted. Name the settings file"
            " of the daemon with --config, or end the daemon"
        )
    complain(f"wrote {path}: a daemon over this folder halts, now or when it starts")
    return {"on": True, "since": None, "who": f"file:{path}", "why": why, "places": []}


@app.command()
def unhalt(
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why it may go on; it is kept.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """Lift the kill switch. For the role platform; refused while a file still says on.

    Example: homeostat unhalt "the runbook is mended"
    """
    told = ask("POST", path_of("api", "v1", "unhalt"), {"why": reason})
    emit(told, style, lambda: _sentence(told))


def _sentence(told: dict[str, Any]) -> str:
    if not told["on"]:
        return "the kill switch is off"
    since = f" since {told['since']}" if told["since"] else ""
    return clean(f"the kill switch is on{since}, set by {told['who']}: {told['why']}")
