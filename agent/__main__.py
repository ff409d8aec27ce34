"""`homeostat` and `python -m agent`: the command line with its two bodies handed in.

The bodies are imported when they are called: `homeostat --help` and the commands that only talk to
a running daemon load neither the daemon, nor a web server, nor an SDK (a test keeps it so).
"""

from __future__ import annotations

from pathlib import Path

from agent.interface.cli.main import build
from agent.interface.cli.run import Bodies


def run(config: Path | None) -> int:
    from agent import app

    return app.run(config)


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


def main() -> None:
    build(Bodies(run=run, demo=demo))()


if __name__ == "__main__":
    main()
