"""What the commands that read files share: settings, plugins and everything behind them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from agent.catalog.faults import FaultsError
from agent.catalog.settings import Settings, load_settings, settings_file
from agent.interface.cli.output import WRONG_USAGE, stop
from agent.runtime.reading import load_plugins
from agent.runtime.registry import PluginRegistry

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="The settings file; default: HOMEOSTAT_CONFIG, or homeostat.yaml here."
    ),
]


def settings_path(config: Path | None) -> Path | None:
    return settings_file(config, os.environ)


def named_settings_path(config: Path | None) -> Path | None:
    """As `settings_path`, without a file that merely happens to be here."""
    variable = os.environ.get("HOMEOSTAT_CONFIG")
    return config or (Path(variable) if variable else None)


def settings_of(config: Path | None) -> Settings:
    """The settings; ends the command where they have faults."""
    try:
        return load_settings(settings_path(config), os.environ)
    except FaultsError as error:
        stop("\n".join(str(f) for f in error.faults), code=WRONG_USAGE)


def plugins_of(config: Path | None) -> PluginRegistry:
    return load_plugins(settings_of(config))
