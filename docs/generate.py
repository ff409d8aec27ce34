"""Writes docs/reference from the code, so that it cannot drift from it.

    python docs/generate.py           writes what changed
    python docs/generate.py --check   exit code 1 and the names of stale pages where there are any

What a key of the settings *means* stands in sentences.py; that every key has a sentence, and that
no sentence outlives its key, is checked.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Written by docs/generate.py (`make docs`); changes belong into the code. -->"

sys.path.insert(0, str(ROOT))

from code_reference import codes_page, reason_rows  # noqa: E402
from command_line import cli_commands  # noqa: E402
from instruments import metrics_in  # noqa: E402
from sentences import HTTP, POLICY, ROUTES, SETTINGS  # noqa: E402

from agent.catalog.policy import PolicyDocument, compile_policy  # noqa: E402
from agent.catalog.runbook_document import RunbookDocument  # noqa: E402
from agent.catalog.settings_document import SettingsDocument  # noqa: E402
from agent.core.lifecycle import MOVES, diagram  # noqa: E402
from agent.interface.http.api import routes  # noqa: E402
from agent.ports.plugin import Plugin  # noqa: E402
from agent.runtime.registry import PluginRegistry  # noqa: E402


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def written_value(value: Any) -> str:
    if value is None or value == "" or (isinstance(value, Mapping) and value):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Mapping | tuple | list) and not value:
        return "none"
    return f"`{value}`"


def duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"`{seconds / length:g}{unit}`"
    return f"`{seconds:g}s`"


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of the model, with closed lists of words written out where they are used."""
    whole = model.model_json_schema(by_alias=True)
    parts = whole.get("$defs", {})

    def spelled_out(node: Any) -> Any:
        if isinstance(node, list):
            return [spelled_out(one) for one in node]
        if not isinstance(node, dict):
            return node
        part = parts.get(str(node.get("$ref", "")).rpartition("/")[2], {})
        if "enum" in part:
            node = {key: value for key, value in node.items() if key != "$ref"}
            return {**node, "enum": part["enum"]}
        return {key: spelled_out(value) for key, value in node.items()}

    found: dict[str, Any] = spelled_out(whole)
    found["$defs"] = {
        name: part for name, part in found.get("$defs", {}).items() if "enum" not in part
    }
    return found


def part_name(name: str) -> str:
    return name.removesuffix("Document").removesuffix("Section")


def kind_of(schema: Mapping[str, Any]) -> str:
    """The type of a value in a few words, from its JSON Schema."""
    if "anyOf" in schema:
        kinds = [kind_of(s) for s in schema["anyOf"] if s.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in schema:
        name = part_name(schema["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "ms)?" in schema.get("pattern", ""):
        return "duration"
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    inner = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    if kind == "object" and (to := next((i for i in inner if isinstance(i, Mapping)), None)):
        return f"mapping to {kind_of(to)}"
    return {"string": "text", "object": "mapping", "boolean": "true or false"}.get(kind, kind)


def complete(said: Mapping[str, str], keys: Iterable[str], what: str) -> None:
    """Every key has its sentence, and no sentence has lost its key."""
    wrong = set(said) ^ set(keys)
    if wrong:
        raise SystemExit(f"docs/generate.py: {what}: sentences and keys differ: {sorted(wrong)}")


def settings_page() -> str:
    schema = schema_of(SettingsDocument)
    settings, parts = schema["properties"], schema["$defs"]
    policy = schema_of(PolicyDocument)["properties"]
    complete(SETTINGS, settings, "settings")
    complete(POLICY, policy, "policy")
    head = ("key", "kind", "default", "meaning")
    settings_rows = (
        (f"`{key}`", kind_of(schema), default_of(schema), SETTINGS[key])
        for key, schema in settings.items()
    )
    policy_rows = (
        (f"`{key}`", kind_of(schema), policy_default(key), POLICY[key])
        for key, schema in policy.items()
    )
    return f"""# Settings

One YAML file, given with `--config`; every key may be left out. `HOMEOSTAT_` and the key in
capitals (`HOMEOSTAT_LISTEN`) in the environment lies over it. Unknown keys and variables are
errors, and `homeostat check` prints all of them at once. Relative paths are relative to the file.
Durations are written with a unit: `500ms`, `30s`, `15m`, `6h`, `7d`.

{table(head, settings_rows)}

An entry of `sources` or `notify` names a plugin with its parameters and secrets. A secret stands
in a file (`file`) or in a variable of the environment (`env`), never in this file.
Plugins and their parameters: [plugins](plugins.md).

## Use

{table(head, schema_rows(parts["UseDocument"]))}

## Secret

{table(head, schema_rows(parts["SecretDocument"]))}

## Log

{table(head, schema_rows(parts["LogDocument"]))}

## Policy

What every runbook lives under. A runbook may tighten it, never loosen it.

{table(head, policy_rows)}

## DefaultDiagnostics

{table(head, schema_rows(parts["DefaultDiagnostics"]))}
"""


def default_of(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    if isinstance(value, int | float) and kind_of(schema) == "duration":
        return duration(value)
    return written_value(value)


def policy_default(key: str) -> str:
    defaults = compile_policy(PolicyDocument())
    if hasattr(defaults, f"{key}_seconds"):
        return duration(getattr(defaults, f"{key}_seconds"))
    value = getattr(defaults, key)
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {', '.join(v)}" for k, v in value.items())
    return written_value(value)


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


def schema_rows(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    required = set(schema.get("required", ()))
    for key, value in schema.get("properties", {}).items():
        default = "required" if key in required else default_of(value)
        yield f"`{key}`", kind_of(value), default, value.get("description", "").replace("\n", " ")


def runbook_page() -> str:
    schema = schema_of(RunbookDocument)
    parts = [("Runbook", schema), *sorted(schema.get("$defs", {}).items())]
    sections = []
    for name, part in ((part_name(name), part) for name, part in parts):
        said = part.get("description", "").strip()
        rows = table(("key", "kind", "default", "meaning"), schema_rows(part))
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
    params = getattr(plugin, "params", None)
    if params is not None and (rows := list(schema_rows(schema_of(params)))):
        lines += [table(("parameter", "kind", "default", "meaning"), rows), ""]
        for name, part in sorted(schema_of(params)["$defs"].items()):
            rows = list(schema_rows(part))
            lines += [f"#### {part_name(name)}", "", part.get("description", "").strip(), ""]
            lines += [table(("key", "kind", "default", "meaning"), rows), ""]
    result = getattr(plugin, "result", None)
    if result is not None:
        rows = [(r[0], r[1], r[3]) for r in schema_rows(schema_of(result))]
        lines += ["Facts it gathers:", "", table(("fact", "kind", "meaning"), rows), ""]
    return "\n".join(lines)


def plugins_page() -> str:
    registry = PluginRegistry.load([ROOT / "plugins"])
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


def http_page() -> str:
    # The list is made for a desk that serves it; to be read, it needs none.
    found = {
        f"{method} {route.path}": route
        for route in routes(None)  # type: ignore[arg-type]
        for method in sorted((route.methods or set()) - {"HEAD"})
    }
    complete(ROUTES, found, "HTTP routes")
    sources = PluginRegistry.load([ROOT / "plugins"]).push_sources()
    senders = sorted((f"`POST {source.path}`", source.summary) for source in sources)
    people = ((f"`{name}`", ROUTES[name]) for name in found)
    return HTTP.format(
        senders=table(("route", "what may be sent"), senders),
        people=table(("route", "meaning"), people),
    )


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
    "http.md": http_page,
    "lifecycle.md": lifecycle_page,
    "metrics.md": metrics_page,
    "plugins.md": plugins_page,
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
