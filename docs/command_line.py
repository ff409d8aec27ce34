"""Reads the command line as click sees it, so that every command is in the reference."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parents[1]


def command_line() -> Any:
    """The whole command line as click sees it, or None while there is none.

    It is the Typer application that has `run` and `check`; the others are parts of it.
    """
    for path in sorted((ROOT / "agent" / "interface" / "cli").glob("[a-z]*.py")):
        module = importlib.import_module(f"agent.interface.cli.{path.stem}")
        for value in vars(module).values():
            if isinstance(value, typer.Typer):
                command = typer.main.get_command(value)
                if {"run", "check"} <= getattr(command, "commands", {}).keys():
                    return command
    return None


Command = tuple[str, str, list[tuple[str, str]]]


def cli_commands() -> Iterator[Command]:
    """Name, help and arguments (each with its help) of every command."""

    def walk(command: Any, path: str) -> Iterator[Command]:
        for name, child in sorted(getattr(command, "commands", {}).items()):
            if not child.hidden:
                yield from walk(child, f"{path} {name}".strip())
        if path:
            rows = [
                (", ".join(f"`{o}`" for o in p.opts) or p.name, getattr(p, "help", "") or "")
                for p in command.params
                if p.name != "help" and not getattr(p, "hidden", False)
            ]
            yield path, (command.help or "").replace("\b\n", "").strip(), rows

    if (whole := command_line()) is not None:
        yield from walk(whole, "")
