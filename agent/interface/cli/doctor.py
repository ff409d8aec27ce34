"""`homeostat doctor`: what is missing here, why it matters, and how to mend it.

Every look has a timeout of its own and none of them changes anything but a file it writes into the
data folder and takes away again.
"""

from __future__ import annotations

import base64
import os
import platform
import shutil
import socket
import sqlite3
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import typer

from agent.catalog.addresses import without_user
from agent.catalog.faults import FaultsError
from agent.catalog.files import is_open_to_all
from agent.catalog.settings import Settings, load_settings
from agent.interface.cli.client import Told, Unreachable, address, request
from agent.interface.cli.doctor_cluster import connection_looks, rights_looks
from agent.interface.cli.looking import Grade, Look
from agent.interface.cli.output import FOUND_WRONG, Format, FormatOption, clean, emit, table
from agent.interface.cli.site import ConfigOption, settings_of, settings_path
from agent.model.fault import FaultSeverity
from agent.runtime.delivering import fault_of
from agent.runtime.halt_files import places as halt_places
from agent.runtime.reading import load_plugins, read

app = typer.Typer()
LOOK_SECONDS = 2.0
OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 37, 0)
LEAST_FREE_BYTES = 512 * 1024 * 1024


def _python() -> Look:
    found = platform.python_version()
    good = sys.version_info >= OLDEST_PYTHON
    return Look(
        "python", Grade.GOOD if good else Grade.WRONG, found,
        "older ones lack asyncio.timeout and task groups", "install Python 3.11 or newer",
    )  # fmt: skip


def _sqlite() -> Look:
    good = sqlite3.sqlite_version_info >= OLDEST_SQLITE
    return Look(
        "sqlite", Grade.GOOD if good else Grade.WRONG, sqlite3.sqlite_version,
        "tables are STRICT, which older ones cannot read", "install SQLite 3.37 or newer",
    )  # fmt: skip


def _data_dir(settings: Settings) -> Look:
    folder = settings.data_dir
    why = "nothing is acknowledged that cannot be written here"
    existing = next((p for p in (folder, *folder.parents) if p.is_dir()), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"x")
    except OSError as error:
        return Look("data folder", Grade.WRONG, f"{folder}: {error.strerror}", why,
                    "give the user the right to write there, or set data_dir")  # fmt: skip
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {free // (1024 * 1024)} MiB free"
    if free < LEAST_FREE_BYTES:
        return Look("data folder", Grade.UNWISE, found, why, "make room")
    return Look("data folder", Grade.GOOD, found, why)


def _listen(settings: Settings) -> Look:
    why = "senders and people reach it there"
    try:
        request("GET", "/-/healthy", timeout_seconds=LOOK_SECONDS)
        return Look("daemon", Grade.GOOD, f"answers at {address()}", why)
    except Told as told:
        grade = Grade.GOOD if told.status in (401, 403) else Grade.WRONG
        return Look("daemon", grade, f"answers at {address()}: {told}", why,
                    "set HOMEOSTAT_TOKEN; see the log where it is not healthy")  # fmt: skip
    except Unreachable:
        pass
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return Look("port", Grade.WRONG, f"{settings.listen}: {error.strerror}", why,
                        "stop what listens there, or set listen")  # fmt: skip
    return Look("port", Grade.GOOD, f"{settings.listen} is free; no daemon runs", why)


def _http(what: str, url: str, *, grade: Grade = Grade.WRONG) -> Look:
    why = "without it there is no data, which is never taken for health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url, user = without_user(url)
    asked = urllib.request.Request(url.rstrip("/") + "/-/ready")
    if user:
        proof = base64.b64encode(unquote(user).encode()).decode()
        asked.add_header("Authorization", f"Basic {proof}")
    try:
        with opener.open(asked, timeout=LOOK_SECONDS):
            return Look(what, Grade.GOOD, f"{url} is ready", why)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return Look(
            what, grade, f"{url}: {reason}", why, f"start it, or mend the address of {what}"
        )


def _port(what: str, host: str, port: int) -> Look:
    why = "alerts and heartbeats by this road do not arrive"
    try:
        with socket.create_connection((host, port), timeout=LOOK_SECONDS):
            return Look(what, Grade.GOOD, f"{host}:{port} answers", why)
    except OSError as error:
        return Look(what, Grade.WRONG, f"{host}:{port}: {error}", why,
                    f"start it, or mend the address of {what}")  # fmt: skip


def _outside(settings: Settings) -> Iterator[Look]:
    if settings.prometheus_url:
        # Only PromQL diagnostics ask it.
        yield _http("prometheus", settings.prometheus_url, grade=Grade.UNWISE)
    for source in settings.sources:
        params: Mapping[str, Any] = source.params
        if isinstance(url := params.get("url"), str) and urlsplit(url).scheme in ("http", "https"):
            yield _http(source.use, url)
        elif isinstance(host := params.get("host"), str):
            yield _port(source.use, host, int(params.get("port", 1883)))


def _plugins_and_files(settings: Settings) -> Iterator[Look]:
    registry = load_plugins(settings)
    refused = "; ".join(f"{r.path.name}: {r.reason}" for r in registry.refused)
    yield Look(
        "plugins",
        Grade.WRONG if refused else Grade.GOOD,
        refused or f"{len(registry.plugins)} loaded",
        "a runbook whose plugin is missing does not act",
        "homeostat plugins",
    )
    reading = read(settings, registry.plugins)
    errors = sum(f.severity is FaultSeverity.ERROR for f in reading.faults)
    count = len(reading.runbooks.runbooks)
    grade = Grade.WRONG if errors else Grade.GOOD if count else Grade.UNWISE
    yield Look("files", grade, f"{count} runbooks, {errors} errors",
               "what has errors is left out at the start, and a running daemon keeps its last good"
               " version; without runbooks everything is paged",
               "homeostat check")  # fmt: skip
    products = len(reading.registry.products)
    yield Look("products", Grade.GOOD if products else Grade.UNWISE, f"{products} declared",
               "builders are found by product; without any, platform is paged for all",
               "write a catalog-info.yaml and list it in products")  # fmt: skip


def _tokens(settings: Settings) -> Look:
    why = "whoever reads a token is that person"
    path = settings.tokens_file
    if path is None:
        return Look("tokens", Grade.GOOD, "no token file: loopback only, nobody may approve",
                    "approvals need proven people", "set tokens_file")  # fmt: skip
    if not path.is_file():
        return Look("tokens", Grade.WRONG, f"there is no {path}", why, "write it")
    if is_open_to_all(path):
        return Look("tokens", Grade.UNWISE, f"everybody can read {path}", why, f"chmod 600 {path}")
    return Look("tokens", Grade.GOOD, str(path), why)


def _halt(settings: Settings) -> Look:
    why = "while it is on nothing is done, and everything goes to people"
    mend = "see `homeostat unhalt`; a file that says on has to be mended first"
    try:
        told = request("GET", "/api/v1/halt", timeout_seconds=LOOK_SECONDS)
        on, found = told["on"], f"set by {told['who']}: {told['why']}"
    except (Told, Unreachable):
        seen = halt_places(settings.data_dir, settings.halt_files)
        if not settings.data_dir.is_dir():
            seen = seen[1:]  # nothing ever ran here; the daemon makes the folder
        places = [place for place in seen if place.is_on]
        on, found = bool(places), "; ".join(place.sentence for place in places)
    if on:
        return Look("kill switch", Grade.UNWISE, found, why, mend)
    return Look("kill switch", Grade.GOOD, "off", why)


def _learning(settings: Settings) -> Iterator[Look]:
    if settings.learning.folder is None:
        return
    wrong = fault_of(settings.learning)
    yield Look(
        "learning folder",
        Grade.UNWISE if wrong else Grade.GOOD,
        wrong or str(settings.learning.folder),
        "approved runbooks are used from the data folder, but do not get to where people keep"
        " theirs",
        "mend it, or learning: of the settings",
    )


def _survey(settings: Settings) -> Iterator[Look]:
    """Only of a daemon that runs: what it looked for last, and whether it could."""
    try:
        told = request("GET", "/api/v1/blindspots", timeout_seconds=LOOK_SECONDS)
    except (Told, Unreachable):
        return
    why = "what fell silent would be found out when it is needed"
    mend = "homeostat blindspots --now"
    if told["at"] is None:
        yield Look("blind spots", Grade.GOOD, "not looked for yet", why, mend)
        return
    age = (datetime.now(UTC) - datetime.fromisoformat(told["at"])).total_seconds()
    if age > 2 * settings.survey.every:
        found = f"last looked for {age / 3600:.0f} h ago"
        yield Look("blind spots", Grade.UNWISE, found, why, mend)
    elif told["could_not"]:
        yield Look("blind spots", Grade.UNWISE, "; ".join(told["could_not"]), why, mend)
    else:
        yield Look("blind spots", Grade.GOOD, f"{told['open']} known, {mend}", why)


def looks(config: Path | None) -> Iterator[Look]:
    yield _python()
    yield _sqlite()
    try:
        settings = load_settings(config, os.environ)
    except FaultsError as error:
        for fault in error.faults:
            yield Look("settings", Grade.WRONG, str(fault), "the daemon does not start",
                       fault.remedy)  # fmt: skip
        return
    yield Look("settings", Grade.GOOD, str(config or "defaults"))
    simple: tuple[Callable[[Settings], Look], ...] = (_data_dir, _listen, _tokens, _halt)
    for look in simple:
        yield look(settings)
    yield from _learning(settings)
    yield from _survey(settings)
    yield from _plugins_and_files(settings)
    yield from _outside(settings)
    yield from connection_looks(settings)


@app.command()
def doctor(
    rbac: Annotated[
        bool,
        typer.Option("--rbac", help="Compare what the cluster grants with what is needed instead."),
    ] = False,
    config: ConfigOption = None,
    style: FormatOption = Format.TEXT,
) -> None:
    """Look at what this installation needs, and say how to mend what is missing.

    With --rbac: whether the agent is granted in the cluster exactly what its watch and its runbooks
    need, asked with its own credentials. Too much is wrong as well.

    Exit code 1 where something is wrong, or not known.

    Example: homeostat doctor --config homeostat.yaml
    """
    found = list(rights_looks(settings_of(config)) if rbac else looks(settings_path(config)))

    def as_text() -> str:
        rows = [(one.grade.value, one.what, one.found) for one in found]
        lines = [table(rows, head=("GRADE", "WHAT", "FOUND"))]
        lines += [
            clean(f"{one.what}: {one.why}. To mend it: {one.mend}")
            for one in found
            if one.grade is not Grade.GOOD
        ]
        return "\n".join(dict.fromkeys(lines))

    emit([asdict(one) for one in found], style, as_text)
    if any(one.grade is Grade.WRONG for one in found):
        raise typer.Exit(FOUND_WRONG)
