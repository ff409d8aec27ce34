"""`homeostat` and `python -m agent`: the command line with its two bodies handed in.

The bodies are imported when they are called: `homeostat --help` and the commands that only talk to
a running daemon load neither the daemon, nor a web server, nor an SDK (a test keeps it so). The
other way round, the daemon lives for months and has no use for a command line: the two calls that
need none of it (`run` as services start it, and `--version`) are answered before it is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent import __version__


def run(config: Path | None) -> int:
    with _left_out("rich"):  # structlog takes it along where it is installed; logs do without
        from agent import app

    return app.run(config)


@contextmanager
def _left_out(name: str) -> Iterator[None]:
    """Optional imports of this package fail meanwhile, as if it were not installed."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def demo(
    *,
    once: bool,
    as_json: bool,
    without_fault: str | None,
    without_runbook: str | None,
    port: int | None,
    chapters: str,
    keep: bool,
) -> int:
    from agent.interface.demo import story

    return story.main(
        once=once,
        format="json" if as_json else "text",
        port=port,
        without_fault=[without_fault] if without_fault else [],
        without_runbook=[without_runbook] if without_runbook else [],
        chapters=chapters,
        keep=keep,
    )


def plain_run(arguments: Sequence[str]) -> tuple[bool, Path | None]:
    """Whether this is `run` with nothing that needs explaining, and its settings file."""
    match list(arguments):
        case ["run"]:
            return True, None
        case ["run", "--config", name] if Path(name).is_file():
            return True, Path(name)
        case _:
            return False, None


def main() -> None:
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"homeostat {__version__}")  # noqa: T201
        return
    is_plain, config = plain_run(arguments)
    if is_plain:
        sys.exit(run(config))
    _command_line()


def _command_line() -> None:
    from agent.interface.cli.main import build
    from agent.interface.cli.run import Bodies

    build(Bodies(run=run, demo=demo))()


if __name__ == "__main__":
    main()
