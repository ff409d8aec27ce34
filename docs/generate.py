"""Writes docs/reference from the code, so that it cannot drift from it.

    python docs/generate.py           writes what changed
    python docs/generate.py --check   exit code 1 and the names of stale pages where there are any

What a key of the settings *means* stands in sentences.py; that every key has a sentence, and that
no sentence outlives its key, is checked.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
PLUGINS = ROOT / "plugins"
NOTE = "<!-- Written by docs/generate.py (`make docs`); changes belong into the code. -->"

sys.path.insert(0, str(ROOT))

from code_reference import codes_page, reason_rows  # noqa: E402
from command_line import cli_commands  # noqa: E402
from http_reference import http_page  # noqa: E402
from instruments import metrics_in  # noqa: E402
from model_tables import HEAD, part_name, schema_of, schema_rows, table  # noqa: E402
from policy_reference import rails_page, settings_page  # noqa: E402

from agent.catalog.runbook_document import RunbookDocument  # noqa: E402
from agent.core.lifecycle import MOVES, diagram  # noqa: E402
from agent.ports.plugin import Plugin  # noqa: E402
from agent.runtime.cluster_rights import right_text  # noqa: E402
from agent.runtime.registry import PluginRegistry  # noqa: E402


def reasons_page() -> str:
    return f"""# Reasons

Every decision carries one of these words. The same word is in the log, in the journal, on metrics
and, as the sentence beside it, on pages and timelines.

{table(("reason", "sentence", "given when", "what to do"), reason_rows())}
"""


def lifecycle_page() -> str:
    moves = (
        (f"`{state}`", f"`{move}`", f"`{to}`")
        for state, possible in MOVES.items()
        for move, to in possible.items()
    )
    return f"""# States of an incident

A move that is not in this table is refused with the reason `move_refused`.

```mermaid
{diagram()}
```

{table(("in state", "move", "leads to"), moves)}
"""


def runbook_page() -> str:
    schema = schema_of(RunbookDocument)
    parts = [("Runbook", schema), *sorted(schema.get("$defs", {}).items())]
    sections = []
    for name, part in ((part_name(name), part) for name, part in parts):
        said = part.get("description", "").strip()
        rows = table(HEAD, schema_rows(part))
        sections.append(f"## {name}\n\n{said}\n\n{rows}" if said else f"## {name}\n\n{rows}")
    body = "\n\n".join(sections)
    return f"""# Keys of a runbook

What each section is for, with examples: [runbooks](../runbooks.md). An unknown or duplicate key is
an error with its line and column.

{body}
"""


def plugin_section(plugin: Plugin) -> str:
    lines = [f"### {plugin.name}", "", plugin.summary, ""]
    effect = getattr(plugin, "effect", None)
    if effect is not None:
        lines += [f"Effect: `{effect.value}`.", ""]
    path = getattr(plugin, "path", None)
    if path is not None:
        lines += [f"Senders post to `{path}`.", ""]
    rights = "; ".join(right_text(right) for right in getattr(plugin, "rights", ()))
    if rights:
        lines += [f"May ask of a cluster: {rights}.", ""]
    params = getattr(plugin, "params", None)
    if params is not None and schema_of(params).get("properties"):
        lines += _tables(params, ("parameter", "kind", "default", "meaning"), (0, 1, 2, 3))
    result = getattr(plugin, "result", None)
    if result is not None:
        lines += ["Facts it gathers:", ""]
        lines += _tables(result, ("fact", "kind", "meaning"), (0, 1, 3))
    return "\n".join(lines)


def _tables(model: type[BaseModel], head: tuple[str, ...], columns: tuple[int, ...]) -> list[str]:
    """Of the model, and of each of its parts under a heading of its own."""
    schema = schema_of(model)
    lines = [table(head, _chosen(schema, columns)), ""]
    for name, part in sorted(schema["$defs"].items()):
        lines += [f"#### {part_name(name)}", "", part.get("description", "").strip(), ""]
        lines += [table(head, _chosen(part, columns)), ""]
    return lines


def _chosen(schema: dict[str, Any], columns: tuple[int, ...]) -> list[list[str]]:
    return [[row[column] for column in columns] for row in schema_rows(schema)]


def plugins_page() -> str:
    registry = PluginRegistry.load([PLUGINS])
    for refused in registry.refused:
        sys.stderr.write(f"docs/generate.py: left out of plugins.md: {refused}\n")
    kinds = {
        "Sources": registry.push_sources() + registry.stream_sources() + registry.level_sources(),
        "Diagnostics": registry.diagnostics(),
        "Actions": registry.actions(),
        "Verifications": registry.verifications(),
        "Notifiers": registry.notifiers(),
    }
    body = "\n".join(
        f"## {kind}\n\n" + "\n".join(map(plugin_section, sorted(found, key=lambda p: p.name)))
        for kind, found in kinds.items()
    )
    return f"""# Plugins

A plugin is one file in `plugins/` or in a folder named in the settings
([how to write one](../../CONTRIBUTING.md)).

{body}"""


def metrics_page() -> str | None:
    found = sorted({row for path in (ROOT / "agent").rglob("*.py") for row in metrics_in(path)})
    if not found:
        return None
    return f"""# Metrics

At `GET /metrics`, in Prometheus text format. Labels come from closed lists; text of an alert is
never one.

{table(("metric", "kind", "meaning"), found)}
"""


def cli_page() -> str | None:
    sections = [
        f"## homeostat {name}\n\n{said}"
        + (f"\n\n{table(('argument', 'meaning'), rows)}" if rows else "")
        for name, said, rows in sorted(cli_commands())
    ]
    if not sections:
        return None
    body = "\n\n".join(sections)
    return f"""# Command line

Exit codes: 0 fine, 1 it found something wrong, 2 wrong usage. Every command has `--help`.

| variable | meaning |
|---|---|
| `HOMEOSTAT_URL` | Where `incidents` and `promotions` ask; default `http://127.0.0.1:8420`. |
| `HOMEOSTAT_TOKEN` | The token they send, where tokens are configured. |
| `HOMEOSTAT_CONFIG` | The settings file without `--config`; else `homeostat.yaml` here. |

{body}
"""


PAGES: dict[str, Callable[[], str | None]] = {
    "cli.md": cli_page,
    "codes.md": codes_page,
    "http.md": partial(http_page, PLUGINS),
    "lifecycle.md": lifecycle_page,
    "metrics.md": metrics_page,
    "plugins.md": plugins_page,
    "rails.md": rails_page,
    "reasons.md": reasons_page,
    "runbook.md": runbook_page,
    "settings.md": settings_page,
}


def pages() -> dict[Path, str]:
    """Every page that can be written now. One whose subject does not exist yet is left out."""
    made = {REFERENCE / name: page() for name, page in PAGES.items()}
    return {path: f"{NOTE}\n{text.rstrip()}\n" for path, text in made.items() if text is not None}


def stale() -> dict[str, str]:
    """Pages that are not what the code says, each with the difference."""
    found = {}
    for path, text in pages().items():
        there = path.read_text() if path.exists() else ""
        if there != text:
            diff = difflib.unified_diff(there.splitlines(), text.splitlines(), lineterm="", n=0)
            found[str(path.relative_to(ROOT))] = "\n".join(diff)
    return found


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        found = stale()
        for name, diff in found.items():
            sys.stdout.write(f"stale: {name} (run `make docs`)\n{diff[:2000]}\n")
        return 1 if found else 0
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
