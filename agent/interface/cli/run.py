"""`homeostat run` and `homeostat demo`. Their bodies live above this room and are handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import typer

from agent.interface.cli.output import WRONG_USAGE, Format, FormatOption, stop


class Demo(Protocol):
    def __call__(
        self,
        *,
        once: bool,
        as_json: bool,
        without_fault: str | None,
        without_runbook: str | None,
        port: int | None,
        chapters: str,
        keep: bool,
    ) -> int:
        """Plays the story; the exit code."""
        ...


@dataclass(frozen=True)
class Bodies:
    """What the composition root hands in: both return an exit code."""

    run: Callable[[Path | None], int]
    demo: Demo


def commands(bodies: Bodies) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def run(
        config: Annotated[
            Path | None,
            typer.Option("--config", help="The settings file; default: homeostat.yaml here."),
        ] = None,
    ) -> None:
        """Run the daemon in the foreground. SIGTERM drains and ends it, SIGHUP reloads.

        Example: homeostat run --config homeostat.yaml
        """
        if config is not None and not config.is_file():
            stop(f"there is no settings file {config}", code=WRONG_USAGE)
        raise typer.Exit(bodies.run(config))

    @app.command()
    def demo(
        once: Annotated[
            bool, typer.Option("--once", help="End by itself; the exit code says how it went.")
        ] = False,
        style: FormatOption = Format.TEXT,
        without_fault: Annotated[
            str, typer.Option(metavar="NAME", help="Leave the fault of this chapter out; also A,B.")
        ] = "",
        without_runbook: Annotated[
            str, typer.Option(metavar="NAME", help="Take this runbook away; also A,B.")
        ] = "",
        port: Annotated[
            int | None, typer.Option(min=0, max=65535, help="Port of the console; 0: a free one.")
        ] = None,
        chapters: Annotated[
            str, typer.Option(metavar="1,2", help="Only these chapters, by number or name.")
        ] = "",
        keep: Annotated[
            bool, typer.Option("--keep", help="Leave the folder with all files and logs.")
        ] = False,
    ) -> None:
        """Watch a small company break for real and heal, in seven chapters.

        Example: homeostat demo --once --format json
        """
        raise typer.Exit(
            bodies.demo(
                once=once,
                as_json=style is Format.JSON,
                without_fault=without_fault or None,
                without_runbook=without_runbook or None,
                port=port,
                chapters=chapters,
                keep=keep,
            )
        )

    return app
