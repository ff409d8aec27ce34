"""`homeostat plugins`: what is loaded, from where, and what was refused."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.interface.cli.output import (
    FOUND_WRONG,
    WRONG_USAGE,
    Format,
    FormatOption,
    emit,
    stop,
    table,
)
from agent.interface.cli.site import ConfigOption, plugins_of
from agent.runtime.cluster_rights import right_text

app = typer.Typer()


@app.command()
def plugins(
    config: ConfigOption = None,
    kind: Annotated[str, typer.Option(help="Only of this kind, for example action.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """List the plugins that are loaded, and what each may ask of a cluster.

    Exit code 1 where a file was refused.

    Example: homeostat plugins --kind action
    """
    registry = plugins_of(config)
    facts = registry.facts()
    kinds = sorted({plugin.kind for plugin in registry.plugins.values()})
    if kind and kind not in kinds:
        stop(f"there is no kind {kind!r} (one of {', '.join(kinds)})", code=WRONG_USAGE)
    loaded = [
        {
            "name": name,
            "kind": plugin.kind,
            "effect": facts[name].effect if plugin.kind == "action" else None,
            "summary": plugin.summary,
            "file": str(registry.paths[name]),
            "rights": [right_text(right) for right in getattr(plugin, "rights", ())],
        }
        for name, plugin in sorted(registry.plugins.items())
        if not kind or plugin.kind == kind
    ]
    refused = [{"file": str(r.path), "why": r.reason} for r in registry.refused]

    def as_text() -> str:
        rows = [(p["name"], p["kind"], p["effect"] or "-", p["summary"]) for p in loaded]
        lines = [table(rows, head=("NAME", "KIND", "EFFECT", "SUMMARY"))]
        asking = [(p["name"], "; ".join(p["rights"])) for p in loaded if p["rights"]]
        lines += ["", table(asking, head=("NAME", "ASKS OF A CLUSTER"))] if asking else []
        lines += [f"refused: {r['file']}: {r['why']}" for r in refused]
        return "\n".join(lines)

    emit({"plugins": loaded, "refused": refused}, style, as_text)
    if refused:
        raise typer.Exit(FOUND_WRONG)
