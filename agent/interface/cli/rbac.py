"""`homeostat rbac`: what the agent has to be granted in the cluster, and no more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agent.catalog.settings import Settings
from agent.interface.cli.output import FOUND_WRONG, WRONG_USAGE, complain, stop
from agent.interface.cli.site import ConfigOption, settings_of
from agent.model.fault import Fault, FaultSeverity
from agent.runtime.cluster_rights import Needs, needed
from agent.runtime.cluster_roles import (
    RoleOf,
    ServiceAccount,
    as_json,
    as_values,
    as_yaml,
    roles,
)
from agent.runtime.reading import Reading, load_plugins, read

app = typer.Typer()
NO_CLUSTER = "no cluster is connected: write `kubernetes:` into the settings"
DNS = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"


class RoleFormat(StrEnum):
    """As manifests, or as values of the Helm chart."""

    TEXT = "text"
    YAML = "yaml"
    JSON = "json"
    HELM = "helm"


def needs_of(settings: Settings) -> tuple[Needs, Reading]:
    """What the files say the agent needs; ends the command where no cluster is connected."""
    if settings.kubernetes is None:
        stop(NO_CLUSTER)
    plugins = load_plugins(settings).plugins
    reading = read(settings, plugins)
    needs = needed(
        settings.kubernetes,
        policy=settings.policy,
        registry=reading.registry,
        runbooks=reading.runbooks.runbooks,
        plugins=plugins,
    )
    return needs, reading


def errors_of(settings: Settings, reading: Reading) -> list[Fault]:
    """Of runbooks and products, which change what is needed. Where this is asked the files of the
    others, such as tokens, are often not there."""
    of_runbooks = set(reading.runbooks.faults)
    return [
        fault
        for fault in reading.faults
        if fault.severity is FaultSeverity.ERROR
        and (
            fault in of_runbooks
            or any(Path(fault.file).is_relative_to(place) for place in settings.products)
        )
    ]


@app.command()
def rbac(
    account: Annotated[
        str,
        typer.Option("--service-account", metavar="NAMESPACE/NAME", help="Who is granted it."),
    ] = "homeostat/homeostat",
    optional: Annotated[
        bool,
        typer.Option(
            "--optional/--required-only",
            help="Also what plugins do without, and then know less.",
        ),
    ] = True,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it into this file instead.")
    ] = None,
    config: ConfigOption = None,
    style: Annotated[
        RoleFormat, typer.Option("--format", help="How it is printed; text is yaml.")
    ] = RoleFormat.TEXT,
) -> None:
    """Print the Roles that the watch and the loaded runbooks need: one for each product and
    namespace, and a ClusterRole for what is in none.

    Nothing is asked of a cluster. Exit code 1 where files have errors: what is left out of them is
    not in the Roles either.

    Example: homeostat rbac --service-account ops/homeostat | kubectl apply -f -
    """
    subject = _account(account)
    settings = settings_of(config)
    needs, reading = needs_of(settings)
    needs = needs if optional else needs.required()
    text = _text(style, roles(needs), subject, _head(settings, reading, needs))
    if out is None:
        print(text, end="")
    else:
        _write(out, text)
    errors = errors_of(settings, reading)
    for said in (*map(str, errors), *needs.left_out):
        complain(said)
    if errors:
        raise typer.Exit(FOUND_WRONG)


def _account(text: str) -> ServiceAccount:
    found = re.fullmatch(rf"({DNS})/({DNS})", text)
    if found is None:
        stop(f"{text!r} names no service account (homeostat/homeostat)", code=WRONG_USAGE)
    return ServiceAccount(namespace=found[1], name=found[3])


def _head(settings: Settings, reading: Reading, needs: Needs) -> list[str]:
    """How it was made and from what. No time: equal files print equal Roles."""
    products = sorted({need.product for need in needs.all} - {""})
    file = settings.file.name if settings.file is not None else "the default settings"
    lines = [
        "Made by `homeostat rbac`; `homeostat doctor --rbac` says where the cluster differs.",
        f"From {file}: {len(reading.runbooks.runbooks)} runbooks, for the products "
        f"{', '.join(products) or '(none)'}.",
        "Above each rule: who needs it. RBAC cannot restrict list, watch and create by name.",
    ]
    if not needs.namespaces:
        lines.append("No product says where it runs: spec.homeostat.kubernetes in the catalog.")
    return [*lines, *(f"Left out: {said}" for said in needs.left_out)]


def _text(
    style: RoleFormat, made: Sequence[RoleOf], account: ServiceAccount, head: Sequence[str]
) -> str:
    if style is RoleFormat.JSON:
        return as_json(made, account)
    if style is RoleFormat.HELM:
        return as_values(made, head)
    return as_yaml(made, account, head)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        stop(f"{path} cannot be written: {error.strerror}", code=WRONG_USAGE)
