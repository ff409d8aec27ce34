"""`homeostat init`: files to begin with, which pass `check` and `test` as they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from agent.catalog import runbooks
from agent.catalog.settings import Settings
from agent.interface.cli.output import FOUND_WRONG, WRONG_USAGE, clean, stop
from agent.interface.cli.past_incidents import builder_of, past_incident, wish_from
from agent.interface.cli.runbook_scaffold import SCHEMA_FILE, Step, Wish, alert_of, text_of
from agent.interface.cli.site import ConfigOption, settings_of
from agent.model.alert import Layer
from agent.runtime.reading import load_plugins
from agent.runtime.registry import PluginRegistry
from agent.runtime.rehearsal import rehearse

app = typer.Typer(no_args_is_help=True)

STANDARD_OUTPUT = "-"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
EXAMPLE = {"service": "example", "severity": "critical"}


@app.callback()
def init() -> None:
    """Write a file to begin with: it is commented, and passes `check` and `test` as it is.

    Example: homeostat init runbook shop-hangs --alert ShopHangs --owner team-shop
    """


@app.command()
def runbook(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the runbook, as `shop-hangs`.")],
    alert: Annotated[str, typer.Option(help="Alert it is for; without it, made of NAME.")] = "",
    owner: Annotated[str, typer.Option(help="The team that answers for it.")] = "",
    layer: Annotated[Layer | None, typer.Option(help="Of the incidents it is for.")] = None,
    out: Annotated[
        str, typer.Option(metavar="FILE", help="Where to; default: NAME.yaml among the runbooks.")
    ] = "",
    incident: Annotated[
        str, typer.Option("--from-incident", metavar="ID", help="Take it from what happened there.")
    ] = "",
    history: Annotated[
        str,
        typer.Option(metavar="FILE", help="An exported history to find it in; not the daemon."),
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Write a runbook that passes as it is, in shadow, with a comment in each place for the rest.

    From an incident it takes the alert, what was found, and the actions that people or the agent
    ran. A file that is there already is never touched.

    Example: homeostat init runbook shop-hangs --from-incident i-4f2c
    """
    if not NAME.fullmatch(name):
        stop(f"{name!r} is no name of a runbook: small letters, digits and -", code=WRONG_USAGE)
    if history and not incident:
        stop("--history needs --from-incident", code=WRONG_USAGE)
    settings = settings_of(config)
    path = _path(name, out, settings)
    plugins = load_plugins(settings)
    if incident:
        past = past_incident(incident, history, settings)
        builder = builder_of(past, settings, ask_daemon=not history)
        told = builder or past["routed_to"] or settings.policy.platform
        wish = wish_from(past, name, plugins, owner=told)
        changed = {"alert": alert, "owner": owner, "layer": layer}
        wish = _changed(wish, {key: value for key, value in changed.items() if value})
    else:
        wish = _example(name, alert, owner or settings.policy.platform, layer or Layer.PRODUCT)
    folder = path.parent if path is not None else Path()
    text = _proven(wish, plugins, settings, has_schema=(folder / SCHEMA_FILE).is_file())
    _write(path, text)


def _path(name: str, out: str, settings: Settings) -> Path | None:
    """None: standard output. Ends the command where the file is there already."""
    if out == STANDARD_OUTPUT:
        return None
    folder = next((f for f in settings.runbooks if f.is_dir()), Path())
    path = Path(out) if out else folder / f"{name}.yaml"
    if path.exists():
        stop(f"{path} is there already; name another with --out", code=WRONG_USAGE)
    return path


def _example(name: str, alert: str, owner: str, layer: Layer) -> Wish:
    """Where nothing is known but its name. What the outcome layer shows, no machine heals."""
    alert = alert or alert_of(name)
    return Wish(
        name=name,
        owner=owner,
        layer=layer,
        alert=alert,
        labels=EXAMPLE,
        meaning=f"{alert} fires.",
        steps=() if layer is Layer.OUTCOME else (Step(use="process.restart"),),
    )


def _changed(wish: Wish, given: dict[str, object]) -> Wish:
    """What was said on the command line goes before what the incident says."""
    fields = {field: getattr(wish, field) for field in wish.__struct_fields__}
    return Wish(**{**fields, **given})


def _proven(wish: Wish, plugins: PluginRegistry, settings: Settings, *, has_schema: bool) -> str:
    """The text, tried as `check` and `test` will try it. Where what was done in an incident cannot
    be a plan as it stands, the runbook tells people, and says in a comment what is in the way."""
    text = text_of(wish, has_schema=has_schema)
    wrong = _faults(wish.name, text, plugins, settings)
    if wrong and wish.steps:
        done = ", ".join(step.use for step in wish.steps)
        remarks = (*wish.remarks, f"It was done: {done}. It is no plan yet:", *wrong)
        fields = {field: getattr(wish, field) for field in wish.__struct_fields__}
        text = text_of(Wish(**{**fields, "steps": (), "remarks": remarks}), has_schema=has_schema)
        wrong = _faults(wish.name, text, plugins, settings)
    if wrong:
        stop("\n".join(wrong), code=FOUND_WRONG)
    return text


def _faults(name: str, text: str, plugins: PluginRegistry, settings: Settings) -> Sequence[str]:
    loaded = runbooks.load_files([(f"{name}.yaml", text)], plugins.plugins)
    if loaded.faults:
        return [f"{fault.code} {fault.path}: {fault.message}" for fault in loaded.faults]
    results = rehearse(loaded, plugins.plugins, policy=settings.policy)
    return [f"test: {line}" for r in results if not r.passed for line in r.differences]


def _write(path: Path | None, text: str) -> None:
    if path is None:
        print(text, end="")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        stop(f"{path} is there already; name another with --out", code=WRONG_USAGE)
    except OSError as error:
        stop(f"{path} cannot be written: {error.strerror}")
    print(clean(f"{path}: written, in shadow. Now: homeostat check {path}; homeostat test {path}"))
