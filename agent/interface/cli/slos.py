"""`homeostat slo`: service level objectives, their error budgets, and the rules that watch them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.catalog.draft import draft
from agent.catalog.faults import FaultsError, suggest
from agent.catalog.products import load_registry
from agent.core.slo_rules import as_resource, groups
from agent.interface.cli.client import ask, path_of
from agent.interface.cli.output import (
    WRONG_USAGE,
    Format,
    FormatOption,
    clean,
    complain,
    emit,
    pairs,
    stop,
    table,
)
from agent.interface.cli.site import ConfigOption, settings_of
from agent.model.product import Product

app = typer.Typer(no_args_is_help=True)

HEADER = """\
# Written by `homeostat slo rules`, of the objectives in the registry. Change those, not this file:
# `homeostat slo rules --check FILE` says where the two differ.
"""
MOST_DIFF_LINES = 200


class RulesFormat(StrEnum):
    PROMETHEUS = "prometheus"
    """A rule file."""
    CRD = "crd"
    """A PrometheusRule of the operator."""
    JSON = "json"
    """The rule file as JSON."""


@app.callback()
def slo() -> None:
    """Service level objectives: what is left of their error budgets, and the rules that watch them.

    Example: homeostat slo list
    """


@app.command("list")
def show_list(
    product: Annotated[str, typer.Option(help="Only those of this product.")] = "",
    style: FormatOption = Format.TEXT,
) -> None:
    """Every objective with what is left of its budget and how fast it is spent now.

    Example: homeostat slo list --product shop
    """
    found = _asked(product)
    head = ("PRODUCT", "SLO", "OBJECTIVE", "WINDOW", "LEFT", "BURN", "SINCE", "JOURNEY")
    rows = [_row(one) for one in found]
    emit(found, style, lambda: table(rows, head=head) if rows else "no objective is stated")


@app.command()
def show(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="Name of the product.")],
    style: FormatOption = Format.TEXT,
) -> None:
    """The objectives of one product: budget, burn rates, and what they count.

    Example: homeostat slo show shop
    """
    found = _asked(product)
    if not found:
        stop(f"{product} states no objective, or there is no such product here")
    emit(found, style, lambda: "\n\n".join(_whole(one) for one in found))


@app.command()
def rules(
    style: Annotated[
        RulesFormat, typer.Option("--format", help="Which kind of file is written.")
    ] = RulesFormat.PROMETHEUS,
    out: Annotated[Path | None, typer.Option("--out", help="Write it here.")] = None,
    check: Annotated[
        Path | None,
        typer.Option("--check", help="Only say whether this file is what would be written."),
    ] = None,
    product: Annotated[str, typer.Option(help="Only those of this product.")] = "",
    link: Annotated[
        str, typer.Option(help="Base address of the console, for runbook_url; else `link`.")
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Rules for Prometheus that record each objective and tell when its budget burns.

    Made of the files of the registry; no daemon is asked.

    Example: homeostat slo rules --out /etc/prometheus/rules/slos.yml
    """
    settings = settings_of(config)
    try:
        registry, _ = load_registry(settings.products)
    except FaultsError as error:
        for fault in error.faults:
            complain(str(fault))
        raise typer.Exit(WRONG_USAGE) from None
    chosen = _chosen(registry.products, product)
    made = groups(chosen, link=(link or settings.link).rstrip("/"))
    text = _written(made, style)
    if check is not None:
        _compare(check, text)
    elif out is not None:
        _write(out, text)
        complain(f"{len(made) // 2} objectives written to {out}")
    else:
        print(text, end="")


def _chosen(products: Mapping[str, Product], name: str) -> Sequence[Product]:
    if not name:
        return tuple(products.values())
    if name not in products:
        remedy = suggest(name, products, what="products")
        stop(f"there is no product {name} ({remedy})", code=WRONG_USAGE)
    return (products[name],)


def _written(made: list[dict[str, Any]], style: RulesFormat) -> str:
    if style is RulesFormat.JSON:
        return json.dumps({"groups": made}, indent=2, ensure_ascii=False) + "\n"
    document = as_resource(made) if style is RulesFormat.CRD else {"groups": made}
    return HEADER + draft(document)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        stop(f"{path} cannot be written: {error.strerror or error}", code=WRONG_USAGE)


def _compare(path: Path, text: str) -> None:
    try:
        there = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        stop(f"{path} cannot be read: {error}", code=WRONG_USAGE)
    if there == text:
        return
    lines = difflib.unified_diff(
        there.splitlines(), text.splitlines(), str(path), "what the registry says", lineterm=""
    )
    for number, line in enumerate(lines):
        if number == MOST_DIFF_LINES:
            print("...")
            break
        print(clean(line))
    stop(f"{path} is not what would be written (homeostat slo rules --out {path})")


def _asked(product: str) -> list[dict[str, Any]]:
    return list(ask("GET", path_of("api", "v1", "slos", product=product)))


def _row(one: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        one["product"],
        one["slo"],
        f"{one['objective'] * 100:.6g}%",
        one["window"],
        left_of(one),
        burn_of(one),
        (one["spent_since"] or "-")[:16],
        one["journey"] or "-",
    )


def left_of(one: Mapping[str, Any]) -> str:
    """What is left of the budget, or why that is not known."""
    left = one["budget_left"]
    if left is None:
        return f"{one['state']}: {one['why']}"
    if one["why"]:
        return f"{_share(left)} ({one['why']})"
    return _share(left)


def _share(left: float) -> str:
    return f"{left:.1%}" if left >= 0 else f"none: {1 - left:.3g} times spent"


def burn_of(one: Mapping[str, Any]) -> str:
    """The fastest of its windows, which is the newest word."""
    burn = one["burn"]
    if not burn:
        return "-"
    window = max(burn, key=lambda name: burn[name])
    return f"{burn[window]:.1f}x in {window}"


def _whole(one: Mapping[str, Any]) -> str:
    told: dict[str, object] = {
        "objective": f"{one['objective'] * 100:.6g}% over {one['window']}",
        "journey": one["journey"] or "(not stated)",
        "budget left": left_of(one),
        "spent since": one["spent_since"] or "-",
        "told at": one["told_at"] or "-",
        "stated in": one["file"],
    }
    if one["events"] is not None:
        told["events"] = f"{one['events']:.0f}"
    told |= {f"burn {name}": f"{value:.2f}x" for name, value in sorted(one["burn"].items())}
    told |= {name: " ".join(text.split()) for name, text in one["expressions"].items()}
    if one["expressions"] and not one["is_guarded"]:
        told["beware"] = "how many were bad is not known: a single one may wake somebody"
    return f"{one['product']}/{one['slo']}: {one['state']}\n{pairs(told)}"
