"""`homeostat simulate`: what the limits of a policy do in a storm, before there is one."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from agent.catalog.quantities import format_duration, parse_duration
from agent.interface.cli.output import (
    FOUND_WRONG,
    WRONG_USAGE,
    Format,
    FormatOption,
    emit,
    stop,
    table,
)
from agent.interface.cli.progress import share_told
from agent.interface.cli.site import ConfigOption, settings_of
from agent.interface.storm_drawing import draw
from agent.model.policy import Policy
from agent.model.product import EntityKind, Registry
from agent.runtime.reading import load_plugins, read
from agent.runtime.simulation import Simulation, Storm
from agent.runtime.simulation_company import registry_of
from agent.runtime.simulation_record import Kept, Recording

app = typer.Typer()

BLOCKS = " ▁▂▃▄▅▆▇█"
LEAST_PRODUCTS = 2
COLUMNS = 60


@app.command()
def simulate(
    storm: Annotated[
        int, typer.Option("--storm", min=1, max=200_000, help="So many distinct alerts.")
    ],
    config: ConfigOption = None,
    products: Annotated[
        int, typer.Option(min=1, max=1_000, help="Size of the made-up company.")
    ] = 10,
    over: Annotated[str, typer.Option(help="All alerts begin within so long.")] = "1m",
    lasts: Annotated[str, typer.Option(help="What nothing heals is over by then.")] = "30m",
    watched: Annotated[str, typer.Option("--for", help="How long is watched.")] = "2h",
    helps: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of restarts that help.")
    ] = 0.7,
    seed: Annotated[int, typer.Option(help="The same seed is the same storm.")] = 1,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write a picture (SVG) there.")
    ] = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Play a storm against the limits of your policy: acts, breakers and pages over time.

    With a configuration its policy is played, over its own products where it has two or more;
    without one, the default policy over a made-up company. Alerts and the one remedy are made up:
    what is tried are the limits, not your runbooks. Nothing outside is touched.

    Exit code 1 where a limit was passed, or more people were called than one for each product and
    one for the platform.

    Example: homeostat simulate --storm 5000 --picture storm.svg
    """
    played = Storm(
        alerts=storm,
        over_seconds=_seconds("--over", over),
        lasts_seconds=_seconds("--lasts", lasts),
        for_seconds=_seconds("--for", watched),
        helps=helps,
        seed=seed,
    )
    chosen = settings_of(config)
    plugins = load_plugins(chosen).plugins
    registry = read(chosen, plugins).registry
    if len(registry.products) < LEAST_PRODUCTS or not _has_services(registry):
        registry = registry_of(products)
    simulation = Simulation(played, registry=registry, policy=chosen.policy, plugins=plugins)
    with share_told("storm played") as told:
        recording = simulation.play(told)
    found = _found(played, recording, chosen.policy, registry)
    if picture is not None:
        _draw(picture, played, recording, chosen.policy)
    emit(found, style, lambda: _text(played, recording, found, picture))
    if not found["held"]:
        raise typer.Exit(FOUND_WRONG)


def _seconds(option: str, text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        stop(f"{option}: {error}", code=WRONG_USAGE)
    if seconds <= 0:
        stop(f"{option} must be longer than nothing", code=WRONG_USAGE)
    return seconds


def _has_services(registry: Registry) -> bool:
    return any(
        e.kind is EntityKind.SERVICE and e.product is not None for e in registry.entities.values()
    )


def _found(
    storm: Storm, recording: Recording, policy: Policy, registry: Registry
) -> dict[str, Any]:
    kept = recording.kept(policy.rails)
    # A page speaks for what comes after it for so long only (core/storm.py).
    apart = policy.rails.storm_half_seconds
    times = ceil(storm.for_seconds / apart) if apart > 0 else storm.alerts
    most = (len(registry.products) + 1) * times
    calls = sum(recording.pages.values())
    what = f"calls for people: one a product, one for platform, each {apart / 60:.0f} min"
    pages = Kept(limit=what, most=most, seen=calls)
    limits = (*kept, pages)
    return {
        "storm": msgspec.to_builtins(storm),
        "products": len(registry.products),
        "acts": len(recording.acts),
        "pages": dict(sorted(recording.pages.items())),
        "stopped_by": {reason.value: n for reason, n in recording.stops.most_common()},
        "endings": dict(sorted(recording.endings.items())),
        "limits": [{**msgspec.to_builtins(k), "held": k.held} for k in limits],
        "held": all(k.held for k in limits),
        "slices": msgspec.to_builtins(recording.slices),
    }


def _draw(picture: Path, storm: Storm, recording: Recording, policy: Policy) -> None:
    title = f"A storm of {storm.alerts:,} alerts, seed {storm.seed}"
    width = storm.for_seconds / len(recording.slices)
    svg = draw(
        recording.slices,
        seconds=storm.for_seconds,
        title=title,
        acts_limit=policy.rails.rate_per_minute * width / 60 + policy.rails.rate_burst,
    )
    try:
        picture.write_text(svg)
    except OSError as error:
        stop(f"{picture}: {error.strerror}", code=WRONG_USAGE)


def _text(storm: Storm, recording: Recording, found: dict[str, Any], picture: Path | None) -> str:
    step = max(len(recording.slices) // COLUMNS, 1)
    parts = [recording.slices[n : n + step] for n in range(0, len(recording.slices), step)]
    lines = {
        "alerts": [sum(s.received for s in part) for part in parts],
        "open": [max(s.open for s in part) for part in parts],
        "acts": [sum(s.acts for s in part) for part in parts],
        "pages": [sum(s.pages for s in part) for part in parts],
        "breakers": [max(s.breakers for s in part) for part in parts],
    }
    shown = [f"{name:9}{_spark(values)}  most {max(values)}" for name, values in lines.items()]
    storms = "".join("━" if any(s.in_storm for s in part) else " " for part in parts)
    scale = f"{'':9}0{format_duration(storm.for_seconds):>{COLUMNS - 1}}"
    limits = [
        (
            limit["limit"],
            f"{limit['most']:g}",
            f"{limit['seen']:g}",
            "held" if limit["held"] else "PASSED",
        )
        for limit in found["limits"]
    ]
    stops = [(reason.value, n, reason.sentence) for reason, n in recording.stops.most_common(12)]
    whole = [
        f"{storm.alerts} alerts over {found['products']} products within "
        f"{format_duration(storm.over_seconds)}: {found['acts']} acts, "
        f"{sum(recording.pages.values())} calls for people",
        "",
        *shown,
        f"{'storm':9}{storms}",
        scale,
        "",
        table(limits, head=("limit", "most", "seen", "")),
        "",
        table(stops, head=("stopped by", "times", "")) if stops else "nothing was stopped",
    ]
    return "\n".join([*whole, "", f"picture: {picture}"] if picture is not None else whole)


def _spark(values: list[int]) -> str:
    most = max(max(values), 1)
    return "".join(BLOCKS[-(-v * (len(BLOCKS) - 1) // most)] for v in values)
