"""The command line, put together. `run` and `demo` are handed in by the composition root."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from agent import __version__
from agent.interface.cli import (
    absorbed,
    asking,
    authoring,
    backlog,
    blindspots,
    breakers,
    changes,
    cluster,
    coverage,
    doctor,
    drivers,
    follow_ups,
    halting,
    history,
    incidents,
    members,
    on_call,
    outcomes,
    own,
    plugins,
    promotions,
    rbac,
    records,
    run,
    runbooks,
    simulating,
    slos,
)
from agent.interface.cli.output import stop

HELP = """Homeostat: an autonomous ops agent.

It heals the routine, pages only for the novel, and learns from the third resolution.

Example: homeostat run --config homeostat.yaml
"""


def build(bodies: run.Bodies) -> typer.Typer:
    app = typer.Typer(
        name="homeostat",
        help=HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def whole(
        _version: Annotated[
            bool,
            typer.Option("--version", help="Print the version.", is_eager=True, callback=_version),
        ] = False,
    ) -> None:
        pass

    for part in (
        run.commands(bodies),
        authoring.app,
        asking.app,
        history.app,
        on_call.app,
        absorbed.app,
        simulating.app,
        coverage.app,
        changes.app,
        cluster.app,
        doctor.app,
        drivers.app,
        backlog.app,
        blindspots.app,
        outcomes.app,
        halting.app,
        plugins.app,
        rbac.app,
        records.app,
    ):
        app.add_typer(part)
    app.add_typer(incidents.app, name="incidents")
    app.add_typer(promotions.app, name="promotions")
    app.add_typer(runbooks.app, name="runbooks")
    app.add_typer(breakers.app, name="breakers")
    app.add_typer(members.app, name="members")
    app.add_typer(follow_ups.app, name="follow-ups")
    app.add_typer(slos.app, name="slo")
    app.add_typer(own.app, name="self")
    return app


def _version(value: bool) -> None:
    if value:
        print(f"homeostat {__version__}")
        raise typer.Exit


def _not_here(_config: Path | None = None, **_options: object) -> NoReturn:
    stop("this command line was built without its daemon")


app = build(run.Bodies(run=_not_here, demo=_not_here))
"""For the reference and for completion; the installed command builds its own."""
